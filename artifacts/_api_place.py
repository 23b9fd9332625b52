"""The part of `Api` that knows where to look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifacts.store.refs import check_project

if TYPE_CHECKING:
    from artifacts._session import Place


class ApiPlace:
    """Where to look for what a name leaves out."""

    _place: Place

    def _project(self, text: str | None) -> tuple[str, str]:
        """Return (entity, project) of ``[entity/]project``."""
        place = self._place
        if text is None:
            return place.entity, place.project
        entity, slash, project = text.rpartition("/")
        check_project(project)
        return check_project(entity, what="entity") if slash else place.entity, project
