"""Runs of W&B come over from the folders that W&B keeps of them."""

import base64
import hashlib
import shutil
import struct
import sys
import zlib
from pathlib import Path

import pytest

import artifacts
from artifacts._session import place
from artifacts.importers import wandb, wandb_log
from artifacts.importers.entering import enter
from artifacts.store.errors import (
    ConfigError,
    FormatError,
    IntegrityError,
    StoreNotFoundError,
)
from tests.sdk.helpers import hint_of, maker_of
from tests.support import everything_in

DATA = Path(__file__).parents[1] / "data" / "importers" / "wandb"
CORPUS, MODEL_FILES = b"x,y\n1,2\n", {"config.json": 13, "weights.bin": 1024}


@pytest.fixture
def folder(monkeypatch):
    """What W&B has left on a machine; the folder ``wandb`` of it."""
    shutil.copytree(DATA, "was", dirs_exist_ok=True)
    monkeypatch.setenv("WANDB_DATA_DIR", str(Path("was/data").absolute()))
    monkeypatch.setenv("WANDB_CACHE_DIR", str(Path("was/cache").absolute()))
    return Path("was/wandb")


def bring(folder, **options):
    return enter(wandb.collect(folder), **options)


def log_of(folder, run_id):
    return next(folder.glob(f"*/run-{run_id}.wandb"))


def staged(content):
    return next(path for path in Path("was/data").rglob("tmp*") if path.read_bytes() == content)


def test_a_run_comes_over_whole(folder):
    report = bring(folder)
    assert report.runs == ["demo/prep1", "demo/train1"]
    run = artifacts.Api().run("demo/train1")
    assert (run.name, run.state, run.exit_code) == ("train-a", "finished", 0)
    assert (run.group, run.job_type, run.notes, run.host) == ("g1", "train", "first try", "box")
    assert run.tags == ["base", "gpu"]
    assert dict(run.config) == {"lr": 0.1, "net": {"depth": 3}}
    assert run.summary["best"] == 0.5
    assert run.summary["nested"]["acc"] == 0.4
    assert run.created_at == "2026-11-22T10:41:45Z"
    assert run.metadata["imported_from"] == {"tool": "wandb", "id": "demo/train1"}
    assert [(each.title, each.text) for each in run.alerts] == [("slow", "it is slow")]
    assert [file.name for file in run.files()] == ["requirements.txt"]


def test_its_rows_come_over_in_order_and_exactly(folder):
    bring(folder)
    rows = list(artifacts.Api().run("demo/train1").scan_history())
    assert [row["_step"] for row in rows] == [0, 1, 2, 3, 4, 5]
    assert [row["loss"] for row in rows[:5]] == [1.0, 0.5, 1 / 3, 0.25, 0.2]
    assert rows[5]["loss"] != rows[5]["loss"]  # not a number
    assert rows[5]["text"] == "end"
    assert rows[3]["nested.acc"] == 0.1 * 3


def test_its_artifacts_come_over_with_what_was_said_of_them(folder):
    report = bring(folder)
    assert report.versions == ["demo/corpus:v0", "demo/model:v0"]
    api = artifacts.Api()
    corpus = api.artifact("demo/corpus:prod")
    assert (corpus.type, corpus.description, corpus.tags) == ("dataset", "raw rows", ["golden"])
    assert corpus.aliases == ["latest", "prod"]
    assert corpus.metadata["rows"] == 1
    assert maker_of(corpus).id == "prep1"
    assert corpus.created_at.timestamp() == api.run("demo/prep1").start_time
    assert corpus.open("train.csv", "rb").read() == CORPUS
    assert corpus.get_entry("big.bin").ref == "https://example.com/big.bin"
    model = api.artifact("demo/model:latest")
    assert {file.name: file.size for file in model.files()} == MODEL_FILES
    model.verify(model.download("out"))


def test_importing_twice_changes_nothing(folder):
    bring(folder)
    before = everything_in(place().store)
    report = bring(folder)
    assert (report.versions, report.runs, report.links, report.new_bytes) == ([], [], 0, 0)
    assert (report.existing, report.existing_runs) == (2, 2)
    assert everything_in(place().store) == before


def test_a_run_that_was_renamed_here_is_recognised(folder):
    bring(folder)
    run = artifacts.Api().run("demo/train1")
    run.name = "another name"
    run.update()
    assert bring(folder).runs == []
    assert artifacts.Api().run("demo/train1").name == "another name"


