"""What runs have read of their inputs, in every database that may hold a catalog."""

import pytest

from artifacts.store.catalog import Catalog
from artifacts.store.records import LinkKind
from artifacts.store.subset import Subset
from tests.conformance.catalog_tests import log
from tests.conformance.test_facts import at_once, begin


@pytest.fixture(params=["sqlite", "postgres"])
def catalog(request, tmp_path):
    if request.param == "sqlite":
        catalog = Catalog.sqlite(tmp_path / "catalog.sqlite")
    else:
        catalog = Catalog.open_url(request.getfixturevalue("postgres_url"))
    yield catalog
    catalog.close()


def inputs(catalog, run):
    return catalog.links_of_runs([run], LinkKind.INPUT)


def test_what_is_read_becomes_an_input_once(catalog):
    run, version = begin(catalog), log(catalog, name="data")
    for text in ("data:latest", "data:v0"):
        assert catalog.begin_read(run, version.id, ref_text=text, alias="latest")
    [link] = inputs(catalog, run)
    assert (link.version.id, link.ref_text, link.subset) == (version.id, "data:latest", None)


def test_what_the_run_has_logged_does_not(catalog):
    run, version = begin(catalog), log(catalog, name="data")
    catalog.link(run, version.id, LinkKind.OUTPUT)
    assert not catalog.begin_read(run, version.id)
    assert inputs(catalog, run) == []
    catalog.link(run, version.id, LinkKind.INPUT)
    assert catalog.begin_read(run, version.id)


def test_what_was_read_adds_up_also_from_several_processes(catalog):
    run, version = begin(catalog), log(catalog, name="data", file_count=100)
    catalog.begin_read(run, version.id)
    assert (
        at_once(lambda n: catalog.add_reads(run, {version.id: Subset.of({"all", str(n)}, 100)}))
        == [None] * 6
    )
    [link] = inputs(catalog, run)
    assert link.subset == {
        "paths": ["0", "1", "2", "3", "4", "5", "all"],
        "count": 7,
        "complete": False,
    }
    catalog.add_reads(run, {version.id: Subset.whole(100)})
    [link] = inputs(catalog, run)
    assert link.subset == {"paths": [], "count": 100, "complete": True}


def test_of_what_is_no_input_nothing_is_recorded(catalog):
    run, version = begin(catalog), log(catalog, name="data")
    catalog.link(run, version.id, LinkKind.OUTPUT)
    catalog.add_reads(run, {version.id: Subset.whole(1)})
    assert catalog.links_of_runs([run], LinkKind.OUTPUT)[0].subset is None
