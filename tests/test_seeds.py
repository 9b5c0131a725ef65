"""Two tutorials on Optuna run with only the import changed, and print what they show.

Nothing of them is kept here: they are read from the folder SKIPJACK_SEEDS, or ../shared/seeds
beside the repository, and the tests are skipped where it is not there. Each tutorial is run like a
notebook, block after block in one namespace. Every block stands in a table: it runs (with what it
needs around it), it waits for a later change (and must still fail), or it is left out for a reason.
"""

import importlib.util
import json
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.seeds import read

FOLDER = Path(
    os.environ.get("SKIPJACK_SEEDS", Path(__file__).parents[2].joinpath("shared", "seeds"))
)
Require = Callable[..., None]  # see conftest
Results = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Run:
    """How a block is run: code before it, changes to it, and what must hold after it."""

    before: str = ""
    after: str = ""
    cut: str = ""  # the block runs up to the line that starts with this
    change: tuple[str, str] = ("", "")
    inside: str = ""  # a line under which the block is indented
    check: Callable[[str, str], None] | None = None  # of standard output and standard error


A_TRIAL = "import skipjack as optuna\ntrial = optuna.create_study().ask()"


def a_study(real: str, whole: str) -> str:
    """A study for plots, where that of the tutorial needs packages or data that are not there."""
    return f"""
        import skipjack as optuna
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
        study.optimize(
            lambda t: t.suggest_float({real!r}, 0, 1) + t.suggest_int({whole!r}, 1, 9), n_trials=20
        )
        """


def trials(n: int) -> str:
    return f"assert len(study.trials) == {n}, len(study.trials)"


# The checks


def says(pattern: str, times: int, text: str) -> None:
    assert len(re.findall(pattern, text, flags=re.M)) == times, text


def finds_two(out: str, err: str) -> None:
    says(r"^Number of finished trials: 100$", 1, out)
    says(r"^Best trial: FrozenTrial\(number=", 1, out)
    says(r"^FrozenTrial\(number=[01], ", 2, out)
    assert abs(float(re.search(r"^Found x: (\S+),", out)[1]) - 2) < 0.5  # type: ignore[index]


def logs_a_hundred(out: str, err: str) -> None:
    says(r"^\[I .*\] A new study created in memory with name: no-name-", 1, err)
    says(r"^\[I .*\] Trial \d+ finished with value: .* Best is trial \d+ with value: ", 100, err)


def goes_on(out: str, err: str) -> None:
    says(r"^\[I .*\] Trial 1\d\d finished with value: ", 100, err)
    says(r"^Updated number of trials: 200$", 1, out)


def prints_five(out: str, err: str) -> None:
    says(r"^linear=0\.\d{6}, log=0\.\d{6}$", 5, out)
    says(r"^\[I .*\] Trial [0-4] finished with value: 0\.0 and parameters: {'lr_linear': ", 5, err)


def hears_each_record_once(out: str, err: str) -> None:
    """The handler added to "optuna" repeats on standard output what the default one writes."""
    says(r"^Trial \d+ (finished with value: .*|pruned\. )$", 20, out)
    says(r"^Trial \d+ pruned\. $", len(re.findall(r"pruned", err)), out)
    assert [line.split("] ", 1)[1] for line in err.splitlines()] == out.splitlines()


def runs_in_threads(out: str, err: str) -> None:
    says(r"Running trial trial\.number=\d+ in ThreadPoolExecutor-0_[0-3]", 20, out)
    says(r"^\[I .*\] A new study created in RDB with name: no-name-", 1, err)
    says(r"^\[I .*\] Trial \d+ finished with value: .* Best is trial", 20, err)


def names_the_default(out: str, err: str) -> None:
    assert out == "TPESampler\n"


def names_the_samplers(out: str, err: str) -> None:
    assert out == "RandomSampler\nCmaEsSampler\n"


def prints_twenty(out: str, err: str) -> None:
    says(r"^Trial \d+ finished with value: \d\.\d+(e-\d+)?$", 20, out)


# The first tutorial, by section

