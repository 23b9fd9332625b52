"""The callback for Stable-Baselines3, which this imports."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from stable_baselines3.common.callbacks import BaseCallback

from artifacts.integration._running import plain, running
from artifacts.store.errors import InvalidInputError

if TYPE_CHECKING:
    from typing import Literal


class WandbCallback(BaseCallback):  # type: ignore[misc]
    """Makes the settings of an algorithm configuration, watches its policy and saves the model.

    The metrics are those that the algorithm writes for TensorBoard:
    ``init(sync_tensorboard=True)`` and ``tensorboard_log=`` log them.

    Args:
        verbose: 0 for silence.
        model_save_path: Folder for ``model.zip``, which is a file of the run; None for no file.
        model_save_freq: Every how many calls the model is saved; 0 for the end only.
        gradient_save_freq: Every how many batches gradients are logged; 0 for never.
        log: What of the policy: ``gradients``, ``parameters``, ``all`` or None.

    Raises:
        InvalidInputError: An argument cannot be used.
        StateError: No run is active.
    """

    def __init__(
        self,
        verbose: int = 0,
        model_save_path: str | None = None,
        model_save_freq: int = 0,
        gradient_save_freq: int = 0,
        log: Literal["gradients", "parameters", "all"] | None = "all",
    ) -> None:
        super().__init__(verbose)
        if model_save_freq < 0 or gradient_save_freq < 0:
            raise InvalidInputError("model_save_freq and gradient_save_freq are 0 or more")
        if model_save_freq and model_save_path is None:
            raise InvalidInputError("model_save_freq needs model_save_path")
        running("WandbCallback")
        self._path = None if model_save_path is None else Path(model_save_path, "model.zip")
        self._every = model_save_freq
        self._gradients_every = gradient_save_freq
        self._log = log

    def _init_callback(self) -> None:
        run = running("WandbCallback")
        settings = {
            name: value
            for name, value in vars(self.model).items()
            if isinstance(value, bool | int | float | str) and not name.startswith("_")
        }
        run.config.setdefaults(plain({"algo": type(self.model).__name__, **settings}))
        if self._gradients_every:
            run.watch(self.model.policy, log_freq=self._gradients_every, log=self._log)
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)

    def _on_step(self) -> bool:
        if self._every and self.n_calls % self._every == 0:
            self._save()
        return True

    def _on_training_end(self) -> None:
        if self._path is not None:
            self._save()

    def _save(self) -> None:
        assert self._path is not None
        self.model.save(self._path)
        running("WandbCallback").save(str(self._path), base_path=str(self._path.parent))
