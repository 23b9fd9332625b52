"""What a reader must know of the machine; nothing that names it."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True)
class CoreTime:
    """Time of all cores of a virtual machine so far, in ticks of its kernel.

    Attributes:
        stolen: What the hypervisor gave to others while a core had something to do.
        busy: What was used, or stolen.
    """

    stolen: int = 0
    busy: int = 0

    @classmethod
    def now(cls) -> CoreTime:
        """Return what the kernel counts; nothing where it does not (macOS)."""
        statistics = Path("/proc/stat")
        if not statistics.exists():
            return cls()
        line = statistics.read_text().split("\n", 1)[0]
        user, nice, system, _idle, _waiting, irq, softirq, stolen, *_ = map(int, line.split()[1:])
        return cls(stolen, user + nice + system + irq + softirq + stolen)

    def stolen_since(self, before: CoreTime) -> float:
        """Return which share of what was asked for was stolen."""
        return (self.stolen - before.stolen) / max(self.busy - before.busy, 1)


def machine(file_systems: str) -> dict[str, str]:
    """Facts for the head of the tables."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    release = ".".join(platform.release().split(".")[:2])
    return {
        "date": datetime.now().astimezone().date().isoformat(),
        "cores": str(os.cpu_count() or "unknown"),
        "memory": f"{memory:.0f} GiB",
        "system": f"{platform.system()} {release}, {platform.machine()}",
        "Python": platform.python_version(),
        "file system": file_systems,
    }