def test_a_run_that_was_deleted_here_stays_deleted(folder):
    bring(folder)
    artifacts.Api().run("demo/train1").delete()
    report = bring(folder)
    assert report.runs == []
    assert [each.what for each in report.left_out] == ["run demo/train1"]
    assert [run.id for run in artifacts.Api().runs("demo")] == ["prep1"]


def test_the_id_of_a_run_of_our_own_is_not_taken(folder):
    with artifacts.init(project="demo", id="train1") as own:
        own.log({"mine": 1})
    assert bring(folder).runs == ["demo/prep1", "demo/train1-2"]
    api = artifacts.Api()
    assert [row["mine"] for row in api.run("demo/train1").scan_history()] == [1]
    assert len(list(api.run("demo/train1-2").scan_history())) == 6
    assert bring(folder).runs == []


def test_a_dry_run_says_the_same_and_enters_nothing(folder):
    before = everything_in(place(project="demo").store)
    tried = bring(folder, dry_run=True)
    assert everything_in(place(project="demo").store) == before
    done = bring(folder)
    assert tried.to_json() == done.to_json() | {"dry_run": True, "bytes": 0}


def test_a_dry_run_makes_no_store(folder, monkeypatch):
    monkeypatch.setenv("ART_STORE", str(Path("nowhere").absolute()))
    assert bring(folder, dry_run=True).runs == ["demo/prep1", "demo/train1"]
    assert not Path("nowhere").exists()


def test_everything_goes_into_the_project_that_is_given(folder):
    report = bring(folder, project="other")
    assert report.versions == ["other/corpus:v0", "other/model:v0"]
    assert artifacts.Api().run("other/train1").config["lr"] == 0.1


def test_one_run_can_be_named(folder):
    report = bring(log_of(folder, "prep1").parent)
    assert report.runs == ["demo/prep1"]


def test_an_alias_of_another_version_stays_unless_asked(folder):
    with artifacts.init(project="demo") as run:
        Path("own.txt").write_text("own")
        run.log_artifact("own.txt", name="corpus", type="dataset", aliases=["prod"])
    report = bring(folder)
    assert report.versions[0] == "demo/corpus:v1"
    assert {text.partition(" ")[0] for text in report.aliases_kept} == {
        "demo/corpus:latest",
        "demo/corpus:prod",
    }
    assert artifacts.Api().artifact("demo/corpus:prod").version == "v0"
    bring(folder, move_aliases=True)
    assert artifacts.Api().artifact("demo/corpus:prod").version == "v1"


def test_another_type_is_refused_before_anything_is_entered(folder):
    with artifacts.init(project="demo") as run:
        Path("own.txt").write_text("own")
        run.log_artifact("own.txt", name="model", type="report")
    before = everything_in(place(project="demo").store)
    with pytest.raises(artifacts.InvalidInputError) as raised:
        bring(folder)
    assert raised.value.kind == "type_mismatch"
    assert everything_in(place(project="demo").store) == before


# -- what is not whole


def test_a_damaged_file_stops_the_import_and_nothing_is_entered(folder):
    staged(CORPUS).write_bytes(b"x,y\n1,3\n")
    before = everything_in(place(project="demo").store)
    with pytest.raises(IntegrityError, match=r"train\.csv of demo/corpus@\w+ is damaged") as raised:
        bring(folder)
    assert raised.value.kind == "source_damaged"
    assert everything_in(place(project="demo").store) == before


def test_a_version_whose_file_is_gone_is_left_out_and_said(folder):
    staged(CORPUS).unlink()
    report = bring(folder)
    assert report.versions == ["demo/model:v0"]
    assert report.runs == ["demo/prep1", "demo/train1"]
    ((what, why),) = report.left_out
    assert what.startswith("version demo/corpus@")
    assert why.startswith("train.csv is neither staged nor in the cache")


def test_a_file_is_found_in_the_cache(folder):
    digits = hashlib.md5(CORPUS).hexdigest()
    cached = Path("was/cache/artifacts/obj/md5", digits[:2], digits[2:])
    cached.parent.mkdir(parents=True)
    shutil.move(staged(CORPUS), cached)
    assert bring(folder).versions[0] == "demo/corpus:v0"


