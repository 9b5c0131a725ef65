"""Skipjack's public names against Optuna's: the same calls work.

`api/optuna.json` is a reduced description of Optuna 5.0.0 (see `api/reduce.py`). Optuna's
parameters keep their name, order, kind and default; ours follow them, keyword-only, with a default.
What is not there yet stands in WAITING. That table only shrinks: a row that is fulfilled fails.
"""

import ast
import builtins
import importlib
import inspect
import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.reduce import default

API = json.loads(Path(__file__).with_name("api").joinpath("optuna.json").read_text())
ENTRIES: dict[str, dict[str, Any]] = API["entries"]
EXPORTS = [
    name
    for module, names in API["exports"].items()
    for name in (f"{module}.{n}" for n in names)
    if name not in ENTRIES
]

# What a later change brings -> the names that wait for it. `module.*` stands for all its names,
# `Class` for the class with all its members, `Class.member` for one.
WAITING: dict[str, tuple[str, ...]] = {
    "the scikit-learn side: integrations": (
        *(
            f"optuna.integration.{name}"
            for name in (
                "BoTorchSampler",
                "CatBoostPruningCallback",
                "DaskStorage",
                "FastAIPruningCallback",
                "FastAIV2PruningCallback",
                "KerasPruningCallback",
                "LightGBMPruningCallback",
                "LightGBMTuner",
                "LightGBMTunerCV",
                "MLflowCallback",
                "PyCmaSampler",
                "PyTorchIgnitePruningHandler",
                "PyTorchLightningPruningCallback",
                "ShapleyImportanceEvaluator",
                "SkorchPruningCallback",
                "TFKerasPruningCallback",
                "TensorBoardCallback",
                "TensorFlowPruningHook",
                "TorchDistributedTrial",
                "WeightsAndBiasesCallback",
                "XGBoostPruningCallback",
            )
        ),
    ),
}

Parameter = tuple[str, str, str | None]  # name, kind, default


def theirs(call: str) -> list[Parameter]:
    """The parameters of a signature that is written as in a `def`."""
    function = ast.parse(f"def f{call}: ...").body[0]
    assert isinstance(function, ast.FunctionDef)
    a = function.args
    positional = [*a.posonlyargs, *a.args]
    defaults = [None] * (len(positional) - len(a.defaults)) + [ast.unparse(d) for d in a.defaults]
    kinds = ["POSITIONAL_ONLY"] * len(a.posonlyargs) + ["POSITIONAL_OR_KEYWORD"] * len(a.args)
    found: list[Parameter] = [
        (p.arg, kind, value) for p, kind, value in zip(positional, kinds, defaults)
    ]
    found += [(a.vararg.arg, "VAR_POSITIONAL", None)] if a.vararg else []
    found += [
        (p.arg, "KEYWORD_ONLY", ast.unparse(value) if value else None)
        for p, value in zip(a.kwonlyargs, a.kw_defaults)
    ]
    return found + ([(a.kwarg.arg, "VAR_KEYWORD", None)] if a.kwarg else [])


def ours(thing: Any) -> list[Parameter]:
    """The parameters of something that can be called."""
    found: list[Parameter] = []
    for p in inspect.signature(thing).parameters.values():
        value = None
        if p.default is not p.empty:
            shown = default(repr(p.default))
            try:
                value = ast.unparse(ast.parse(shown, mode="eval").body)
            except SyntaxError:  # a function, say
                value = shown
        found.append((p.name, p.kind.name, value))
    return found


def differences(call: str, thing: Any) -> Iterator[str]:
    expected = theirs(call)
    if [kind for _, kind, _ in expected] == ["VAR_POSITIONAL", "VAR_KEYWORD"]:
        return  # an abstract class or a protocol: how it is called is up to the subclass
    try:
        found = ours(thing)
    except (TypeError, ValueError) as error:
        yield f"has no signature: {error}"
        return
    n = len(expected)
    for place, parameter in enumerate(expected):
        if found[place : place + 1] != [parameter]:
            yield f"parameter {place} must be {parameter}, but is {found[place : place + 1]}"
            return
    for name, kind, value in found[n:]:
        if kind != "KEYWORD_ONLY" or value is None:
            yield f"our own parameter {name!r} must be keyword-only with a default"


