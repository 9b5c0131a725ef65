"""Choosing and validating models of scikit-learn: `sklearn.model_selection`, with better searches.

What scikit-learn has under `sklearn.model_selection` is here under the same names, unchanged but
for the search estimators, which are Skipjack's.
"""

from __future__ import annotations

from typing import Any

from skipjack import _optional

_theirs = _optional.lazy("sklearn.model_selection", "sklearn", "skipjack.model_selection")
_halving = _optional.lazy("sklearn.experimental.enable_halving_search_cv")  # importing it does

# Ours: by name the module that defines it. What has a name of scikit-learn's stands in its place.
_HOMES: dict[str, str] = {
    "GridSearchCV": "skipjack.model_selection.listed",
    "RandomizedSearchCV": "skipjack.model_selection.listed",
    "SearchCV": "skipjack.model_selection.adaptive",
    "one_se": "skipjack.model_selection.selection",
    "LeakError": "skipjack.model_selection.splits",
    "Optimism": "skipjack.model_selection.optimism",
    "OptunaSearchCV": "skipjack.model_selection.optuna_search",
    "RepeatedSplits": "skipjack.model_selection.splits",
    "bias_corrected": "skipjack.model_selection.optimism",
    "can_stop_early": "skipjack.model_selection.boosting",
    "compare": "skipjack.model_selection.comparison",
    "corrected_t_test": "skipjack.model_selection.noise",
    "describe_splits": "skipjack.model_selection.splits",
    "expected_optimism": "skipjack.model_selection.optimism",
    "find_leaks": "skipjack.model_selection.splits",
    "fit_until_best": "skipjack.model_selection.boosting",
    "gain_over": "skipjack.model_selection.noise",
    "limit_rounds": "skipjack.model_selection.boosting",
    "nested_cross_validate": "skipjack.model_selection.nested",
    "one_standard_error": "skipjack.model_selection.noise",
}
_ours = _optional.lazy_names(**_HOMES)


def __getattr__(name: str) -> Any:
    """Ours if we have it, else scikit-learn's, which is imported at the first name asked for."""
    if name == "__all__":
        return sorted({*_HOMES, *_theirs.__all__})
    if name.startswith("_"):  # introspection must not import
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    theirs = set(_theirs.__all__)  # first: or the error that names the extra
    if name in _HOMES:
        return _ours(name)
    if name.startswith("Halving"):  # which scikit-learn has only after that import
        getattr(_halving, "__all__", None)
    if name in theirs:
        return getattr(_theirs, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES, *(_theirs.__all__ if _theirs.is_installed else ())})
