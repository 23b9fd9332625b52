"""The gallery brings back one of each kind, and prints what its page shows."""

import os
import re
import subprocess
import sys
from pathlib import Path

from scripts import sessions

SCRIPT = sessions.CHECKOUT / "examples" / "gallery.py"
PAGE = sessions.CHECKOUT / "docs" / "guides" / "media.md"


def run_script(folder: Path, *, status: int = 0) -> str:
    """Run the gallery in a folder; return what it prints."""
    environment = {name: text for name, text in os.environ.items() if not name.startswith("ART_")}
    done = subprocess.run(
        [sys.executable, SCRIPT], cwd=folder, env=environment, check=False, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode == status, done.stdout
    return done.stdout


def test_the_script(tmp_path):
    printed = run_script(tmp_path)
    [shown] = re.findall(r"```text\n(1\. .*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert sessions.normal(printed).splitlines() == sessions.normal(shown).splitlines()
    assert {path.name for path in tmp_path.iterdir()} == {".artifacts", "charts", "pulled"}

    # Its run has an id, so it is for an empty directory, and says so.
    assert "run this in an empty one" in run_script(tmp_path, status=1)