def resolve(name: str) -> Any:
    """What `optuna.a.b` is in Skipjack; AttributeError if it is not there."""
    parts = name.split(".")
    parts[0] = "skipjack"
    for cut in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError as error:
            if not ".".join(parts[:cut]).startswith(error.name or "?"):
                raise
            continue
        for part in parts[cut:]:
            found = getattr(found, part)
        return found
    raise AttributeError(name)


def member_faults(owner: Any, name: str, expected: str) -> Iterator[str]:
    declared = {key for base in owner.__mro__ for key in getattr(base, "__annotations__", ())}
    if not hasattr(owner, name) and name not in declared:
        yield "is missing"
    elif expected.startswith("("):
        yield from differences(expected, getattr(owner, name))


def faults(name: str) -> list[str]:
    """What is wrong with one entry, one `Class.member`, or one exported name."""
    owner, _, last = name.rpartition(".")
    try:
        if owner in ENTRIES:
            return list(member_faults(resolve(owner), last, ENTRIES[owner]["members"][last]))
        thing = resolve(name)
    except (AttributeError, ImportError) as error:
        return [f"is missing ({type(error).__name__}: {error})"]
    entry = ENTRIES.get(name, {"kind": "export"})
    wrong = list(differences(entry["call"], thing)) if "call" in entry else []
    for member, value in entry.get("values", {}).items():
        if getattr(thing, member, None) != value:
            wrong.append(f"member {member} must be {value}")
    for base in entry.get("bases", ()):
        kind = getattr(builtins, base, None) or resolve(f"optuna.exceptions.{base}")
        if not issubclass(thing, kind):
            wrong.append(f"must be a kind of {base}")
    return wrong


def with_members(name: str) -> list[str]:
    return [name, *(f"{name}.{member}" for member in ENTRIES.get(name, {}).get("members", ()))]


def covered(row: str) -> list[str]:
    """The names that a row of WAITING stands for; each must still wait."""
    if row.endswith(".*"):
        return [n for n in [*ENTRIES, *EXPORTS] if n.rpartition(".")[0] == row[:-2]]
    return [row]


ROWS = {name: what for what, rows in WAITING.items() for row in rows for name in covered(row)}


def waits(name: str) -> bool:
    return name in ROWS or name.rpartition(".")[0] in ROWS.keys() & ENTRIES.keys()


@pytest.fixture(autouse=True)
def without_warnings() -> Iterator[None]:
    """Let names be looked at that warn when they are."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize("name", [n for n in [*ENTRIES, *EXPORTS] if not waits(n)])
def test_the_name_can_be_used_as_in_optuna(name: str) -> None:
    wrong = {n: found for n in with_members(name) if not waits(n) and (found := faults(n))}
    assert not wrong, "\n".join(f"{n}: {'; '.join(found)}" for n, found in wrong.items())


@pytest.mark.parametrize("name", ROWS)
def test_what_waits_is_not_there_yet(name: str) -> None:
    assert any(faults(n) for n in with_members(name)), (
        f"{name} is there: take it out of WAITING ({ROWS[name]!r})"
    )


def test_every_row_of_the_table_is_a_name() -> None:
    known = {n for name in [*ENTRIES, *EXPORTS] for n in with_members(name)}
    assert ROWS.keys() <= known
    assert all(covered(row) for rows in WAITING.values() for row in rows)


def test_differences_are_found() -> None:
    def ours(a: int, b: int = 1, *, c: int = 2, d: int = 3) -> None: ...

    assert list(differences("(a, b=1)", ours)) == []
    assert list(differences("(a, b=1, *, c=2)", ours)) == []
    for call in ("(a, b=2)", "(b, a)", "(a, *, b=1)", "(a, b=1, c=2)", "(a, b=1, *, e=1)", "(a)"):
        assert list(differences(call, ours)), call


# What companion packages use of a study and a trial beyond the documented members.
STUDY = (
    *("study_name", "sampler", "pruner", "_storage", "_study_id", "_thread_local"),
    *("_get_trials", "_is_multi_objective"),
)
TRIAL = (
    *("study", "storage", "relative_params", "relative_search_space"),
    *("_trial_id", "_relative_params"),
)


def test_studies_and_trials_have_the_attributes_that_companions_use() -> None:
    study = resolve("optuna.create_study")()
    trial = study.ask()
    assert [name for name in STUDY if not hasattr(study, name)] == []
    assert [name for name in TRIAL if not hasattr(trial, name)] == []
