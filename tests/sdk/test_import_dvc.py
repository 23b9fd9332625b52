"""What a DVC repository tracks comes over, with its history on request."""

import hashlib
import secrets
import shutil
import subprocess
import sys
import tarfile
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

import artifacts
from artifacts._session import place
from artifacts.importers import dvc
from artifacts.importers.entering import enter
from artifacts.store.errors import (
    ConfigError,
    FormatError,
    IntegrityError,
    StoreNotFoundError,
)
from tests import servers
from tests.sdk.helpers import maker_of
from tests.support import everything_in

DATA = Path(__file__).parents[1] / "data" / "importers" / "dvc" / "repository.tar.gz"
FIRST, SECOND = (datetime(2026, 1, day, 10, tzinfo=UTC) for day in (1, 2))
B_CSV = "c655a2e74cae6b7c5a503eb40b5bbb5e"


@pytest.fixture
def repository(monkeypatch):
    """Two commits of data, a model that is made of it, and a tag on the first."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    with tarfile.open(DATA) as archive:
        archive.extractall(filter="data")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "safe.directory")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "*")
    return Path("repo")


def git(*arguments):
    subprocess.run(["git", "-C", "repo", *arguments], check=True, capture_output=True)


def commit(message):
    git("add", "-A")
    git("-c", "user.name=Ada", "-c", "user.email=ada@example.com", "commit", "-qm", message)


def bring(repository, *, history=False, **options):
    with tempfile.TemporaryDirectory() as work:
        collected = dvc.collect(repository, Path(work), history=history)
        return enter(collected, project="demo", **options)


def cached(md5):
    return Path("repo/.dvc/cache/files/md5", md5[:2], md5[2:])


def files_of(name):
    artifact = artifacts.Api().artifact(f"demo/{name}")
    return {file.name: artifact.open(file.name, "rb").read().decode() for file in artifact.files()}


def test_outputs_come_over_as_they_are_now(repository):
    report = bring(repository)
    assert sorted(report.versions) == [
        "demo/classifier:v0",
        "demo/data-raw:v0",
        "demo/lines.txt:v0",
    ]
    assert report.left_out == []
    assert files_of("data-raw:latest") == {"a.csv": "a,1\n", "b.csv": "b,2\nc,3\n"}
    model = artifacts.Api().artifact("demo/classifier:latest")
    assert (model.type, model.description, model.tags) == ("model", "the model", ["demo"])
    assert model.metadata["path"] == "model.txt"
    assert model.created_at == SECOND
    assert files_of("classifier:latest") == {"model.txt": "A,1\nB,2\nC,3\n"}


def test_stages_come_over_as_runs_with_their_edges(repository):
    bring(repository)
    runs = {run.name: run for run in artifacts.Api().runs("demo")}
    train = runs["train"]
    assert (train.state, train.job_type) == ("finished", "dvc stage")
    assert train.start_time == SECOND.timestamp()
    assert dict(train.config) == {"lr": 0.1}
    assert dict(train.summary) == {"rows": 3}
    assert train.metadata["command"] == "python3 train.py"
    assert list(train.metadata["dependencies"]) == ["train.py"]
    assert [each.name for each in train.used_artifacts()] == ["data-raw:v0"]
    assert [each.name for each in train.logged_artifacts()] == ["classifier:v0"]
    # What it depends on is one file of a folder that is tracked.
    assert [each.name for each in runs["count"].used_artifacts()] == ["data-raw:v0"]


def test_history_makes_a_version_of_every_content(repository):
    report = bring(repository, history=True)
    assert report.versions[-2:] == ["demo/data-raw:v1", "demo/classifier:v1"]
    assert len(report.versions) == 5
    assert len(report.runs) == 3  # one stage did not change
    old = artifacts.Api().artifact("demo/classifier:v0")
    assert (old.aliases, old.created_at) == (["rel-1"], FIRST)
    assert files_of("classifier:rel-1") == {"model.txt": "A,1\nB,2\n"}
    assert files_of("classifier:latest") == {"model.txt": "A,1\nB,2\nC,3\n"}
    assert [each.name for each in maker_of(old).used_artifacts()] == ["data-raw:v0"]
    assert dict(maker_of(old).summary) == {"rows": 2}
    # Here it would be the name of the second version.
    refused = [each.what for each in report.left_out]
    assert sorted(what.partition("@")[0] for what in refused) == [
        *("alias v1 of data/raw", "alias v1 of lines.txt", "alias v1 of model.txt"),
    ]


def test_latest_was_what_it_was_at_each_time(repository):
    bring(repository, history=True)
    api = artifacts.Api()
    moves = [
        (move["from"], move["to"], move["at"])
        for move in everything_in(api.store)
        if move["record"] == "alias_event"
        and (move["name"], move["alias"]) == ("classifier", "latest")
    ]
    times = [int(each.timestamp() * 1e6) for each in (FIRST, SECOND)]
    assert moves == [(None, 0, times[0]), (0, 1, times[1])]


def test_importing_twice_changes_nothing(repository):
    bring(repository, history=True)
    before = everything_in(place(project="demo").store)
    for history in (True, False):
        report = bring(repository, history=history)
        assert (report.versions, report.runs, report.links, report.new_bytes) == ([], [], 0, 0)
    assert everything_in(place(project="demo").store) == before


def test_history_can_follow_later(repository):
    bring(repository)
    report = bring(repository, history=True)
    assert sorted(report.versions) == ["demo/classifier:v1", "demo/data-raw:v1"]
    assert files_of("classifier:latest") == {"model.txt": "A,1\nB,2\nC,3\n"}
    assert files_of("classifier:rel-1") == {"model.txt": "A,1\nB,2\n"}
    assert report.renumbered == []


def test_going_back_makes_no_version_and_moves_latest(repository):
    git("checkout", "-q", "rel-1", "--", "data/raw.dvc", "dvc.lock", "metrics.json")
    commit("back")
    report = bring(repository, history=True)
    assert len(report.versions) == 5
    assert files_of("classifier:latest") == {"model.txt": "A,1\nB,2\n"}


def test_what_is_not_committed_comes_over(repository):
    text = Path("repo/data/raw.dvc").read_text()
    first = "c297b8430fa00cfc957246b1760f88ef.dir"
    Path("repo/data/raw.dvc").write_text(
        text.replace("2231d42c5c8a97ca107aa1cc78612ef9.dir", first)
    )
    report = bring(repository)
    data = artifacts.Api().artifact("demo/data-raw:latest")
    assert (data.metadata["md5"], data.metadata["commit"]) == (first, None)
    # The stage has used what is tracked no longer.
    assert [each.what for each in report.left_out] == ["input data/raw of stage train"]


def test_a_dry_run_enters_nothing(repository):
    tried = bring(repository, history=True, dry_run=True)
    assert everything_in(place(project="demo").store) == []
    done = bring(repository, history=True)
    assert tried.to_json() == done.to_json() | {"dry_run": True, "bytes": 0}


def test_a_damaged_object_stops_the_import_and_nothing_is_entered(repository):
    cached(B_CSV).chmod(0o600)
    cached(B_CSV).write_bytes(b"b,2\nc,4\n")
    with pytest.raises(IntegrityError, match=r"b\.csv of data/raw@\w+ is damaged") as raised:
        bring(repository)
    assert raised.value.kind == "source_damaged"
    assert everything_in(place(project="demo").store) == []


def test_a_damaged_list_of_files_is_refused(repository):
    listing = cached("2231d42c5c8a97ca107aa1cc78612ef9.dir")
    listing.chmod(0o600)
    listing.write_bytes(listing.read_bytes().replace(b"a.csv", b"z.csv"))
    with pytest.raises(IntegrityError, match="the list of files of data/raw"):
        bring(repository)


def test_what_was_not_fetched_is_left_out_with_its_edges(repository):
    cached(B_CSV).unlink()
    report = bring(repository)
    assert sorted(report.versions) == ["demo/classifier:v0", "demo/lines.txt:v0"]
    left_out = dict(report.left_out)
    assert "dvc fetch" in left_out["version data/raw@2231d42c5c8a97ca107aa1cc78612ef9"]
    assert "input data/raw of stage train" in left_out
    assert maker_of(artifacts.Api().artifact("demo/classifier:v0")).used_artifacts() == []


def test_objects_are_found_where_the_configuration_says(repository):
    Path("repo/.dvc/cache").rename("elsewhere")
    Path("repo/.dvc/config").write_text("[cache]\n    dir = ../../elsewhere\n")
    assert len(bring(repository).versions) == 3


def test_objects_are_found_in_a_remote_that_is_a_folder(repository):
    Path("repo/.dvc/cache").rename("remote")
    Path("repo/.dvc/config").write_text("['remote \"backup\"']\n    url = ../../remote\n")
    assert len(bring(repository).versions) == 3


def in_bucket(endpoint, *, as_dvc_2=False):
    """Move the cache into a bucket, as ``dvc push`` does, and name it in the configuration.

    Returns:
        The keys of the objects.
    """
    client, cache = servers.s3_client(endpoint), Path("repo/.dvc/cache")
    prefix = f"dvc-{secrets.token_hex(8)}/a b"
    keys = []
    for path in sorted(each for each in cache.rglob("*") if each.is_file()):
        key = path.relative_to(cache).as_posix()
        key = f"{prefix}/{key.removeprefix('files/md5/') if as_dvc_2 else key}"
        client.put_object(Bucket=servers.BUCKET, Key=key, Body=path.read_bytes())
        keys.append(key)
    shutil.rmtree(cache)
    remote(f"s3://{servers.BUCKET}/{prefix}", endpointurl=endpoint, region="us-east-1")
    return keys


def remote(url, **options):
    told = "".join(f"    {name} = {value}\n" for name, value in options.items())
    Path("repo/.dvc/config").write_text(f"['remote \"store\"']\n    url = {url}\n{told}")


@pytest.mark.parametrize("as_dvc_2", [False, True], ids=["dvc 3", "dvc 2"])
@pytest.mark.usefixtures("s3_credentials")
def test_objects_are_found_in_a_remote_in_s3(repository, s3_server, as_dvc_2):
    in_bucket(s3_server.endpoint, as_dvc_2=as_dvc_2)
    tried = bring(repository, history=True, dry_run=True)
    report = bring(repository, history=True)
    assert sorted(report.versions) == sorted(tried.versions)
    assert sorted(report.versions) == [
        *("demo/classifier:v0", "demo/classifier:v1", "demo/data-raw:v0", "demo/data-raw:v1"),
        "demo/lines.txt:v0",
    ]
    assert not [each for each in report.left_out if each.what.startswith(("version", "remote"))]
    assert files_of("data-raw:latest")["b.csv"].count("\n") > 1
    again = bring(repository, history=True)
    assert (again.versions, again.runs, again.links, again.new_bytes) == ([], [], 0, 0)
    assert not Path("repo/.dvc/cache").exists()


@pytest.mark.usefixtures("s3_credentials")
def test_an_object_that_is_damaged_in_s3_stops_the_import(repository, s3_server):
    keys = in_bucket(s3_server.endpoint)
    (key,) = [key for key in keys if key.replace("/", "").endswith(B_CSV)]
    client = servers.s3_client(s3_server.endpoint)
    client.put_object(Bucket=servers.BUCKET, Key=key, Body=b"other")
    before = everything_in(place(project="demo").store)
    with pytest.raises(IntegrityError) as raised:
        bring(repository)
    assert raised.value.kind == "source_damaged"
    assert everything_in(place().store) == before


@pytest.mark.usefixtures("s3_credentials")
def test_what_was_not_pushed_to_s3_is_left_out_and_said(repository, s3_server):
    keys = in_bucket(s3_server.endpoint)
    (key,) = [key for key in keys if key.replace("/", "").endswith(B_CSV)]
    servers.s3_client(s3_server.endpoint).delete_object(Bucket=servers.BUCKET, Key=key)
    left_out = dict(bring(repository).left_out)
    (missing,) = [what for what in left_out if what.startswith("version")]
    assert missing.startswith("version data/raw@")
    assert "remote store" not in left_out  # it was read


def test_a_remote_in_s3_that_refuses_is_said_and_the_rest_comes(
    repository, s3_server, s3_credentials, monkeypatch
):
    in_bucket(s3_server.endpoint)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    report = bring(repository)
    # These are in the working folder.
    assert sorted(report.versions) == ["demo/classifier:v0", "demo/lines.txt:v0"]
    why = dict(report.left_out)["remote store"]
    assert why.startswith(f"s3://{servers.BUCKET}/dvc-")
    assert "cannot be read" in why
    assert "dvc fetch" in why
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", servers.ADMIN[1])
    later = bring(repository)
    assert (later.versions, later.links) == (["demo/data-raw:v0"], 2)  # two stages use it


@pytest.mark.parametrize(
    ("url", "options", "reason"),
    [
        ("gs://bucket/dvc", {}, "remotes of gs:// are not read"),
        ("ssh://ada:hunter2@box/dvc", {}, "remotes of ssh:// are not read"),
        ("s3://ada:hunter2@bucket/dvc", {}, "credentials do not belong"),
        ("s3://bucket/dvc", {"version_aware": "true"}, "by their paths"),
        ("s3://bucket/../dvc", {}, "cannot be read"),
    ],
)
def test_remotes_that_are_not_read_are_said_if_something_is_missing(
    repository, url, options, reason
):
    remote(url, **options)
    assert bring(repository).left_out == []
    shutil.rmtree("repo/.dvc/cache")
    left_out = dict(bring(repository).left_out)
    assert reason in left_out["remote store"]
    assert "dvc fetch" in left_out["remote store"]
    assert "hunter2" not in str(left_out)


def test_files_of_dvc_2_are_checked_with_their_line_ends_in_mind(repository):
    """DVC 2 took the MD5 of a text as if it had Unix line ends, and named no kind of it."""
    md5 = hashlib.md5(b"one\ntwo\n").hexdigest()
    old = Path("repo/.dvc/cache", md5[:2], md5[2:])
    old.parent.mkdir(parents=True, exist_ok=True)
    old.write_bytes(b"one\r\ntwo\r\n")
    Path("repo/old.txt.dvc").write_text(f"outs:\n- md5: {md5}\n  path: old.txt\n")
    bring(repository)
    assert files_of("old.txt:latest") == {"old.txt": "one\r\ntwo\r\n"}
    Path("repo/old.txt.dvc").write_text(f"outs:\n- md5: {md5}\n  hash: md5\n  path: old.txt\n")
    with pytest.raises(IntegrityError):
        bring(repository)


@pytest.mark.parametrize(
    ("out", "why"),
    [
        ("{md5: ../../../../etc/passwd, hash: md5, path: odd}", "DVC has recorded no MD5 of it"),
        ("{etag: abc, path: odd}", "DVC has recorded no MD5 of it"),
        (f"{{md5: {B_CSV}, hash: md5, path: ../../odd}}", "it is outside of the repository"),
        (f"{{md5: {B_CSV}, hash: md5, path: s3://bucket/odd}}", "it is outside of the repository"),
    ],
)
def test_what_has_no_content_here_is_left_out_and_said(repository, out, why):
    Path("repo/odd.dvc").write_text(f"outs: [{out}]\n")
    report = bring(repository)
    assert len(report.versions) == 3
    assert [each.why for each in report.left_out] == [why]


def test_similar_paths_are_different_artifacts(repository):
    for path in ("x-y.txt", "x/y.txt"):
        file = Path("repo", path + ".dvc")
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"outs:\n- {{md5: {B_CSV}, hash: md5, path: {file.stem}}}\n")
    names = {ref for ref in bring(repository).versions if "y.txt" in ref}
    assert len(names) == 2


@pytest.mark.parametrize("text", ["outs: [unclosed", "outs: 3\n", "- a list\n"])
def test_a_file_that_is_none_of_dvc_is_refused(repository, text):
    Path("repo/odd.dvc").write_text(text)
    with pytest.raises(FormatError, match=r"odd\.dvc is not"):
        bring(repository)
    assert everything_in(place(project="demo").store) == []


def test_what_is_no_repository_is_refused():
    for folder in ("nothing", "plain"):
        with pytest.raises(StoreNotFoundError, match="no DVC repository"):
            dvc.collect(Path(folder), Path("work"))
        Path("plain").mkdir(exist_ok=True)
    Path("plain/.dvc").mkdir()
    with pytest.raises(StoreNotFoundError, match="not in a Git repository"):
        dvc.collect(Path("plain"), Path("work"))


def test_yaml_is_asked_for(repository, monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(ConfigError) as raised:
        bring(repository)
    assert raised.value.kind == "not_installed"
