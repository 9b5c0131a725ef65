"""Studies: making them, running them, and their results."""

from __future__ import annotations

from skipjack.records.states import StudyDirection
from skipjack.study.callbacks import MaxTrialsCallback
from skipjack.study.create import (
    copy_study,
    create_study,
    delete_study,
    get_all_study_names,
    get_all_study_summaries,
    load_study,
)
from skipjack.study.study import Study
from skipjack.study.summary import StudySummary

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
