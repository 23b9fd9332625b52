"""What stands for the configuration and the summary of the active run while there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from artifacts.runs.active import active_run
from artifacts.store.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Literal

    from artifacts.runs.config import Config
    from artifacts.runs.summary import Summary


def no_active_run(call: str) -> StateError:
    """Return the error that there has to be a run for something.

    Args:
        call: What it is for, such as ``log()``.
    """
    return StateError(
        f"You must call artifacts.init() before artifacts.{call}",
        hint="a run that was finished, or begun in the parent of this process, is not active",
        kind="no_active_run",
    )


class BeforeInit:
    """``artifacts.config`` or ``artifacts.summary`` without a run.

    It can be imported and passed on. Using it is an error until a run is active; from then on it
    acts on that of the active run, so that ``from artifacts import config`` may be the first line
    of a script.

    Args:
        name: Of the attribute of the run.
    """

    __slots__ = ("_name",)

    _name: str

    def __init__(self, name: Literal["config", "summary"]) -> None:
        object.__setattr__(self, "_name", name)

    def _of_run(self, use: str) -> Config | Summary:
        run = active_run()
        if run is None:
            raise no_active_run(f"{self._name}{use}")
        found: Config | Summary = getattr(run, self._name)
        return found

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # asked for by libraries and by help(), which go on without
            raise AttributeError(name)
        return getattr(self._of_run(f".{name}"), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._of_run(f".{name}"), name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._of_run(f".{name}"), name)

    def __getitem__(self, key: str) -> Any:
        return self._of_run(f"[{key!r}]")[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._of_run(f"[{key!r}]")[key] = value

    def __delitem__(self, key: str) -> None:
        del self._of_run(f"[{key!r}]")[key]

    def __contains__(self, key: object) -> bool:
        return key in self._of_run("")

    def __iter__(self) -> Iterator[str]:
        return iter(self._of_run(""))

    def __len__(self) -> int:
        return len(self._of_run(""))

    def __repr__(self) -> str:
        run = active_run()
        return f"<artifacts.{self._name} without a run>" if run is None else repr(self._of_run(""))
