"""The house rules, read from the source: floors, sizes, imports, docstrings.

Each rule is a function from a parsed file to the sentences it finds wrong, and `test_rules_bite`
breaks each on purpose. Exceptions stand in the tables, each with its reason; a row that is not
needed any more fails too.
"""

import ast
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "skipjack"
FILES = sorted(ROOT.rglob("*.py"))

# From the ground up. A room is a module or package directly below `skipjack`; it imports from
# rooms on lower floors, and from its own floor only where that floor is in TOGETHER.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("version", "errors"),
    ("exceptions", "logging", "platform", "rng", "_optional", "_warnings"),
    ("_deprecate", "_experimental", "_deprecated", "_imports"),
    ("distributions", "numerics"),
    ("records", "_hypervolume"),
    ("search_space", "_transform"),
    ("samplers", "pruners", "importance", "terminator", "storages"),
    ("study", "trial", "execution", "progress_bar", "_callbacks"),
    ("model_selection", "visualization", "artifacts"),
    ("report",),
    ("cli", "dashboard", "compat", "testing", "integration"),
    ("__init__",),
)
TOGETHER = {
    "study": "Study, Trial and how trials run are one loop",
}
# Modules that bring others in by name, when they are asked for.
LOADERS = {
    "__init__.py": "loads heavy public modules at first use",
    "_optional.py": "loads optional packages at first use",
    "_deprecate.py": "loads what an old name stands for, when it is used",
}
# Private names of another room that may be imported: Optuna's underscore names are part of what
# companion packages use, and stand under the paths at which they look for them.
SHARED_PRIVATE: dict[str, str] = {}
TOO_LONG: dict[str, str] = {}  # "path" or "path:function" -> why it must be longer

