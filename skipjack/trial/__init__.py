"""Trials: the one that runs, stand-ins, and records of past ones."""

from __future__ import annotations

from skipjack._optional import lazy_names
from skipjack.records.frozen import FrozenTrial, create_trial
from skipjack.records.states import TrialState
from skipjack.records.suggest import BaseTrial
from skipjack.trial.trial import Trial

__all__ = ["BaseTrial", "FixedTrial", "FrozenTrial", "Trial", "TrialState", "create_trial"]

__getattr__ = lazy_names(FixedTrial="skipjack.trial.fixed")
