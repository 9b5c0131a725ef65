"""What the real Optuna wrote and said (see make_fixtures.py), and what ours says, alike."""

from __future__ import annotations

import datetime
import json
import tarfile
from pathlib import Path
from typing import Any

from skipjack.distributions import distribution_to_json
from skipjack.storages import get_storage

HERE = Path(__file__).parent
VERSIONS = ("v3.0", "v3.6", "v4.5", "v5")
ZONE = "Asia/Tokyo"  # in which they were written
FILES = [f"{v}.db" for v in VERSIONS] + [f"{v}.journal" for v in VERSIONS[1:]]


def unpack(folder: Path) -> None:
    """Put all fixtures into a folder."""
    for version in VERSIONS:
        with tarfile.open(HERE / f"{version}.tar.xz") as archive:
            for member in archive.getmembers():
                assert member.isfile() and "/" not in member.name
                content = archive.extractfile(member)
                assert content is not None
                (folder / member.name).write_bytes(content.read())


def url(path: Path | str) -> str:
    """The URL of a fixture as Optuna's."""
    scheme = "journal" if str(path).endswith(".journal") else "sqlite"
    return f"optuna+{scheme}:///{path}"


def said(path: Path | str) -> list[dict[str, Any]]:
    """What Optuna said of a fixture."""
    found: list[dict[str, Any]] = json.loads(Path(f"{path}.json").read_text(encoding="utf-8"))
    # Optuna 3.0 asked in no order, and got parameters by name, and studies too from some servers.
    return in_one_order(found) if Path(path).name.startswith("v3.0") else found


def in_one_order(studies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same, with studies and the parameters of each trial by name."""
    for study in studies:
        for trial in study["trials"]:
            trial["params"].sort()
    return sorted(studies, key=lambda study: str(study["name"]))


def told(storage: Any) -> list[dict[str, Any]]:
    """What a storage of ours says of all studies, as `said`; floats by their bits, times in UTC."""
    kept = get_storage(storage)
    return [
        {
            "name": study.study_name,
            "directions": [d.name for d in study.directions],
            "user_attrs": study.user_attrs,
            "system_attrs": study.system_attrs,
            "trials": [told_trial(trial) for trial in kept.get_all_trials(study._study_id)],
        }
        for study in kept.get_all_studies()
    ]


def told_trial(trial: Any) -> dict[str, Any]:
    """What a trial says."""
    return {
        "number": trial.number,
        "state": trial.state.name,
        "values": None if trial.values is None else [float(v).hex() for v in trial.values],
        "start": utc(trial.datetime_start),
        "complete": utc(trial.datetime_complete),
        "params": [
            [name, type(value).__name__, value.hex() if type(value) is float else value]
            for name, value in trial.params.items()
        ],
        "distributions": {
            name: json.loads(distribution_to_json(dist))
            for name, dist in trial.distributions.items()
        },
        "user_attrs": trial.user_attrs,
        "system_attrs": trial.system_attrs,
        "reports": {str(s): float(v).hex() for s, v in sorted(trial.intermediate_values.items())},
    }


def utc(time: datetime.datetime | None) -> str | None:
    """A naive local time as an ISO text in UTC."""
    return None if time is None else time.astimezone(datetime.timezone.utc).isoformat()