CORE = {"numpy", "scipy", "sqlalchemy", "tqdm", "click"}
EXTRA_BY_ROOM = {
    "testing": {"pytest", "hypothesis"},
    "model_selection": {"sklearn", "joblib"},
}
FORBIDDEN = {"optuna", "cmaes"}
POSIX_MODULES = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}
WINDOWS_MODULES = {"msvcrt", "winreg", "_winapi"}
NOT_EVERYWHERE = {
    "os": {
        *("fork", "forkpty", "register_at_fork", "wait", "waitpid", "WNOHANG", "kill", "killpg"),
        *("getuid", "geteuid", "getgid", "getegid", "getpgid", "getpgrp", "setsid", "setpgrp"),
        *("uname", "chown", "fchown", "fchmod", "chroot", "mkfifo", "nice", "getloadavg"),
        *("sched_getaffinity", "sysconf", "pread", "pwrite", "O_CLOEXEC", "O_NOFOLLOW"),
        *("O_DIRECTORY", "startfile"),
    },
    "signal": {
        *("SIGKILL", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGCHLD", "SIGQUIT", "SIGSTOP"),
        *("alarm", "setitimer", "pthread_kill", "pthread_sigmask", "sigwait", "CTRL_C_EVENT"),
    },
    "time": {"tzset", "clock_gettime", "CLOCK_BOOTTIME", "CLOCK_MONOTONIC"},
    "socket": {"AF_UNIX"},
    "ctypes": {"windll", "WinDLL"},
}


@dataclass(frozen=True)
class Source:
    """One file of the package: where it stands and what it says."""

    path: str  # below `skipjack`, with forward slashes
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        try:
            return ast.parse(self.text)
        except SystemError:  # Python 3.11, when another thread parses meanwhile (gh-106905)
            return ast.parse(self.text)

    @property
    def room(self) -> str:
        return self.path.split("/")[0].removesuffix(".py")

    @property
    def imports(self) -> list[str]:
        """Full dotted names: `from a.b import c` counts as `a.b.c`."""
        return [name for node in ast.walk(self.tree) for name in imported_by(node)]

    @property
    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node


def imported_by(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [f"{'.' * node.level}{node.module or ''}.{alias.name}" for alias in node.names]
    return []


def floor_of(room: str) -> int:
    return next((n for n, floor in enumerate(FLOORS) if room in floor), -1)


def strings(node: ast.Call) -> list[str]:
    values = [*node.args, *(keyword.value for keyword in node.keywords)]
    return [v.value for v in values if isinstance(v, ast.Constant) and isinstance(v.value, str)]


def called(node: ast.AST, *names: str) -> bool:
    if not isinstance(node, ast.Call):
        return False
    function = node.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name in names


# The rules


def imports_from_below(source: Source) -> Iterator[str]:
    if floor_of(source.room) < 0:
        yield f"the room {source.room!r} has no floor"
    for name in source.imports:
        package, *rest = name.split(".")
        if package in ("skipjack", "") and (package == "" or rest[:1] in ([], [""])):
            yield f"{name}: imports are absolute, and never of `skipjack` itself"
        elif package == "skipjack" and rest[0] != source.room:
            here, there = floor_of(source.room), floor_of(rest[0])
            together = here == there and TOGETHER.keys() & set(FLOORS[here])
            if not (0 <= there < here or together):
                yield f"{source.room} (floor {here}) imports {rest[0]} (floor {there})"


def imports_at_the_top(source: Source) -> Iterator[str]:
    allowed = {id(node) for node in source.tree.body}
    if source.path == "platform.py":  # where systems differ, so do imports
        for block in source.tree.body:
            if isinstance(block, ast.If) and "sys.platform" in ast.unparse(block.test):
                allowed |= {id(node) for node in [*block.body, *block.orelse]}
    for node in ast.walk(source.tree):
        if imported_by(node) and id(node) not in allowed:
            yield f"line {node.lineno}: an import inside a block"  # type: ignore[attr-defined]
        if called(node, "import_module", "__import__") and source.path not in LOADERS:
            yield f"line {node.lineno}: loads a module; use `_optional.lazy`"  # type: ignore[attr-defined]


def needs_core_packages_only(source: Source) -> Iterator[str]:
    allowed = {*sys.stdlib_module_names, *CORE, "skipjack", "", *EXTRA_BY_ROOM.get(source.room, ())}
    for name in source.imports:
        package = name.split(".")[0]
        if package not in allowed:
            yield f"imports {package}, which a plain install does not have; use `_optional.lazy`"
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and called(node, "lazy", "import_module", "__import__"):
            for name in strings(node)[:1]:
                if name.split(".")[0] in FORBIDDEN:
                    yield f"line {node.lineno}: loads {name}"


def runs_on_every_system(source: Source) -> Iterator[str]:
    if source.path == "platform.py":
        return
    for name in source.imports:
        package, *rest = name.split(".")
        if package in POSIX_MODULES | WINDOWS_MODULES:
            yield f"imports {package}, which is not there on every system; see platform.py"
        if rest and rest[0] in NOT_EVERYWHERE.get(package, ()):
            yield f"imports {name}, which is not there on every system; see platform.py"
    for node in ast.walk(source.tree):
        if not (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)):
            continue
        if node.attr in NOT_EVERYWHERE.get(node.value.id, ()):
            yield f"line {node.lineno}: {node.value.id}.{node.attr} belongs into platform.py"


def is_short(source: Source) -> Iterator[str]:
    lines = len(source.text.splitlines())
    if lines > 500 and source.path not in TOO_LONG:
        yield f"{lines} lines; at most 500"
    for node in source.functions:
        length = (node.end_lineno or 0) - node.lineno + 1
        if length > 60 and f"{source.path}:{node.name}" not in TOO_LONG:
            yield f"{node.name} has {length} lines; at most 60"


def uses_no_private_name_of_another_room(source: Source) -> Iterator[str]:
    for name in source.imports:
        package, *rest = name.split(".")
        if package != "skipjack" or rest[0] == source.room or name in SHARED_PRIVATE:
            continue
        if any(part.startswith("_") and not part.endswith("__") for part in rest[1:]):
            yield f"imports {name}, which is private to {rest[0]}"


def leaves_nothing_undone(source: Source) -> Iterator[str]:
    for number, line in enumerate(source.text.splitlines(), start=1):
        if any(mark in line for mark in ("TODO", "FIXME", "XXX")):
            yield f"line {number}: {line.strip()}"
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Raise) and node.exc is not None:
            raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            if isinstance(raised, ast.Name) and raised.id == "NotImplementedError":
                yield f"line {node.lineno}: raises NotImplementedError; see errors.UnsupportedError"