def test_a_log_that_is_cut_off_is_that_of_a_crashed_run(folder):
    log = log_of(folder, "train1")
    whole = log.read_bytes()
    log.write_bytes(whole[: whole.index(b"0.3333333333333333")])
    report = bring(folder)
    run = artifacts.Api().run("demo/train1")
    assert report.left_out == []
    assert (run.state, run.exit_code) == ("crashed", None)
    assert [row["loss"] for row in run.scan_history()] == [1.0, 0.5]


def test_zeros_at_the_end_of_a_log_are_ignored(folder):
    log = log_of(folder, "train1")
    log.write_bytes(log.read_bytes() + bytes(5000))
    bring(folder)
    assert artifacts.Api().run("demo/train1").state == "finished"


def test_a_damaged_log_is_refused(folder):
    log = log_of(folder, "train1")
    data = bytearray(log.read_bytes())
    data[data.index(b"first try")] ^= 1
    log.write_bytes(data)
    with pytest.raises(IntegrityError, match="is damaged") as raised:
        bring(folder)
    assert raised.value.kind == "source_damaged"
    assert list(artifacts.Api().runs("demo")) == []


def test_a_record_may_cross_the_border_of_a_block(folder):
    """A run goes on in a second log, whose one record takes three blocks."""
    record_class = wandb_log._record_class()
    run, row, end = record_class(), record_class(), record_class()
    run.run.run_id, run.run.project = "train1", "demo"
    item = row.history.item.add(nested_key=["note"], value_json='"' + "x" * 80_000 + '"')
    row.history.step.num = 6
    end.exit.exit_code = 3
    log = folder / "offline-run-20261122_120000-train1" / "run-train1.wandb"
    log.parent.mkdir()
    log.write_bytes(framed([run, row, end]))
    bring(folder)
    stored = artifacts.Api().run("demo/train1")
    assert [row["_step"] for row in stored.scan_history()] == [0, 1, 2, 3, 4, 5, 6]
    assert list(stored.scan_history())[6]["note"] == item.value_json.strip('"')
    assert (stored.state, stored.exit_code, stored.name) == ("failed", 3, "train-a")


def framed(records):
    """Return a log of records, each cut where a block ends."""
    data = bytearray(wandb_log.HEADER)
    for record in records:
        rest, first = record.SerializeToString(), True
        while first or rest:
            room = 32768 - len(data) % 32768
            if room < 7:
                data += bytes(room)
                continue
            piece, rest = rest[: room - 7], rest[room - 7 :]
            part = {(True, True): 1, (True, False): 2, (False, False): 3, (False, True): 4}[
                first, not rest
            ]
            checksum = zlib.crc32(piece, zlib.crc32(bytes([part])))
            data += struct.pack("<IHB", checksum, len(piece), part) + piece
            first = False
    return bytes(data)


def test_what_the_server_alone_knows_is_left_out_and_said(folder):
    record_class = wandb_log._record_class()
    run, used, artifact = record_class(), record_class(), record_class()
    run.run.run_id, run.run.project = "online", "demo"
    used.use_artifact.name = "corpus:v3"
    artifact.artifact.type, artifact.artifact.name, artifact.artifact.digest = "a", "linked", "d"
    artifact.artifact.manifest.contents.add(path="x", digest="y", ref="wandb-artifact://1234/x")
    other = record_class()
    other.artifact.type, other.artifact.name, other.artifact.digest = "a", "open", "d"
    other.artifact.manifest.contents.add(
        path="x", digest="y", ref="https://ada:hunter2@example.com/x"
    )
    log = folder / "run-20261122_120000-online" / "run-online.wandb"
    log.parent.mkdir()
    log.write_bytes(framed([run, used, artifact, other]))
    left_out = dict(bring(log.parent).left_out)
    assert "use of corpus:v3 by run demo/online" in left_out
    assert "on the server" in left_out["version demo/linked@d"]
    assert "credentials" in left_out["version demo/open@d"]
    assert "hunter2" not in str(left_out)


