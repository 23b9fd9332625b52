"""A store against a model of plain dictionaries."""

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from artifacts.store.checkout import checkout
from artifacts.store.digests import hash_bytes
from artifacts.store.errors import InvalidInputError, RefNotFoundError, StateError
from artifacts.store.manifest import Entry, Manifest
from artifacts.store.records import LinkKind
from artifacts.store.refs import LATEST
from artifacts.store.store import Store
from tests import invariants
from tests.support import ENTITY, PROJECT, draft_of, read_tree, resolve

CONTENTS = (b"", b"small", b"other", b"text " * 2000, bytes(300_000), b"x" * 300_000)
PATHS = ("a", "b/c", "b/d", "e/f/g", "a-b")
NAMES = ("corpus", "model")
ALIASES = ("prod", "best", "old")

FILES = st.dictionaries(st.sampled_from(PATHS), st.sampled_from(CONTENTS), max_size=4)


@dataclass
class Version:
    files: dict[str, bytes]
    logged: int
    deleted: bool = False
    used_by: set[str] = field(default_factory=set)


@dataclass
class Artifact:
    versions: list[Version] = field(default_factory=list)
    aliases: dict[str, int] = field(default_factory=dict)

    @property
    def live(self):
        return [number for number, version in enumerate(self.versions) if not version.deleted]


