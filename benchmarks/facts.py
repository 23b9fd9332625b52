"""What a reader must know of the machine; nothing that names it."""

from __future__ import annotations

import os
import platform
from datetime import datetime


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
