"""The example does what the quickstart page shows, and leaves nothing outside its directory."""

import os
import re
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
SCRIPT = CHECKOUT / "examples" / "quickstart.py"
PAGE = CHECKOUT / "docs" / "quickstart.md"


def run_script(folder: Path) -> str:
    environment = {name: text for name, text in os.environ.items() if not name.startswith("ART_")}
    return subprocess.run(
        [sys.executable, SCRIPT], cwd=folder, env=environment, check=True, text=True,
        stdout=subprocess.PIPE,
    ).stdout  # fmt: skip


def without_names(text: str) -> str:
    """Return an output without what is different each time: the names of runs."""
    return re.sub(r"run [a-z]+-[a-z]+-\d+", "run <name>", text).strip()


def versions(text: str) -> list[str]:
    return re.findall(r"[\w-]+:v\d+", text)


def test_the_script(tmp_path):
    printed = run_script(tmp_path)
    [shown] = re.findall(r"```text\n(1\. .*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert without_names(printed) == without_names(shown)

    made = {path.name for path in tmp_path.iterdir()}
    assert made == {".artifacts", "clean", "pulled", "raw"}
    assert [path for path in Path.home().rglob("*") if path.is_file()] == []

    # Again in the same directory it makes no new versions.
    assert set(versions(run_script(tmp_path))) == set(versions(printed))