FIRST: dict[str, Run] = {
    "3/1": Run(after=trials(20)),
    "4.1/1": Run(
        A_TRIAL, after="assert list(trial.params) == 'learning_rate optimizer n_layers'.split()"
    ),
    "4.2/1": Run(),
    "4.2/1 RandomSampler": Run(change=("CMASampler()", "RandomSampler()")),
    "4.2/1 TPESampler": Run(change=("CMASampler()", "TPESampler()")),
    "4.2/1 GridSampler": Run(change=("CMASampler()", "GridSampler({'x': [1, 2]})")),
    "4.3/1": Run(after=trials(20)),
    "4.4/1": Run(),
    "4.4/2": Run(after="assert study.study_name == 'my_study'"),
    "5.1/1": Run(after="study.optimize(objective, n_trials=10)\n" + trials(10)),
    "5.2/1": Run(after=trials(110)),
    "6.1/1": Run(
        after="""
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)
        assert [trial.params for trial in study.trials] == [{"x": 0.5}] * 3
        """
    ),
    "6.3/1": Run(after=trials(20) + "\nassert study.best_trials[0].values[1] == 0.1"),
    "6.4/1": Run(
        before="""
        study = optuna.create_study()
        def objective(trial):
            return trial.suggest_float("x", 0, 1)
        """,
        check=prints_twenty,
    ),
    "5.3/1": Run(a_study("learning_rate", "n_estimators")),
    **{f"5.3/{n}": Run() for n in range(2, 6)},
    "6.3/2": Run(
        """
        study = optuna.create_study(directions=["maximize", "minimize"])
        study.optimize(lambda t: (t.suggest_int("n_estimators", 10, 200), 0.1), n_trials=20)
        """
    ),
    "9/1": Run(after=trials(50)),
}
FIRST_LEFT_OUT = {
    "6.2/1": "a sketch: its model and its result are not defined",
    "6.2/2": "a sketch: its result is not defined, and it needs TensorFlow",
    "6.2/3": "a sketch: it needs XGBoost",
}

# The second tutorial, by cell

# Of model validation; see model_selection/test_seed_cells.py.
VALIDATION = [f"cell {n}" for n in range(9)]
SECOND: dict[str, Run] = {
    "cell 9": Run(),
    "cell 10": Run(check=logs_a_hundred),
    "cell 11": Run(check=finds_two),
    "cell 12": Run(check=goes_on),
    **{f"fence {n}": Run(A_TRIAL, after="assert len(trial.params) == 1") for n in range(2, 9)},
    "cell 13": Run(
        after="""
        study = optuna.create_study()
        study.optimize(objective, n_trials=30)
        for trial in study.trials:
            assert trial.params["num_units"] % 5 == 0
            assert round(trial.params["drop_path_rate"], 10) * 10 % 1 == 0
        """
    ),
    "cell 14": Run(check=prints_five),
    "cell 15": Run(
        after="""
        study = optuna.create_study(direction="maximize")
        study.optimize(objective, n_trials=12)
        for trial in study.trials:
            svc, forest = ["svc_c"], ["rf_n_estimators", "rf_max_depth"]
            chosen = svc if trial.params["classifier"] == "SVC" else forest
            assert list(trial.params) == ["classifier", *chosen]
        assert study.best_value > 0.9
        """
    ),
    "fence 9": Run(
        A_TRIAL,
        after="""
        model = create_model(trial, 8)
        assert len(model) == 2 * trial.params["n_layers"] + 1
        assert model(torch.zeros(1, 8)).shape == (1, 10)
        """,
    ),
    "cell 16": Run(check=names_the_default),
    "fence 10": Run(
        inside="def objective(trial):",
        after="""
        study = optuna.create_study()
        study.optimize(objective, n_trials=1)
        assert study.trials[0].state == optuna.trial.TrialState.PRUNED
        """,
    ),
    "cell 17": Run(check=names_the_samplers),
    "cell 18": Run(check=hears_each_record_once),
    "cell 19": Run(check=runs_in_threads),
    "fence 11": Run(after=trials(40)),
    "fence 12": Run(after=trials(50)),
    "fence 13": Run(
        'optuna.create_study(study_name="no-name", storage="sqlite:///example.db")',
        after=trials(50),
    ),
    "cell 23": Run(a_study("lr", "n_layers")),
    **{f"cell {n}": Run() for n in range(24, 35)},
}
INTERLEAVED = ("cell 18", "cell 19")  # standard output and error take turns in what they show
SECOND_LEFT_OUT = {
    "fence 0": "plain assignments",
    "fence 1": "an example of a dictionary",
    "cell 20": "needs torchvision; waits for views too: it imports the plots",
    "cell 21": "needs torchvision and its data",
    "cell 22": "needs torchvision and its data",
    "cell 35": "a shell command that starts another program",
}


