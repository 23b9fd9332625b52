"""Gymnasium: the videos that environments record are logged.

``init(monitor_gym=True)`` does it for a run.
"""

from __future__ import annotations

import functools
import os
import sys
from typing import TYPE_CHECKING, Any

from artifacts.media._needs import need
from artifacts.runs.active import active_run

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["monitor"]

_PATCHED = "_artifacts_logs_videos"


def monitor() -> None:
    """Log each video that is recorded from now on, under ``videos``, with the active run.

    This goes for ``RecordVideo`` of Gymnasium, and for ``VecVideoRecorder`` of Stable-Baselines3
    if that was imported before. Calling it again does nothing.

    Raises:
        ConfigError: Gymnasium is not installed.
    """
    wrappers = need("gymnasium.wrappers", "gymnasium")
    _patch(wrappers.RecordVideo, "stop_recording", _path_of_wrapper)
    recorder = sys.modules.get("stable_baselines3.common.vec_env.vec_video_recorder")
    if recorder is not None:
        _patch(recorder.VecVideoRecorder, "_stop_recording", lambda it: it.video_path)


def _path_of_wrapper(wrapper: Any) -> str:
    return os.path.join(wrapper.video_folder, f"{wrapper._video_name}.mp4")


def _patch(class_: Any, name: str, path_of: Callable[[Any], str]) -> None:
    """Have a method log the video that it writes."""
    original = getattr(class_, name)
    if hasattr(original, _PATCHED):
        return

    @functools.wraps(original)
    def stop(self: Any, *args: Any, **options: Any) -> Any:
        path = path_of(self)  # afterwards it is forgotten
        result = original(self, *args, **options)
        run = active_run()
        if run is not None and os.path.exists(path):
            from artifacts.media.video import Video

            run.log({"videos": Video(path)}, commit=False)
        return result

    setattr(stop, _PATCHED, True)
    setattr(class_, name, stop)
