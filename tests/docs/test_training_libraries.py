"""The table of training libraries names the versions with which `make test-clients` runs them."""

import re
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
PAGE = CHECKOUT / "docs" / "guides" / "training-libraries.md"
PINS = CHECKOUT / "tests" / "clients" / "requirements.txt"


def test_versions():
    pinned = dict(re.findall(r"^([\w-]+)==(\S+)$", PINS.read_text(encoding="utf-8"), re.MULTILINE))
    pinned["xgboost"] = pinned.pop("xgboost-cpu")
    table = PAGE.read_text(encoding="utf-8").split("| Client |")[1].split("\n\n")[0]
    told = [
        pair
        for line in table.splitlines()[2:]
        for pair in re.findall(r"([\w-]+) (\d+\.\d+\.\d+)", line.split(" | ")[1])
    ]
    assert len(told) >= 14
    assert told == [(name, pinned[name.lower()]) for name, _ in told]
