"""The code in README and docs runs, and prints what the pages say."""

from pathlib import Path

import pytest

from scripts import sessions


def name_of(page: Path) -> str:
    return page.relative_to(sessions.CHECKOUT).as_posix()


@pytest.mark.parametrize("page", sessions.PAGES, ids=name_of)
def test_every_block_is_of_a_known_kind_or_says_why_it_is_not_run(page):
    unknown = [
        f"line {block.line}: {block.kind!r}"
        for block in sessions.blocks(page.read_text(encoding="utf-8"))
        if block.kind not in sessions.RUN | sessions.SHOWN
    ]
    assert unknown == []


@pytest.mark.parametrize("page", sessions.with_code(), ids=name_of)
def test_code_of_page(page):
    recorded = sessions.record(page)
    shown = page.read_text(encoding="utf-8")
    # If only wording has changed: make docs
    assert sessions.normal(recorded).splitlines() == sessions.normal(shown).splitlines()
