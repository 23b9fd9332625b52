"""`WandbEvalCallback`, for Keras, which this imports."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import keras

from artifacts.integration._running import running
from artifacts.tables.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class WandbEvalCallback(keras.callbacks.Callback, ABC):  # type: ignore[misc]
    """Logs what a model predicts after each epoch as a table; derive from it.

    A subclass fills `data_table` in `add_ground_truth`, and `pred_table` in
    `add_model_predictions`.

    Args:
        data_table_columns: Columns of what is known.
        pred_table_columns: Columns of what is predicted.

    Raises:
        StateError: No run is active.
    """

    def __init__(
        self, data_table_columns: Sequence[str], pred_table_columns: Sequence[str]
    ) -> None:
        super().__init__()
        running("WandbEvalCallback")
        self.data_table_columns = list(data_table_columns)
        self.pred_table_columns = list(pred_table_columns)
        self.data_table: Table
        self.pred_table: Table
        self.data_table_ref: Table | None = None

    @abstractmethod
    def add_ground_truth(self, logs: Mapping[str, float] | None = None) -> None:
        """Fill `data_table`; called once, when the training begins."""

    @abstractmethod
    def add_model_predictions(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Fill `pred_table`; called after each epoch, with an empty one."""

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
        """Log what is known."""
        self.init_data_table(self.data_table_columns)
        self.add_ground_truth(logs)
        self.log_data_table()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Log what is predicted."""
        self.init_pred_table(self.pred_table_columns)
        self.add_model_predictions(epoch, logs)
        self.log_pred_table()

    def init_data_table(self, column_names: Sequence[str]) -> None:
        """Make `data_table`, empty."""
        self.data_table = Table(columns=list(column_names))

    def init_pred_table(self, column_names: Sequence[str]) -> None:
        """Make `pred_table`, empty."""
        self.pred_table = Table(columns=list(column_names))

    def log_data_table(
        self, name: str = "val", type: str = "dataset", table_name: str = "val_data"
    ) -> None:
        """Log `data_table` as a version, whose rows `data_table_ref` has then.

        Args:
            name: Of the artifact.
            type: Of the artifact.
            table_name: Under which the table is in it.
        """
        self._log_table(self.data_table, name, type, table_name, ())
        self.data_table_ref = self.data_table

    def log_pred_table(
        self,
        type: str = "evaluation",
        table_name: str = "eval_data",
        aliases: Sequence[str] | None = None,
    ) -> None:
        """Log `pred_table` as a version of ``run_<run id>_pred``.

        Args:
            type: Of the artifact.
            table_name: Under which the table is in it.
            aliases: Besides ``latest``.
        """
        name = f"run_{running('WandbEvalCallback').id}_pred"
        self._log_table(self.pred_table, name, type, table_name, aliases or ())

    def get_data_table_indexes(self) -> Sequence[int]:
        """Return the numbers of the rows of `data_table`."""
        return self.data_table.get_index()

    def _log_table(
        self, table: Table, name: str, type_: str, table_name: str, aliases: Sequence[str]
    ) -> None:
        from artifacts.artifact import Artifact

        run = running("WandbEvalCallback")
        draft = Artifact(name, type_)
        draft.add(table, table_name)
        run.log_artifact(draft, aliases=list(aliases))
