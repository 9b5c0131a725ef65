"""Our pruners stop the trials that Optuna's stop, and at the same steps."""

import json
from pathlib import Path

import pytest

import skipjack
from tests.pruners.scenes import plays

THEIRS = json.loads(Path(__file__).with_name("optuna.json").read_text())


@pytest.fixture(scope="module")
def ours() -> dict[str, list[str]]:
    return plays(skipjack)


@pytest.mark.parametrize("scene", THEIRS)
def test_the_same_trials_are_stopped_at_the_same_steps(
    scene: str, ours: dict[str, list[str]]
) -> None:
    assert ours[scene] == THEIRS[scene]


def test_every_scene_stops_some_trials_and_not_all() -> None:
    for kind in {scene.split()[0] for scene in THEIRS}:
        ends = [end for scene, ends in THEIRS.items() if scene.startswith(kind) for end in ends]
        stopped = sum("stopped" in end for end in ends)
        assert 0 < stopped < len(ends)
