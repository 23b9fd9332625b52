import pytest

from artifacts.store.store import Store


@pytest.fixture
def store(tmp_path):
    store = Store.create(tmp_path / "store", cache_dir=tmp_path / "cache")
    yield store
    store.close()
