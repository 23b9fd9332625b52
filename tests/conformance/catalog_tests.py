"""What a catalog has to do, whatever database it is in.

A subclass provides the fixture ``catalog``: an empty catalog, identified or not.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from artifacts.store.catalog import Catalog, schema
from artifacts.store.catalog.graph import GraphReader
from artifacts.store.digests import hash_bytes
from artifacts.store.errors import (
    AlreadyExistsError,
    ConflictError,
    InvalidInputError,
    RefNotFoundError,
    RunNotFoundError,
    StateError,
)
from artifacts.store.places import BlobPlace, Encoding
from artifacts.store.records import (
    RUN_HISTORY,
    AlertLevel,
    AlertRecord,
    HistoryChunk,
    LeaseKind,
    LinkKind,
    ObjectDraft,
    ObjectKind,
    ObjectState,
    VersionDraft,
)
from artifacts.store.refs import Ref
from tests.graphs import GraphWriter

ONE, TWO, THREE = hash_bytes(b"1"), hash_bytes(b"2"), hash_bytes(b"3")


def manifest(number):
    return hash_bytes(f"manifest {number}".encode())


def draft(number=0, name="corpus", **changes):
    values = {
        "entity": "local",
        "project": "demo",
        "name": name,
        "type": "dataset",
        "digest": manifest(number),
        "size": 10,
        "file_count": 2,
    }
    return VersionDraft(**{**values, **changes})


def pack(key, *digests):
    places = tuple(BlobPlace(d, 1, i, 1) for i, d in enumerate(digests))
    return ObjectDraft(key, ObjectKind.PACK, len(digests) + 100, places)


def upload(catalog, lease, *drafts):
    catalog.open_lease(lease, LeaseKind.UPLOAD, "somebody")
    catalog.reserve(lease, drafts)


def resolve(catalog, text):
    return catalog.resolve(Ref.parse(text), entity="local", project="demo")


def log(catalog, number=0, name="corpus", **changes):
    return catalog.commit(draft(number, name, **changes))[0]


def states(catalog):
    return {record.key: record.state for record in catalog.list_objects()}


class CatalogTests:
    """Subclasses are named ``Test…`` and implement `catalog`."""

    @pytest.fixture
    def catalog(self) -> Catalog:
        raise NotImplementedError

    def set_state(self, catalog: Catalog, key: str, state: ObjectState) -> None:
        """Do what a collector would do."""
        statement = sa.text("UPDATE objects SET state = :state WHERE key = :key")
        catalog._db.write(lambda c: c.execute(statement, {"state": state.value, "key": key}))

    # -- identity

    def test_identity_is_entered_once(self, catalog):
        assert catalog.identity() is None
        assert catalog.identify("first", 1) == ("first", 1)
        assert catalog.identify("second", 2) == ("first", 1)
        assert catalog.identity() == ("first", 1)

    def test_clock(self, catalog):
        first = catalog.now()
        assert 1_700_000_000_000_000 < first <= catalog.now()

    # -- blobs

    def test_nothing_is_there_at_first(self, catalog):
        claim = catalog.claim([ONE])
        assert claim.present == frozenset()
        assert claim.objects == frozenset()
        assert catalog.locate([ONE]) == {}
        assert catalog.list_objects() == []
        assert catalog.leases() == []

    def test_blobs_are_there_after_the_commit_and_not_before(self, catalog):
        upload(catalog, "lease", pack("packs/1", ONE, TWO))
        assert catalog.claim([ONE, TWO]).present == frozenset()
        assert catalog.locate([ONE]) == {}
        assert [(lease.id, lease.holder) for lease in catalog.leases()] == [("lease", "somebody")]
        catalog.commit(draft(), lease="lease", uploaded=1)
        claim = catalog.claim([ONE, TWO, THREE])
        assert claim.present == {ONE, TWO}
        assert len(claim.objects) == 1
        assert catalog.leases() == []
        location = catalog.locate([TWO, THREE])[TWO]
        assert location == ("packs/1", TWO, 1, 1, 1, Encoding.IDENTITY)

    def test_every_column_of_a_place_comes_back(self, catalog):
        places = (
            BlobPlace(ONE, 1 << 40, 0, 1 << 39, Encoding.ZSTD),
            BlobPlace(TWO, 5, 1 << 39, 5, Encoding.IDENTITY),
        )
        upload(catalog, "lease", ObjectDraft("packs/1", ObjectKind.PACK, 1 << 41, places))
        catalog.commit(draft(), lease="lease", uploaded=1)
        [record] = catalog.list_objects()
        assert (record.key, record.kind, record.size) == ("packs/1", ObjectKind.PACK, 1 << 41)
        found = catalog.locate([ONE, TWO])
        assert found == {place.digest: ("packs/1", *place) for place in places}

    def test_many_blobs(self, catalog):
        digests = [hash_bytes(str(i).encode()) for i in range(1600)]
        upload(catalog, "lease", pack("packs/1", *digests))
        catalog.commit(draft(), lease="lease", uploaded=1)
        assert catalog.claim(digests).present == set(digests)
        assert catalog.locate(digests).keys() == set(digests)

    @pytest.mark.parametrize("count", [1, 165, 166, 167, 332, 500])
    def test_every_row_of_a_pack_is_entered_once(self, catalog, count):
        """The rows of a statement are many, and those of the last one may be fewer."""
        digests = [hash_bytes(b"%d" % number) for number in range(count)]
        upload(catalog, "lease", pack("packs/1", *digests))
        catalog.commit(draft(), lease="lease", uploaded=1)
        found = catalog.locate(digests)
        assert {digest: place.offset for digest, place in found.items()} == {
            digest: offset for offset, digest in enumerate(digests)
        }

    def test_the_same_blob_uploaded_by_two(self, catalog):
        upload(catalog, "a", pack("packs/a", ONE))
        upload(catalog, "b", pack("packs/b", ONE, TWO))
        catalog.commit(draft(0), lease="a", uploaded=1)
        catalog.commit(draft(1), lease="b", uploaded=1)
        assert catalog.locate([ONE])[ONE].key in {"packs/a", "packs/b"}
        assert set(states(catalog).values()) == {ObjectState.LIVE}

    def test_a_commit_without_its_lease_is_refused(self, catalog):
        upload(catalog, "lease", pack("packs/1", ONE))
        catalog.abandon("lease")
        with pytest.raises(ConflictError) as caught:
            catalog.commit(draft(), lease="lease", uploaded=1)
        assert caught.value.kind == "upload_expired"
        assert catalog.list_versions("local", "demo", "corpus") == []
        assert catalog.list_artifacts() == []

    def test_deleting_the_lease_alone_fences_its_writer_off(self, catalog):
        """What a collector does first: the objects are still pending, and must stay that."""
        upload(catalog, "lease", pack("packs/1", ONE))
        catalog._db.write(lambda c: c.execute(sa.text("DELETE FROM leases")))
        with pytest.raises(ConflictError) as caught:
            catalog.commit(draft(), lease="lease", uploaded=1)
        assert caught.value.kind == "upload_expired"
        with pytest.raises(ConflictError):
            catalog.reserve("lease", [pack("packs/2", TWO)])
        assert states(catalog) == {"packs/1": ObjectState.PENDING}
        assert catalog.list_artifacts() == []

    def test_a_reservation_without_its_lease_is_refused(self, catalog):
        upload(catalog, "lease", pack("packs/1", ONE))
        catalog.abandon("lease")
        with pytest.raises(ConflictError):
            catalog.reserve("lease", [pack("packs/2", TWO)])
        assert "packs/2" not in states(catalog)

    def test_a_commit_that_lacks_an_object_is_refused(self, catalog):
        upload(catalog, "lease", pack("packs/1", ONE))
        with pytest.raises(ConflictError):
            catalog.commit(draft(), lease="lease", uploaded=2)
        assert states(catalog) == {"packs/1": ObjectState.PENDING}
        catalog.commit(draft(), lease="lease", uploaded=1)
        assert states(catalog) == {"packs/1": ObjectState.LIVE}

    def test_a_key_is_never_reserved_twice(self, catalog):
        upload(catalog, "a", pack("packs/1", ONE))
        catalog.open_lease("b", LeaseKind.UPLOAD, "somebody")
        with pytest.raises(ConflictError):
            catalog.reserve("b", [pack("packs/1", TWO)])
        catalog.commit(draft(), lease="a", uploaded=1)
        assert catalog.locate([ONE, TWO]).keys() == {ONE}

    @pytest.mark.parametrize("state", [ObjectState.DELETING, ObjectState.PENDING])
    def test_a_claimed_object_that_goes_before_the_commit(self, catalog, state):
        upload(catalog, "lease", pack("packs/1", ONE))
        catalog.commit(draft(1), lease="lease", uploaded=1)
        claim = catalog.claim([ONE])
        self.set_state(catalog, "packs/1", state)
        with pytest.raises(ConflictError) as caught:
            catalog.commit(draft(2), claimed=claim.objects)
        assert caught.value.kind == "upload_expired"
        assert catalog.claim([ONE]).present == frozenset()
        assert catalog.locate([ONE]) == {}

    def test_a_claim_saves_a_condemned_object(self, catalog):
        upload(catalog, "lease", pack("packs/1", ONE))
        catalog.commit(draft(), lease="lease", uploaded=1)
        self.set_state(catalog, "packs/1", ObjectState.CONDEMNED)
        assert catalog.locate([ONE])[ONE].key == "packs/1"
        before = catalog.list_objects()[0].touched_at
        claim = catalog.claim([ONE])
        assert claim.present == {ONE}
        assert states(catalog) == {"packs/1": ObjectState.LIVE}
        assert catalog.list_objects()[0].touched_at > before

    def test_a_commit_saves_what_was_condemned_after_the_claim(self, catalog):
        upload(catalog, "lease", pack("packs/1", ONE))
        catalog.commit(draft(), lease="lease", uploaded=1)
        claim = catalog.claim([ONE])
        self.set_state(catalog, "packs/1", ObjectState.CONDEMNED)
        catalog.commit(draft(1), claimed=claim.objects)
        assert states(catalog) == {"packs/1": ObjectState.LIVE}

    def test_a_live_copy_is_preferred(self, catalog):
        for lease in ("a", "b", "c"):
            upload(catalog, lease, pack(f"packs/{lease}", ONE))
        for number, lease in enumerate(("a", "b", "c")):
            catalog.commit(draft(number), lease=lease, uploaded=1)
        self.set_state(catalog, "packs/a", ObjectState.CONDEMNED)
        self.set_state(catalog, "packs/c", ObjectState.CONDEMNED)
        assert catalog.locate([ONE])[ONE].key == "packs/b"

    def test_abandon_and_forget(self, catalog):
        upload(catalog, "a", pack("packs/a1", ONE), pack("packs/a2", TWO))
        upload(catalog, "b", pack("packs/b", THREE))
        assert sorted(catalog.abandon("a")) == ["packs/a1", "packs/a2"]
        assert states(catalog) == {
            "packs/a1": ObjectState.DELETING,
            "packs/a2": ObjectState.DELETING,
            "packs/b": ObjectState.PENDING,
        }
        assert [lease.id for lease in catalog.leases()] == ["b"]
        catalog.forget(["packs/a1", "packs/a2", "packs/b"])
        assert states(catalog) == {"packs/b": ObjectState.PENDING}
        assert catalog.abandon("unknown") == []

    def test_ids_are_not_used_again(self, catalog):
        upload(catalog, "a", pack("packs/a", ONE))
        [old] = catalog.list_objects()
        catalog.forget(catalog.abandon("a"))
        upload(catalog, "b", pack("packs/b", ONE))
        [new] = catalog.list_objects()
        assert new.id > old.id

    def test_adopt(self, catalog):
        assert catalog.adopt(pack("packs/1", ONE))
        assert not catalog.adopt(pack("packs/1", TWO))
        assert catalog.claim([ONE, TWO]).present == {ONE}

    # -- versions

    def test_the_first_version(self, catalog):
        version, created = catalog.commit(
            draft(
                description="text",
                metadata={"a": [1, {"b": None}], "é": "ü"},
                aliases=("prod",),
                tags=("x", "y"),
                created_by="me@here",
            )
        )
        assert created
        assert version.version == "v0"
        assert version.ref == "demo/corpus:v0"
        assert (version.digest, version.size, version.file_count) == (manifest(0), 10, 2)
        assert version.description == "text"
        assert version.metadata == {"a": [1, {"b": None}], "é": "ü"}
        assert version.aliases == ("latest", "prod")
        assert version.tags == ("x", "y")
        assert version.created_by == "me@here"
        assert version.created_at == version.updated_at
        assert version.deleted_at is None
        assert resolve(catalog, "corpus") == version
        assert catalog.version(version.id) == version

    def test_numbers_aliases_and_order(self, catalog):
        versions = [log(catalog, i, aliases=("prod",) if i == 1 else ()) for i in range(3)]
        assert [v.version for v in versions] == ["v0", "v1", "v2"]
        found = catalog.list_versions("local", "demo", "corpus")
        assert [(v.version, v.aliases) for v in found] == [
            ("v2", ("latest",)),
            ("v1", ("prod",)),
            ("v0", ()),
        ]

    def test_equal_content_makes_no_version_but_moves_aliases(self, catalog):
        first = log(catalog, 0)
        log(catalog, 1, aliases=("prod",))
        again, created = catalog.commit(draft(0, aliases=("prod", "new"), tags=("t",)))
        assert not created
        assert again.id == first.id
        assert again.aliases == ("latest", "new", "prod")
        assert again.tags == ("t",)
        assert len(catalog.list_versions("local", "demo", "corpus")) == 2
        assert log(catalog, 2).version == "v2"

    def test_equal_content_in_another_artifact_is_another_version(self, catalog):
        first, second = log(catalog, 0, "a"), log(catalog, 0, "b")
        assert first.id != second.id
        assert log(catalog, 0, project="other").id not in {first.id, second.id}

    def test_content_of_a_deleted_version_makes_a_new_one(self, catalog):
        first = log(catalog)
        catalog.delete_version(first.id)
        second, created = catalog.commit(draft())
        assert created
        assert second.version == "v1"

    def test_latest_can_be_left_where_it_is(self, catalog):
        log(catalog, 0)
        log(catalog, 1, latest=False)
        assert resolve(catalog, "corpus:latest").version == "v0"

    def test_another_type_is_refused(self, catalog):
        log(catalog)
        with pytest.raises(InvalidInputError) as caught:
            log(catalog, 1, type="model")
        assert caught.value.kind == "type_mismatch"
        with pytest.raises(InvalidInputError):
            catalog.check_type("local", "demo", "corpus", "model")
        catalog.check_type("local", "demo", "corpus", "dataset")
        catalog.check_type("local", "demo", "new", "model")
        assert log(catalog, 1).version == "v1"

    def test_expected_latest(self, catalog):
        first = log(catalog, 0, expected_latest=0)
        with pytest.raises(ConflictError) as caught:
            log(catalog, 1, expected_latest=0)
        assert caught.value.kind == "latest_moved"
        second = log(catalog, 1, expected_latest=first.id)
        with pytest.raises(ConflictError):
            log(catalog, 2, expected_latest=first.id)
        assert log(catalog, 2, expected_latest=second.id).version == "v2"

    def test_a_refused_commit_leaves_no_trace(self, catalog):
        log(catalog)
        upload(catalog, "lease", pack("packs/1", ONE))
        with pytest.raises(ConflictError):
            catalog.commit(draft(1, expected_latest=999), lease="lease", uploaded=1)
        assert states(catalog) == {"packs/1": ObjectState.PENDING}
        assert len(catalog.leases()) == 1
        version, _ = catalog.commit(draft(1), lease="lease", uploaded=1)
        assert version.version == "v1"

    def test_a_base_that_was_deleted_is_refused(self, catalog):
        base = log(catalog)
        catalog.commit(draft(1), base=base.id)
        catalog.delete_version(base.id)
        with pytest.raises(ConflictError) as caught:
            catalog.commit(draft(2), base=base.id)
        assert caught.value.kind == "base_deleted"

    def test_several_threads_log_one_artifact(self, catalog):
        failures = []

        def work(writer):
            try:
                for i in range(8):
                    lease = f"{writer}-{i}"
                    digest = hash_bytes(lease.encode())
                    upload(catalog, lease, pack(f"packs/{lease}", digest))
                    catalog.commit(draft(digest=digest, aliases=("mine",)), lease=lease, uploaded=1)
            except Exception as error:  # noqa: BLE001 - shown below
                failures.append(error)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        versions = catalog.list_versions("local", "demo", "corpus")
        assert [v.number for v in versions] == list(reversed(range(32)))
        assert len({v.digest for v in versions}) == 32
        assert [v.aliases for v in versions if v.aliases] == [("latest", "mine")]
        assert versions[0].aliases == ("latest", "mine")
        assert catalog.leases() == []

    def test_every_column_of_a_version_comes_back(self, catalog):
        first, second = log(catalog, 1, tags=("t",), aliases=("a", "b")), log(catalog, 2)
        sizes, times = ("size", "file_count", "ttl"), ("created_at", "updated_at", "logged_at")
        numbers = (*sizes, *times, "deleted_at")
        values: dict[str, Any] = {name: place for place, name in enumerate(numbers, 100)}
        values |= {name: f"the {name}" for name in ("description", "created_by", "broken")}
        values |= {"metadata": {"a": [1]}, "digest": manifest(3)}
        change = sa.update(schema.versions).where(schema.versions.c.id == second.id)
        protect = sa.update(schema.aliases).where(schema.aliases.c.name == "b")
        catalog._db.write(lambda c: c.execute(change.values(**values)))
        catalog._db.write(lambda c: c.execute(protect.values(protected=1)))
        found = catalog.read_graph(lambda graph: graph.versions([second.id, first.id, 1 << 30]))
        assert list(found) == [first.id, second.id]
        assert found[first.id] == replace(first, aliases=("a", "b"), protected=("b",))
        record = found[second.id]
        assert {name: getattr(record, name) for name in values} == values
        assert (record.ref, record.entity, record.type) == ("demo/corpus:v1", "local", "dataset")
        assert (record.aliases, record.tags, record.protected) == (("latest",), (), ())

    def test_more_versions_than_one_statement_has_room_for(self, catalog):
        version = log(catalog)
        found = catalog.read_graph(lambda graph: graph.versions(range(version.id, 100_000)))
        assert found == {version.id: version}
        assert catalog.read_graph(lambda graph: graph.versions([])) == {}

    # -- deleting

    def test_numbers_of_deleted_versions_are_not_used_again(self, catalog):
        log(catalog, 0)
        catalog.delete_version(log(catalog, 1).id)
        assert log(catalog, 2).version == "v2"
        versions = catalog.list_versions("local", "demo", "corpus", deleted=True)
        assert [v.version for v in versions] == ["v2", "v1", "v0"]
        assert [v.deleted_at is None for v in versions] == [True, False, True]

    def test_latest_moves_to_the_one_logged_last(self, catalog):
        first = log(catalog, 0)
        log(catalog, 1)
        log(catalog, 2)
        log(catalog, 0)  # v0 again: logged after v2
        newest = log(catalog, 3)
        catalog.delete_version(newest.id)
        assert resolve(catalog, "corpus").id == first.id
        catalog.delete_version(first.id)
        assert resolve(catalog, "corpus").version == "v2"

    def test_deleting_another_version_leaves_latest(self, catalog):
        first, second = log(catalog, 0), log(catalog, 1)
        catalog.delete_version(first.id)
        assert resolve(catalog, "corpus").id == second.id

    def test_aliases_protect_a_version(self, catalog):
        version = log(catalog, aliases=("prod",))
        with pytest.raises(StateError) as caught:
            catalog.delete_version(version.id)
        assert caught.value.kind == "has_aliases"
        assert resolve(catalog, "corpus:prod") == version
        catalog.delete_version(version.id, delete_aliases=True)
        for text in ("corpus", "corpus:prod", "corpus:v0"):
            with pytest.raises(RefNotFoundError):
                resolve(catalog, text)
        assert catalog.version(version.id).aliases == ()

    def test_a_deleted_version_cannot_be_changed(self, catalog):
        version = log(catalog)
        catalog.delete_version(version.id)
        with pytest.raises(RefNotFoundError) as caught:
            catalog.set_alias(version.id, "prod")
        assert caught.value.kind == "version_deleted"
        with pytest.raises(RefNotFoundError):
            catalog.delete_version(version.id)

    # -- aliases and tags

    def test_an_alias_moves(self, catalog):
        first, second = log(catalog, 0, aliases=("prod",)), log(catalog, 1)
        catalog.set_alias(second.id, "prod")
        assert catalog.version(first.id).aliases == ()
        assert catalog.version(second.id).aliases == ("latest", "prod")
        catalog.set_alias(second.id, "prod")
        assert catalog.version(second.id).aliases == ("latest", "prod")

    def test_aliases_belong_to_their_artifact(self, catalog):
        log(catalog, 0, "a", aliases=("prod",))
        log(catalog, 0, "b", aliases=("prod",))
        assert resolve(catalog, "a:prod").name == "a"
        assert resolve(catalog, "b:prod").name == "b"

    def test_compare_and_set(self, catalog):
        first, second, third = (log(catalog, i) for i in range(3))
        catalog.set_alias(first.id, "prod")
        with pytest.raises(ConflictError, match="v0"):
            catalog.set_alias(third.id, "prod", expected=second.id)
        catalog.set_alias(third.id, "prod", expected=first.id)
        assert resolve(catalog, "corpus:prod").id == third.id

    def test_remove_alias(self, catalog):
        first, second = log(catalog, 0, aliases=("prod",)), log(catalog, 1)
        assert not catalog.remove_alias(second.id, "prod")
        assert catalog.remove_alias(first.id, "prod")
        assert not catalog.remove_alias(first.id, "prod")

    def test_tags(self, catalog):
        version = log(catalog, tags=("a",))
        catalog.add_tags(version.id, ["b", "a", "b"])
        assert catalog.version(version.id).tags == ("a", "b")
        assert catalog.remove_tag(version.id, "a")
        assert not catalog.remove_tag(version.id, "a")
        assert catalog.version(version.id).tags == ("b",)

    def test_edit_keeps_what_others_changed(self, catalog):
        before = log(catalog, aliases=("mine",), tags=("old",), metadata={"a": 1})
        catalog.set_alias(before.id, "theirs")
        catalog.add_tags(before.id, ["new"])
        catalog.edit_version(
            before, description="d", metadata={"a": 2}, aliases=("latest", "x"), tags=(), ttl=None
        )
        after = catalog.version(before.id)
        assert after.aliases == ("latest", "theirs", "x")
        assert after.tags == ("new",)
        assert (after.description, after.metadata) == ("d", {"a": 2})
        assert after.updated_at > before.updated_at

    def test_edit_changes_the_lifetime_only_if_told(self, catalog):
        before = log(catalog)
        catalog.set_ttl(before.id, 5)
        same = {"description": None, "metadata": before.metadata, "aliases": (), "tags": ()}
        catalog.edit_version(before, **same, ttl=before.ttl)
        assert catalog.version(before.id).ttl == 5
        catalog.edit_version(before, **same, ttl=7)
        assert catalog.version(before.id).ttl == 7

    def test_a_protected_alias_is_not_moved_or_removed_by_mistake(self, catalog):
        first = log(catalog, aliases=("prod",))
        second = log(catalog, 2)
        assert catalog.protect_alias(first.id, "prod", protected=True)
        assert not catalog.protect_alias(second.id, "prod", protected=True)
        assert catalog.version(first.id).protected == ("prod",)
        for change in (
            lambda: catalog.set_alias(second.id, "prod"),
            lambda: catalog.remove_alias(first.id, "prod"),
            lambda: catalog.delete_version(first.id, delete_aliases=True),
            lambda: log(catalog, 3, aliases=("prod",)),
        ):
            with pytest.raises(StateError) as caught:
                change()
            assert caught.value.kind == "alias_protected"
        catalog.set_alias(first.id, "prod")  # it has it already
        catalog.set_alias(second.id, "prod", force=True)
        assert catalog.version(second.id).protected == ("prod",)
        assert catalog.protect_alias(second.id, "prod", protected=False)
        assert catalog.version(second.id).protected == ()
        catalog.set_alias(first.id, "prod")
        catalog.protect_alias(first.id, "prod", protected=True)
        catalog.delete_version(first.id, delete_aliases=True, force=True)
        assert catalog.remove_alias(second.id, "prod") is False

    # -- references

    @pytest.mark.parametrize(
        "text",
        [
            "corpus",
            "corpus:latest",
            "corpus:v1",
            "corpus:prod",
            "demo/corpus:v1",
            "local/demo/corpus:v1",
            f"corpus@{manifest(1).hex()[:8]}",
            f"corpus:{manifest(1).hex()[:10]}",
            f"corpus:blake3:{manifest(1).hex()}",
            f"blake3:{manifest(1).hex()}",
            manifest(1).hex(),
        ],
    )
    def test_resolve(self, catalog, text):
        log(catalog, 0)
        version = log(catalog, 1, aliases=("prod",))
        log(catalog, 2, "other")
        assert resolve(catalog, text) == version

    @pytest.mark.parametrize(
        "text",
        [
            "nothing",
            "corpus:v1",
            "corpus:nothing",
            "other/corpus",
            "other/demo/corpus",
            "corpus@00000000",
            "0" * 64,
        ],
    )
    def test_resolve_nothing(self, catalog, text):
        log(catalog)
        with pytest.raises(RefNotFoundError):
            resolve(catalog, text)

    def test_an_alias_is_no_digest_prefix_and_the_other_way_round(self, catalog):
        first = log(catalog, 0)
        prefix = first.digest.hex()[:8]
        second = log(catalog, 1, aliases=(prefix,))
        assert resolve(catalog, f"corpus:{prefix}").id == second.id
        assert resolve(catalog, f"corpus@{prefix}").id == first.id

    @pytest.mark.parametrize(
        ("text", "hint"),
        [
            ("corpsu", "corpus"),
            ("corpus:prdo", "corpus:prod"),
            ("elsewhere/corpus", "demo/corpus"),
        ],
    )
    def test_near_matches_are_named(self, catalog, text, hint):
        log(catalog, aliases=("prod",))
        with pytest.raises(RefNotFoundError) as caught:
            resolve(catalog, text)
        assert caught.value.hint is not None
        assert hint in caught.value.hint

    def test_a_deleted_version_is_said_to_be_deleted(self, catalog):
        log(catalog, 0)
        catalog.delete_version(log(catalog, 1).id)
        with pytest.raises(RefNotFoundError, match="was deleted on") as caught:
            resolve(catalog, "corpus:v1")
        assert caught.value.kind == "version_deleted"

    def test_ambiguous_prefixes_are_refused(self, catalog):
        low, high = bytes.fromhex("ab" * 4 + "00" * 28), bytes.fromhex("ab" * 4 + "ff" * 28)
        log(catalog, digest=low)
        log(catalog, digest=high)
        with pytest.raises(InvalidInputError) as caught:
            resolve(catalog, "corpus@abababab")
        assert caught.value.kind == "ambiguous_digest"
        assert resolve(catalog, "corpus@abababab00").version == "v0"
        assert resolve(catalog, "corpus@ababababf").version == "v1"

    def test_a_bare_digest_prefers_the_own_project(self, catalog):
        log(catalog, 0, "a", project="other")
        log(catalog, 0, "b")
        assert resolve(catalog, manifest(0).hex()).name == "b"

    # -- lists

    def test_list_artifacts(self, catalog):
        log(catalog, 0, "b")
        log(catalog, 1, "b")
        log(catalog, 0, "a", type="model")
        log(catalog, 0, "c", project="other")
        gone = log(catalog, 0, "gone")
        catalog.delete_version(gone.id)
        found = catalog.list_artifacts(project="demo")
        assert [(a.name, a.type, a.version_count) for a in found] == [
            ("a", "model", 1),
            ("b", "dataset", 2),
        ]
        assert found[1].latest is not None
        assert found[1].latest.version == "v1"
        assert [a.name for a in catalog.list_artifacts()] == ["a", "b", "c"]
        assert [a.name for a in catalog.list_artifacts(type_="model")] == ["a"]
        assert catalog.list_artifacts(entity="nobody") == []
        assert catalog.list_projects() == [("local", "demo"), ("local", "other")]

    def test_live_manifests(self, catalog):
        log(catalog, 0, "a")
        log(catalog, 0, "b")
        catalog.delete_version(log(catalog, 1, "a").id)
        assert catalog.live_manifests() == {manifest(0): ["demo/a:v0", "demo/b:v0"]}

    # -- runs and links

    def test_every_column_of_a_run_comes_back(self, catalog):
        first = catalog.create_run("local", "demo", "first", {"name": "first"})
        second = catalog.create_run("local", "other", "second", {"name": "second"})
        texts = ("name", "state", "group", "job_type", "notes", "user", "host", "sweep_id")
        values: dict[str, Any] = {name: f"the {name}" for name in texts}
        objects = ("config", "summary", "tracking", "metadata", "system_metrics", "trial")
        values |= {name: {name: [1]} for name in objects}
        numbers = ("created_at", "finished_at", "heartbeat_at", "deleted_at", "exit_code")
        values |= {name: place for place, name in enumerate(numbers, 100)}
        change = sa.update(schema.runs).where(schema.runs.c.id == second.key)
        catalog._db.write(lambda c: c.execute(change.values(**values, tags=["a", "b"])))
        found = catalog.read_graph(lambda graph: graph.runs([second.key, first.key, 1 << 30]))
        assert list(found) == [first.key, second.key]
        assert found[first.key] == first
        record = found[second.key]
        assert {name: getattr(record, name) for name in values} == values
        assert (record.entity, record.project, record.id) == ("local", "other", "second")
        assert record.tags == ("a", "b")
        assert catalog.read_graph(lambda graph: graph.runs([])) == {}

    def test_a_walk_looks_outputs_up_in_their_own_indexes(self, catalog):
        used = [0, 1, 2, 3]
        runs = [(used, [4]), (used, [5])] * 100
        entered = GraphWriter(catalog).enter(["dataset"] * 6, runs)
        postgres = catalog._db.dialect == "postgresql"

        def plans(connection):
            if postgres:
                connection.exec_driver_sql("ANALYZE links")
                connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            graph = GraphReader(catalog._db, connection)
            asked = []

            def note(_connection, _cursor, statement, parameters, _context, _many):
                asked.append((statement, parameters))

            sa.event.listen(connection, "before_cursor_execute", note)
            graph.outputs_of(entered.runs[:3], internal=False)
            graph.runs_of(entered.versions[4:5], LinkKind.OUTPUT)
            sa.event.remove(connection, "before_cursor_execute", note)
            explain = "EXPLAIN " if postgres else "EXPLAIN QUERY PLAN "
            return [str(connection.exec_driver_sql(explain + s, p).all()) for s, p in asked]

        at_runs, at_versions = catalog._db.write(plans)
        assert "ix_links_output_run_id" in at_runs
        assert "ix_links_output_version_id" in at_versions

    def test_runs(self, catalog):
        run = catalog.create_run("local", "demo", "abc", {"name": "first", "config": {"lr": 0.1}})
        assert (run.id, run.name, run.state, run.config) == ("abc", "first", "running", {"lr": 0.1})
        assert (run.tags, run.summary, run.exit_code, run.finished_at) == ((), {}, None, None)
        with pytest.raises(AlreadyExistsError):
            catalog.create_run("local", "demo", "abc", {"name": "again"})
        catalog.create_run("local", "other", "abc", {"name": "elsewhere"})
        catalog.update_run(run.key, {"summary": {"loss": 1}, "tags": ["t"]})
        catalog.finish_run(run.key, "failed", 3)
        ended = catalog.run("local", "demo", "abc")
        assert (ended.state, ended.exit_code, ended.tags) == ("failed", 3, ("t",))
        assert ended.finished_at is not None
        assert ended.finished_at >= ended.created_at
        assert [r.name for r in catalog.list_runs()] == ["elsewhere", "first"]
        assert [r.name for r in catalog.list_runs(project="demo")] == ["first"]
        with pytest.raises(RunNotFoundError):
            catalog.run("local", "demo", "xyz")

    def test_a_run_that_begins_anew(self, catalog):
        values = {"name": "first", "config": {"lr": 0.1}, "summary": {"loss": 1}, "notes": "old"}
        run = catalog.create_run("local", "demo", "abc", {**values, "metadata": {"os": "x"}})
        catalog.update_run(run.key, {"tracking": {"locks": [["loss"]]}})
        catalog.finish_run(run.key, "failed", 3)
        catalog.restart_run(run.key, {"name": "again", "config": {}, "notes": None})
        again = catalog.run("local", "demo", "abc")
        assert (again.key, again.name, again.state) == (run.key, "again", "running")
        assert (again.config, again.summary, again.notes) == ({}, {}, None)
        assert (again.tracking, again.metadata, again.system_metrics) == (None, None, None)
        assert (again.exit_code, again.finished_at) == (None, None)
        assert again.created_at > run.created_at

    def test_the_state_of_a_run_without_a_sign_of_life(self, catalog, monkeypatch):
        run = catalog.create_run("local", "demo", "abc", {"name": "run"})
        other = catalog.create_run("local", "demo", "other", {"name": "run"})
        catalog.update_run(run.key, {"state": "preempting"})

        def states():
            return [catalog.run("local", "demo", name).state for name in ("abc", "other")]

        assert states() == ["preempting", "running"]
        version = log(catalog, 0, "source")
        catalog.link(run.key, version.id, LinkKind.INPUT)
        with pytest.raises(StateError, match="abc"):
            catalog.delete_version(version.id, delete_aliases=True)
        monkeypatch.setattr("artifacts.store.catalog.runs.CRASHED_AFTER", -(10**7))
        assert states() == ["preempted", "crashed"]
        catalog.finish_run(run.key, "preempted", None)
        catalog.finish_run(other.key, "crashed", None)
        for name in ("abc", "other"):
            ended = catalog.run("local", "demo", name)
            assert ended.finished_at == ended.heartbeat_at
        catalog.resume_run(run.key, {})
        monkeypatch.undo()
        assert states() == ["running", "crashed"]

    def test_links(self, catalog):
        run = catalog.create_run("local", "demo", "abc", {"name": "run"})
        source = log(catalog, 0, "source")
        catalog.link(run.key, source.id, LinkKind.INPUT, ref_text="source:latest", alias="latest")
        result = log(catalog, 1, "result", run=run.key)
        unlinked = log(catalog, 2, "result", run=run.key, output=False)
        for _ in range(2):
            catalog.link(run.key, source.id, LinkKind.INPUT, ref_text="again")
        [link] = catalog.links_of_runs([run.key], LinkKind.INPUT)
        assert (link.run.id, link.version.id, link.ref_text) == ("abc", source.id, "source:latest")
        [made] = catalog.links_of_runs([run.key], LinkKind.OUTPUT)
        assert made.version.id == result.id
        assert catalog.links_of_versions([unlinked.id], LinkKind.OUTPUT) == []
        assert [link.run.id for link in catalog.links_of_versions([source.id], LinkKind.INPUT)] == [
            "abc"
        ]

    def test_alerts(self, catalog):
        run = catalog.create_run("local", "demo", "r1", {"name": "one"}).key
        other = catalog.create_run("local", "demo", "r2", {"name": "two"}).key
        first = AlertRecord("t", "é\n", AlertLevel.WARN, 1_000)
        assert catalog.add_alert(run, first, 60)
        assert catalog.add_alert(run, first, 60)  # an answer was lost: the same one again
        assert not catalog.add_alert(run, replace(first, at=1_059), 60)
        assert catalog.add_alert(run, replace(first, at=1_060, text="later"), 60)
        assert catalog.add_alert(run, replace(first, at=1_061, title="another"), 60)
        assert catalog.add_alert(other, replace(first, at=1_002), 60)
        catalog.suppress_alerts(run, {("t", 1_059): 3, ("nothing", 1_059): 1})
        found = catalog.list_alerts([run, other])
        assert [(a.title, a.text, a.at, a.suppressed) for a in found[run]] == [
            ("t", "é\n", 1_000, 4),
            ("t", "later", 1_060, 0),
            ("another", "é\n", 1_061, 0),
        ]
        assert found[other][0].level is AlertLevel.WARN
        assert catalog.list_alerts([]) == {}

    def test_an_alert_that_comes_late_is_not_suppressed_by_later_ones(self, catalog):
        run = catalog.create_run("local", "demo", "r1", {"name": "one"}).key
        assert catalog.add_alert(run, AlertRecord("t", "", AlertLevel.INFO, 2_000), 60)
        assert catalog.add_alert(run, AlertRecord("t", "", AlertLevel.INFO, 1_990), 60)

    def test_processes_of_one_run_send_one_alert(self, catalog):
        run = catalog.create_run("local", "demo", "r1", {"name": "one"}).key
        answers = []

        def send(number):
            alert = AlertRecord("t", "", AlertLevel.INFO, 1_000 + number)
            answers.append(catalog.add_alert(run, alert, 10**6))

        threads = [threading.Thread(target=send, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = catalog.list_alerts([run])[run]
        # One that is entered before an earlier one does not suppress it.
        assert len(found) == answers.count(True) >= 1
        assert sum(alert.suppressed for alert in found) == answers.count(False)

    def test_a_deleted_run_is_hidden_and_stays_a_node(self, catalog):
        run = catalog.create_run("local", "demo", "r1", {"name": "one"}).key
        model = log(catalog, 1, "model", run=run)
        history = log(catalog, 2, "run-r1-history", type=RUN_HISTORY, run=run)
        catalog.beat(run, {}, [HistoryChunk("s", 0, 1, 0, b"x")])
        with pytest.raises(StateError, match="is running"):
            catalog.delete_run(run)
        catalog.finish_run(run, "finished", 0)
        assert catalog.delete_run(run) == [history.id]
        assert catalog.delete_run(run) == []
        assert catalog.list_runs() == []
        with pytest.raises(RunNotFoundError, match="was deleted"):
            catalog.run("local", "demo", "r1")
        assert catalog.run("local", "demo", "r1", deleted=True).deleted_at is not None
        (edge,) = catalog.links_of_versions([model.id], LinkKind.OUTPUT)
        assert edge.run.id == "r1"
        assert catalog.version(model.id).deleted_at is None
        assert catalog.version(history.id).deleted_at is not None
        assert catalog.history_chunks([run]) == {}
        with pytest.raises(AlreadyExistsError, match="which was deleted"):
            catalog.create_run("local", "demo", "r1", {"name": "again"})

    def test_a_run_is_deleted_with_all_that_goes_with_it_or_not_at_all(self, catalog):
        run = catalog.create_run("local", "demo", "r1", {"name": "one"}).key
        own = log(catalog, 1, "model", run=run, aliases=("prod",))
        shared = log(catalog, 2, "model", run=run)
        other = catalog.create_run("local", "demo", "r2", {"name": "two"}).key
        catalog.link(other, shared.id, LinkKind.OUTPUT)
        catalog.link(other, own.id, LinkKind.INPUT)
        catalog.finish_run(run, "finished", 0)
        with pytest.raises(StateError, match="being used by run r2"):
            catalog.delete_run(run, delete_artifacts=True)
        assert [record.id for record in catalog.list_runs()] == ["r2", "r1"]
        assert catalog.delete_run(run, delete_artifacts=True, force=True) == [own.id]
        assert catalog.version(shared.id).deleted_at is None

    def test_existing_content_is_linked_too(self, catalog):
        version = log(catalog)
        run = catalog.create_run("local", "demo", "abc", {"name": "run"})
        again, created = catalog.commit(draft(run=run.key))
        assert not created
        assert again.id == version.id
        assert len(catalog.links_of_runs([run.key], LinkKind.OUTPUT)) == 1