def test_secrets_in_what_ran_are_masked(folder):
    files = log_of(folder, "train1").parent / "files"
    (files / "wandb-metadata.json").write_text(
        '{"program": "train.py", "args": ["--token", "hunter2"],'
        ' "git": {"remote": "https://ada:hunter2@example.com/x.git"}}'
    )
    bring(folder)
    run = artifacts.Api().run("demo/train1")
    assert run.metadata["program"] == "train.py"
    assert "hunter2" not in str(run.metadata)
    assert [file.name for file in run.files()] == ["requirements.txt"]


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda _folder: None, StoreNotFoundError),
        (lambda folder: folder.mkdir(), StoreNotFoundError),
        (lambda folder: _write(folder, b"no log"), FormatError),
    ],
    ids=["nothing", "empty", "no log"],
)
def test_what_is_no_run_is_refused(make, error):
    folder = Path("other")
    make(folder)
    with pytest.raises(error):
        wandb.collect(folder)


def _write(folder, data):
    folder.mkdir()
    (folder / "run-x.wandb").write_bytes(data)


def test_protobuf_is_asked_for(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "google.protobuf", None)
    wandb_log._record_class.cache_clear()
    with pytest.raises(ConfigError) as raised:
        wandb.collect(folder)
    assert raised.value.kind == "not_installed"
    assert "artifacts-cas[import]" in hint_of(raised)


def test_a_digest_that_is_none_is_refused(folder):
    record_class = wandb_log._record_class()
    run, artifact = record_class(), record_class()
    run.run.run_id = "odd"
    artifact.artifact.name = "odd"
    artifact.artifact.manifest.contents.add(path="x", digest="not base64!")
    log = folder / "run-20261122_120000-odd" / "run-odd.wandb"
    log.parent.mkdir()
    log.write_bytes(framed([run, artifact]))
    with pytest.raises(artifacts.InvalidInputError, match="not a digest of W&B"):
        wandb.collect(log.parent)


# -- what runs have used


def log_in(folder, run_id, records, project="demo"):
    """Write the log of a run that was online, and return its folder."""
    run = wandb_log._record_class()()
    run.run.run_id, run.run.project = run_id, project
    log = folder / f"run-20261122_120000-{run_id}" / f"run-{run_id}.wandb"
    log.parent.mkdir(parents=True)
    log.write_bytes(framed([run, *records]))
    return log.parent


def use_of(name):
    record = wandb_log._record_class()()
    record.use_artifact.name = name
    return record


def artifact_of(name, digest, client_id="", **files):
    """Return the record of an artifact whose files are staged here."""
    record = wandb_log._record_class()()
    told = record.artifact
    told.type, told.name, told.digest, told.client_id = "dataset", name, digest, client_id
    for path, content in files.items():
        staged_as = Path("staged", f"{name}-{path}").absolute()
        staged_as.parent.mkdir(exist_ok=True)
        staged_as.write_bytes(content)
        checksum = base64.b64encode(hashlib.md5(content).digest()).decode()
        told.manifest.contents.add(path=path, digest=checksum, local_path=str(staged_as))
    return record


MODEL_AS_DOWNLOADED = "model:v7"


@pytest.fixture
def downloaded(folder):
    """What W&B's ``download()`` leaves beside the folder ``wandb``: the files of the model."""
    report = bring(folder, project="aside", dry_run=True)
    assert report.versions == ["aside/corpus:v0", "aside/model:v0"]
    bring(folder, project="aside")
    target = Path("was/artifacts", MODEL_AS_DOWNLOADED)
    artifacts.Api().artifact("aside/model:v0").download(target)
    return target


def inputs_of(run):
    """Return the inputs of a run, as PROJECT/NAME:vN."""
    return [f"{each.project}/{each.name}" for each in artifacts.Api().run(run).used_artifacts()]


def test_an_input_is_known_by_the_files_that_were_downloaded(folder, downloaded):
    log_in(folder, "eval1", [use_of(MODEL_AS_DOWNLOADED)])
    report = bring(folder)
    assert report.left_out == []
    assert inputs_of("demo/eval1") == ["demo/model:v0"]
    assert [run.id for run in artifacts.Api().artifact("demo/model:v0").used_by()] == ["eval1"]
    again = bring(folder)
    assert (again.runs, again.versions, again.links, again.left_out) == ([], [], 0, [])


def test_an_input_may_have_come_with_an_earlier_import(folder, downloaded):
    bring(folder)
    alone = log_in(folder, "eval1", [use_of(MODEL_AS_DOWNLOADED)])
    tried = bring(alone, dry_run=True)
    report = bring(alone)
    assert (tried.links, report.links, report.left_out) == (1, 1, [])
    assert inputs_of("demo/eval1") == ["demo/model:v0"]
    artifacts.Api().artifact("demo/model:v0").delete(delete_aliases=True)
    again = bring(alone)
    assert (again.links, again.left_out) == (0, [])  # an edge leads to a deleted version, too