class StoreMachine(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.store = Store.create(self.folder / "store", cache_dir=self.folder / "cache")
        self.model = {name: Artifact() for name in NAMES}
        self.clock = 0
        self.runs = 0

    def teardown(self):
        try:
            invariants.assert_consistent(self.store)
            invariants.assert_nothing_left(self.store)
            for name, artifact in self.model.items():
                for number in artifact.live:
                    record = resolve(self.store, f"{name}:v{number}")
                    invariants.assert_pulls(self.store, record, artifact.versions[number].files)
        finally:
            self.store.close()
            shutil.rmtree(self.folder)

    # -- helpers

    def commit(self, name, files, aliases=(), *, latest=True, run=None):
        upload = self.store.upload()
        entries = []
        for path, data in files.items():
            digest = hash_bytes(data)
            upload.add(data, digest)
            entries.append(Entry(path, digest, len(data)))
        manifest = Manifest(entries)
        draft = draft_of(manifest, name, aliases=tuple(aliases), latest=latest, run=run)
        return self.store.commit(draft, upload, manifest)

    def logged(self, name, files, aliases, *, latest):
        """Change the model; return the number that the version must have."""
        artifact = self.model[name]
        self.clock += 1
        for number in reversed(artifact.live):
            if artifact.versions[number].files == files:
                artifact.versions[number].logged = self.clock
                break
        else:
            number = len(artifact.versions)
            artifact.versions.append(Version(dict(files), self.clock))
        artifact.aliases.update(dict.fromkeys(aliases, number))
        if latest:
            artifact.aliases[LATEST] = number
        return number

    def pick(self, data, *, live=True):
        """Choose a version that is there (or one that is deleted)."""
        known = [
            (name, number)
            for name, artifact in self.model.items()
            for number, version in enumerate(artifact.versions)
            if version.deleted != live
        ]
        return data.draw(st.sampled_from(known)) if known else None

    def some_live(self):
        return any(artifact.live for artifact in self.model.values())

    # -- what happens

    @initialize()
    def first(self):
        self.log("corpus", {"a": b"small"}, frozenset(), latest=True)

    @rule(
        name=st.sampled_from(NAMES),
        files=FILES,
        aliases=st.frozensets(st.sampled_from(ALIASES), max_size=2),
        latest=st.booleans(),
    )
    def log(self, name, files, aliases, latest):
        # The first version of an artifact is always its latest: otherwise there is none.
        latest = latest or LATEST not in self.model[name].aliases
        before = len(self.model[name].versions)
        number = self.logged(name, files, aliases, latest=latest)
        record, created = self.commit(name, files, aliases, latest=latest)
        assert (record.number, created) == (number, number == before)
        assert record.file_count == len(files)
        assert record.size == sum(map(len, files.values()))

    @rule(name=st.sampled_from(NAMES), files=FILES)
    def log_as_another_type(self, name, files):
        if not self.model[name].versions:
            return
        upload = self.store.upload()
        manifest = Manifest([])
        with pytest.raises(InvalidInputError):
            self.store.commit(draft_of(manifest, name, type_="other"), upload, manifest)
        upload.abandon()

    @precondition(some_live)
    @rule(data=st.data(), alias=st.sampled_from((*ALIASES, LATEST)))
    def set_alias(self, data, alias):
        name, number = self.pick(data)
        self.store.catalog.set_alias(resolve(self.store, f"{name}:v{number}").id, alias)
        self.model[name].aliases[alias] = number

    @precondition(some_live)
    @rule(data=st.data(), alias=st.sampled_from(ALIASES))
    def remove_alias(self, data, alias):
        name, number = self.pick(data)
        record = resolve(self.store, f"{name}:v{number}")
        had = self.model[name].aliases.get(alias) == number
        assert self.store.catalog.remove_alias(record.id, alias) == had
        if had:
            del self.model[name].aliases[alias]

    @precondition(some_live)
    @rule(data=st.data(), files=FILES)
    def use_and_log(self, data, files):
        name, number = self.pick(data)
        self.runs += 1
        run = self.store.catalog.create_run(ENTITY, PROJECT, f"r{self.runs}", {"name": "r"})
        record = resolve(self.store, f"{name}:v{number}")
        self.store.catalog.link(run.key, record.id, LinkKind.INPUT)
        self.model[name].versions[number].used_by.add(run.id)
        made = self.logged("model", files, (), latest=True)
        record, _ = self.commit("model", files, run=run.key)
        assert record.number == made
        outputs = self.store.catalog.links_of_runs([run.key], LinkKind.OUTPUT)
        assert [link.version.number for link in outputs] == [made]

    @precondition(some_live)
    @rule(data=st.data(), path=st.sampled_from(PATHS))
    def remove_file(self, data, path):
        name, number = self.pick(data)
        files = dict(self.model[name].versions[number].files)
        if files.pop(path, None) is None:
            return
        upload = self.store.upload()
        record = resolve(self.store, f"{name}:v{number}")
        kept = Manifest(e for e in self.store.manifest(record.digest) if e.path != path)
        made = self.logged(name, files, (), latest=True)
        again, _ = self.store.commit(draft_of(kept, name), upload, kept)
        assert again.number == made

    @precondition(some_live)
    @rule(data=st.data(), force=st.booleans())
    def delete(self, data, force):
        name, number = self.pick(data)
        artifact = self.model[name]
        record = resolve(self.store, f"{name}:v{number}")
        held = {alias for alias, holder in artifact.aliases.items() if holder == number}
        if held - {LATEST} and not force:
            with pytest.raises(StateError):
                self.store.catalog.delete_version(record.id)
            return
        self.store.catalog.delete_version(record.id, delete_aliases=force)
        artifact.versions[number].deleted = True
        for alias in held:
            del artifact.aliases[alias]
        if LATEST in held and artifact.live:
            artifact.aliases[LATEST] = max(
                artifact.live, key=lambda n: artifact.versions[n].logged
            )

    @rule(data=st.data())
    def look_for_a_deleted_version(self, data):
        found = self.pick(data, live=False)
        if found is not None:
            with pytest.raises(RefNotFoundError):
                resolve(self.store, f"{found[0]}:v{found[1]}")

    @precondition(some_live)
    @rule(data=st.data(), extra=st.booleans())
    def pull_over_what_is_there(self, data, extra):
        name, number = self.pick(data)
        record = resolve(self.store, f"{name}:v{number}")
        out = self.folder / "out"
        checkout(self.store, self.store.manifest(record.digest), str(out), remove_extra=not extra)
        found = read_tree(out)
        expected = self.model[name].versions[number].files
        assert {path: found.get(path) for path in expected} == expected
        if not extra:
            assert found == expected

    @rule(data=st.data(), content=st.sampled_from(CONTENTS))
    def somebody_changes_a_pulled_file(self, data, content):
        found = sorted(read_tree(self.folder / "out"))
        if found:
            (self.folder / "out" / data.draw(st.sampled_from(found))).write_bytes(content)

    @rule()
    def abandon_an_upload(self):
        upload = self.store.upload()
        upload.add(b"abandoned", hash_bytes(b"abandoned"))
        upload.add(b"y" * 300_000, hash_bytes(b"y" * 300_000))
        upload.finish()
        upload.abandon()

    @rule()
    def reopen(self):
        self.store.close()
        self.store = Store.open(self.folder / "store", cache_dir=self.folder / "cache")

    # -- what always holds

    @invariant()
    def versions_are_those_of_the_model(self):
        for name, artifact in self.model.items():
            records = self.store.catalog.list_versions(ENTITY, PROJECT, name, deleted=True)
            assert [r.number for r in reversed(records)] == list(range(len(artifact.versions)))
            for record in records:
                version = artifact.versions[record.number]
                held = {a for a, holder in artifact.aliases.items() if holder == record.number}
                assert (record.deleted_at is not None) == version.deleted
                assert set(record.aliases) == held
                links = self.store.catalog.links_of_versions([record.id], LinkKind.INPUT)
                assert {link.run.id for link in links} == version.used_by


TestStoreMachine = StoreMachine.TestCase
TestStoreMachine.settings = settings(
    settings.default, max_examples=max(8, settings.default.max_examples // 5)
)
