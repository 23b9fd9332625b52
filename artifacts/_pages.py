"""Addresses of the pages of a run, and what notebooks show of it."""

from __future__ import annotations

import logging
import sys
from abc import abstractmethod
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from artifacts._metadata import without_private

if TYPE_CHECKING:
    from artifacts._session import Place
    from artifacts.store.records import RunRecord

log = logging.getLogger("artifacts")


class RunPages:
    """The part of `Run` and `StoredRun` that people look at."""

    _place: Place
    _record: RunRecord

    @property
    @abstractmethod
    def summary_metrics(self) -> dict[str, Any]:
        """A copy of the summary."""

    def get_url(self) -> str | None:
        """Return the address of the run's page.

        Returns:
            None, with a warning, offline and without the setting ``app_url``.
        """
        return self._told(self._page("runs", self._record.id))

    def get_project_url(self) -> str | None:
        """Return the address of the project's page; see `get_url`."""
        return self._told(self._page())

    def get_sweep_url(self) -> str | None:
        """Return the address of the page of the run's search over settings; see `get_url`.

        Returns:
            Also None if the run does not belong to one.
        """
        sweep = self._record.sweep_id
        return None if sweep is None else self._told(self._page("sweeps", sweep))

    @property
    def url(self) -> str | None:
        """Page of the run; see `get_url`."""
        return self.get_url()

    @property
    def project_url(self) -> str | None:
        """Page of the project; see `get_url`."""
        return self.get_project_url()

    @property
    def sweep_url(self) -> str | None:
        """Page of the search over settings that the run belongs to; see `get_url`."""
        return self.get_sweep_url()

    def to_html(self, height: int = 420, hidden: bool = False) -> str:
        """Return what notebooks show of the run: what it is, and its page if there is one.

        Args:
            height: Of the page, in pixels.
            hidden: Show the page only when it is asked for.
        """
        from artifacts import _html

        record = self._record
        url = self._page("runs", record.id)
        about = f"{record.entity}/{record.project}/{record.id}, {record.state}"
        rows = [
            *_html.values("config", without_private(record.config)),
            *_html.values("summary", self.summary_metrics),
        ]
        told = _html.page(record.name, about, url, rows)
        return told if url is None else told + _html.frame(url, height=height, hidden=hidden)

    def display(self, height: int = 420, hidden: bool = False) -> bool:
        """Show the run in a notebook.

        Args:
            height: As for `to_html`.
            hidden: As for `to_html`.

        Returns:
            Whether this is a notebook.
        """
        if "IPython" not in sys.modules or sys.modules["IPython"].get_ipython() is None:
            return False
        from IPython.display import HTML, display

        display(HTML(self.to_html(height, hidden)))
        return True

    def _repr_html_(self) -> str:
        return self.to_html()

    def _page(self, *parts: str) -> str | None:
        """Return the address of the project's page, or of one below it."""
        base = self._place.settings.app_url
        if base is None or self._place.offline:
            return None
        path = (self._record.entity, self._record.project, *parts)
        return "/".join((base, *(quote(part, safe="") for part in path)))

    def _told(self, url: str | None) -> str | None:
        if url is None:
            if self._place.offline:
                log.warning("URL not available in offline run")
            else:
                log.warning("URL not available: the setting app_url does not say where pages are")
        return url
