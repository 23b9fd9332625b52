"""What has no meaning here, and is there so that programs which use it go on."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from artifacts import settings
from artifacts._silence import Dummy
from artifacts.store.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Account:
    """``wandb.api``: who is logged in. Programs ask for the key to find out whether somebody is."""

    @property
    def api_key(self) -> str:
        """What says that somebody is logged in; no key."""
        return "none-is-needed"

    @property
    def default_entity(self) -> str:
        """Owner of projects where a call names none."""
        return settings.load().entity

    def viewer(self) -> dict[str, str]:
        """Return who is asking, and the owner of projects where a call names none."""
        return {"username": settings.user_name().partition("@")[0], "entity": self.default_entity}

    def settings(self, key: str | None = None, section: str | None = None) -> Any:
        """Return settings as they hold now.

        Args:
            key: Name of the one that is wanted; default all, by name.
            section: Not looked at.
        """
        values = settings.load().values
        return values[key].shown if key in values else _shown(values)


def _shown(values: dict[str, settings.Value]) -> dict[str, str]:
    return {name: value.shown for name, value in values.items()}


api = _Account()


class InternalApi:
    """What talks to the server of W&B.

    Raises:
        UnsupportedError: There is no server here.
    """

    def __init__(self, *_: object, **__: object) -> None:
        _refuse("the internal API of W&B", "read runs and artifacts with artifacts.Api()")


class Graph:
    """A drawing of a model's layers.

    Raises:
        UnsupportedError: The graph of a model is not recorded here.
    """

    def __init__(self, *_: object, **__: object) -> None:
        _refuse("Graph", "log a picture or a text of the model instead")


@contextmanager
def context(**_of: object) -> Iterator[Any]:
    """Yield what takes every mark of who uses what, and tells nobody.

    Args:
        _of: Not looked at: ``run=`` or ``obj=``.
    """
    yield Dummy()


def _refuse(what: str, instead: str) -> NoReturn:
    raise UnsupportedError(
        f"{what} is not served by artifacts, which stands in for W&B", hint=instead
    )
