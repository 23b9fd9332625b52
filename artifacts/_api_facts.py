"""The part of `Api` with which people say what they know of versions: recalls, deployments."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from artifacts import _recalls, settings
from artifacts._consumers import DEPLOYMENT, Consumer, check_word
from artifacts._find import find_version
from artifacts._recalls import Recall

if TYPE_CHECKING:
    from artifacts._session import Place

log = logging.getLogger("artifacts")


class ApiFacts:
    """Recalls and consumers."""

    _place: Place

    def recall(self, name: str, reason: str) -> Recall:
        """Say that a version is bad; see `Artifact.recall`.

        Args:
            name: ``[[entity/]project/]name[:alias|:vN|:digest|@digest]``, or a digest or its
                prefix; a bare name means ``:latest``.
            reason: What is wrong with it.

        Returns:
            The recall, with who and when.

        Raises:
            ValueError: The name is malformed, nothing has it, or there is no reason.
            AlreadyExistsError: It is recalled already.
        """
        _, record = find_version(self._place, name)
        return _recalls.recall(self._place, record.id, reason)

    def undo_recall(self, name: str) -> Recall:
        """Take the recall of a version back.

        Args:
            name: As for `recall`.

        Returns:
            The recall, with who took it back and when.

        Raises:
            ValueError: The name is malformed, or nothing has it.
            StateError: It is not recalled.
        """
        _, record = find_version(self._place, name)
        return _recalls.undo(self._place, record.id)

    def recalls(self, *, all_projects: bool = False, undone: bool = False) -> list[Recall]:
        """Return the recalls in the default project, newest first.

        Args:
            all_projects: In all projects of the entity.
            undone: Also those that were taken back.
        """
        place = self._place
        found = place.store.catalog.list_recalls(
            entity=place.entity, project=None if all_projects else place.project, undone=undone
        )
        return [Recall._from_record(record) for record in found]

    def deploy(self, artifact: str, name: str, kind: str = DEPLOYMENT) -> Consumer:
        """Say that something works with a version from now on, such as a deployment.

        What of that name the owner of the artifact had before ends. Nothing is sent anywhere:
        this is for those who ask later what a version has reached. A version that something
        works with is deleted by force only.

        Args:
            artifact: The version; as for `recall`.
            name: Of what works with it, such as ``api-prod``.
            kind: ``deployment``, ``report`` or what else you call it.

        Returns:
            What is recorded, with who and when.

        Raises:
            ValueError: A name is malformed, or there is no such version.
        """
        check_word(name, "consumer")
        check_word(kind, "kind")
        _, record = find_version(self._place, artifact)
        catalog = self._place.store.catalog
        recall = catalog.recalls_in_force([record.id]).get(record.id)
        if recall is not None:
            log.warning("%s is deployed, but it was recalled: %s", record.ref, recall.reason)
        return Consumer._from_record(catalog.deploy(record.id, kind, name, settings.user_name()))

    def end_deployment(self, name: str) -> Consumer:
        """Say that what was begun with `deploy` has stopped.

        Args:
            name: As it was given to `deploy`, by the default entity of this object.

        Returns:
            What is recorded, with who ended it and when.

        Raises:
            NotFoundError: Nothing of that name is at work.
        """
        check_word(name, "consumer")
        place = self._place
        return Consumer._from_record(
            place.store.catalog.end_consumer(place.entity, name, settings.user_name())
        )

    def consumers(self, *, ended: bool = False) -> list[Consumer]:
        """Return what works with versions of the default entity, newest first.

        Args:
            ended: Also what has stopped.
        """
        place = self._place
        found = place.store.catalog.list_consumers(entity=place.entity, ended=ended)
        return [Consumer._from_record(record) for record in found]
