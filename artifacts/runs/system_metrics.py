"""What a machine and a process do, in numbers, as psutil and NVIDIA's library tell them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import psutil

from artifacts.runs.gpus import open_gpus

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Probe = Callable[[], dict[str, float]]

log = logging.getLogger("artifacts")

_MB = 1 << 20


class SystemProbes:
    """Measures the system; loads are averages since the call before.

    Args:
        folder: Whose disk is meant.

    Keys of a measurement (MB are 2**20 bytes):
        ``system.cpu``: Load of all processors, percent.
        ``system.memory``: Memory in use, percent.
        ``system.disk``: Space in use on the disk of the folder, percent.
        ``system.disk.in``, ``system.disk.out``: MB read and written by the machine since it began.
        ``system.network.recv``, ``system.network.sent``: Bytes, likewise.
        ``system.proc.cpu.percent``: Load of this process; 100 is one processor.
        ``system.proc.cpu.threads``: Its threads.
        ``system.proc.memory.rssMB``, ``.percent``: Memory that it holds.
        ``system.proc.memory.availableMB``: Memory that it could get.
        ``system.gpu.N.gpu``, ``.memory``, ``.memoryAllocated``, ``.temp``, ``.powerWatts``: Of
        each NVIDIA GPU: load and memory traffic, memory in use, all percent; Celsius; watts.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self._process = psutil.Process()
        self._probes: list[Probe] = [self._machine, self._own, self._space]
        disk, network = psutil.disk_io_counters(), psutil.net_io_counters()
        if disk is not None:  # a container may not see disks
            self._disk = disk
            self._probes.append(self._disk_traffic)
        if network is not None:
            self._network = network
            self._probes.append(self._network_traffic)
        gpus = open_gpus()
        if gpus is not None:
            self._probes.append(gpus.measure)
        psutil.cpu_percent()
        self._process.cpu_percent()

    def measure(self) -> dict[str, float]:
        """Return what there is to know. What fails once is not asked again."""
        values: dict[str, float] = {}
        for probe in self._probes[:]:
            try:
                values |= probe()
            except (psutil.Error, OSError, RuntimeError) as error:
                log.warning("%s is not measured any more: %s", probe.__name__.strip("_"), error)
                self._probes.remove(probe)
        return values

    def _machine(self) -> dict[str, float]:
        memory = psutil.virtual_memory()
        return {
            "system.cpu": psutil.cpu_percent(),
            "system.memory": memory.percent,
            "system.proc.memory.availableMB": round(memory.available / _MB, 2),
        }

    def _own(self) -> dict[str, float]:
        with self._process.oneshot():
            return {
                "system.proc.cpu.percent": self._process.cpu_percent(),
                "system.proc.cpu.threads": float(self._process.num_threads()),
                "system.proc.memory.rssMB": round(self._process.memory_info().rss / _MB, 2),
                "system.proc.memory.percent": round(self._process.memory_percent(), 2),
            }

    def _space(self) -> dict[str, float]:
        return {"system.disk": psutil.disk_usage(self._folder).percent}

    def _disk_traffic(self) -> dict[str, float]:
        now = psutil.disk_io_counters()
        assert now is not None
        return {
            "system.disk.in": round((now.read_bytes - self._disk.read_bytes) / _MB, 2),
            "system.disk.out": round((now.write_bytes - self._disk.write_bytes) / _MB, 2),
        }

    def _network_traffic(self) -> dict[str, float]:
        now = psutil.net_io_counters()
        return {
            "system.network.recv": float(now.bytes_recv - self._network.bytes_recv),
            "system.network.sent": float(now.bytes_sent - self._network.bytes_sent),
        }
