"""skorch: `WandbLogger`, which gets a run."""

import numpy as np
import torch
import wandb
from skorch import NeuralNetRegressor
from skorch.callbacks import WandbLogger


def main() -> None:
    torch.manual_seed(0)
    x = np.random.default_rng(0).normal(size=(40, 2)).astype("float32")
    with wandb.init(project="clients", name="skorch") as run:
        run.config.update({"rate": 0.1})
        net = NeuralNetRegressor(
            torch.nn.Linear(2, 1), max_epochs=3, lr=0.1, verbose=0, callbacks=[WandbLogger(run)]
        )
        net.fit(x, x.sum(axis=1, keepdims=True))


if __name__ == "__main__":
    main()
