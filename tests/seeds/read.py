"""Find the code blocks of the two tutorials, and what the second one shows as their output.

The first is Markdown. The second is a notebook as text: a cell starts after `In [None]:` and runs
into its output without a mark, so a cell ends where the text stops being Python.
"""

import re
import textwrap
from collections import Counter
from dataclasses import dataclass

SHOWN_CUT = 1000  # the second tutorial shows so many characters of an output at most
SECTION = re.compile(r"#+ \*\*(\d+(?:\.\d+)?)\.")


@dataclass(frozen=True)
class Block:
    """A piece of code, with Optuna's name replaced by ours, and the text that follows it."""

    code: str
    shown: str = ""


def with_our_name(code: str) -> str:
    """The code with only the import changed."""
    code = re.sub(r"^(\s*)import optuna$", r"\1import skipjack as optuna", code, flags=re.M)
    return re.sub(r"^(\s*)from optuna\b", r"\1from skipjack", code, flags=re.M)


def fences(text: str) -> list[tuple[int, str]]:
    """Blocks between ```python and ```, each with the number of its first line."""
    found, start, inside = [], -1, list[str]()
    for number, line in enumerate(text.splitlines()):
        if start < 0 and line.strip() == "```python":
            start, inside = number, []
        elif start >= 0 and line.strip() == "```":
            found.append((start, textwrap.dedent("\n".join(inside))))
            start = -1
        elif start >= 0:
            inside.append(line)
    return found


def is_python(code: str) -> bool:
    try:
        compile(code, "cell", "exec")
    except (SyntaxError, ValueError):
        return False
    return True


def first(text: str) -> dict[str, Block]:
    """The blocks of the first tutorial by section and number in it: "4.2/1"."""
    lines = text.splitlines()
    found, count = {}, Counter[str]()
    for start, code in fences(text):
        section = next(m[1] for line in reversed(lines[:start]) if (m := SECTION.match(line)))
        count[section] += 1
        found[f"{section}/{count[section]}"] = Block(with_our_name(code))
    return found


def second(text: str) -> dict[str, Block]:
    """The cells of the second tutorial in order, "cell 0", and its other blocks, "fence 0"."""
    found = {f"fence {n}": Block(with_our_name(code)) for n, (_, code) in enumerate(fences(text))}
    for n, part in enumerate(re.split(r"^In \[None\]:\n", text, flags=re.M)[1:]):
        paragraphs = re.split(r"(\n\n+)", part)
        ends = range(1, len(paragraphs) + 1, 2)
        end = max((e for e in ends if is_python("".join(paragraphs[:e]))), default=0)
        code = "".join(paragraphs[:end])
        found[f"cell {n}"] = Block(with_our_name(code), "".join(paragraphs[end:]))
    return found


def shape(text: str) -> str:
    """The text with what differs from run to run replaced: numbers, times, made-up names.

    Two things that newer versions show differently are levelled too: the state of a trial, which
    Optuna 5 and Skipjack show as `<TrialState.COMPLETE: 1>` and Optuna 4 showed as `1`, and
    numbers of NumPy 2, `np.float64(0.1)`.
    """
    text = re.sub(r"<TrialState\.\w+: (\d)>", r"\1", text)
    text = re.sub(r"np\.\w+\(([^()]*)\)", r"\1", text)
    text = re.sub(r"no-name-[0-9a-f-]{36}", "no-name", text)
    text = re.sub(r"datetime\.datetime\([\d, ]+\)", "TIME", text)
    text = re.sub(r"^\[I [\d-]+ [\d:,]+\]", "[I TIME]", text, flags=re.M)
    text = re.sub(r"(?<![\w.])-?(?:\d+(?:\.\d*)?(?:e[+-]?\d+)?|nan|inf)(?![\w])", "#", text)
    return re.sub(r"[ \n]+", lambda m: "\n" if "\n" in m[0] else " ", text)


def shapes(text: str) -> list[str]:
    """The shape of each line that says something."""
    return [line for line in shape(text).split("\n") if line.strip()]


def is_shown(out: str, shown: str) -> bool:
    """Whether `out`, line for line, has the shape of a text in `shown`, as far as that is shown."""
    lines = shapes(out)
    for start in re.finditer(r"^", shown, flags=re.M):
        rest = shown[start.start() :]
        if rest[SHOWN_CUT : SHOWN_CUT + 2] == "\n\n":
            *whole, last = shapes(rest[:SHOWN_CUT])
            rest_of_ours = "\n".join(lines[len(whole) :])
            if lines[: len(whole)] == whole and rest_of_ours.startswith(last.rstrip("#")):
                return True
        elif shapes(rest)[: len(lines)] == lines:
            return True
    return False
