"""Which candidate is chosen: the best one, or the simplest that is as good within the noise."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, final

import numpy as np
import numpy.typing as npt

from skipjack.errors import invalid, wrong_type
from skipjack.model_selection.noise import one_standard_error
from skipjack.model_selection.results import finished_only

Choice: TypeAlias = Callable[[Mapping[str, Any]], int]

# Parameters of common estimators by which a model is simpler when they are smaller, or larger.
_SMALLER = {
    *("C", "degree", "gamma", "learning_rate", "max_bin", "max_depth", "max_features"),
    *("max_iter", "max_leaf_nodes", "max_leaves", "n_components", "n_estimators", "n_knots"),
    *("num_leaves", "iterations", "depth", "k", "n_features_to_select", "subsample"),
}
_LARGER = {
    *("alpha", "ccp_alpha", "l2_regularization", "l2_leaf_reg", "reg_alpha", "reg_lambda"),
    *("min_child_samples", "min_child_weight", "min_impurity_decrease", "min_samples_leaf"),
    *("min_samples_split", "min_split_gain", "n_neighbors", "var_smoothing", "shrinkage"),
    *("reg_param", "length_scale", "tol"),
}


@final
class one_se:  # a function with arguments: `refit=one_se("-clf__C")`
    """Chooses the simplest candidate within one standard error of the best, for `refit`.

    Args:
        *names: Parameters by which one candidate is simpler than another, the first one first:
            "max_depth" if smaller is simpler, "-alpha" if larger is. Without any, those are taken
            that are known to be so in common estimators, such as `max_depth`, `C` or `alpha`, all
            with equal weight.
        metric: The name of the score; None for the only one.
        errors: How many standard errors (of the best candidate's mean) still count as equal.

    Raises:
        TypeError: If a name is no text.

    Source: L. Breiman, J. Friedman, R. Olshen and C. Stone, "Classification and Regression Trees"
        (1984), section 3.4.3.
    """

    def __init__(self, *names: str, metric: str | None = None, errors: float = 1.0) -> None:
        for name in names:
            if not isinstance(name, str):
                raise wrong_type("names", "be names of parameters", name)
        self._names, self._metric, self._errors = names, metric, errors

    def __call__(self, results: Mapping[str, Any]) -> int:
        """The row of the choice.

        Raises:
            ValueError: If no parameter is known to make a model simpler, or one of those that
                were named was not searched.
        """
        shown, rows = finished_only(dict(results))
        name = self._metric or _only_metric(shown)
        n = sum(key.startswith("split") and key.endswith(f"_test_{name}") for key in shown)
        scores = np.stack([shown[f"split{i}_test_{name}"] for i in range(n)], axis=1)
        cost = _complexity(shown["params"], self._names)
        return int(rows[one_standard_error(scores, cost, errors=self._errors)])


def _only_metric(results: Mapping[str, Any]) -> str:
    names = [key[len("mean_test_") :] for key in results if key.startswith("mean_test_")]
    if len(names) != 1:
        raise invalid("metric", f"name one of {', '.join(names)}", None)
    return names[0]


def _complexity(params: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[float]:
    """How complex each candidate is, from ranks of its parameters."""
    searched = dict.fromkeys(key for each in params for key in each)
    if not names:
        known = [key for key in searched if key.split("__")[-1] in _SMALLER]
        known += [f"-{key}" for key in searched if key.split("__")[-1] in _LARGER]
        if not known:
            raise invalid(
                "select",
                "be one_se(...) with the names of parameters that make a model simpler",
                "one_se",
                f"None is known among {', '.join(searched)}.",
            )
        return list(np.sum([_ranks(params, key) for key in known], axis=0))
    for key in names:
        if key.lstrip("-") not in searched:
            raise invalid("names", f"be among {', '.join(searched)}", key)
    table = [_ranks(params, key) for key in names]
    order = np.lexsort(table[::-1])
    places = np.empty(len(params))
    previous, place = None, -1.0
    for row in order:
        values = [column[row] for column in table]
        place, previous = (place + 1.0, values) if values != previous else (place, previous)
        places[row] = place
    return list(places)


def _ranks(params: Sequence[Mapping[str, Any]], key: str) -> npt.NDArray[np.float64]:
    """Ranks of one parameter, the simplest first; what has no number is the most complex."""
    sign = -1.0 if key.startswith("-") else 1.0
    numbers = [_number(each.get(key.lstrip("-"))) for each in params]
    keys = [math.inf if math.isnan(x) else sign * x for x in numbers]
    return np.unique(keys, return_inverse=True)[1].astype(np.float64)


def _number(value: Any) -> float:
    """A value as a number; the sum of a tuple; NaN for a text or None."""
    if isinstance(value, (tuple, list)):
        return math.fsum(_number(item) for item in value)
    if isinstance(value, str) or value is None:
        return math.nan
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan
