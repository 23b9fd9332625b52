"""The configuration of a sweep, as users write it, checked and made plain.

Every message begins with the path to what is wrong, such as ``parameters.lr.max``.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from artifacts._metadata import to_json
from artifacts.store.errors import InvalidInputError
from artifacts.sweeps.commands import check_command
from artifacts.sweeps.hyperband import Hyperband
from artifacts.sweeps.measuring import Metric
from artifacts.sweeps.parameters import parse_parameters
from artifacts.sweeps.space import Space

METHODS = ("grid", "random", "bayes")

_KEYS = frozenset(
    {
        *("method", "metric", "parameters", "early_terminate", "run_cap", "seed"),
        *("program", "command", "name", "description", "project", "entity"),
    }
)
_METRIC_KEYS = frozenset({"name", "goal", "target"})
_GOALS = ("minimize", "maximize")
_EARLY_KEYS = frozenset({"type", "min_iter", "max_iter", "s", "eta", "strict"})
_ETA = 3.0


@dataclass(frozen=True, slots=True)
class Configuration:
    """How a sweep searches.

    Attributes:
        method: One of `METHODS`.
        metric: What it improves; None if nothing is compared.
        early: When runs are ended early; None for never.
        run_cap: How many configurations are tried at most; None for no limit.
        seed: What makes the choices the same each time; None for chance.
        program: File that runs a trial, if it is no function.
        command: How the program is called, with macros; None for the default.
    """

    method: str
    space: Space
    metric: Metric | None = None
    early: Hyperband | None = None
    run_cap: int | None = None
    seed: int | None = None
    program: str | None = None
    command: tuple[str, ...] | None = None

    @property
    def expected(self) -> int | None:
        """How many configurations are tried; None if there is no end."""
        limits = [self.run_cap, self.space.size if self.method == "grid" else None]
        return min((limit for limit in limits if limit is not None), default=None)


def to_plain(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration as JSON, checked.

    Raises:
        InvalidInputError: It cannot be used; the message says where and why.
    """
    plain: dict[str, Any] = to_json(config, "sweep")
    parse(plain)
    return plain


def parse(config: Mapping[str, Any]) -> Configuration:
    """Return what a configuration means.

    Raises:
        InvalidInputError: It cannot be used; the message says where and why.
    """
    _check_keys(config, _KEYS, "the configuration of a sweep")
    method = config.get("method")
    if method not in METHODS:
        raise bad("method", f"must be one of {_listed(METHODS)}, not {method!r}")
    for key in ("name", "description", "project", "entity", "program"):
        if not isinstance(config.get(key, ""), str):
            raise bad(key, f"must be text, not {config[key]!r}")
    if "parameters" not in config:
        raise bad("parameters", "is missing: it says what to try")
    metric = None if config.get("metric") is None else _metric(config["metric"])
    early = None if config.get("early_terminate") is None else _early(config["early_terminate"])
    if metric is None and (method == "bayes" or early is not None):
        why = "a search with method 'bayes'" if method == "bayes" else "early_terminate"
        raise bad("metric", f"is missing: {why} has to know what is better")
    program = config.get("program")
    return Configuration(
        method=method,
        space=Space(parse_parameters(config["parameters"], "parameters", grid=method == "grid")),
        metric=metric,
        early=early,
        run_cap=_whole(config, "run_cap", "run_cap", least=1),
        seed=_whole(config, "seed", "seed", least=0),
        program=program,
        command=check_command(config.get("command"), program),
    )


def bad(path: str, why: str, hint: str | None = None) -> InvalidInputError:
    """Return the error for a place in a configuration."""
    return InvalidInputError(f"{path} {why}", hint=hint, kind="bad_sweep")


def _metric(told: Any) -> Metric:
    if not isinstance(told, Mapping):
        raise bad("metric", f"must be a mapping of name and goal, not {told!r}")
    _check_keys(told, _METRIC_KEYS, "metric")
    name, goal, target = told.get("name"), told.get("goal", "minimize"), told.get("target")
    if not isinstance(name, str) or not name:
        raise bad("metric.name", f"must be the key that runs log, not {name!r}")
    if goal not in _GOALS:
        raise bad("metric.goal", f"must be one of {_listed(_GOALS)}, not {goal!r}")
    if target is not None and not _is_number(target):
        raise bad("metric.target", f"must be a number, not {target!r}")
    return Metric(name, goal == "maximize", target)


def _early(told: Any) -> Hyperband:
    path = "early_terminate"
    if not isinstance(told, Mapping):
        raise bad(path, f"must be a mapping, not {told!r}")
    _check_keys(told, _EARLY_KEYS, path)
    if told.get("type") != "hyperband":
        raise bad(f"{path}.type", f"must be 'hyperband', not {told.get('type')!r}")
    eta, strict = told.get("eta", _ETA), told.get("strict", False)
    if not _is_number(eta) or eta <= 1:
        raise bad(f"{path}.eta", f"must be a number above 1, not {eta!r}")
    if not isinstance(strict, bool):
        raise bad(f"{path}.strict", f"must be true or false, not {strict!r}")
    if ("min_iter" in told) == ("max_iter" in told):
        raise bad(path, "needs either min_iter or max_iter")
    if "min_iter" in told:
        if "s" in told:
            raise bad(f"{path}.s", "goes with max_iter: it says how many brackets are below that")
        least = _whole(told, "min_iter", f"{path}.min_iter", least=1)
        assert least is not None
        return Hyperband.from_below(least, eta, strict=strict)
    most = _whole(told, "max_iter", f"{path}.max_iter", least=1)
    assert most is not None
    s = _whole(told, "s", f"{path}.s", least=1)
    rule = Hyperband.from_above(most, eta, s, strict=strict)
    if not rule.brackets:
        raise bad(f"{path}.max_iter", f"must be at least eta ({eta}): there is no bracket below")
    return rule


def _whole(told: Mapping[str, Any], key: str, path: str, *, least: int) -> int | None:
    value = told.get(key)
    if value is None and key not in told:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise bad(path, f"must be a whole number of at least {least}, not {value!r}")
    return value


def _check_keys(told: Mapping[str, Any], known: Collection[str], what: str) -> None:
    for key in told:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(known))}"
            raise bad(what, f"has no key {key!r}", hint)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))