# Reading and running


def tutorial(pattern: str, parse: Callable[[str], dict[str, read.Block]]) -> dict[str, read.Block]:
    files = sorted(FOLDER.glob(pattern)) if FOLDER.is_dir() else []
    return parse(files[0].read_text(encoding="utf-8")) if files else {}


BLOCKS_1 = tutorial("000_*.txt", read.first)
BLOCKS_2 = tutorial("004_*.txt", read.second)
PACKAGES = ("sklearn", "torch")


@pytest.fixture(scope="module")
def tutorials(require: Require) -> None:
    require("tutorials", bool(BLOCKS_1 and BLOCKS_2), f"the tutorials are not in {FOLDER}")


def needs(code: str) -> list[str]:
    return [package for package in PACKAGES if re.search(rf"(import|from) {package}\b", code)]


def code_of(block: read.Block, run: Run) -> str:
    code = block.code
    if run.cut:
        code = code[: code.index(run.cut)]
    if run.change[0]:
        assert run.change[0] in code
        code = code.replace(*run.change)
    return f"{run.inside}\n{textwrap.indent(code, '    ')}" if run.inside else code


def play(blocks: dict[str, read.Block], runs: dict[str, Run], folder: Path) -> Results:
    """Run the blocks of a table in one process; what each wrote."""
    pieces: list[tuple[str, str]] = []
    for name, run in runs.items():
        block = blocks[name] if name in blocks else blocks[name.split()[0]]
        code = code_of(block, run)
        if all(importlib.util.find_spec(package) for package in needs(code)):
            pieces += [(f"{name} before", run.before), (name, code), (f"{name} after", run.after)]
    done = subprocess.run(
        [sys.executable, str(Path(read.__file__).with_name("session.py"))],
        input=json.dumps([(name, textwrap.dedent(code)) for name, code in pieces if code]),
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    results: Results = json.loads(done.stdout)
    return results


@pytest.fixture(scope="module")
def first(tutorials: None, tmp_path_factory: pytest.TempPathFactory) -> Results:
    return play(BLOCKS_1, FIRST, tmp_path_factory.mktemp("first"))


@pytest.fixture(scope="module")
def second(tutorials: None, tmp_path_factory: pytest.TempPathFactory) -> Results:
    return play(BLOCKS_2, SECOND, tmp_path_factory.mktemp("second"))


def assert_ran(name: str, run: Run, results: Results) -> None:
    for part in (f"{name} before", name, f"{name} after"):
        failure = results.get(part, {}).get("failure")
        assert not failure, f"{part}:\n{failure}"
    if run.check:
        run.check(results[name]["out"], results[name]["err"])


@pytest.mark.parametrize("name", FIRST)
def test_the_first_tutorial_runs(
    name: str, tutorials: None, require: Require, first: Results
) -> None:
    for package in needs(BLOCKS_1[name.split()[0]].code):
        require(package)
    assert_ran(name, FIRST[name], first)


@pytest.mark.parametrize("name", SECOND)
def test_the_second_tutorial_runs_and_prints_what_it_shows(
    name: str, tutorials: None, require: Require, second: Results
) -> None:
    block = BLOCKS_2[name]
    for package in needs(block.code):
        require(package)
    assert_ran(name, SECOND[name], second)
    if name.startswith("cell"):
        out, err = second[name]["out"], second[name]["err"]
        shown = set(read.shapes(block.shown))
        assert set(read.shapes(err)) <= shown
        if name in INTERLEAVED:
            heard = {line for line in read.shapes(out) if "Running trial" not in line}
            assert heard <= shown
        else:
            assert read.is_shown(out, block.shown)


def test_every_block_stands_in_a_table(tutorials: None) -> None:
    named = {name.split()[0] for name in [*FIRST, *FIRST_LEFT_OUT]}
    assert named == BLOCKS_1.keys()
    assert {*VALIDATION, *SECOND, *SECOND_LEFT_OUT} == BLOCKS_2.keys()
