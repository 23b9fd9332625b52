"""`art diff --rows` shows which rows of a table changed, and media by their contents."""

import artifacts


def logged(rows):
    draft = artifacts.Artifact("data", type="dataset")
    draft.add(artifacts.Table(columns=["id", "page", "score"], data=rows), "table")
    with artifacts.init(project="demo") as run:
        run.log_artifact(draft).wait()


def test_rows_with_media(art):
    page = artifacts.Html("<p>one</p>")
    logged([[1, page, 0.5], [2, page, 1]])
    logged([[2, page, 1.0], [1, artifacts.Html("<p>two</p>"), 0.5]])
    lines = art("--project", "demo", "diff", "data:v0", "data:v1", "--rows", "--key", "id").lines
    [changed] = [line.strip() for line in lines if "id=" in line]
    assert "    rows: 0 added, 0 removed, 1 changed, 1 unchanged" in lines
    old, new = (
        artifacts.Api(project="demo").artifact(f"data:{name}").get("table").get_column("page")
        for name in ("v0", "v1")
    )
    digests = [cells[place]["digest"][7:15] for cells, place in ((old, 0), (new, 1))]
    assert changed == (
        f"M id=1, score=0.5, page: <html-file {digests[0]}> → <html-file {digests[1]}>"
    )


def test_rows_as_json(art):
    logged([[1, artifacts.Html("<p>one</p>"), 0.5]])
    logged([[1, artifacts.Html("<p>one</p>"), float("nan")]])
    found = art("--project", "demo", "--json", "diff", "data:v0", "data:v1", "--rows").json
    rows = found["rows"]["table.table.parquet"]
    [example] = [each["before"] for each in rows["examples"] if each["before"]]
    assert example["page"]["_type"] == "html-file"
