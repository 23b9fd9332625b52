"""TensorBoard: what a program writes for it is logged with the run.

``init(sync_tensorboard=True)`` does it for a run.
"""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING, Any

from artifacts.integration._running import running
from artifacts.media._needs import need
from artifacts.runs.active import active_run
from artifacts.store.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from artifacts.integration._event_files import EventFile
    from artifacts.integration._event_follower import EventFollower
    from artifacts.runs import Run

__all__ = ["follow", "log", "patch", "prepare", "tf_summary_to_dict", "unpatch"]

_WRITERS = {
    "tensorboard": "tensorboard.summary.writer.event_file_writer",
    "tensorboardX": "tensorboardX.event_file_writer",
}
"""Where the classes are that write event files, by library. TensorFlow does it without Python."""


class _Patches:
    """What was done to the writers, and who follows them."""

    def __init__(self) -> None:
        self.every_run = False
        self.root: str | None = None
        self.save = True
        self.present: set[Path] = set()
        self.opened: dict[Path, EventFile] = {}
        self.originals: dict[Any, Any] = {}
        self.follower: EventFollower | None = None
        self.run: Run | None = None


_patches = _Patches()


def patch(
    save: bool = True,
    tensorboard_x: bool | None = None,
    pytorch: bool | None = None,
    root_logdir: str = "",
) -> None:
    """Log what is written for TensorBoard from now on, with the run that is active then.

    Every step becomes a row, with the tags as keys and the step as ``global_step``: scalars,
    images, histograms and texts. Values of several folders begin with the names of these.

    Args:
        save: Whether the event files become files of the run.
        tensorboard_x: Accepted for compatibility: all writers are followed.
        pytorch: Likewise.
        root_logdir: Follow all event files below this folder, also those of other processes.

    Raises:
        StateError: It was called before.
        ConfigError: TensorBoard is not installed.
    """
    if _patches.every_run:
        raise StateError(
            "TensorBoard is being followed already",
            hint="call patch() once, or unpatch() before",
        )
    prepare()
    _patches.every_run, _patches.root, _patches.save = True, root_logdir or None, save
    if root_logdir:
        from artifacts.integration._event_files import files_below

        _patches.present = files_below(root_logdir)
    run = active_run()
    if run is not None:
        _follower(run)


def unpatch() -> None:
    """Undo `patch`; a run that is followed still gets what its writers write."""
    for class_, original in _patches.originals.items():
        class_.__init__ = original
    _patches.originals.clear()
    _patches.every_run, _patches.root, _patches.save = False, None, True
    _patches.present = set()


def prepare() -> None:
    """Have the writers of event files tell where they write, which `follow` is interested in.

    Raises:
        ConfigError: TensorBoard is not installed.
    """
    need("tensorboard", "tensorboard", extra="tensorboard")
    for library, module in _WRITERS.items():
        if library == "tensorboard" or library in sys.modules:
            class_ = need(module, library).EventFileWriter
            if class_ not in _patches.originals:
                _patches.originals[class_] = class_.__init__
                class_.__init__ = _telling(class_.__init__)


def follow(run: Run) -> None:
    """Log with a run what this process writes for TensorBoard from now on; see `patch`."""
    _follower(run)


def log(
    tf_summary_str_or_pb: Any,
    history: Any = None,
    step: int = 0,
    namespace: str = "",
    **options: Any,
) -> None:
    """Log a summary of TensorBoard as a row of the active run.

    Args:
        tf_summary_str_or_pb: A ``Summary``, or one as bytes.
        history: Accepted for compatibility, without effect.
        step: Becomes ``global_step``.
        namespace: What the keys begin with.
        options: Of `Run.log`.

    Raises:
        StateError: No run is active.
        ConfigError: TensorBoard is not installed.
    """
    run = running("tensorboard.log()")
    row = tf_summary_to_dict(tf_summary_str_or_pb, namespace)
    run.log({**row, "global_step": step}, **options)


def tf_summary_to_dict(tf_summary_str_or_pb: Any, namespace: str = "") -> Mapping[str, Any]:
    """Return the values of a summary of TensorBoard by key.

    Args:
        tf_summary_str_or_pb: A ``Summary``, or one as bytes.
        namespace: What the keys begin with.
    """
    need("tensorboard", "tensorboard", extra="tensorboard")
    from tensorboard import data_compat
    from tensorboard.compat.proto.summary_pb2 import Summary

    from artifacts.integration._event_values import value_of

    # One of TensorFlow is of another class than one of TensorBoard.
    given = tf_summary_str_or_pb
    summary = Summary.FromString(given if isinstance(given, bytes) else given.SerializeToString())
    prefix = f"{namespace}/" if namespace else ""
    row = {}
    for value in summary.value:
        whole = data_compat.migrate_value(value)
        found = value_of(whole.metadata.plugin_data.plugin_name, whole.tensor)
        if found is not None:
            row[prefix + value.tag] = found
    return row


def _follower(run: Run) -> EventFollower:
    """Return what follows the writers for a run, begun now if need be."""
    if _patches.follower is None or _patches.run is not run:
        from artifacts.integration._event_files import EventFiles
        from artifacts.integration._event_follower import EventFollower

        files = EventFiles(_patches.root, _patches.present, _patches.opened)
        follower = EventFollower(run, files, save=_patches.save)
        run._before_end(lambda: _end(follower))
        _patches.follower, _patches.run = follower, run
    return _patches.follower


def _end(follower: EventFollower) -> None:
    if _patches.follower is follower:
        _patches.follower = _patches.run = None
    follower.stop()


def _telling(original: Any) -> Any:
    from artifacts.integration._event_files import files_in

    @functools.wraps(original)
    def begin(self: Any, logdir: Any, *args: Any, **options: Any) -> None:
        present = files_in(logdir)
        original(self, logdir, *args, **options)
        run = active_run()
        wanted = _patches.every_run or run is _patches.run
        if run is not None and not run.disabled and wanted:
            _follower(run).add_writer(self, str(logdir), present)

    return begin
