"""Skipjack with other packages, under the names of `optuna.integration`."""

from __future__ import annotations

from skipjack._optional import lazy_names

__all__ = ["OptunaSearchCV"]

__getattr__ = lazy_names(OptunaSearchCV="skipjack.model_selection.optuna_search")
