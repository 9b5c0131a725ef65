"""Tables of the results, in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.regret.compare import Scores, chance, holm, interval, scores
from benchmarks.regret.suites import SUITE_OF, SUITES

Results = Mapping[str, Sequence[Mapping[str, Any]]]


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """One table."""
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in rows)


def parts(found: Scores) -> Iterator[tuple[str, Scores]]:
    """All, and each suite of which there are problems."""
    yield "all", found
    for suite in SUITES:
        part = found.among(name for name in found.problems if SUITE_OF[name] == suite)
        if part.problems:
            yield suite, part


def report(results: Results, ours: str, reference: str, marks: Sequence[int]) -> str:
    """Wins of `ours` over each other row, then ranks and regret of all, at each mark.

    Args:
        results: The records of each row.
        ours: The row that is compared with the others.
        reference: The row of random search.
        marks: Numbers of trials.
    """
    blocks = []
    for peer in results:
        if peer in (ours, reference):
            continue
        pair = {row: results[row] for row in (ours, peer, reference)}
        found = {mark: scores(pair, reference, mark) for mark in marks}
        found = {mark: s for mark, s in found.items() if s.problems}
        if found:
            blocks.append(against(found, ours, peer))
    together = {mark: scores(results, reference, mark) for mark in marks}
    blocks.append(standings({m: s for m, s in together.items() if s.problems}, list(results)))
    return "\n\n".join(blocks) + "\n"


def against(found: Mapping[int, Scores], ours: str, peer: str) -> str:
    """Wins over one row, by suite."""
    chances = holm([chance(s.wins(ours, peer)) for s in found.values()])
    lines: dict[str, list[str]] = {}
    counts = {}
    for every in found.values():
        for name, part in parts(every):
            won = part.wins(ours, peer)
            low, high = interval(won)
            counts[name] = len(part.problems)
            cells = lines.setdefault(name, [])
            cells.append(f"{won.mean():.3f} [{low:.2f}, {high:.2f}]")
            a, b = (part.regret[part.rows.index(row)].mean() for row in (ours, peer))
            cells.append(f"{a:.3f} / {b:.3f}")
    head = ["suite", "problems"]
    for mark in found:
        head += [f"wins @{mark}", "regret"]
    seeds = next(iter(found.values())).values.shape[2]
    sure = ", ".join(f"{c:.1e} @{m}" for m, c in zip(found, chances, strict=True))
    body = [[name, str(counts[name]), *line] for name, line in lines.items()]
    title = f"**{ours} against {peer}**, {seeds} seeds; p = {sure} (Wilcoxon, Holm)"
    return f"{title}\n\n{table(head, body)}"


def standings(found: Mapping[int, Scores], rows: Sequence[str]) -> str:
    """Mean rank and mean regret of every row, on the problems that all of them can do."""
    head, cells = ["row"], [[row] for row in rows]
    for mark, every in found.items():
        head += [f"rank @{mark}", "regret"]
        ranks, regret = every.ranks(), every.regret.mean(axis=(1, 2))
        for i, line in enumerate(cells):
            line += [f"{ranks[i]:.2f}", f"{regret[i]:.3f}"]
    counts = sorted({len(s.problems) for s in found.values()})
    return f"**All rows**, {counts} problems\n\n{table(head, cells)}"
