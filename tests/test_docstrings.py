"""Docstrings against what they describe: every public name has one, and it tells no untruth."""

import importlib
import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted(ROOT.joinpath("skipjack").rglob("*.py"))
]
ENTRY = re.compile(r"(?P<names>\*{0,2}\w+(?:, \*{0,2}\w+)*)(?: \([^)]*\))?:(?: |$)")


def own_names(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """Public functions and classes written in `module`, and the public members of the classes."""
    for name, thing in vars(module).items():
        if name.startswith("_") or getattr(thing, "__module__", "") != module.__name__:
            continue
        if inspect.isfunction(thing):
            yield name, thing
        elif inspect.isclass(thing) and thing.__name__ == name:
            yield name, thing
            for member, what in vars(thing).items():
                function = getattr(what, "fget", None) or getattr(what, "__func__", what)
                if not member.startswith("_") and inspect.isfunction(function):
                    yield f"{name}.{member}", function


def text_of(module: ModuleType, name: str, thing: Any) -> str:
    """The docstring, or for a method without one, that of the method it overrides."""
    class_name, _, member = name.partition(".")
    if member:
        bases = getattr(module, class_name).__mro__
        texts = [getattr(vars(base).get(member), "__doc__", None) for base in bases]
        return next(filter(None, texts), "")
    text = thing.__doc__ or ""
    generated = inspect.isclass(thing) and text.startswith(f"{name}(")  # by dataclass, NamedTuple
    return "" if generated else text


def documented_arguments(text: str) -> Iterator[str]:
    """The names under `Args:`; a line there that is no entry comes as it is."""
    lines = inspect.cleandoc(text).splitlines()
    for line in lines[lines.index("Args:") + 1 :] if "Args:" in lines else []:
        if line and not line.startswith("    "):
            return
        if line and not line.startswith("     "):
            entry = ENTRY.match(line.strip())
            yield from entry["names"].split(", ") if entry else [line.strip()]


def parameters_of(thing: Callable[..., Any]) -> set[str]:
    try:
        signature = inspect.signature(thing)
    except ValueError:  # some classes built in C
        return set()
    stars = {"VAR_POSITIONAL": "*", "VAR_KEYWORD": "**"}
    return {stars.get(p.kind.name, "") + p.name for p in signature.parameters.values()}


def faults(name: str, thing: Any, text: str) -> Iterator[str]:
    if not text.strip():
        if ".test_" not in name:  # the name of a contract's test is a sentence
            yield f"{name}: no docstring"
        return
    first = text.strip().splitlines()[0]
    if not first.endswith("."):
        yield f"{name}: the first line is no sentence that ends with a period: {first!r}"
    unknown = set(documented_arguments(text)) - parameters_of(thing)
    if unknown:
        yield f"{name}: tells of arguments that it has not: {sorted(unknown)}"


@pytest.mark.parametrize("module_name", MODULES)
def test_docstrings_are_there_and_true(module_name: str) -> None:
    module = importlib.import_module(module_name)
    wrong = [
        fault
        for name, thing in own_names(module)
        for fault in faults(name, thing, text_of(module, name, thing))
    ]
    assert not wrong, "\n".join(wrong)
    assert (module.__doc__ or "").strip(), "the module has no docstring"


def test_faults_are_found() -> None:
    def good(name: str, *rest: int, **more: int) -> None:
        """Do it.

        Args:
            name: What
                it is.
            *rest, **more: The others.

        Returns:
            nothing: at all.
        """

    def old(name: str) -> None:
        """Do it.

        Args:
            title: What it was once.
        """

    assert list(faults("good", good, good.__doc__ or "")) == []
    assert len(list(faults("old", old, old.__doc__ or ""))) == 1
    assert len(list(faults("good", good, "Do it\n"))) == 1
    assert len(list(faults("bare", good, ""))) == 1
