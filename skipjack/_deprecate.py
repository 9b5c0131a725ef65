"""What is deprecated: one table, from which warnings and forwarding names come.

Versions are those of the interface, which follows Optuna's: what Optuna 5 says it will drop in
6.0.0 is dropped here when `INTERFACE` reaches 6.0.0. Tests hold that every row warns and that no
row outlives its `until`.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Any, NamedTuple, ParamSpec, TypeVar

from skipjack._warnings import optuna_warn

P = ParamSpec("P")
T = TypeVar("T")

INTERFACE = "5.0.0"


class Deprecation(NamedTuple):
    """One row: `old` should no longer be used, and what to use `instead`.

    `old` is written from `skipjack` on: `room.name` is a function, class or module attribute,
    `room.Class.name` a method, `room.Class(argument)` an argument, and `room.Class(*)` stands for
    arguments given by position. `forward` ("module:name") is what a module attribute stands for.
    Without `since`, `old` is a name that never existed but that people write.
    """

    old: str
    instead: str
    since: str = ""
    until: str = ""
    forward: str = ""

    @property
    def text(self) -> str:
        """What the warning says."""
        if not self.since:
            return f"There is no `{self.old}`; {self.instead} is used."
        owner, _, argument = self.old.rstrip(")").partition("(")
        name = owner.rpartition(".")[2]
        if argument == "*":
            what = f"Giving arguments of `{name}` by position"
        else:
            what = f"`{argument}` of `{name}`" if argument else f"`{name}`"
        end = f" and goes in version {self.until}" if self.until else ""
        return f"{what} is deprecated since version {self.since}{end}. Use {self.instead} instead."


TABLE: dict[str, Deprecation] = {
    row.old: row
    for row in (
        Deprecation("trial.Trial.suggest_uniform", "`suggest_float`", "3.0.0", "6.0.0"),
        Deprecation(
            "trial.Trial.suggest_loguniform", "`suggest_float(..., log=True)`", "3.0.0", "6.0.0"
        ),
        Deprecation(
            "trial.Trial.suggest_discrete_uniform",
            "`suggest_float(..., step=...)`",
            "3.0.0",
            "6.0.0",
        ),
        Deprecation("distributions.UniformDistribution", "`FloatDistribution`", "3.0.0", "6.0.0"),
        Deprecation(
            "distributions.LogUniformDistribution",
            "`FloatDistribution(..., log=True)`",
            "3.0.0",
            "6.0.0",
        ),
        Deprecation(
            "distributions.DiscreteUniformDistribution",
            "`FloatDistribution(..., step=...)`",
            "3.0.0",
            "6.0.0",
        ),
        Deprecation("distributions.IntUniformDistribution", "`IntDistribution`", "3.0.0", "6.0.0"),
        Deprecation(
            "distributions.IntLogUniformDistribution",
            "`IntDistribution(..., log=True)`",
            "3.0.0",
            "6.0.0",
        ),
        Deprecation("samplers.TPESampler(*)", "keywords", "4.4.0", "6.0.0"),
        Deprecation(
            "samplers.TPESampler(consider_prior)", "`TPESampler` without it", "4.3.0", "6.0.0"
        ),
        *(
            Deprecation(f"samplers.TPESampler({name})", "`TPESampler` without it", "4.9.0", "6.0.0")
            for name in (
                *("prior_weight", "consider_magic_clip", "consider_endpoints", "gamma", "weights"),
                "warn_independent_sampling",
            )
        ),
        *(
            Deprecation(
                f"samplers.{sampler}(constraints_func)",
                "`trial.set_constraint`",
                "5.0.0",
                "7.0.0",
            )
            for sampler in ("TPESampler", "NSGAIISampler", "NSGAIIISampler")
        ),
        Deprecation(
            "samplers.GPSampler(constraints_func)", "`trial.set_constraint`", "5.0.0", "7.0.0"
        ),
        Deprecation("samplers.CmaEsSampler(*)", "keywords", "4.4.0", "6.0.0"),
        Deprecation("samplers.CmaEsSampler(x0)", "`source_trials`", "4.9.0", "6.0.0"),
        Deprecation("samplers.CmaEsSampler(sigma0)", "`source_trials`", "4.9.0", "6.0.0"),
        *(
            Deprecation(
                f"samplers.{name}",
                "`CmaEsSampler`",
                forward="skipjack.samplers.cmaes:CmaEsSampler",
            )
            for name in ("CMASampler", "CMAESampler")
        ),
        Deprecation("artifacts.upload_artifact(*)", "keywords", "4.0.0", "6.0.0"),
        Deprecation("samplers.TPESampler.hyperopt_parameters", "`TPESampler()`", "4.9.0", "6.0.0"),
        Deprecation(
            "storages.RetryFailedTrialCallback",
            "`RetryHeartbeatStaleTrialCallback`",
            "4.9.0",
            "6.0.0",
            forward="skipjack.storages.retrying:RetryHeartbeatStaleTrialCallback",
        ),
        Deprecation(
            "storages.RDBStorage(failed_trial_callback)",
            "`heartbeat_stale_trial_callback`",
            "4.9.0",
            "6.0.0",
        ),
        Deprecation(
            "storages.RDBStorage.get_failed_trial_callback",
            "`get_heartbeat_stale_trial_callback`",
            "4.9.0",
            "6.0.0",
        ),
        *(
            Deprecation(
                f"storages.{old}",
                f"`storages.journal.{new}`",
                "4.0.0",
                "6.0.0",
                forward=f"skipjack.storages.journal:{new}",
            )
            for old, new in (
                ("BaseJournalLogStorage", "BaseJournalBackend"),
                ("JournalFileStorage", "JournalFileBackend"),
                ("JournalRedisStorage", "JournalRedisBackend"),
                ("JournalFileOpenLock", "JournalFileOpenLock"),
                ("JournalFileSymlinkLock", "JournalFileSymlinkLock"),
            )
        ),
        Deprecation(
            "visualization.plot_pareto_front(constraints_func)",
            "`trial.set_constraint`",
            "4.0.0",
            "6.0.0",
        ),
        Deprecation(
            "search_space.FloatSpace",
            "`distributions.FloatDistribution`",
            forward="skipjack.distributions:FloatDistribution",
        ),
    )
}


def warn_deprecated(old: str) -> None:
    """Say, at the user's line, what the row of `old` says; a FutureWarning."""
    optuna_warn(TABLE[old].text, FutureWarning)


