"""`art ls` with conditions: which versions there are, by what they say of themselves."""

import pytest

import artifacts


@pytest.fixture
def models(prepared, young):
    """demo/model:v0 to v2 and demo/corpus:v0, with metadata, tags and aliases."""

    def make_models():
        for number, acc in enumerate([0.91, 0.85, None]):
            model = artifacts.Artifact("model", "model", store=".artifacts", project="demo")
            with model.new_file("weights") as file:
                file.write(str(number) * 10 ** (number + 1))
            model.metadata = {} if acc is None else {"acc": acc, "by": {"hand": True}}
            model.tags = ["golden"] if number == 1 else []
            model.aliases = ["prod"] if number == 0 else []
            model.save()
        corpus = artifacts.Artifact("corpus", "dataset", store=".artifacts", project="demo")
        corpus.metadata = {"acc": "high"}
        corpus.save()

    prepared(make_models)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--where", "metadata.acc > 0.9"], ["demo/model:v0"]),
        (["--where", "metadata.acc > 0.8", "--sort", "metadata.acc"], ["model:v1", "model:v0"]),
        (["--where", "metadata.acc > 0.8", "--where", "not tags = golden"], ["model:v0"]),
        (["--where", "has metadata.acc and type = dataset"], ["corpus:v0"]),
        (["--where", "metadata.by.hand = true or name ~ '^cor'"], ["corpus:v0", "v1", "v0"]),
        (["--where", "version in (v0, v2) and size >= 1kB"], ["model:v2"]),
        (["--where", "created_at > 1d ago", "--limit", "1"], ["corpus:v0"]),
        (["--tag", "golden"], ["model:v1"]),
        (["--alias", "prod"], ["model:v0"]),
        (["--type", "model", "--sort", "created"], ["model:v0", "model:v1", "model:v2"]),
        (["--sort", "-metadata.acc"], ["model:v0", "model:v1", "corpus:v0", "model:v2"]),
        (["model", "--sort", "size"], ["model:v0", "model:v1", "model:v2"]),
        (["demo/", "--where", "metadata.acc = high"], ["corpus:v0"]),
        (["--where", "name = nothing"], []),
    ],
    ids=" ".join,
)
def test_which_versions_are_listed(art, models, options, expected):
    if not options[0].startswith("demo/"):
        art("config", "set", "project", "demo", "--project")
    found = art("-q", "ls", *options).lines
    assert len(found) == len(expected)
    assert all(one.endswith(end) for one, end in zip(found, expected, strict=True))


def test_the_table(art, models):
    art("config", "set", "project", "demo", "--project")
    assert art("ls", "--where", "has metadata.acc", "--sort", "name").shown == (
        "NAME    VERSION  TYPE     ALIASES  TAGS     SIZE  AGE\n"
        "corpus  v0       dataset  latest             0 B  now\n"
        "model   v0       model    prod              10 B  now\n"
        "model   v1       model             golden  100 B  now\n"
    )


def test_columns(art, models):
    art("config", "set", "project", "demo", "--project")
    assert art("ls", "model", "--columns", "version,metadata.acc,file_count,state").shown == (
        "VERSION  metadata.acc  FILES  STATE\n"
        "v2                         1  COMMITTED\n"
        "v1               0.85      1  COMMITTED\n"
        "v0               0.91      1  COMMITTED\n"
    )
    shown = art("--json", "ls", "--tag", "golden", "--columns", "version,metadata.acc").json
    assert shown == {"versions": [{"ref": "demo/model:v1", "version": "v1", "metadata.acc": 0.85}]}


def test_json_has_whole_versions(art, models):
    found = art("--json", "ls", "demo/", "--where", "metadata.acc > 0.9").json["versions"]
    assert [(each["ref"], each["metadata"]["acc"]) for each in found] == [("demo/model:v0", 0.91)]


def test_nothing_passes(art, models):
    result = art("ls", "demo/", "--where", "size > 1GB")
    assert (result.out, result.err) == ("", "no such versions\n")


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("metadata.acc >", "column 15 of 'metadata.acc >': a value was expected"),
        ("metadata.acc >> 1", "column 15 of 'metadata.acc >> 1': a value was expected"),
        ("metdata.acc > 1", "column 1 of 'metdata.acc > 1': there is no field 'metdata'"),
        ("size > huge", "column 8 of 'size > huge': 'huge' is not a number"),
        ("created_at < soon", "column 14 of 'created_at < soon': 'soon' is not a time"),
        ("(name = a", "column 10 of '(name = a': ')' was expected"),
        ("name = a b", "column 10 of 'name = a b': 'and' or 'or' was expected, and not 'b'"),
        ("name = 'a", 'column 8 of "name = \'a": this quote is not closed'),
        ("name in a", "column 9 of 'name in a': '(' was expected, and not 'a'"),
        ("name in (a", "column 11 of 'name in (a': ',' or ')' was expected"),
        ("name", "column 5 of 'name': one of = != > >= < <= ~ in contains was expected"),
        ("name ~ '('", "is no pattern"),
        ("tags > a", "column 1 of 'tags > a'.tags: there is no operator '$gt'"),
        ("", "column 1 of '': a field was expected"),
        ("not " * 50 + "name = a", "this is nested too deep"),
    ],
)
def test_a_mistake_is_shown_where_it_is(art, models, where, message):
    result = art("ls", "demo/", "--where", where, code=2)
    assert message in result.err
    assert result.out == ""


def test_other_mistakes(art, models):
    assert "there is no field 'nope'" in art("ls", "demo/", "--sort", "nope", code=2).err
    assert "there is no field 'nope'" in art("ls", "demo/", "--columns", "nope", code=2).err
    assert "there is no project 'dmeo'" in art("ls", "dmeo/", "--tag", "x", code=11).err
    assert "does not contain" in art("ls", "demo/nothing", "--tag", "x", code=11).err
    assert "--all lists artifacts" in art("ls", "model", "--all", "--tag", "x", code=2).err
