import io
import os
import sys

import pytest

from artifacts.store import filesystems

MOUNTS = (
    ("/", "ext4"),
    ("/mnt/data", "nfs4"),
    ("/mnt/data/fast", "xfs"),
    ("/mnt/my disk", "fuse.sshfs"),
    ("/over", "ext4"),
    ("/over", "tmpfs"),
)

MOUNTINFO = r"""22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/root rw
36 22 0:31 / /mnt/my\040disk rw,relatime shared:2 master:1 - fuse.sshfs host:/ rw
37 22 0:32 / /mnt/back\134slash rw - tmpfs tmpfs rw
"""


@pytest.fixture
def mounts(monkeypatch):
    monkeypatch.setattr(filesystems, "_mounts", lambda _minute: MOUNTS)
    monkeypatch.setattr(os.path, "realpath", str)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/home/me", "ext4"),
        ("/mnt/data", "nfs4"),
        ("/mnt/data/set", "nfs4"),
        ("/mnt/data/fast/x", "xfs"),
        ("/mnt/data2", "ext4"),
        ("/mnt/my disk/x", "fuse.sshfs"),
        ("/over/x", "tmpfs"),
    ],
)
def test_the_innermost_and_last_mount_decides(mounts, path, expected):
    assert filesystems.kind(path) == expected


def test_network_file_systems(mounts):
    assert filesystems.is_network("/mnt/data/set")
    assert filesystems.is_network("/mnt/my disk")
    assert not filesystems.is_network("/mnt/data/fast")
    assert not filesystems.is_network("/")


def test_times_prove_less_elsewhere(mounts):
    assert filesystems.granularity_ns("/") == 20_000_000
    assert filesystems.granularity_ns("/mnt/data") == 2_000_000_000


def test_an_unknown_file_system_is_neither_network_nor_trusted(monkeypatch):
    monkeypatch.setattr(filesystems, "_mounts", lambda _minute: ())
    assert filesystems.kind("/") == "unknown"
    assert not filesystems.is_network("/")
    assert filesystems.granularity_ns("/") == 2_000_000_000


def test_what_the_kernel_writes(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(
        filesystems, "open", lambda *_args, **_kwargs: io.StringIO(MOUNTINFO), raising=False
    )
    assert filesystems._mounts.__wrapped__(0) == (
        ("/", "ext4"),
        ("/mnt/my disk", "fuse.sshfs"),
        ("/mnt/back\\slash", "tmpfs"),
    )


def test_a_system_without_proc(monkeypatch):
    def refuse(*args, **kwargs):
        raise FileNotFoundError

    monkeypatch.setattr(filesystems, "open", refuse, raising=False)
    assert filesystems._mounts.__wrapped__(0) == ()