def forwarding(module: str) -> Callable[[str], Any]:
    """The `__getattr__` of `module`: its rows with `forward` warn and give what they stand for.

    >>> __getattr__ = forwarding(__name__)
    """
    room = module.partition(".")[2]

    def __getattr__(name: str) -> Any:
        row = TABLE.get(f"{room}.{name}")
        if row is None or not row.forward:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        optuna_warn(row.text, FutureWarning)
        home, _, attribute = row.forward.partition(":")
        return getattr(importlib.import_module(home), attribute)

    return __getattr__


def positional_too(old: str, *names: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Let a function or method take its keyword-only arguments by position as well.

    Args:
        old: The row that says what is deprecated, such as `samplers.QMCSampler(*)`.
        *names: The arguments in the order of their positions; none: as in the signature.

    Returns:
        A decorator. The signature, as `inspect` shows it, stays keyword-only.
    """

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        code = getattr(function, "__code__")  # noqa: B009 (mypy knows no __code__ of a Callable)
        first = code.co_argcount
        places = names or code.co_varnames[first : first + code.co_kwonlyargcount]

        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            if len(args) <= first:
                return function(*args, **kwargs)
            extra = dict(zip(places, args[first:], strict=False))
            if len(args) - first > len(places) or extra.keys() & kwargs.keys():
                return function(*args, **kwargs)  # Python's own TypeError says it
            warn_deprecated(old)
            given: dict[str, Any] = {**extra, **kwargs}
            return function(*args[:first], **given)  # type: ignore[arg-type]

        return call

    return decorate
