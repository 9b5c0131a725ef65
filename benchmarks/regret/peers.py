"""Libraries behind one face: ask for a trial with suggest methods, tell its outcome.

A row of the tables names a sampler: `skipjack:TPESampler(n_ei_candidates=48)`. What stands before
the colon is a module with Optuna's interface, or `hyperopt` or `hebo`; `@anything` may follow it,
so that one module can be run from two places.
"""

from __future__ import annotations

import ast
import importlib
import logging
import math
import warnings
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Protocol

import numpy as np

from benchmarks.regret.problem import Outcome, Problem, source


class Study(Protocol):
    """A search under way."""

    def ask(self) -> Any:
        """A trial."""
        ...

    def tell(self, trial: Any, outcome: Outcome) -> None:
        """Its outcome."""
        ...


def module_of(row: str) -> str:
    """The library that a row is about."""
    return label_of(row).partition("@")[0]


def label_of(row: str) -> str:
    """The library and where it is run from."""
    return row.partition(":")[0]


def version_of(row: str) -> str:
    """The installed version of the library, empty if it is not installed but only in the path."""
    try:
        return version(module_of(row))
    except PackageNotFoundError:
        return ""


def study_of(row: str, problem: Problem, seed: int) -> Study | None:
    """A new search; None if the library cannot do it."""
    name = row.partition(":")[2]
    if module_of(row) not in ("hyperopt", "hebo"):
        return OptunaLike(module_of(row), name, problem, seed)
    if problem.objectives > 1 or problem.constrained or not problem.flat:
        return None
    if module_of(row) == "hebo":
        return Hebo(problem, seed) if problem.running == 1 else None
    return Hyperopt(name, problem, seed)


def call(text: str) -> tuple[str, dict[str, Any]]:
    """A name and the arguments from "name(argument=value)"."""
    node = ast.parse(text, mode="eval").body
    if isinstance(node, ast.Name):
        return node.id, {}
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.args:
        raise SystemExit(f"A sampler must be Name or Name(argument=value), but got {text}.")
    return node.func.id, {k.arg or "": ast.literal_eval(k.value) for k in node.keywords}


class OptunaLike:
    """A module with Optuna's interface."""

    def __init__(self, module: str, sampler: str, problem: Problem, seed: int) -> None:
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        library = importlib.import_module(module)
        name, arguments = call(sampler)
        recipe = arguments.pop("recipe", None)
        made = getattr(library.samplers, name)(**arguments, seed=seed)
        if recipe is not None:
            made = importlib.import_module(f"{module}.samplers.tpe.sampler").with_recipe(
                made, **recipe
            )
        self._study = library.create_study(
            directions=["minimize"] * problem.objectives, sampler=made
        )

    def ask(self) -> Any:
        """A trial."""
        return self._study.ask()

    def tell(self, trial: Any, outcome: Outcome) -> None:
        """Its outcome."""
        for i, violation in enumerate(outcome.violations):
            trial.set_constraint(f"c{i}", violation)
        values = list(outcome.values)
        self._study.tell(trial.number, values if len(values) > 1 else values[0])


class Hyperopt:
    """Hyperopt, for spaces without conditions; `name` is one of its modules, such as `tpe`."""

    def __init__(self, name: str, problem: Problem, seed: int) -> None:
        logging.disable(logging.WARNING)
        self._library = importlib.import_module("hyperopt")
        self._suggest = importlib.import_module(f"hyperopt.{name}").suggest
        self._asked = Space(self._library.hp)
        problem.objective(self._asked, source("space"))
        self._domain = self._library.base.Domain(lambda point: 0.0, self._asked.space)
        self._trials = self._library.Trials()
        self._rng = np.random.default_rng(seed)

    def ask(self) -> Any:
        """A trial."""
        trials = self._trials
        trials.refresh()
        seed = int(self._rng.integers(2**31 - 1))
        [document] = self._suggest(trials.new_trial_ids(1), self._domain, trials, seed)
        document["state"] = self._library.JOB_STATE_RUNNING
        trials.insert_trial_docs([document])
        trials.refresh()
        drawn = {name: found[0] for name, found in document["misc"]["vals"].items() if found}
        return Point(drawn, document["tid"])

    def tell(self, trial: Any, outcome: Outcome) -> None:
        """Its outcome."""
        [document] = [d for d in self._trials._dynamic_trials if d["tid"] == trial.number]
        document["state"] = self._library.JOB_STATE_DONE
        document["result"] = {"loss": outcome.values[0], "status": self._library.STATUS_OK}
        self._trials.refresh()


