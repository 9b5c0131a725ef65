"""Skipjack: hyperparameter optimization, small and fast. `import skipjack as optuna` works.

>>> import skipjack
>>> study = skipjack.create_study()
>>> study.optimize(lambda trial: (trial.suggest_float("x", -10, 10) - 2) ** 2, n_trials=100)
>>> study.best_params
"""

from __future__ import annotations

from skipjack import distributions, logging, pruners, samplers, storages, study, trial, version
from skipjack._optional import LaterMethod, lazy_names
from skipjack.errors import TrialPruned
from skipjack.study import (
    Study,
    copy_study,
    create_study,
    delete_study,
    get_all_study_names,
    get_all_study_summaries,
    load_study,
)
from skipjack.trial import Trial, create_trial
from skipjack.version import __version__

__all__ = [
    "Study",
    "Trial",
    "TrialPruned",
    "__version__",
    "artifacts",
    "copy_study",
    "create_study",
    "create_trial",
    "delete_study",
    "distributions",
    "exceptions",
    "get_all_study_names",
    "get_all_study_summaries",
    "importance",
    "integration",
    "load_study",
    "logging",
    "model_selection",
    "pruners",
    "samplers",
    "search_space",
    "storages",
    "study",
    "terminator",
    "trial",
    "version",
    "visualization",
]


__getattr__ = lazy_names(
    artifacts="skipjack.artifacts",
    exceptions="skipjack.exceptions",
    importance="skipjack.importance",
    integration="skipjack.integration",
    model_selection="skipjack.model_selection",
    search_space="skipjack.search_space",
    terminator="skipjack.terminator",
    visualization="skipjack.visualization",
)

# Methods of Study that belong to a higher floor: the functions that take the study first.
for _name, _home in {
    "diagnose": "skipjack.report.diagnose",
    "recommend": "skipjack.report.recommend",
    "report": "skipjack.report.page",
}.items():
    setattr(Study, _name, LaterMethod(_home, _name))