RULES: tuple[Callable[[Source], Iterator[str]], ...] = (
    imports_from_below,
    imports_at_the_top,
    needs_core_packages_only,
    runs_on_every_system,
    is_short,
    uses_no_private_name_of_another_room,
    leaves_nothing_undone,
)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_the_file_keeps_the_rules(path: Path) -> None:
    source = Source(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
    wrong = [f"{rule.__name__}: {found}" for rule in RULES for found in rule(source)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("rule", "path", "text"),
    [
        (imports_from_below, "records/events.py", "from skipjack.study import Study"),
        (imports_from_below, "samplers/grid.py", "from skipjack.storages import memory"),
        (imports_from_below, "nowhere.py", ""),
        (imports_from_below, "study/tell.py", "import skipjack"),
        (imports_from_below, "trial/live.py", "from skipjack import errors as e, report"),
        (imports_from_below, "numerics/qmc.py", "from . import parzen"),
        (imports_at_the_top, "rng.py", "def f():\n    import numpy"),
        (imports_at_the_top, "rng.py", "if TYPE_CHECKING:\n    from numpy import ndarray"),
        (imports_at_the_top, "rng.py", "def f():\n    importlib.import_module('numpy')"),
        (needs_core_packages_only, "study/frames.py", "import pandas"),
        (needs_core_packages_only, "study/frames.py", "pandas = lazy('optuna.study', 'x')"),
        (needs_core_packages_only, "study/frames.py", "from optuna import trial"),
        (runs_on_every_system, "storages/file.py", "import fcntl"),
        (runs_on_every_system, "storages/file.py", "from os import fork"),
        (runs_on_every_system, "storages/file.py", "import os\nos.getuid()"),
        (runs_on_every_system, "storages/file.py", "import signal\nsignal.SIGKILL"),
        (is_short, "rng.py", "\n" * 501),
        (is_short, "rng.py", "def f():\n" + "    pass\n" * 60),
        (uses_no_private_name_of_another_room, "study/ask.py", "from skipjack.records import _x"),
        (
            uses_no_private_name_of_another_room,
            "study/ask.py",
            "from skipjack.trial._live import f",
        ),
        (leaves_nothing_undone, "rng.py", "x = 1  # TO" + "DO: two"),
        (leaves_nothing_undone, "rng.py", "def f():\n    raise NotImplementedError"),
    ],
)
def test_rules_bite(rule: Callable[[Source], Iterator[str]], path: str, text: str) -> None:
    assert list(rule(Source(path, text)))


def test_every_exception_is_needed() -> None:
    sources = {path.relative_to(ROOT).as_posix(): Source("", path.read_text()) for path in FILES}
    assert LOADERS.keys() <= sources.keys()
    names = {name for source in sources.values() for name in source.imports}
    assert SHARED_PRIVATE.keys() <= names
    for row in TOO_LONG:
        path, _, function = row.partition(":")
        lengths = [
            (node.end_lineno or 0) - node.lineno + 1
            for node in sources[path].functions
            if node.name == function
        ]
        assert max(lengths) > 60 if function else len(sources[path].text.splitlines()) > 500, row


# What a study loads


HEAVY = ("scipy", "sqlalchemy", "tqdm", "pandas", "sqlite3", "asyncio", "concurrent.futures")


def modules_after(code: str) -> set[str]:
    show = textwrap.dedent(code) + "\nimport sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", show], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_a_new_study_loads_nothing_heavy() -> None:
    loaded = modules_after("import skipjack; skipjack.create_study()")
    assert not loaded & set(HEAVY)
    ours = {name for name in loaded if name.split(".")[0] == "skipjack"}
    assert len(ours) <= 50, sorted(ours)


def test_a_study_in_memory_runs_without_anything_heavy() -> None:
    loaded = modules_after(
        """
        import skipjack
        study = skipjack.create_study()
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=15)
        """
    )
    assert not loaded & {*HEAVY, "click"} - {"concurrent.futures"}
