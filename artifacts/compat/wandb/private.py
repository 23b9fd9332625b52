"""Private names of W&B that clients touch nevertheless, each with a client that needs it.

They are given to `Run` while this package stands in for W&B, and taken away afterwards.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from artifacts._init_settings import Settings
from artifacts.runs import active
from artifacts.runs.initializing import init
from artifacts.runs.run import Run


def _label(
    self: Run, repo: str | None = None, code: str | None = None, **_labels: str | None
) -> None:
    """Take the name of the code that uses W&B: transformers, Lightning, fastai."""


def _set_config_wandb(self: Run, key: str, val: Any) -> None:
    """Take what W&B notes in the configuration for itself: older versions of ultralytics."""


def _attach_id(self: Run) -> str:
    """Return what a process of its own finds the run by: Lightning, when it starts processes."""
    return self.path


def _settings(self: Run) -> Settings:
    """Return what the run was begun with: skorch, ray and scripts that ask for ``mode``."""
    mode = "disabled" if self.disabled else "offline" if self.offline else "online"
    return Settings(
        project=self.project,
        entity=self.entity,
        run_id=self.id,
        run_name=self.name,
        run_group=self.group,
        mode=mode,
        files_dir=self.dir,
        run_url=self.get_url(),
        _offline=self.offline,
    )


def _is_finished(self: Run) -> bool:
    """Whether the run has ended: scripts that wait for it."""
    return self.read_only


def _attach(attach_id: str) -> Run:
    """Return the run that `_attach_id` has named, in the process that has begun it or another.

    Another process goes on with the run: Lightning's strategies that spawn processes.

    Args:
        attach_id: ``entity/project/id``.
    """
    for run in active.runs:
        if run.path == attach_id:
            return run
    entity, project, run_id = attach_id.split("/")
    return init(entity=entity, project=project, id=run_id, resume="must")


MEMBERS: dict[str, Any] = {
    "_attach_id": property(_attach_id),
    "_is_finished": property(_is_finished),
    "_label": _label,
    "_set_config_wandb": _set_config_wandb,
    "_settings": property(_settings),
    "settings": property(_settings),
}
"""What a `Run` has as long as this package stands in for W&B."""


def give() -> None:
    """Give them to `Run`."""
    # Its class silences what `Run` has when it is made; these are to do what they say there, too.
    import_module("artifacts.runs.disabled")
    for name, member in MEMBERS.items():
        setattr(Run, name, member)


def take() -> None:
    """Take them away from `Run`."""
    for name in MEMBERS:
        if name in vars(Run):
            delattr(Run, name)
