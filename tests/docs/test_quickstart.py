"""The examples do what their pages show, and leave nothing outside their directory."""

import getpass
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import sessions

CHECKOUT = sessions.CHECKOUT
SCRIPT = CHECKOUT / "examples" / "quickstart.py"
PAGE = CHECKOUT / "docs" / "quickstart.md"


def run_script(folder: Path, *, status: int = 0) -> str:
    """Run the quickstart in a folder; return what it prints."""
    environment = {name: text for name, text in os.environ.items() if not name.startswith("ART_")}
    done = subprocess.run(
        [sys.executable, SCRIPT], cwd=folder, env=environment, check=False, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode == status, done.stdout
    return done.stdout


def without_names(text: str) -> str:
    """Return an output without what is different each time: names of runs, times, the user."""
    text = text.replace(f"{getpass.getuser()}@{socket.gethostname()}", "you@host")
    return sessions.normal(re.sub(r"\b[a-z]+-[a-z]+-\d+ \(", "<name> (", text)).strip()


@pytest.mark.long  # `make check` runs it with the installed package
def test_the_script(tmp_path):
    printed = run_script(tmp_path)
    [shown] = re.findall(r"```text\n(1\. .*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert without_names(printed).splitlines() == without_names(shown).splitlines()

    made = {path.name for path in tmp_path.iterdir()}
    assert made == {".artifacts", "clean", "history", "pulled", "raw"}
    assert [path for path in Path.home().rglob("*") if path.is_file()] == []

    # Its runs have ids, so it is for an empty directory, and says so.
    assert "run this in an empty one" in run_script(tmp_path, status=1)
