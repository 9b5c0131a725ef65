"""A plug-in for pytest that puts our searches into scikit-learn, for its own tests.

The columns of `cv_results_` that we have besides are taken out: scikit-learn's tests list all
columns that they know.
"""

from typing import Any

import sklearn.experimental.enable_halving_search_cv  # noqa: F401
from sklearn import model_selection as theirs

from skipjack import model_selection as ours
from skipjack.model_selection.base import TrialSearchCV

conclude = TrialSearchCV._conclude


def without_our_columns(search: Any, *arguments: Any) -> None:
    conclude(search, *arguments)
    for name in ("trial_number", "state"):
        del search.cv_results_[name]


TrialSearchCV._conclude = without_our_columns  # type: ignore[method-assign]
for name in ("GridSearchCV", "RandomizedSearchCV"):
    setattr(theirs, name, getattr(ours, name))
