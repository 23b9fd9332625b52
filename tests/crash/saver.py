"""Saves files until it is killed, and says after each which one is done; see the test."""

import os
import sys
from pathlib import Path

import artifacts

run = artifacts.init(project="demo", id="r", resume="allow")
first = int(sys.argv[1])
for i in range(first, first + 1000):
    text = str(i) * (i % 7 + 1)
    Path(f"now-{i}.txt").write_text(text, encoding="utf-8")
    run.save(f"now-{i}.txt", policy="now")
    Path(f"now-{i}.txt").write_text("not this", encoding="utf-8")
    Path(run.dir, f"end-{i}.txt").write_text(text, encoding="utf-8")
    Path(f"gone-{i}.txt").write_text(text, encoding="utf-8")
    run.save(f"gone-{i}.txt", policy="live" if i % 2 else "end")
    Path(f"gone-{i}.txt").unlink()
    os.write(1, b"%d\n" % i)
