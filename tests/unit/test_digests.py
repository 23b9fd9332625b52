import subprocess
import sys

import blake3
import pytest

from artifacts.store import digests
from artifacts.store.digests import Hasher, hash_bytes, parallel_hash
from artifacts.store.errors import InvalidInputError

# Published: the first vectors of BLAKE3's own test_vectors.json (bytes counting up modulo 251),
# and what b3sum prints for "abc".
PUBLISHED = [
    (b"", "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"),
    (b"\x00", "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"),
    (b"abc", "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"),
    (
        bytes(i % 251 for i in range(1024)),
        "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7",
    ),
    (
        bytes(i % 251 for i in range(102_400)),
        "bc3e3d41a1146b069abffad3c0d44860cf664390afce4d9661f7902e7943e085",
    ),
]


@pytest.mark.parametrize(("data", "expected"), PUBLISHED, ids=["0", "1", "abc", "1024", "102400"])
def test_published_vectors(data, expected):
    hasher = Hasher()
    for start in range(0, len(data), 1000):
        hasher.update(data[start : start + 1000])
    assert hash_bytes(data).hex() == expected
    assert parallel_hash(data).hex() == expected
    assert hasher.digest().hex() == expected


@pytest.mark.parametrize("size", [256 * 1024 - 1, 256 * 1024, 3_000_001])
def test_threads_do_not_change_the_digest(size):
    data = bytes(size)
    expected = blake3.blake3(data).digest()
    hasher = Hasher()
    hasher.update(memoryview(data))
    assert parallel_hash(memoryview(data)) == expected
    assert hasher.digest() == expected


def test_text_carries_the_algorithm():
    digest = hash_bytes(b"abc")
    text = digests.format_digest(digest)
    assert text == "blake3:6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"
    assert digests.parse_digest(text) == digest


@pytest.mark.parametrize(
    "text",
    [
        "",
        "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85",
        "sha256:6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85",
        "blake3:6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d8",
        "blake3:6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d855",
        "blake3:6437B3AC38465133FFB63B75273A8DB548C558465D79DB03FD359C6CD5BD9D85",
        "blake3:6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d8\n",
        "blake3:٦437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85",
    ],
)
def test_other_text_is_no_digest(text):
    with pytest.raises(InvalidInputError):
        digests.parse_digest(text)


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("6437b3ac", "6437b3ac"),
        ("blake3:6437B3AC", "6437b3ac"),
        ("a" * 64, "a" * 64),
        ("6437b3a", None),
        ("a" * 65, None),
        ("6437b3ax", None),
        ("blake3:", None),
    ],
)
def test_prefixes(text, digits):
    assert digests.parse_digest_prefix(text) == digits


FORKED = """
import os, sys
from artifacts.store.digests import Hasher, parallel_hash
data = bytes(8 << 20)
def both():
    hasher = Hasher()
    hasher.update(data)
    return hasher.digest(), parallel_hash(data)
expected = both()
child = os.fork()
if child == 0:
    os._exit(0 if both() == expected else 1)
sys.exit(os.waitpid(child, 0)[1])
"""


def test_a_forked_child_can_hash():
    # The threads of its parent are not there; it must not wait for them.
    subprocess.run([sys.executable, "-c", FORKED], check=True, timeout=60)