class Space:
    """A trial that answers with anything, and keeps what it was asked for in hyperopt's terms."""

    def __init__(self, terms: Any) -> None:
        self.space: dict[str, Any] = {}
        self._terms = terms

    def suggest_float(self, name: str, low: float, high: float, log: bool = False) -> float:
        """The lowest value."""
        if log:
            self.space[name] = self._terms.loguniform(name, math.log(low), math.log(high))
        else:
            self.space[name] = self._terms.uniform(name, low, high)
        return low

    def suggest_int(self, name: str, low: int, high: int, log: bool = False) -> int:
        """The lowest value."""
        if log:
            ends = math.log(low - 0.5), math.log(high + 0.5)
            self.space[name] = self._terms.qloguniform(name, *ends, 1)
        else:
            self.space[name] = self._terms.uniformint(name, low, high)
        return low

    def suggest_categorical(self, name: str, choices: list[Any]) -> Any:
        """The first choice."""
        self.space[name] = self._terms.choice(name, list(range(len(choices))))
        return choices[0]


class Point:
    """A trial of hyperopt."""

    def __init__(self, drawn: dict[str, float], number: int) -> None:
        self.number = number
        self._drawn = drawn

    def suggest_float(self, name: str, low: float, high: float, log: bool = False) -> float:
        """What was drawn."""
        return min(max(float(self._drawn[name]), low), high)

    def suggest_int(self, name: str, low: int, high: int, log: bool = False) -> int:
        """What was drawn."""
        return min(max(round(self._drawn[name]), low), high)

    def suggest_categorical(self, name: str, choices: list[Any]) -> Any:
        """What was drawn."""
        return choices[int(self._drawn[name])]


class Hebo:
    """HEBO, one trial after the other, for spaces without conditions."""

    def __init__(self, problem: Problem, seed: int) -> None:
        warnings.simplefilter("ignore")
        np.random.seed(seed)
        importlib.import_module("torch").manual_seed(seed)
        asked = Terms()
        problem.objective(asked, source("space"))
        space = importlib.import_module("hebo.design_space.design_space").DesignSpace()
        optimizer = importlib.import_module("hebo.optimizers.hebo").HEBO
        self._search = optimizer(space.parse(asked.terms), scramble_seed=seed)
        self._n = 0

    def ask(self) -> Any:
        """A trial."""
        self._drawn = self._search.suggest(n_suggestions=1)
        self._n += 1
        return Point(self._drawn.iloc[0].to_dict(), self._n - 1)

    def tell(self, trial: Any, outcome: Outcome) -> None:
        """Its outcome."""
        self._search.observe(self._drawn, np.array([list(outcome.values)]))


class Terms:
    """A trial that answers with anything, and keeps what it was asked for in HEBO's terms."""

    def __init__(self) -> None:
        self.terms: list[dict[str, Any]] = []

    def suggest_float(self, name: str, low: float, high: float, log: bool = False) -> float:
        """The lowest value."""
        self._keep(name, "pow" if log else "num", low, high)
        return low

    def suggest_int(self, name: str, low: int, high: int, log: bool = False) -> int:
        """The lowest value."""
        self._keep(name, "pow_int" if log else "int", low, high)
        return low

    def suggest_categorical(self, name: str, choices: list[Any]) -> Any:
        """The first choice."""
        self.terms.append({"name": name, "type": "cat", "categories": [*range(len(choices))]})
        return choices[0]

    def _keep(self, name: str, kind: str, low: float, high: float) -> None:
        self.terms.append({"name": name, "type": kind, "lb": low, "ub": high})
