"""Logs rows until it is killed, and says after each which one is done; see `test_run_crash.py`."""

import os
import sys

import artifacts

run = artifacts.init(project="demo", id="r", resume="allow")
for i in range(int(sys.argv[1])):
    run.log({"i": i, "text": "x" * (i % 50), "loss": i / 7})
    os.write(1, b"%d\n" % run.step)
