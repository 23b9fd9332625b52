"""What programs call around their runs: to log in, to set up, to tear down, to say something.

Most of it has nothing to do here. It exists because scripts that were written for W&B call it, and
says what is the case instead.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from artifacts.runs import active
from artifacts.settings import load as load_settings
from artifacts.store.errors import RunNotFoundError, StoreNotFoundError

if TYPE_CHECKING:
    from artifacts.runs.run import Run

log = logging.getLogger("artifacts")

_GRANTED = frozenset({"service", "core", "legacy-service", "report-editing"})
"""What `require` of W&B asks for that makes no difference here."""

_said: set[tuple[int, str]] = set()


def login(*_args: object, verify: bool = False, **_options: object) -> bool:
    """Say where artifacts go: there is nothing to log in to.

    Args:
        _args: Not looked at.
        verify: Whether to make sure that the store can be reached, if it is there.
        _options: Not looked at, and kept nowhere, such as ``key=``.

    Returns:
        True.

    Raises:
        StorageError: With ``verify``: the store cannot be reached.
        ConfigError: A setting cannot be used.
    """
    from artifacts.store.opening import public

    settings = load_settings()
    log.info("there is nothing to log in to: the store is %s", public(settings.store))
    if verify:
        from artifacts._session import open_store

        try:
            open_store(settings, create=False)
        except StoreNotFoundError:
            log.info("there is no store yet; the first run makes it")
    return True


def setup(settings: Any = None) -> None:
    """Do nothing: there is no service that had to be started before processes are.

    Args:
        settings: Given, there is a warning: settings are for `init`, the environment or a file.
    """
    if settings is not None:
        log.warning("setup() does not keep settings: pass them to init(settings=…)")


def teardown(exit_code: int | None = None) -> None:
    """Finish every run of this process that has not ended.

    Args:
        exit_code: As for `Run.finish`.
    """
    for run in reversed(active.runs[:]):
        run.finish(exit_code)


def attach(run_id: str) -> Run:
    """Return a run of this process by its id.

    Args:
        run_id: ``[[entity/]project/]id``.

    Raises:
        RunNotFoundError: No run of this id is active here.
    """
    for run in reversed(active.runs):
        if run.path == run_id or run.path.endswith(f"/{run_id}"):
            return run
    raise RunNotFoundError(
        f"run {run_id!r} is not active in this process",
        hint="go on with it: artifacts.init(id=…, resume='must')",
    )


def require(requirement: str | list[str] | None = None, **_options: object) -> None:
    """Accept what W&B has users ask for before it is the default; warn of what is not known.

    Args:
        requirement: One or several names.
        _options: Not looked at, such as ``experiment=``.
    """
    asked = [requirement] if isinstance(requirement, str) else requirement or []
    for name in asked:
        if name not in _GRANTED:
            log.warning("require(%r) has no effect: there is no such feature here", name)


def sagemaker_auth(*_args: object, **_options: object) -> None:
    """Write nothing: jobs elsewhere need no key, but the address of a store that they can reach.

    Args:
        _args: Not looked at.
        _options: Not looked at, and kept nowhere, such as ``path=`` and ``api_key=``.
    """
    log.info("there is no key to hand over: set ART_STORE in the environment of the job")


def ensure_configured() -> None:
    """Do nothing: there is nothing to configure before it is used."""


def termlog(string: str = "", newline: bool = True, repeat: bool = True) -> None:  # noqa: ARG001
    """Log a message of level INFO; see `termwarn`."""
    _say(logging.INFO, string, repeat=repeat)


def termwarn(string: str, newline: bool = True, repeat: bool = True) -> None:  # noqa: ARG001
    """Log a message of level WARNING to the logger ``artifacts``.

    Args:
        string: The message.
        newline: Accepted for compatibility, without effect.
        repeat: Whether it is logged again if it was before.
    """
    _say(logging.WARNING, string, repeat=repeat)


def termerror(string: str, newline: bool = True, repeat: bool = True) -> None:  # noqa: ARG001
    """Log a message of level ERROR; see `termwarn`."""
    _say(logging.ERROR, string, repeat=repeat)


def _say(level: int, text: str, *, repeat: bool) -> None:
    if repeat or (level, text) not in _said:
        log.log(level, "%s", text)
    if not repeat:
        _said.add((level, text))
