"""Studies: making them, running them, and their results."""

from __future__ import annotations

from skipjack._optional import lazy_names
from skipjack.records.states import StudyDirection
from skipjack.study.create import (
    copy_study,
    create_study,
    delete_study,
    get_all_study_names,
    get_all_study_summaries,
    load_study,
)
from skipjack.study.study import Study

__all__ = [
    "MaxTrialsCallback",
    "Study",
    "StudyDirection",
    "StudySummary",
    "copy_study",
    "create_study",
    "delete_study",
    "get_all_study_names",
    "get_all_study_summaries",
    "load_study",
]

__getattr__ = lazy_names(
    MaxTrialsCallback="skipjack.study.callbacks", StudySummary="skipjack.study.summary"
)
