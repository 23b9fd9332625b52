"""`Settings`: what `init` is told about a run by one object."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from artifacts import _reference_settings
from artifacts._reference_settings import Translated
from artifacts._setting_list import SETTINGS, get_setting

log = logging.getLogger("artifacts")

_SECRET = frozenset({"api_key", "identity_token_file"})


class Settings(Mapping[str, Any]):
    """Settings of one run, for ``init(settings=…)``, by their names here or by those of W&B.

    Those of W&B that have a counterpart count: ``run_id``, ``run_name``, ``mode``, ``root_dir``,
    ``_disable_stats`` and others. The rest is without effect, and a name that is known neither
    here nor there is warned of. A key is kept nowhere.

    Args:
        values: Values by name; None is not given.
    """

    def __init__(self, **values: Any) -> None:
        kept = {name: value for name, value in values.items() if name not in _SECRET}
        vars(self).update(kept)
        for name in kept.keys() - SETTINGS.keys():
            if not _counts(name):
                level = (
                    logging.DEBUG if _reference_settings.means_nothing(name) else logging.WARNING
                )
                log.log(level, "the setting %s has no effect here", name)

    def __getattr__(self, name: str) -> Any:
        known = name in SETTINGS or _counts(name) or _reference_settings.means_nothing(name)
        if known and not name.startswith("__"):
            return None
        raise AttributeError(f"there is no setting {name!r}")

    def __getitem__(self, name: str) -> Any:
        return vars(self)[name]

    def __iter__(self) -> Iterator[str]:
        return iter(vars(self))

    def __len__(self) -> int:
        return len(vars(self))

    def __repr__(self) -> str:
        told = ", ".join(f"{name}={value!r}" for name, value in self.items())
        return f"Settings({told})"


def to_init(given: Any) -> Translated:
    """Return what `init` is told by one object: arguments of its own, and settings.

    Args:
        given: `Settings`, a mapping, an object whose attributes are settings, or None.

    Raises:
        ConfigError: A name in what are not `Settings` is known neither here nor in W&B.
    """
    if given is None:
        return Translated()
    pairs = dict(given) if isinstance(given, Mapping) else dict(vars(given))
    lenient = isinstance(given, Settings)
    ours = {} if lenient else {name: pairs.pop(name) for name in SETTINGS if name in pairs}
    meant = _reference_settings.translate({str(name): value for name, value in pairs.items()})
    meant.settings.update(ours)
    for name, value in meant.others.items():
        if name in SETTINGS:
            meant.settings[name] = value
        elif not (lenient or _reference_settings.means_nothing(name)):
            get_setting(name)
    return meant


def _counts(name: str) -> bool:
    return name not in _reference_settings.translate({name: ""}).others
