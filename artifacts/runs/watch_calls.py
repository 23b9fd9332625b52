"""What a run does with models that are being trained: it watches them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from artifacts._recorded import RecordedRun

if TYPE_CHECKING:
    from typing import Literal

    from artifacts.runs.watching import Watching

messages = logging.getLogger("artifacts")


class WatchCalls(RecordedRun):
    """The part of `Run` that watches models."""

    _watching: Watching | None = None

    def watch(
        self,
        models: Any,
        criterion: Any = None,
        log: Literal["gradients", "parameters", "all"] | None = "gradients",
        log_freq: int = 1000,
        idx: int | None = None,
        log_graph: bool = False,
    ) -> None:
        """Log histograms of the parameters and gradients of models of PyTorch.

        They are computed on the device that has the tensors, and are part of the row that is
        logged next, under ``parameters/<name>`` and ``gradients/<name>``; the names of a second
        model begin with ``graph_1``. The end of the run ends it, and it keeps no model alive.

        Args:
            models: A ``torch.nn.Module`` or several.
            criterion: Accepted for compatibility, without effect.
            log: ``gradients``, ``parameters``, ``all``, or None for neither.
            log_freq: Every how many batches.
            idx: Number of the first of these models; default how many are watched already.
            log_graph: Not supported: the graph of a model is not recorded, which a message says.

        Raises:
            InvalidInputError: An argument cannot be used, or a model is being watched already.
            InvalidTypeError: Something is no model of PyTorch.
            RunFinishedError: The run has ended.
        """
        from artifacts.runs.watching import Watching

        self._check_running("watch")
        watching = self._watching or Watching(lambda values: self.log(values, commit=False))
        watching.add(models, log, log_freq, idx)
        self._watching = watching
        if log_graph:
            messages.warning(
                "watch() does not record the graph of a model: log_graph has no effect"
            )

    def unwatch(self, models: Any = None) -> None:
        """Stop watching models.

        Args:
            models: A ``torch.nn.Module`` or several; default all that are watched.

        Raises:
            InvalidTypeError: Something is no model of PyTorch.
        """
        if self._watching is not None:
            self._watching.remove(models)

    if TYPE_CHECKING:

        def log(self, data: Any, step: int | None = None, commit: bool | None = None) -> None:
            """Add to a row; `RowCalls` has it."""

        def _check_running(self, call: str) -> None:
            """Raise RunFinishedError if the run has ended; `ArtifactCalls` has it."""
