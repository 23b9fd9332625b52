"""NVIDIA GPUs, if the library that knows them (`pynvml`) is installed."""

from __future__ import annotations

import importlib.util
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger("artifacts")


def open_gpus() -> Gpus | None:
    """Return the GPUs of this machine; None if there are none, or no way to ask them."""
    if importlib.util.find_spec("pynvml") is None:
        return None
    import pynvml

    try:
        pynvml.nvmlInit()
        count = pynvml.nvmlDeviceGetCount()
        devices = [pynvml.nvmlDeviceGetHandleByIndex(number) for number in range(count)]
    except pynvml.NVMLError as error:
        log.debug("no NVIDIA GPUs: %s", error)
        return None
    return Gpus(pynvml, devices)


class Gpus:
    """The NVIDIA GPUs of this machine.

    Args:
        nvml: The library, initialised.
        devices: Its handles.
    """

    def __init__(self, nvml: Any, devices: list[Any]) -> None:
        self._nvml = nvml
        self._devices = devices

    def names(self) -> list[str]:
        """Return what they are called."""
        names = [self._ask(self._nvml.nvmlDeviceGetName, device) for device in self._devices]
        return [name.decode() if isinstance(name, bytes) else str(name) for name in names]

    def measure(self) -> dict[str, float]:
        """Return for each its load and its memory in percent, degrees Celsius, and watts."""
        values: dict[str, float] = {}
        for number, device in enumerate(self._devices):
            found = self._measure(device)
            values.update((f"system.gpu.{number}.{name}", value) for name, value in found.items())
        return values

    def _measure(self, device: Any) -> dict[str, float]:
        nvml = self._nvml
        values: dict[str, float] = {}
        load = self._ask(nvml.nvmlDeviceGetUtilizationRates, device)
        if load is not None:
            values["gpu"] = float(load.gpu)
            values["memory"] = float(load.memory)
        memory = self._ask(nvml.nvmlDeviceGetMemoryInfo, device)
        if memory is not None:
            values["memoryAllocated"] = 100.0 * memory.used / memory.total
        degrees = self._ask(nvml.nvmlDeviceGetTemperature, device, nvml.NVML_TEMPERATURE_GPU)
        if degrees is not None:
            values["temp"] = float(degrees)
        milliwatts = self._ask(nvml.nvmlDeviceGetPowerUsage, device)
        if milliwatts is not None:
            values["powerWatts"] = milliwatts / 1000.0
        return values

    def _ask(self, question: Callable[..., Any], *arguments: Any) -> Any:
        """Return an answer; None where this GPU, or its driver, does not have one."""
        try:
            return question(*arguments)
        except self._nvml.NVMLError as error:
            log.debug("a GPU does not answer: %s", error)
            return None
