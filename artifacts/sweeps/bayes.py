"""Bayesian search: what the trials so far suggest to try.

Optuna's tree-structured Parzen estimator is asked anew each time, and told all trials, so that any
number of agents share one search.
Configurations that are being tried count as bad ones, so that two agents do not try neighbours.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from artifacts.store.errors import ConfigError
from artifacts.store.records import Trial
from artifacts.sweeps.choosing import is_lost, is_open
from artifacts.sweeps.distributions import Choice

if TYPE_CHECKING:
    import optuna

    from artifacts.store.records import RunRecord
    from artifacts.sweeps.configuration import Configuration
    from artifacts.sweeps.distributions import Distribution
    from artifacts.sweeps.space import Space


def suggest(configuration: Configuration, runs: Sequence[RunRecord], number: int) -> dict[str, Any]:
    """Return the configuration to try next.

    Args:
        runs: All trials of the sweep.
        number: Of the configuration; with the seed, it decides what chance decides otherwise.

    Raises:
        ConfigError: Optuna is not installed.
    """
    module = import_optuna()
    seed = configuration.seed
    sampler = module.samplers.TPESampler(
        multivariate=True,
        constant_liar=True,
        seed=None if seed is None else zlib.crc32(f"{seed}/{number}".encode()),
    )
    space = configuration.space
    with _quiet(module):
        study = _study(module, configuration, runs, sampler)
        asked = study.ask(_distributions(module, space))
    return space.nest(
        [
            each.options[asked.params[name]]
            if isinstance(each, Choice)
            else each.at(asked.params[name])
            for name, each in _named(space)
        ]
    )


def importances(configuration: Configuration, runs: Sequence[RunRecord]) -> dict[str, float]:
    """Return how much of the differences of the metric each parameter explains, largest first.

    Returns:
        Shares that are 1 together, by parameter; nothing if the trials do not tell.

    Raises:
        ConfigError: Optuna is not installed.
    """
    module = import_optuna()
    space = configuration.space
    with _quiet(module):
        study = _study(module, configuration, runs, None)
        complete = [each for each in study.trials if each.value is not None]
        if len({each.value for each in complete}) < 2:  # noqa: PLR2004 - nothing to compare
            return {}
        evaluator = module.importance.PedAnovaImportanceEvaluator()
        found = module.importance.get_param_importances(study, evaluator=evaluator)
    names = [".".join(path) for path in space.parameters]
    return {names[int(name)]: share for name, share in found.items()}


def import_optuna() -> Any:
    """Return the library Optuna.

    Raises:
        ConfigError: It is not installed.
    """
    try:
        import optuna
    except ImportError as error:
        raise ConfigError(
            "a search with method 'bayes' needs Optuna, which is not installed",
            hint='install it with: pip install "artifacts-cas[sweeps]"',
            kind="not_installed",
        ) from error
    return optuna


def _study(
    module: Any,
    configuration: Configuration,
    runs: Sequence[RunRecord],
    sampler: optuna.samplers.BaseSampler | None,
) -> optuna.Study:
    """Return the trials of a sweep as a study of Optuna's."""
    metric, space = configuration.metric, configuration.space
    assert metric is not None
    study: optuna.Study = module.create_study(
        direction="maximize" if metric.maximize else "minimize", sampler=sampler
    )
    distributions = _distributions(module, space)
    states = module.trial.TrialState
    for run in runs:
        value = None if is_open(run) or is_lost(run) else metric.of_summary(run.summary)
        if value is None and not is_open(run):
            continue
        study.add_trial(
            module.trial.create_trial(
                state=states.RUNNING if value is None else states.COMPLETE,
                value=value,
                params=_params(space, Trial.of(run).config),
                distributions=distributions,
            )
        )
    return study


def _params(space: Space, config: Mapping[str, Any]) -> dict[str, Any]:
    chosen = space.chosen_in(config)
    return {
        name: each.index_of(value) if isinstance(each, Choice) else each.place_of(value)
        for (name, each), value in zip(_named(space), chosen, strict=True)
    }


def _distributions(module: Any, space: Space) -> dict[str, optuna.distributions.BaseDistribution]:
    return {
        name: module.distributions.CategoricalDistribution(range(len(each.options)))
        if isinstance(each, Choice)
        else module.distributions.FloatDistribution(0, 1)
        for name, each in _named(space)
    }


def _named(space: Space) -> Iterator[tuple[str, Distribution]]:
    """Yield parameters with names that no two of them share."""
    for number, each in enumerate(space.parameters.values()):
        yield str(number), each


@contextmanager
def _quiet(module: Any) -> Iterator[None]:
    """Keep Optuna from telling of the studies that are made only to ask it."""
    before = module.logging.get_verbosity()
    module.logging.set_verbosity(module.logging.WARNING)
    try:
        yield
    finally:
        module.logging.set_verbosity(before)
