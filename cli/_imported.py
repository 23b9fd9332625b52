"""What an import or a rebuild has entered, as JSON and for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from artifacts.cli._text import count

if TYPE_CHECKING:
    from artifacts.cli._output import Output
    from artifacts.store.catalog.restore import Restored


def as_json(changes: Restored) -> dict[str, Any]:
    """Return what was entered as JSON."""
    return {
        "versions": changes.versions,
        "existing": changes.existing,
        "undeleted": changes.undeleted,
        "renumbered": _pairs(changes.renumbered),
        "runs": changes.runs,
        "renamed_runs": _pairs(changes.renamed_runs),
        "links": changes.links,
        "links_left_out": changes.links_left_out,
        "aliases_moved": changes.aliases_moved,
        "aliases_kept": changes.aliases_kept,
    }


def _pairs(changed: list[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"from": old, "to": new} for old, new in changed]


def show(out: Output, changes: Restored) -> None:
    """Say what is not as it was in the export."""
    for old, new in changes.renumbered:
        out.line(f"  {old} is {new} here")
    for ref in changes.undeleted:
        out.line(f"  {ref} was deleted here and is back")
    for old, new in changes.renamed_runs:
        out.line(f"  run {old} is {new} here")
    for text in changes.aliases_kept:
        out.line(f"  alias {text} stays where it is")
    if changes.links_left_out:
        links = count(changes.links_left_out, "link")
        out.line(f"  {links} of lineage led to versions that did not come along")
