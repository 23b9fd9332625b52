"""`WandbModelCheckpoint`, for Keras, which this imports."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from artifacts.integration._running import log_model_file, running

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal


class WandbModelCheckpoint(keras.callbacks.ModelCheckpoint):  # type: ignore[misc]
    """Saves a model as Keras does, and logs every save as a version of ``run_<run id>_model``.

    The aliases of a version are ``epoch_<n>``, or ``epoch_<n>_batch_<m>`` with ``save_freq`` in
    batches, and ``best`` if it is the best so far with ``save_best_only``.

    Args:
        filepath: Where the model is saved, with places such as ``{epoch:02d}``.
        monitor: Metric that says which model is best.
        verbose: 1 to tell of every save.
        save_best_only: Whether only a model is saved that is better than all before it.
        save_weights_only: Whether only the weights are saved.
        mode: ``min``, ``max``, or ``auto`` to guess by the name of the metric.
        save_freq: ``epoch``, or every how many batches.
        initial_value_threshold: What the metric has to surpass first.
        options: More of `keras.callbacks.ModelCheckpoint`.

    Raises:
        StateError: No run is active.
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: Literal["auto", "min", "max"] = "auto",
        save_freq: Literal["epoch"] | int = "epoch",
        initial_value_threshold: float | None = None,
        **options: Any,
    ) -> None:
        super().__init__(
            filepath=os.fspath(filepath),
            monitor=monitor,
            verbose=verbose,
            save_best_only=save_best_only,
            save_weights_only=save_weights_only,
            mode=mode,
            save_freq=save_freq,
            initial_value_threshold=initial_value_threshold,
            **options,
        )
        running("WandbModelCheckpoint")

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Save and log if it is time."""
        if self.save_freq == "epoch":
            return
        epoch = self._current_epoch
        path = Path(self._get_file_path(epoch, batch, dict(logs or {})))
        before = _stamp(path)
        super().on_train_batch_end(batch, logs)
        if _stamp(path) != before:
            self._log_saved(path, f"epoch_{epoch}_batch_{batch}")

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Save and log if it is time."""
        path = Path(self._get_file_path(epoch, None, dict(logs or {})))
        before = _stamp(path)
        super().on_epoch_end(epoch, logs)
        if _stamp(path) != before:
            self._log_saved(path, f"epoch_{epoch}")

    def _log_saved(self, path: Path, alias: str) -> None:
        run = running("WandbModelCheckpoint")
        aliases = [alias, "best"] if self.save_best_only else [alias]
        log_model_file(run, path, f"run_{run.id}_model", aliases=aliases)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """Return what changes when a file is written; None if there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
