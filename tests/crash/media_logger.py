"""Logs media until it is killed, and says after each row that it is done; see its test."""

import os

import artifacts

run = artifacts.init(project="demo", id="r", resume="allow")
while True:
    i = run.step
    # Every third file is one that was logged before.
    page = artifacts.Html(f"<p>{i - i % 3}</p>" * 200, inject=False)
    run.log({"i": i, "page": page, "both": [page, artifacts.Html(f"{i}", inject=False)]})
    os.write(1, b"%d\n" % run.step)
