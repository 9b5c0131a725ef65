"""Files go up and come down, and studies and trials know of theirs."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

import skipjack
from skipjack.artifacts import (
    ArtifactMeta,
    ArtifactStore,
    FileSystemArtifactStore,
    download_artifact,
    get_all_artifact_meta,
    remove_artifact,
    upload_artifact,
)
from skipjack.artifacts.exceptions import ArtifactNotFound
from tests.studies import KINDS, a_study, storage_of


@pytest.fixture
def store(tmp_path: Path) -> FileSystemArtifactStore:
    return FileSystemArtifactStore(tmp_path / "store")


@pytest.fixture
def model(tmp_path: Path) -> str:
    path = tmp_path / "model.json.gz"
    path.write_bytes(b"weights")
    return str(path)


def up(store: ArtifactStore, path: str, owner: Any, **more: Any) -> str:
    return upload_artifact(artifact_store=store, file_path=path, study_or_trial=owner, **more)


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_goes_up_and_comes_down(
    kind: str, tmp_path: Path, store: FileSystemArtifactStore, model: str
) -> None:
    study = a_study(storage_of(kind, tmp_path))
    trial = study.ask()
    for owner in (study, trial):
        artifact_id = up(store, model, owner)
        assert get_all_artifact_meta(owner) == [
            ArtifactMeta(artifact_id, "model.json.gz", "application/json", "gzip")
        ]
        path = tmp_path / artifact_id
        download_artifact(artifact_store=store, file_path=str(path), artifact_id=artifact_id)
        assert path.read_bytes() == b"weights"


def test_an_older_order_by_position_works_and_warns(
    store: FileSystemArtifactStore, model: str
) -> None:
    study = skipjack.create_study()
    with pytest.warns(FutureWarning, match="by position"):
        artifact_id = upload_artifact(study, model, store)  # type: ignore[call-arg, misc]
    assert [meta.artifact_id for meta in get_all_artifact_meta(study)] == [artifact_id]


def test_type_and_encoding_can_be_said(store: FileSystemArtifactStore, model: str) -> None:
    study = a_study()
    up(store, model, study, mimetype="text/x-weights", encoding="br")
    [meta] = get_all_artifact_meta(study)
    assert (meta.mimetype, meta.encoding) == ("text/x-weights", "br")


def test_what_has_no_known_type_is_bytes(store: FileSystemArtifactStore, tmp_path: Path) -> None:
    (tmp_path / "noend").write_bytes(b"")
    study = a_study()
    up(store, str(tmp_path / "noend"), study)
    [meta] = get_all_artifact_meta(study)
    assert (meta.mimetype, meta.encoding) == ("application/octet-stream", None)


def test_they_are_told_apart_and_come_in_order(store: FileSystemArtifactStore, model: str) -> None:
    study = a_study()
    first, second = study.ask(), study.ask()
    ids = [up(store, model, owner) for owner in (first, study, first, second)]
    assert [m.artifact_id for m in get_all_artifact_meta(first)] == [ids[0], ids[2]]
    assert [m.artifact_id for m in get_all_artifact_meta(study)] == [ids[1]]
    assert [m.artifact_id for m in get_all_artifact_meta(second)] == [ids[3]]


def test_a_trial_that_has_ended_takes_files_too(store: FileSystemArtifactStore, model: str) -> None:
    study = a_study()
    trial = study.ask()
    before = up(store, model, trial)
    frozen = study.tell(trial, 1.0)
    after = up(store, model, frozen, storage=study._storage)
    known = get_all_artifact_meta(frozen, storage=study._storage)
    assert [meta.artifact_id for meta in known] == [before, after]
    assert get_all_artifact_meta(study) == []
    for artifact_id in (before, after):
        remove_artifact(artifact_store=store, artifact_id=artifact_id, study_or_trial=trial)
    assert get_all_artifact_meta(trial) == []


def test_they_are_kept_as_optunas_dashboard_reads_them(
    store: FileSystemArtifactStore, model: str
) -> None:
    study = a_study()
    trial = study.ask()
    running, of_study = up(store, model, trial), up(store, model, study)
    study.tell(trial, 1.0)
    ended = up(store, model, study.trials[0], storage=study._storage)
    content = {"filename": "model.json.gz", "mimetype": "application/json", "encoding": "gzip"}
    of_trial = study.trials[0].system_attrs
    in_study = study._storage.get_study_system_attrs(study._study_id)
    for artifact_id, kept in (
        (running, of_trial[f"artifacts:{running}"]),
        (of_study, in_study[f"artifacts:{of_study}"]),
        (ended, in_study[f"dashboard:artifacts:{trial._trial_id}:{ended}"]),
    ):
        assert json.loads(kept) == {"artifact_id": artifact_id, **content}
    remove_artifact(artifact_store=store, artifact_id=of_study, study_or_trial=study)
    in_study = study._storage.get_study_system_attrs(study._study_id)
    assert in_study[f"artifacts:{of_study}"] == "null"


def test_a_removed_one_is_gone(store: FileSystemArtifactStore, model: str) -> None:
    study = a_study()
    kept, gone = up(store, model, study), up(store, model, study)
    remove_artifact(artifact_store=store, artifact_id=gone, study_or_trial=study)
    assert [meta.artifact_id for meta in get_all_artifact_meta(study)] == [kept]
    with pytest.raises(ArtifactNotFound):
        store.open_reader(gone)
    with pytest.raises(ArtifactNotFound):
        remove_artifact(artifact_store=store, artifact_id=gone, study_or_trial=study)
    store.remove(kept)  # by somebody else, or by a try that was cut off
    remove_artifact(artifact_store=store, artifact_id=kept, study_or_trial=study)
    assert get_all_artifact_meta(study) == []


class Full:
    """A store without room."""

    open_reader = remove = write = lambda *_: (_ for _ in ()).throw(OSError("no room"))


def test_there_is_no_note_of_a_file_that_did_not_arrive(model: str) -> None:
    study = a_study()
    with pytest.raises(OSError, match="no room"):
        up(Full(), model, study)
    assert get_all_artifact_meta(study) == []


def test_there_is_no_file_without_a_note(
    store: FileSystemArtifactStore, model: str, tmp_path: Path
) -> None:
    study = a_study(storage_of("sqlite", tmp_path))
    trial = study.ask()
    skipjack.delete_study(study_name=study.study_name, storage=study._storage)
    with pytest.raises(KeyError):
        up(store, model, trial)
    assert list((tmp_path / "store").iterdir()) == []


class TestDownload:
    def test_overwrites_nothing(self, store: FileSystemArtifactStore, model: str) -> None:
        artifact_id = up(store, model, a_study())
        with pytest.raises(FileExistsError, match="There is something at"):
            download_artifact(artifact_store=store, file_path=model, artifact_id=artifact_id)
        assert Path(model).read_bytes() == b"weights"

    def test_makes_no_file_of_nothing(self, store: FileSystemArtifactStore, tmp_path: Path) -> None:
        with pytest.raises(ArtifactNotFound):
            download_artifact(
                artifact_store=store, file_path=str(tmp_path / "new"), artifact_id="a"
            )
        assert not (tmp_path / "new").exists()


class TestOwners:
    def test_a_frozen_trial_needs_its_storage(
        self, store: FileSystemArtifactStore, model: str
    ) -> None:
        study = a_study()
        trial = study.tell(study.ask(), 1.0)
        for use in (
            lambda: up(store, model, trial),
            lambda: get_all_artifact_meta(trial),
        ):
            with pytest.raises(ValueError, match="`storage` must be given with a FrozenTrial"):
                use()

    def test_anything_else_has_none(self) -> None:
        with pytest.raises(TypeError, match="`study_or_trial` must be a Study, a Trial or a"):
            get_all_artifact_meta(zipfile)  # type: ignore[arg-type]
