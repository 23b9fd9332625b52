import threading

import pytest

from artifacts.store.digests import hash_bytes
from artifacts.store.errors import ConflictError, StorageError
from artifacts.store.leases import LeaseKeeper, holder_name
from artifacts.store.records import LeaseKind

DIGEST = hash_bytes(b"manifest")


class FakeCatalog:
    """Leases in a set; a renewal can be waited for, and can fail."""

    def __init__(self):
        self.leases = {}
        self.renewed = threading.Semaphore(0)
        self.fails = False

    def open_lease(self, lease, kind, holder, manifest=None):
        if self.fails:
            raise StorageError("no answer", retryable=True)
        self.leases[lease] = (kind, holder, manifest)

    def open_collector(self, lease, holder, max_age):
        if any(kind is LeaseKind.COLLECTOR for kind, _, _ in self.leases.values()):
            raise ConflictError("somebody else", kind="collector_busy")
        self.leases[lease] = (LeaseKind.COLLECTOR, holder, None)

    def renew_leases(self, ids):
        self.renewed.release()
        if self.fails:
            raise StorageError("no answer", retryable=True)
        return frozenset(ids) & self.leases.keys()

    def close_lease(self, lease):
        if self.fails:
            raise StorageError("no answer", retryable=True)
        del self.leases[lease]


@pytest.fixture
def catalog():
    return FakeCatalog()


@pytest.fixture
def keeper(catalog):
    keeper = LeaseKeeper(catalog, renewal=0.01, reading_from=0)
    yield keeper
    keeper.close()


def test_a_lease_is_renewed_until_it_is_dropped(catalog, keeper):
    lease = keeper.open(LeaseKind.UPLOAD)
    assert catalog.leases[lease] == (LeaseKind.UPLOAD, holder_name(), None)
    for _ in range(3):
        assert catalog.renewed.acquire(timeout=10)
    thread = keeper._thread
    keeper.drop(lease)
    thread.join(10)
    assert not thread.is_alive()
    again = keeper.open(LeaseKind.PULL, manifest=DIGEST)
    catalog.renewed.acquire(blocking=False)
    assert catalog.renewed.acquire(timeout=10)
    assert again != lease


def test_renewing_goes_on_after_a_failure(catalog, keeper, caplog):
    keeper.open(LeaseKind.UPLOAD)
    catalog.fails = True
    for _ in range(2):
        assert catalog.renewed.acquire(timeout=10)
    catalog.fails = False
    assert catalog.renewed.acquire(timeout=10)
    assert "could not renew" in caplog.text
    assert len(keeper._held) == 1


def test_a_lease_that_expired_is_said_and_not_renewed(catalog, keeper, caplog):
    lease = keeper.open(LeaseKind.UPLOAD)
    thread = keeper._thread
    catalog.leases.clear()
    thread.join(10)
    assert "no sign of life" in caplog.text
    assert lease not in keeper._held


def test_one_collector(catalog, keeper):
    keeper.open_collector(10)
    with pytest.raises(ConflictError):
        keeper.open_collector(10)
    assert len(keeper._held) == 1


def test_a_short_pull_takes_no_lease(catalog):
    keeper = LeaseKeeper(catalog, reading_from=3600)
    with keeper.reading(DIGEST):
        pass
    assert catalog.leases == {}


def test_a_long_pull_takes_one_until_it_ends(catalog, keeper):
    opened = threading.Event()
    real = catalog.open_lease

    def open_lease(*arguments):
        real(*arguments)
        opened.set()

    catalog.open_lease = open_lease
    with keeper.reading(DIGEST):
        assert opened.wait(10)
        assert [manifest for _, _, manifest in catalog.leases.values()] == [DIGEST]
    assert catalog.leases == {}
    assert keeper._held == set()


def test_a_pull_goes_on_where_no_lease_can_be_taken_or_given_back(catalog, keeper, caplog):
    catalog.fails = True
    with keeper.reading(DIGEST):
        pass
    catalog.fails = False
    opened = threading.Event()
    real = catalog.open_lease

    def open_lease(*arguments):
        real(*arguments)
        opened.set()

    catalog.open_lease = open_lease
    with keeper.reading(DIGEST):
        assert opened.wait(10)
        catalog.fails = True
    assert "has to expire by itself" in caplog.text


def test_after_closing_nothing_is_renewed(catalog, keeper):
    keeper.open(LeaseKind.UPLOAD)
    thread = keeper._thread
    keeper.close()
    assert not thread.is_alive()
    keeper.open(LeaseKind.UPLOAD)
    assert keeper._thread is None or not keeper._thread.is_alive()
