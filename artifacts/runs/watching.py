"""How the parameters and gradients of models of PyTorch are watched while they are trained."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from artifacts.store.errors import InvalidInputError, InvalidTypeError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Log = Callable[[Mapping[str, Any]], None]

PARAMETERS, GRADIENTS = "parameters", "gradients"

_CHOICES: dict[str | None, frozenset[str]] = {
    PARAMETERS: frozenset({PARAMETERS}),
    GRADIENTS: frozenset({GRADIENTS}),
    "all": frozenset({PARAMETERS, GRADIENTS}),
    None: frozenset(),
}
_BINS = 64


class Watching:
    """The models that a run watches.

    A model is not kept alive by being watched: it holds the hooks, and they hold the run.

    Args:
        log: Adds values to the next row.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._hooks: weakref.WeakKeyDictionary[Any, list[Any]] = weakref.WeakKeyDictionary()
        self._count = 0

    def add(self, models: Any, log: str | None, every: int, index: int | None) -> None:
        """Watch models; see `Run.watch`.

        Raises:
            InvalidInputError: An argument cannot be used; nothing is watched then.
        """
        if log not in _CHOICES:
            known = ", ".join(repr(choice) for choice in _CHOICES)
            raise InvalidInputError(f"log is one of {known}, not {log!r}")
        if isinstance(every, bool) or not isinstance(every, int) or every < 1:
            raise InvalidInputError(f"log_freq is a number of batches above 0, not {every!r}")
        found = _modules(models)
        for model in found:
            if model in self._hooks:
                raise InvalidInputError(
                    f"this {type(model).__name__} is being watched already",
                    hint="call unwatch() with it first",
                )
        first = self._count if index is None else index
        self._count += len(found)
        for number, model in enumerate(found, first):
            # Names as the reference makes them: the first model has no prefix.
            prefix = f"graph_{number}" if number > 0 else ""
            self._hooks[model] = self._hook_into(model, _CHOICES[log], prefix, every)

    def remove(self, models: Any = None) -> None:
        """Watch models no more; without an argument, none of them."""
        for model in list(self._hooks) if models is None else _modules(models):
            for hook in self._hooks.pop(model, ()):
                hook.remove()

    def _hook_into(self, model: Any, what: frozenset[str], prefix: str, every: int) -> list[Any]:
        handles = []
        if PARAMETERS in what:
            whole = _ParametersHook(self._log, prefix, every)
            handles.append(model.register_forward_hook(whole))
            for name, part in model.named_modules():
                if part is not model and any(True for _ in part.parameters(recurse=False)):
                    on_part = _ParametersHook(self._log, f"{prefix}{name}.", every, recurse=False)
                    whole.stand_ins.append(part.register_forward_hook(on_part))
            handles += whole.stand_ins
        if GRADIENTS in what:
            for name, parameter in model.named_parameters():
                if parameter.requires_grad:
                    on_gradient = _GradientHook(self._log, f"{GRADIENTS}/{prefix}{name}", every)
                    handles.append(parameter.register_hook(on_gradient))
        return handles


class _Hook:
    """What PyTorch calls; every so many times it logs."""

    __torch_unserializable__ = True  # a model is saved without its hooks, and without a warning

    def __init__(self, log: Log, name: str, every: int) -> None:
        self._log = log
        self._name = name
        self._every = every
        self._calls = 0

    def _is_due(self) -> bool:
        self._calls += 1
        return self._calls % self._every == 0

    def __reduce__(self) -> tuple[Any, ...]:
        # A copy of a model, in memory or in a file, is not watched.
        return _NoHook, ()


class _NoHook:
    """What copies of watched models have in the place of a hook."""

    def __call__(self, *_: Any) -> None:
        pass


class _ParametersHook(_Hook):
    """Logs parameters of a model, or of a part of one.

    A model that is never called itself, as those of Lightning, has its parts stand in for it.
    """

    def __init__(self, log: Log, name: str, every: int, *, recurse: bool = True) -> None:
        super().__init__(log, name, every)
        self._recurse = recurse
        self.stand_ins: list[Any] = []

    def __call__(self, model: Any, _inputs: Any, _output: Any) -> None:
        while self.stand_ins:
            self.stand_ins.pop().remove()
        if not self._is_due():
            return
        found = {}
        for name, parameter in model.named_parameters(recurse=self._recurse):
            histogram = histogram_of(parameter.data)
            if histogram is not None:
                found[f"{PARAMETERS}/{self._name}{name}"] = histogram
        self._log(found)


class _GradientHook(_Hook):
    def __call__(self, gradient: Any) -> None:
        if not self._is_due():
            return
        histogram = histogram_of(gradient.data)
        if histogram is not None:
            self._log({self._name: histogram})


def histogram_of(tensor: Any) -> dict[str, Any] | None:
    """Return the histogram of a tensor, computed on the device that has it.

    Args:
        tensor: Of any shape and type; of a sparse one the items that it has.

    Returns:
        The description of a `Histogram` of 64 bins over the numbers that are finite; None if
        there are none.
    """
    import torch

    if tensor.is_sparse:
        tensor = tensor.coalesce().values()
    if tensor.is_complex():
        tensor = torch.view_as_real(tensor)
    flat = tensor.reshape(-1).float()
    flat = flat[torch.isfinite(flat)]
    if not flat.numel():
        return None
    low, high = torch.stack([flat.min(), flat.max()]).tolist()
    if low == high:
        margin = max(abs(low) * 1e-3, 0.5)
        low, high = low - margin, high + margin
    counts = torch.histc(flat, bins=_BINS, min=low, max=high)
    width = (high - low) / _BINS
    return {
        "_type": "histogram",
        "values": [int(count) for count in counts.tolist()],
        "bins": [low + width * number for number in range(_BINS)] + [high],
    }


def _modules(models: Any) -> Sequence[Any]:
    """Return what was given as models, each once.

    Raises:
        InvalidTypeError: One of them is no module of PyTorch.
    """
    import sys

    given = list(models) if isinstance(models, list | tuple) else [models]
    # Who has a model has imported PyTorch.
    torch = sys.modules.get("torch")
    for model in given:
        if torch is None or not isinstance(model, torch.nn.Module):
            raise InvalidTypeError(
                f"models is a torch.nn.Module or a list of them, not {type(model).__name__}"
            )
    return list(dict.fromkeys(given))
