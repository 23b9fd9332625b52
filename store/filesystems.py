"""What kind of file system a path is on: it decides about SQLite, clocks and trust in times.

And how what was written there becomes durable.
"""

from __future__ import annotations

import os
import sys
import time
from functools import lru_cache

_NETWORK = frozenset(
    [
        "nfs",
        "nfs3",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "9p",
        "afs",
        "ceph",
        "fuse.ceph",
        "fuse.glusterfs",
        "lustre",
        "gpfs",
        "beegfs",
        "fuse.sshfs",
        "fuse.s3fs",
        "davfs",
        "fuse.rclone",
        "pvfs2",
        "orangefs",
        "webdav",
        "afpfs",
    ]
)
_LOCAL = frozenset(
    [
        "ext2",
        "ext3",
        "ext4",
        "xfs",
        "btrfs",
        "zfs",
        "f2fs",
        "tmpfs",
        "overlay",
        "ramfs",
        "bcachefs",
        "apfs",
    ]
)

# Times of files that were changed within this long before they were looked at prove nothing:
# a second change could carry the same time. Local Linux file systems stamp with the kernel's
# tick (1 to 10 ms); others may count in seconds and by another machine's clock.
_LOCAL_GRANULARITY_NS = 20_000_000
_OTHER_GRANULARITY_NS = 2_000_000_000


def kind(path: str | os.PathLike[str]) -> str:
    """Return the type of the file system that holds ``path``, or ``"unknown"``."""
    real = os.path.realpath(path)
    best, found = "", "unknown"
    for mount_point, type_ in _mounts(int(time.monotonic()) // 60):
        inside = real == mount_point or real.startswith(mount_point.rstrip("/") + "/")
        if inside and len(mount_point) >= len(best):
            best, found = mount_point, type_
    return found


def sync(path: str | os.PathLike[str]) -> None:
    """Make a file, or the names in a folder, survive a power failure."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_network(path: str | os.PathLike[str]) -> bool:
    """Whether ``path`` is on a file system that several machines may share."""
    return kind(path) in _NETWORK


def granularity_ns(path: str | os.PathLike[str]) -> int:
    """Return how far apart two changes must be, in ns, to be told apart by a file's times."""
    return _LOCAL_GRANULARITY_NS if kind(path) in _LOCAL else _OTHER_GRANULARITY_NS


@lru_cache(maxsize=1)
def _mounts(_minute: int) -> tuple[tuple[str, str], ...]:
    if not sys.platform.startswith("linux"):
        return ()
    mounts = []
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            for line in file:
                # 36 35 98:0 /root /mount/point rw,noatime master:1 - ext4 /dev/sda rw
                before, _, after = line.partition(" - ")
                point = before.split(" ")[4].encode("utf-8", "surrogateescape")
                mounts.append((os.fsdecode(_unescape(point)), after.split(" ")[0]))
    except OSError:
        return ()
    return tuple(mounts)


def _unescape(text: bytes) -> bytes:
    # The kernel writes space, tab, newline and backslash as three octal digits.
    for octal in (b"040", b"011", b"012", b"134"):
        text = text.replace(b"\\" + octal, bytes([int(octal, 8)]))
    return text
