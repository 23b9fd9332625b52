"""What can be changed of a run that is in the store, when its process has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from artifacts._recorded import RecordedRun
from artifacts._summary_versions import commit_current_summary
from artifacts._values import texts
from artifacts.store.errors import InvalidInputError, StateError
from artifacts.store.records import ACTIVE_STATES

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Mapping

    from artifacts._stored_values import StoredConfig, StoredSummary
    from artifacts.store.records import RunRecord

    Change = Callable[[RunRecord], Mapping[str, Any]]

_MAX_TAG = 64


class EditsOfStoredRun(RecordedRun):
    """The part of `StoredRun` that can be changed.

    Of a run that is running, its own process owns summary and configuration, and would overwrite
    what somebody else sets; only name, notes and tags can be changed then.
    """

    _lock: threading.RLock
    _stored_summary: StoredSummary | None = None
    _stored_config: StoredConfig | None = None
    _tags: list[str] | None = None
    _tags_before: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Display name; setting it stores it at once."""
        return self._record.name

    @name.setter
    def name(self, value: str) -> None:
        self._edit_run(lambda _: {"name": str(value)})

    @property
    def notes(self) -> str | None:
        """Free text; setting it stores it at once."""
        return self._record.notes

    @notes.setter
    def notes(self, value: str | None) -> None:
        self._edit_run(lambda _: {"notes": value})

    @property
    def tags(self) -> list[str]:
        """Labels; setting them stores them at once. After a change of the list call `update`."""
        if self._tags is None:
            self._tags_before = self._record.tags
            self._tags = list(self._tags_before)
        return self._tags

    @tags.setter
    def tags(self, value: Iterable[str]) -> None:
        self._set_tags(value)

    @property
    def config(self) -> StoredConfig:
        """The experiment's settings; changing them stores them at once."""
        if self._stored_config is None:
            # Imported here, because runs are made of what imports this module.
            from artifacts._stored_values import StoredConfig

            self._stored_config = StoredConfig(self._record, self._edit_own)
        return self._stored_config

    @property
    def summary(self) -> StoredSummary:
        """The experiment's results; changing them stores them at once."""
        if self._stored_summary is None:
            from artifacts._stored_values import StoredSummary

            self._stored_summary = StoredSummary(
                self._record, self._lock, self._edit_own, self._loader().value
            )
        return self._stored_summary

    def update(self) -> None:
        """Store what was changed in place: the list of tags, and lists within the configuration.

        Everything else is stored when it is set.

        Raises:
            InvalidInputError: A tag has no character, or over 64.
            StateError: The configuration was changed and the run is running, or it was deleted.
        """
        if self._tags is not None:
            self._set_tags(self._tags)
        if self._stored_config is not None:
            self._stored_config.update()

    def _set_tags(self, value: Iterable[str]) -> None:
        wanted = list(dict.fromkeys(texts(value, "tags")))
        for tag in wanted:
            if not 0 < len(tag) <= _MAX_TAG:
                raise InvalidInputError(
                    f"invalid tag {tag!r}: the tag of a run has 1 to {_MAX_TAG} characters",
                    kind="bad_tag",
                )
        before = self._record.tags if self._tags is None else self._tags_before
        removed = set(before).difference(wanted)

        def change(record: RunRecord) -> Mapping[str, Any]:
            # What others have added meanwhile stays, and what they have removed stays away.
            kept = [tag for tag in record.tags if tag not in removed]
            added = [tag for tag in wanted if tag not in before and tag not in kept]
            return {"tags": [*kept, *added]}

        if list(before) != wanted:
            self._edit_run(change)
        self._tags = None

    def _edit_run(self, change: Change) -> RunRecord:
        def checked(record: RunRecord) -> Mapping[str, Any]:
            if record.deleted_at is not None:
                raise StateError(f"run {record.id} was deleted", kind="run_deleted")
            return change(record)

        self._record = self._place.store.catalog.edit_run(self._record.key, checked)
        if self._tags == list(self._tags_before):
            self._tags = None
        return self._record

    def _edit_own(self, change: Change) -> RunRecord:
        """Change what belongs to the process of the run as long as it runs."""

        def checked(record: RunRecord) -> Mapping[str, Any]:
            if record.state in ACTIVE_STATES:
                raise StateError(
                    f"run {record.id} is running, and its process writes its summary and config",
                    hint="set them there, or wait until it has finished",
                    kind="run_is_running",
                )
            return change(record)

        record = self._edit_run(checked)
        commit_current_summary(self._place, record)
        return record
