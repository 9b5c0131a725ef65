"""Write studies with the real Optuna, and what it says about them.

Run by hand, from this folder, with the Python of an environment that has one version of Optuna
(3.0 to 5), and for the databases of servers psycopg2 and PyMySQL, pg_dump and mysqldump, and
servers that let one in:

    TZ=Asia/Tokyo path/to/python make_fixtures.py v5 sqlite journal postgresql mysql

makes v5.tar.xz of v5.db, v5.journal, v5.postgresql.sql and v5.mysql.sql, each with what Optuna
says of it beside it as .json. Servers get a database of their own, which is dropped again.
"""

from __future__ import annotations

import datetime
import json
import math
import os
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import warnings
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import TrialState, create_trial

HERE = Path(tempfile.mkdtemp())
VERSION = tuple(map(int, optuna.__version__.split(".")[:2]))
optuna.logging.set_verbosity(optuna.logging.ERROR)
warnings.simplefilter("ignore")


def every_kind(trial: Any) -> float:
    """An objective with every kind of distribution, reports and attributes."""
    x = trial.suggest_float("x", -1.5, 2.5)
    trial.suggest_float("log", 1e-5, 1.0, log=True)
    trial.suggest_float("step", 0.1, 1.0, step=0.1)
    trial.suggest_int("n", 1, 9)
    trial.suggest_int("even", 2, 20, step=2)
    trial.suggest_int("power", 1, 1024, log=True)
    trial.suggest_float("one", 3.0, 3.0)
    mixed = trial.suggest_categorical("mixed", [None, True, 2, 2.5, "zwei", "日本"])
    trial.suggest_categorical("bool", [False, True])
    if mixed is None:
        trial.suggest_float("only when mixed is None ☃", 0, 1)
    if trial.number % 2:
        trial.suggest_float("range that moves", 0, trial.number)
    trial.set_user_attr("nested", {"a": [1, 2.5, None, {"ü": True}], "number": trial.number})
    trial.set_user_attr("empty", "")
    for step in (0, 1, 5):
        trial.report([x, math.nan, math.inf, -math.inf][(trial.number + step) % 4], step)
    trial.report(0.1 + 0.2, 2**31 - 1)
    if trial.number == 3:
        raise optuna.TrialPruned
    if trial.number == 4:
        raise ArithmeticError("on purpose")
    return [x, math.inf, -math.inf][trial.number % 3 if trial.number < 3 else 0]


def constraints(trial: Any) -> tuple[float, float]:
    """Two constraint values, one of them satisfied."""
    return (trial.params["a"] - 0.5, -1.0)


def fill(storage: Any) -> None:
    """Studies with all that Optuna can keep."""
    sampler = optuna.samplers.RandomSampler(seed=1)
    study = optuna.create_study(storage=storage, study_name="every kind", sampler=sampler)
    study.set_user_attr("who", {"name": "Ångström", "tags": [1, None, "x"]})
    study.optimize(every_kind, n_trials=7, catch=(ArithmeticError,))
    study.enqueue_trial({"x": 0.25, "mixed": "日本"}, user_attrs={"queued": True})
    study.enqueue_trial({"n": 4})
    running = study.ask()
    running.suggest_float("x", -1.5, 2.5)
    running.report(1.0, 3)
    running.set_user_attr("still", "running")
    bare = study.ask()
    assert bare.number == 8 and study.trials[8].state == TrialState.RUNNING

    study = optuna.create_study(
        storage=storage,
        study_name="several objectives, with constraints",
        directions=["minimize", "maximize"],
        sampler=optuna.samplers.NSGAIISampler(
            population_size=4, seed=2, constraints_func=constraints
        ),
    )
    if VERSION >= (3, 2):
        study.set_metric_names(["loss", "accuracy"])
    study.optimize(lambda t: (t.suggest_float("a", 0, 1), t.suggest_int("b", 0, 3)), n_trials=9)

    study = optuna.create_study(storage=storage, study_name="added", direction="maximize")
    when = datetime.datetime(2024, 2, 29, 23, 59, 59, 123456)
    for state, value in (("COMPLETE", 1e-300), ("PRUNED", 0.1), ("PRUNED", None), ("FAIL", None)):
        trial = create_trial(
            state=TrialState[state],
            value=value,
            params={"x": 0.1, "c": "b"},
            distributions={
                "x": optuna.distributions.FloatDistribution(0.0, 1.0),
                "c": optuna.distributions.CategoricalDistribution(("a", "b")),
            },
            user_attrs={"from": "elsewhere"},
            system_attrs={"failed_trial": 0, "retry_history": [0]} if state == "FAIL" else None,
            intermediate_values={0: 1.0, 10: -1.0},
        )
        trial.datetime_start = when
        trial.datetime_complete = when + datetime.timedelta(days=1, microseconds=1)
        study.add_trial(trial)
    study.add_trial(create_trial(state=TrialState.WAITING, system_attrs={"fixed_params": {"x": 1}}))

    optuna.create_study(storage=storage, study_name="empty")
    optuna.create_study(storage=storage, study_name="deleted").optimize(
        lambda t: t.suggest_float("x", 0, 1), n_trials=2
    )
    optuna.delete_study(study_name="deleted", storage=storage)
    study = optuna.create_study(storage=storage, study_name="after the deleted one")
    study.optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=2)


