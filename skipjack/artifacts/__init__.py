"""Files that belong to a trial or a study: models, pictures, logs."""

from __future__ import annotations

from skipjack.artifacts.backoff import Backoff
from skipjack.artifacts.boto3 import Boto3ArtifactStore
from skipjack.artifacts.files import FileSystemArtifactStore
from skipjack.artifacts.fsspec import FsspecArtifactStore
from skipjack.artifacts.gcs import GCSArtifactStore
from skipjack.artifacts.meta import ArtifactMeta, get_all_artifact_meta
from skipjack.artifacts.moving import download_artifact, remove_artifact, upload_artifact
from skipjack.artifacts.port import ArtifactStore

__all__ = [
    "ArtifactMeta",
    "ArtifactStore",
    "Backoff",
    "Boto3ArtifactStore",
    "FileSystemArtifactStore",
    "FsspecArtifactStore",
    "GCSArtifactStore",
    "download_artifact",
    "get_all_artifact_meta",
    "remove_artifact",
    "upload_artifact",
]
