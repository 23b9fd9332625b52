"""`WandbMetricsLogger`, for Keras, which this imports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras

from artifacts.integration._running import running
from artifacts.store.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal

_BATCH, _EPOCH = "batch", "epoch"


class WandbMetricsLogger(keras.callbacks.Callback):  # type: ignore[misc]
    """Logs the metrics of each epoch under ``epoch/<name>``, with the learning rate.

    With another ``log_freq`` those of batches as well, under ``batch/<name>``. The x-axes are
    ``epoch/epoch`` and ``batch/batch_step``.

    Args:
        log_freq: ``epoch``, ``batch``, or a number for every so many batches.
        initial_global_step: Number of the first batch when a training goes on.

    Raises:
        InvalidInputError: An argument cannot be used.
        StateError: No run is active.
    """

    def __init__(
        self, log_freq: Literal["epoch", "batch"] | int = "epoch", initial_global_step: int = 0
    ) -> None:
        super().__init__()
        self._every = _batches(log_freq)
        self._step = initial_global_step
        run = running("WandbMetricsLogger")
        run.define_metric(f"{_EPOCH}/{_EPOCH}")
        run.define_metric(f"{_EPOCH}/*", step_metric=f"{_EPOCH}/{_EPOCH}")
        if self._every:
            run.define_metric(f"{_BATCH}/batch_step")
            run.define_metric(f"{_BATCH}/*", step_metric=f"{_BATCH}/batch_step")

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Log a row."""
        row = {f"{_EPOCH}/{name}": value for name, value in (logs or {}).items()}
        row[f"{_EPOCH}/{_EPOCH}"] = epoch
        self._log(row, _EPOCH)

    def on_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Log a row if it is time."""
        if self._every and batch % self._every == 0:
            row = {f"{_BATCH}/{name}": value for name, value in (logs or {}).items()}
            row[f"{_BATCH}/batch_step"] = self._step
            self._log(row, _BATCH)
            self._step += self._every

    def _log(self, row: dict[str, Any], prefix: str) -> None:
        rate = learning_rate(self.model)
        if rate is not None:
            row[f"{prefix}/learning_rate"] = rate
        running("WandbMetricsLogger").log(row)


def _batches(log_freq: Any) -> int:
    """Return every how many batches there is a row; 0 for none of batches."""
    if log_freq in {_EPOCH, _BATCH}:
        return 1 if log_freq == _BATCH else 0
    if isinstance(log_freq, bool) or not isinstance(log_freq, int) or log_freq < 1:
        raise InvalidInputError(
            f"log_freq is 'epoch', 'batch' or a number of batches above 0, not {log_freq!r}"
        )
    return log_freq


def learning_rate(model: Any) -> float | None:
    """Return the learning rate at which a model is trained now; None if it has none."""
    rate = getattr(getattr(model, "optimizer", None), "learning_rate", None)
    return None if rate is None else float(keras.ops.convert_to_numpy(rate))