def test_an_input_is_not_taken_for_a_new_version_that_is_the_first_of_its_import(
    folder, downloaded
):
    bring(log_of(folder, "train1").parent)
    model = artifact_of("model", "d" * 32, new=b"new")
    model.artifact.type = "model"
    report = bring(log_in(folder, "eval1", [model, use_of(MODEL_AS_DOWNLOADED)]))
    assert (report.versions, report.left_out) == (["demo/model:v1"], [])
    assert inputs_of("demo/eval1") == ["demo/model:v0"]


def test_an_input_of_another_project_is_found(folder, downloaded):
    log_in(folder, "eval1", [use_of(MODEL_AS_DOWNLOADED)], project="elsewhere")
    bring(folder)
    assert inputs_of("elsewhere/eval1") == ["demo/model:v0"]


def test_where_downloads_are_can_be_said(folder, downloaded, monkeypatch):
    moved = downloaded.parent.rename("moved")
    monkeypatch.setenv("WANDB_ARTIFACT_DIR", str(moved.absolute()))
    log_in(folder, "eval1", [use_of(MODEL_AS_DOWNLOADED)])
    bring(folder)
    assert inputs_of("demo/eval1") == ["demo/model:v0"]


def test_an_input_whose_files_were_changed_is_left_out_and_said(folder, downloaded):
    (downloaded / "config.json").write_text("{}")
    log_in(folder, "eval1", [use_of(MODEL_AS_DOWNLOADED)])
    ((what, why),) = bring(folder).left_out
    assert what == "use of model:v7 by run demo/eval1"
    assert str(downloaded) in why
    assert inputs_of("demo/eval1") == []


def test_a_draft_that_was_used_is_an_input_and_no_output(folder):
    """W&B logs the draft, then says under which number it is on the server."""
    brought = artifact_of("brought", "d" * 32, a=b"along")
    brought.artifact.use_after_commit = True
    report = bring(log_in(folder, "eval1", [brought, use_of("brought:v0")]))
    assert (report.versions, report.left_out) == (["demo/brought:v0"], [])
    assert inputs_of("demo/eval1") == ["demo/brought:v0"]
    assert artifacts.Api().run("demo/eval1").logged_artifacts() == []
    assert artifacts.Api().artifact("demo/brought:v0").open("a", "rb").read() == b"along"


def test_a_file_of_another_artifact_is_carried_with_its_content(folder):
    """``Artifact.add`` of a table that another artifact holds records where that one has it."""
    first = artifact_of("first", "1" * 32, client_id="abC1", table=b"rows")
    second = artifact_of("second", "2" * 32, client_id="abC2")
    second.artifact.manifest.contents.add(
        path="again", digest="x", ref="wandb-client-artifact://abC1/table"
    )
    log_in(folder, "tables1", [first])
    alone = log_in(folder, "tables2", [second])
    ((what, why),) = bring(alone).left_out
    assert what == f"version demo/second@{'2' * 32}"
    assert why.startswith("again is a file of another artifact")
    report = bring(folder)
    assert report.left_out == []
    assert artifacts.Api().artifact("demo/second:v0").open("again", "rb").read() == b"rows"


def test_a_file_that_another_artifact_does_not_hold_is_said(folder):
    first = artifact_of("first", "1" * 32, client_id="abC1", table=b"rows")
    first.artifact.manifest.contents.add(path="other", ref="wandb-client-artifact://abC1/other")
    why = dict(bring(log_in(folder, "tables1", [first])).left_out)[f"version demo/first@{'1' * 32}"]
    assert why == "other is a file of first, which holds no file other"


def test_files_hashed_with_xxh128_come_over(folder):
    """``Artifact(digest_algorithm="XXH128")`` says so beside each file."""
    record = artifact_of("fast", "1" * 32, a=b"content")
    (entry,) = record.artifact.manifest.contents
    entry.digest = "o2t0Eqj3VdjmX7Wf9oSe6A=="
    entry.extra.add(key="alg", value_json='"XXH128"')
    assert bring(log_in(folder, "fast1", [record])).versions == ["demo/fast:v0"]
    assert artifacts.Api().artifact("demo/fast:v0").open("a", "rb").read() == b"content"
