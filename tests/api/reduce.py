"""Reduce a description of Optuna's public API to names, parameter kinds and defaults.

Run: python tests/api/reduce.py /path/to/api.json
It writes optuna.json beside this file, which tests/test_api.py compares with Skipjack. A signature
is kept as Python writes it, without annotations: "(self, name, low, high, *, log=False)".
"""

import json
import re
import sys
from pathlib import Path
from typing import Any


def default(shown: str) -> str:
    """A default's repr as an expression: `<TrialState.COMPLETE: 1>` is `TrialState.COMPLETE`."""
    return re.sub(r"<class '(?:\w+\.)*(\w+)'>", r"\1", re.sub(r"<([\w.]+): [^>]*>", r"\1", shown))


def signature(parameters: list[dict[str, Any]]) -> str:
    """The parameters as they would stand in a `def`."""
    parts: list[str] = []
    before = ""
    for parameter in parameters:
        kind, name = parameter["kind"], parameter["name"]
        if before == "POSITIONAL_ONLY" and kind != before:
            parts.append("/")
        if kind == "KEYWORD_ONLY" and before not in ("KEYWORD_ONLY", "VAR_POSITIONAL"):
            parts.append("*")
        stars = {"VAR_POSITIONAL": "*", "VAR_KEYWORD": "**"}.get(kind, "")
        value = f"={default(parameter['default'])}" if parameter["has_default"] else ""
        parts.append(stars + name + value)
        before = kind
    return f"({', '.join([*parts, '/'] if before == 'POSITIONAL_ONLY' else parts)})"


def call(entry: dict[str, Any]) -> str:
    """How an entry is called; empty for what is not called."""
    return signature(entry.get("parameters") or []) if entry.get("signature") else ""


def member(entry: dict[str, Any]) -> str:
    """How a method is called, or that it is a property or an attribute."""
    return call(entry) if entry["kind"] in ("method", "staticmethod") else entry["kind"]


def reduced(entry: dict[str, Any]) -> dict[str, Any]:
    """One entry: its kind, how it is called, its public members; bases for exceptions."""
    kept: dict[str, Any] = {"kind": entry["kind"]}
    if entry["kind"] in ("class", "function"):
        kept["call"] = call(entry)
    members = entry.get("members") or []
    if entry["kind"] == "enum":
        kept["values"] = members["values"]
    elif members:
        kept["members"] = {
            m["name"]: member(m)
            for m in members
            if m["name"] == "__call__" or not m["name"].startswith("_")
        }
    if entry["kind"] == "exception":
        kept["bases"] = [base.split(".")[-1] for base in entry["bases"]]
    return kept


def main(path: str) -> None:
    """Reduce the file at `path`."""
    api = json.loads(Path(path).read_text(encoding="utf-8"))
    entries = {f"{entry['module']}.{entry['name']}": reduced(entry) for entry in api["entries"]}
    exports = {module: names["all"] for module, names in api["modules"].items() if names["all"]}
    small = {"version": api["reference_version"], "exports": exports, "entries": entries}
    target = Path(__file__).with_name("optuna.json")
    target.write_text(json.dumps(small, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
