"""`WandbCallback`, the older of the callbacks for Keras, which this imports."""

from __future__ import annotations

import logging
import math
import operator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from artifacts.integration._running import log_model_file, running
from artifacts.media.histogram import Histogram
from artifacts.store.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Literal

log = logging.getLogger("artifacts")

_MODES = ("auto", "min", "max")
_RISING = ("acc", "auc", "f1", "precision", "recall")


class WandbCallback(keras.callbacks.Callback):  # type: ignore[misc]
    """Logs the metrics of each epoch, and the best model.

    Rows have the metrics under their names, and ``epoch``. The summary has the best value of
    ``monitor`` and its epoch.

    Args:
        monitor: Metric that says which epoch is best.
        verbose: 1 to tell of every save.
        mode: ``min``, ``max``, or ``auto`` to guess by the name of the metric.
        save_weights_only: Whether only the weights are saved.
        log_weights: Whether histograms of the weights are logged under ``parameters/<name>``.
        log_gradients: Not supported, as every backend of Keras has ways of its own to get them.
        save_model: Whether the best model so far is logged as a version of ``model-<run name>``.
        training_data: Accepted for compatibility, without effect.
        validation_data: Examples and labels; with ``input_type="image"``, predictions for some of
            them are logged as images.
        labels: Names of the classes, for the captions of these images.
        predictions: How many of the examples.
        generator: Not supported, as is whatever follows and is not described here.
        input_type: What the examples are: ``image``, or None for no predictions.
        output_type: Not supported.
        log_evaluation: Not supported; `WandbEvalCallback` logs tables of predictions.
        validation_steps: Not supported.
        class_colors: Not supported.
        log_batch_frequency: Log the metrics of every so many batches, too.
        log_best_prefix: Begins the keys in the summary; None for no such keys.
        save_graph: Accepted for compatibility, without effect.
        options: Not supported.

    Raises:
        InvalidInputError: There is no such ``mode``.
        StateError: No run is active.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        verbose: int = 0,
        mode: Literal["auto", "min", "max"] = "auto",
        save_weights_only: bool = False,
        log_weights: bool = False,
        log_gradients: bool = False,
        save_model: bool = True,
        training_data: Any = None,
        validation_data: Any = None,
        labels: Sequence[str] | None = None,
        predictions: int = 36,
        generator: Any = None,
        input_type: str | None = None,
        output_type: str | None = None,
        log_evaluation: bool = False,
        validation_steps: int | None = None,
        class_colors: Any = None,
        log_batch_frequency: int | None = None,
        log_best_prefix: str | None = "best_",
        save_graph: bool = True,
        **options: Any,
    ) -> None:
        super().__init__()
        if mode not in _MODES:
            raise InvalidInputError(f"mode is one of {', '.join(_MODES)}, not {mode!r}")
        running("WandbCallback")
        unserved = {
            "log_gradients": log_gradients,
            "generator": generator is not None,
            "output_type": output_type is not None,
            "log_evaluation": log_evaluation,
            "validation_steps": validation_steps is not None,
            "class_colors": class_colors is not None,
            "input_type": input_type not in {None, "image", "images"},
            **{name: bool(value) for name, value in options.items()},
        }
        without = [name for name, given in unserved.items() if given]
        if without:
            log.warning("WandbCallback does not support %s: without effect", ", ".join(without))
        self.monitor = monitor
        self._is_better = operator.gt if _rises(monitor, mode) else operator.lt
        self.best = -math.inf if self._is_better is operator.gt else math.inf
        self._verbose = verbose
        self._save_model = save_model
        self._save_weights_only = save_weights_only
        self._log_weights = log_weights
        self._examples = validation_data if input_type in {"image", "images"} else None
        self._labels = labels
        self._predictions = predictions
        self._batches = log_batch_frequency
        self._best_prefix = log_best_prefix

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Log a row, and the model if it is the best so far."""
        run = running("WandbCallback")
        row: dict[str, Any] = {"epoch": epoch, **(logs or {})}
        if self._log_weights:
            row |= _weights(self.model)
        if self._examples is not None:
            row["examples"] = self._predicted(*self._examples[:2])
        run.log(row)
        value = (logs or {}).get(self.monitor)
        if value is None:
            if self._save_model or self._best_prefix:
                log.warning("%s is no metric of this training: no model is best", self.monitor)
                self._save_model, self._best_prefix = False, None
            return
        if self._is_better(float(value), self.best):
            self.best = float(value)
            if self._best_prefix is not None:
                run.summary[f"{self._best_prefix}{self.monitor}"] = self.best
                run.summary[f"{self._best_prefix}epoch"] = epoch
            if self._save_model:
                self._save(epoch)

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Log a row if it is time."""
        if self._batches and batch % self._batches == 0:
            running("WandbCallback").log(dict(logs or {}))

    def _save(self, epoch: int) -> None:
        run = running("WandbCallback")
        name = "model-best.weights.h5" if self._save_weights_only else "model-best.keras"
        path = Path(run.dir, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if self._save_weights_only:
            self.model.save_weights(path)
        else:
            self.model.save(path)
        if self._verbose:
            log.info("epoch %d: %s is %g, the best so far", epoch, self.monitor, self.best)
        log_model_file(run, path, f"model-{run.name}", aliases=[f"epoch_{epoch}", "best"])

    def _predicted(self, examples: Any, truths: Any) -> list[Any]:
        """Return examples as images, with what the model says of them as captions."""
        from artifacts.media.images import Image

        examples = examples[: self._predictions]
        found = self.model.predict(examples, verbose=0)
        return [
            Image(example, caption=f"{self._named(answer)}, in truth {self._named(truth)}")
            for example, answer, truth in zip(examples, found, truths, strict=False)
        ]

    def _named(self, values: Any) -> str:
        """Return the name of a class, given as its number or as a number for each class."""
        import numpy as np

        numbers = np.asarray(values).reshape(-1)
        if numbers.size > 1:
            number = int(numbers.argmax())
        elif self._labels is None or float(numbers[0]).is_integer():
            number = int(numbers[0])
        else:
            number = int(numbers[0] > 0.5)
        return str(number) if self._labels is None else str(self._labels[number])


def _rises(monitor: str, mode: str) -> bool:
    """Whether more of a metric is better."""
    if mode != "auto":
        return mode == "max"
    name = monitor.removeprefix("val_")
    return any(part in name for part in _RISING)


def _weights(model: Any) -> dict[str, Histogram]:
    """Return the weights of the layers as histograms."""
    return {
        f"parameters/{weight.path}": Histogram(keras.ops.convert_to_numpy(weight))
        for weight in model.trainable_weights
    }
