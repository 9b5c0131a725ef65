"""Artifacts up, down, and away."""

from __future__ import annotations

import contextlib
import mimetypes
import os
import shutil
import uuid
from pathlib import Path

from skipjack._deprecate import positional_too
from skipjack.artifacts.meta import ArtifactMeta, owner
from skipjack.artifacts.port import ArtifactStore
from skipjack.errors import ArtifactNotFound
from skipjack.records.frozen import FrozenTrial
from skipjack.storages import BaseStorage
from skipjack.study.study import Study
from skipjack.trial.trial import Trial

_ANY_TYPE = "application/octet-stream"


@positional_too("artifacts.upload_artifact(*)", "study_or_trial", "file_path", "artifact_store")
def upload_artifact(
    *,
    artifact_store: ArtifactStore,
    file_path: str,
    study_or_trial: Trial | FrozenTrial | Study,
    storage: BaseStorage | None = None,
    mimetype: str | None = None,
    encoding: str | None = None,
) -> str:
    """Copy a file into a store, and note with a study or a trial that it is there.

    The note comes last, so that there is no note of a file that is not there. A trial that has
    ended may be given files too.

    Args:
        artifact_store: Where to.
        file_path: The file.
        study_or_trial: Whose it is.
        storage: Where that is kept; only a `FrozenTrial` needs it.
        mimetype: The type of the content; None: by the name of the file.
        encoding: How it is compressed, as "gzip"; None: by the name of the file.

    Returns:
        The id of the artifact.

    Raises:
        ValueError: If `storage` is necessary and not given.
    """
    whose = owner(study_or_trial, storage)
    name = os.path.basename(file_path)
    kind, packed = mimetypes.guess_type(name)
    artifact_id = str(uuid.uuid4())
    with open(file_path, "rb") as file:
        artifact_store.write(artifact_id, file)
    try:
        whose.note(
            ArtifactMeta(artifact_id, name, mimetype or kind or _ANY_TYPE, encoding or packed)
        )
    except BaseException:
        with contextlib.suppress(Exception):
            artifact_store.remove(artifact_id)
        raise
    return artifact_id


def download_artifact(*, artifact_store: ArtifactStore, file_path: str, artifact_id: str) -> None:
    """Copy an artifact into a new file.

    Args:
        artifact_store: Where from.
        file_path: The file; it must not exist.
        artifact_id: Which.

    Raises:
        FileExistsError: If there is something at `file_path`.
        ArtifactNotFound: If there is no such artifact; then no file is made.
    """
    path = Path(file_path)
    if path.exists():
        raise FileExistsError(f"There is something at {str(path)!r} already.")
    with artifact_store.open_reader(artifact_id) as content:
        try:
            with path.open("xb") as file:
                shutil.copyfileobj(content, file)
        except FileExistsError:
            raise
        except BaseException:
            path.unlink(missing_ok=True)
            raise


def remove_artifact(
    *,
    artifact_store: ArtifactStore,
    artifact_id: str,
    study_or_trial: Trial | FrozenTrial | Study,
    storage: BaseStorage | None = None,
) -> None:
    """Remove an artifact from its store, and the note of it.

    Args:
        artifact_store: Where it is.
        artifact_id: Which.
        study_or_trial: Whose it is.
        storage: Where that is kept; only a `FrozenTrial` needs it.

    Raises:
        ArtifactNotFound: If neither the store nor the study or trial knows it.
        ValueError: If `storage` is necessary and not given.
    """
    whose = owner(study_or_trial, storage)
    known = any(meta.artifact_id == artifact_id for meta in whose.listed())
    try:
        artifact_store.remove(artifact_id)
    except ArtifactNotFound:
        if not known:  # else an earlier try came so far
            raise
    whose.forget(artifact_id)
