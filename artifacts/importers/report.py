"""What an import from another tool has done, or would do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from artifacts.importers.sources import LeftOut


@dataclass(slots=True)
class Report:
    """What came over and what did not. The versions in which runs are recorded are left out.

    Attributes:
        tool: ``wandb``, ``mlflow`` or ``dvc``.
        dry_run: Whether nothing was entered.
        versions: New versions by name.
        existing: How many versions were there already.
        undeleted: Deleted versions that are back.
        renumbered: (name in the source, name here) of versions under another number.
        runs: New runs, as ``project/id``.
        existing_runs: How many runs were brought by an earlier import.
        links: How many edges of lineage are new, those to the records of runs included.
        aliases_moved: Aliases that were set or moved, with the version.
        aliases_kept: Aliases that stay with another version, with the version of the source.
        new_bytes: Bytes that were written.
        left_out: What could not be carried over.
    """

    tool: str
    dry_run: bool
    versions: list[str]
    existing: int
    undeleted: list[str]
    renumbered: list[tuple[str, str]]
    runs: list[str]
    existing_runs: int
    links: int
    aliases_moved: list[str]
    aliases_kept: list[str]
    new_bytes: int
    left_out: list[LeftOut]

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "tool": self.tool,
            "dry_run": self.dry_run,
            "versions": self.versions,
            "existing": self.existing,
            "undeleted": self.undeleted,
            "renumbered": [{"from": old, "to": new} for old, new in self.renumbered],
            "runs": self.runs,
            "existing_runs": self.existing_runs,
            "links": self.links,
            "aliases_moved": self.aliases_moved,
            "aliases_kept": self.aliases_kept,
            "bytes": self.new_bytes,
            "left_out": [each._asdict() for each in self.left_out],
        }
