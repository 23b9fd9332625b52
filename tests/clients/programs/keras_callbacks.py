"""Keras: the newer callbacks of W&B, and the older one."""

import keras
import numpy as np
import wandb
from wandb.integration.keras import (
    WandbCallback,
    WandbEvalCallback,
    WandbMetricsLogger,
    WandbModelCheckpoint,
)


class Evaluation(WandbEvalCallback):
    """Logs what is predicted for the first examples."""

    def __init__(self, data, truth) -> None:
        super().__init__(
            data_table_columns=["index", "truth"],
            pred_table_columns=["epoch", "index", "predicted"],
        )
        self.examples, self.truth = data[:3], truth[:3]

    def add_ground_truth(self, logs=None) -> None:
        for index, value in enumerate(self.truth):
            self.data_table.add_data(index, float(value))

    def add_model_predictions(self, epoch, logs=None) -> None:
        predicted = self.model.predict(self.examples, verbose=0).reshape(-1)
        for index in self.data_table_ref.get_index():
            self.pred_table.add_data(epoch, index, float(predicted[index]))


def build(data) -> keras.Model:
    model = keras.Sequential([keras.Input(data.shape[1:]), keras.layers.Dense(1, name="only")])
    model.compile(optimizer=keras.optimizers.SGD(0.05), loss="mse", metrics=["mae"])
    return model


def main() -> None:
    keras.utils.set_random_seed(0)
    data = np.random.default_rng(0).normal(size=(64, 3)).astype("float32")
    truth = data.sum(axis=1)
    with wandb.init(project="clients", name="keras") as run:
        build(data).fit(
            data,
            truth,
            validation_data=(data, truth),
            epochs=3,
            batch_size=16,
            verbose=0,
            callbacks=[
                WandbMetricsLogger(log_freq=2),
                WandbModelCheckpoint("saved/model.keras", save_best_only=True),
                Evaluation(data, truth),
            ],
        )
        assert run.summary["epoch/epoch"] == 2
    with wandb.init(project="clients", name="keras-older"):
        callback = WandbCallback(log_weights=True, log_gradients=True)
        build(data).fit(
            data, truth, validation_data=(data, truth), epochs=2, verbose=0, callbacks=[callback]
        )
        assert callback.best < np.inf
    pictures = np.random.default_rng(0).random(size=(8, 6, 6, 3)).astype("float32")
    classes = np.arange(8) % 2
    with wandb.init(project="clients", name="keras-images"):
        model = keras.Sequential(
            [
                keras.Input(pictures.shape[1:]),
                keras.layers.Flatten(),
                keras.layers.Dense(2, activation="softmax"),
            ]
        )
        model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        callback = WandbCallback(
            monitor="val_accuracy",
            save_weights_only=True,
            validation_data=(pictures, classes),
            input_type="image",
            labels=["cat", "dog"],
            predictions=3,
            log_batch_frequency=1,
        )
        model.fit(
            pictures, classes, validation_data=(pictures, classes), batch_size=4, verbose=0,
            callbacks=[callback],
        )  # fmt: skip


if __name__ == "__main__":
    main()
