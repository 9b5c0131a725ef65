"""What is known of artifacts, kept as attributes in the form that Optuna and its dashboard read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from skipjack.errors import invalid, not_found, wrong_type
from skipjack.records.frozen import FrozenTrial
from skipjack.storages import BaseStorage
from skipjack.storages.face import LedgerStorage
from skipjack.study.study import Study
from skipjack.trial.trial import Trial

_PREFIX = "artifacts:"
_OF_ENDED = "dashboard:artifacts:{}:"  # in attributes of the study: a trial that ended has no more


@dataclass(frozen=True)
class ArtifactMeta:
    """What is known of an artifact.

    Attributes:
        artifact_id: Its id in the store.
        filename: The name of the file that was uploaded.
        mimetype: The type of its content.
        encoding: How it is compressed, as "gzip"; None: not at all.
    """

    artifact_id: str
    filename: str
    mimetype: str
    encoding: str | None


class Owner(NamedTuple):
    """Whom artifacts belong to: a study, or a trial."""

    storage: BaseStorage
    study_id: int
    trial_id: int | None

    def listed(self) -> list[ArtifactMeta]:
        """Its artifacts, in the order of their upload."""
        system = self.storage.get_study_system_attrs(self.study_id)
        if self.trial_id is None:
            return _read(system, _PREFIX)
        later = _OF_ENDED.format(self.trial_id)
        of_trial = self.storage.get_trial(self.trial_id).system_attrs
        noted = [
            meta
            for meta in _read(of_trial, _PREFIX)
            if later + meta.artifact_id not in system  # else it was removed after the end
        ]
        return noted + _read(system, later)

    def note(self, meta: ArtifactMeta) -> None:
        """Keep what is known of an artifact."""
        self._set(meta.artifact_id, json.dumps(asdict(meta)))

    def forget(self, artifact_id: str) -> None:
        """Know no more of an artifact; of one that is not known, do nothing."""
        if any(meta.artifact_id == artifact_id for meta in self.listed()):
            self._set(artifact_id, json.dumps(None))

    def _set(self, artifact_id: str, content: str) -> None:
        if self.trial_id is None:
            self.storage.set_study_system_attr(self.study_id, _PREFIX + artifact_id, content)
            return
        trial = self.storage.get_trial(self.trial_id)
        if trial.state.is_finished():
            key = _OF_ENDED.format(self.trial_id) + artifact_id
            self.storage.set_study_system_attr(self.study_id, key, content)
        else:
            self.storage.set_trial_system_attr(self.trial_id, _PREFIX + artifact_id, content)


def owner(study_or_trial: Any, storage: BaseStorage | None) -> Owner:
    """Whom the artifacts of a study or a trial belong to.

    Raises:
        ValueError: If `storage` is necessary and not given.
        TypeError: If it is neither a study nor a trial.
    """
    if isinstance(study_or_trial, Study):
        return Owner(storage or study_or_trial._storage, study_or_trial._study_id, None)
    if isinstance(study_or_trial, Trial):
        study = study_or_trial.study
        return Owner(storage or study._storage, study._study_id, study_or_trial._trial_id)
    if not isinstance(study_or_trial, FrozenTrial):
        raise wrong_type("study_or_trial", "be a Study, a Trial or a FrozenTrial", study_or_trial)
    if storage is None:
        raise invalid(
            "storage", "be given with a FrozenTrial", None, "Give the storage of its study."
        )
    trial_id = study_or_trial._trial_id
    return Owner(storage, _study_of(storage, trial_id), trial_id)


def _study_of(storage: BaseStorage, trial_id: int) -> int:
    """The id of the study that a trial belongs to; in a user's own storage it is searched for."""
    if isinstance(storage, LedgerStorage):
        return storage.ledger.find(trial_id)[0].study_id
    ids = (study._study_id for study in storage.get_all_studies())
    for study_id in ids:
        if any(t._trial_id == trial_id for t in storage.get_all_trials(study_id, deepcopy=False)):
            return study_id
    raise not_found("trial", trial_id, [])


def _read(attrs: Mapping[str, Any], prefix: str) -> list[ArtifactMeta]:
    """The artifacts that attributes tell of; of one that was removed they say null."""
    content = (json.loads(value) for key, value in attrs.items() if key.startswith(prefix))
    return [
        ArtifactMeta(
            artifact_id=known["artifact_id"],
            filename=known["filename"],
            mimetype=known["mimetype"],
            encoding=known["encoding"],
        )
        for known in content
        if known is not None
    ]


def get_all_artifact_meta(
    study_or_trial: Trial | FrozenTrial | Study, *, storage: BaseStorage | None = None
) -> list[ArtifactMeta]:
    """What is known of the artifacts of a study or a trial, in the order of their upload.

    Args:
        study_or_trial: Whose; those of a study are not those of its trials.
        storage: Where it is kept; only a `FrozenTrial` needs it.

    Raises:
        ValueError: If `storage` is necessary and not given.
    """
    return owner(study_or_trial, storage).listed()