def told(storage: Any) -> list[dict[str, Any]]:
    """What Optuna says of all studies, as JSON; floats by their bits, times in UTC."""
    return [
        {
            "name": study.study_name,
            "directions": [d.name for d in storage.get_study_directions(study._study_id)],
            "user_attrs": storage.get_study_user_attrs(study._study_id),
            "system_attrs": storage.get_study_system_attrs(study._study_id),
            "trials": [told_trial(trial) for trial in storage.get_all_trials(study._study_id)],
        }
        for study in storage.get_all_studies()
    ]


def told_trial(trial: Any) -> dict[str, Any]:
    """What Optuna says of a trial."""
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
            name: json.loads(optuna.distributions.distribution_to_json(dist))
            for name, dist in trial.distributions.items()
        },
        "user_attrs": trial.user_attrs,
        "system_attrs": trial.system_attrs,
        "reports": {str(s): float(v).hex() for s, v in sorted(trial.intermediate_values.items())},
    }


def utc(time: datetime.datetime | None) -> str | None:
    """A naive local time as an ISO text in UTC."""
    return None if time is None else time.astimezone(datetime.timezone.utc).isoformat()


def journal_at(path: Path) -> Any:
    """The journal storage of any version of Optuna."""
    if hasattr(optuna.storages, "journal"):
        backend = optuna.storages.journal.JournalFileBackend(str(path))
    else:
        backend = optuna.storages.JournalFileStorage(str(path))
    return optuna.storages.JournalStorage(backend)


def rdb(url: str) -> Any:
    """A database."""
    return optuna.storages.RDBStorage(url, heartbeat_interval=60)


def save(name: str, storage: Any, reopened: Any) -> None:
    """Fill a storage, and write what a second handle of it says."""
    fill(storage)
    text = json.dumps(told(reopened()), ensure_ascii=False, separators=(",", ":"))
    (HERE / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def main(version: str, kinds: list[str]) -> None:
    """Make the fixtures of one version."""
    if "sqlite" in kinds:
        path = HERE / f"{version}.db"
        path.unlink(missing_ok=True)
        save(path.name, rdb(f"sqlite:///{path}"), lambda: rdb(f"sqlite:///{path}"))
        with sqlite3.connect(path) as connection:
            connection.execute("VACUUM")
        connection.close()
    if "journal" in kinds:
        path = HERE / f"{version}.journal"
        path.unlink(missing_ok=True)
        save(path.name, journal_at(path), lambda: journal_at(path))
    user = os.environ.get("PGUSER", "root")
    if "postgresql" in kinds:
        subprocess.run(["createdb", "-h", "127.0.0.1", "fixture_of_optuna"], check=True)
        url = f"postgresql+psycopg2://{user}@127.0.0.1/fixture_of_optuna"
        try:
            save(f"{version}.postgresql", rdb(url), lambda: rdb(url))
            dump = ["pg_dump", "-h", "127.0.0.1", "--no-owner", "--inserts", "fixture_of_optuna"]
            text = subprocess.run(dump, check=True, capture_output=True, text=True).stdout
            lines = [line for line in text.splitlines() if not line.startswith(("--", "\\"))]
            (HERE / f"{version}.postgresql.sql").write_text("\n".join(filter(None, lines)) + "\n")
        finally:
            subprocess.run(["dropdb", "-f", "-h", "127.0.0.1", "fixture_of_optuna"], check=True)
    if "mysql" in kinds:
        mysql = ["mysql", "-h", "127.0.0.1", "-u", "root", "-e"]
        subprocess.run([*mysql, "CREATE DATABASE fixture_of_optuna"], check=True)
        url = "mysql+pymysql://root@127.0.0.1/fixture_of_optuna?charset=utf8mb4"
        try:
            save(f"{version}.mysql", rdb(url), lambda: rdb(url))
            dump = ["mysqldump", "-h", "127.0.0.1", "-u", "root", "--compact", "fixture_of_optuna"]
            text = subprocess.run(dump, check=True, capture_output=True, text=True).stdout
            text = f"SET FOREIGN_KEY_CHECKS = 0;\n{text}"
            (HERE / f"{version}.mysql.sql").write_text(text)
        finally:
            subprocess.run([*mysql, "DROP DATABASE fixture_of_optuna"], check=True)

    with tarfile.open(f"{version}.tar.xz", "w:xz", preset=9) as archive:
        for path in sorted(HERE.iterdir()):
            archive.add(path, path.name)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
