"""Comparing models on the same folds, and naming what over- and underfits."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from skipjack import _optional
from skipjack.errors import invalid, wrong_type
from skipjack.model_selection.noise import (
    FloatArray,
    PairedTest,
    corrected_standard_error,
    corrected_t_test,
    holm,
)
from skipjack.model_selection.splits import has_classes, repeated

base = _optional.lazy("sklearn.base", "sklearn", "compare")
dummy = _optional.lazy("sklearn.dummy", "sklearn", "compare")
pyplot = _optional.lazy("matplotlib.pyplot", "plot", "compare(...).plot")
selection = _optional.lazy("sklearn.model_selection", "sklearn", "compare")

_GAP = 0.1  # of what training gains over guessing; more lost on unseen data is overfitting
_ERRORS = 2.0  # standard errors above which a difference is seen


@dataclass(frozen=True, slots=True)
class ModelScores:
    """The scores of a model on all folds.

    Attributes:
        name: The name of the model.
        test: Its scores on unseen data, shape (folds,); NaN where it failed.
        train: Its scores on its own training data.
        fit_time: Seconds of each fit.
        verdict: "fits", "overfits", "underfits", or "unknown" where a fold failed.
        reason: Why, in a sentence.
    """

    name: str
    test: FloatArray
    train: FloatArray
    fit_time: FloatArray
    verdict: str
    reason: str

    @property
    def score(self) -> float:
        """The mean on unseen data."""
        return float(self.test.mean())


@dataclass(frozen=True, slots=True)
class Pair:
    """Two models, the better one first.

    Attributes:
        better: The name of the one with the higher mean.
        worse: That of the other.
        test: The corrected test of their differences, fold by fold.
        p_adjusted: Its p-value, adjusted for the number of pairs.
        is_clear: Whether it is below the level that was asked for.
    """

    better: str
    worse: str
    test: PairedTest
    p_adjusted: float
    is_clear: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """Models compared on the same folds; its text is two tables, `plot` draws the scores.

    Attributes:
        models: The best one first.
        pairs: Each model with each other, in the order of the models.
        guess: The mean score of a model that does not look at the data; NaN if it has none.
        ratio: Test samples by training samples of a fold, on average.
        level: The level of the tests.
    """

    models: tuple[ModelScores, ...]
    pairs: tuple[Pair, ...]
    guess: float
    ratio: float
    level: float

    @property
    def best(self) -> ModelScores:
        """The model with the highest mean on unseen data."""
        return self.models[0]

    def __str__(self) -> str:
        width = max(len("model"), *(len(model.name) for model in self.models))
        lines = [f"{'model':{width}}  unseen data           training  verdict"]
        for model in self.models:
            error = corrected_standard_error(model.test, self.ratio)
            lines.append(
                f"{model.name:{width}}  {model.score:10.4f} ± {error:6.4f}  "
                f"{model.train.mean():9.4f}  {model.verdict}: {model.reason}"
            )
        lines += (
            [f"{'(guessing)':{width}}  {self.guess:10.4f}", ""] if self.guess_is_known else [""]
        )
        for pair in self.pairs:
            verb = "is better than" if pair.is_clear else "is not clearly better than"
            lines.append(
                f"{pair.better} {verb} {pair.worse}: {pair.test.difference:+.4f} "
                f"({pair.test.low:+.4f} to {pair.test.high:+.4f}), p = {pair.p_adjusted:.3g}"
            )
        return "\n".join(lines).rstrip()

    __repr__ = __str__

    @property
    def guess_is_known(self) -> bool:
        """Whether the model that guesses has a score."""
        return math.isfinite(self.guess)

    def plot(self, ax: Any = None) -> Any:
        """Draw the scores of each fold, joined from model to model, and the training scores.

        Args:
            ax: Axes of Matplotlib; new ones if None.

        Returns:
            The axes.
        """
        if ax is None:
            _, ax = pyplot.subplots(figsize=(1.5 + 1.2 * len(self.models), 3.5))
        at = np.arange(len(self.models))
        folds = np.array([model.test for model in self.models])  # (models, folds)
        ax.plot(at, folds, color="0.8", linewidth=0.8, marker="o", markersize=3, zorder=1)
        ax.plot(at, folds.mean(axis=1), "o", color="#e6550d", label="unseen data")
        trained = [model.train.mean() for model in self.models]
        ax.plot(at, trained, "^", color="#3182bd", label="training data")
        if self.guess_is_known:
            ax.axhline(self.guess, color="0.5", linestyle=":", label="guessing")
        ax.set_xticks(at, [model.name for model in self.models], rotation=20, ha="right")
        ax.set_ylabel("score")
        ax.legend(fontsize="small")
        return ax


def compare(
    models: Mapping[str, Any] | Iterable[Any],
    X: Any,
    y: Any,
    cv: Any = None,
    *,
    groups: Any = None,
    scoring: Any = None,
    params: Mapping[str, Any] | None = None,
    repeats: int = 1,
    level: float = 0.05,
    n_jobs: int | None = None,
    error_score: float | str = np.nan,
    random_state: int | None = 0,
) -> Comparison:
    """Compare models on the same folds by a paired test, and name what over- and underfits.

    A model overfits if it loses more than a tenth of what training gains it over guessing, and
    more than two standard errors, when it comes to unseen data. It underfits if even on its
    training data it does not clearly beat guessing, or is worse than another model is on unseen
    data.

    Args:
        models: Estimators by name, or only estimators, which are named by their classes.
        X: The data.
        y: The target.
        cv: As `outer_cv` of `nested_cross_validate`.
        groups: One label a sample, for the splitter.
        scoring: The name of a metric or a scorer; the estimators' own score if None.
        params: What goes to each `fit`, cut to the fold where it has one entry a sample.
        repeats: How often the folds are drawn, ten for a good test; the splitter must then shuffle.
        level: Below which adjusted p-value a difference is called clear.
        n_jobs: Folds at a time, through joblib.
        error_score: The score of a fold whose fit fails, or "raise".
        random_state: Seed of the folds.

    Raises:
        ValueError: If there is no model, two have the same name, or an argument is out of range.

    Cost: one fit a model and fold, and one of a model that guesses.

    Source: C. Nadeau and Y. Bengio, Machine Learning 52 (2003); S. Holm (1979).
    """
    named = _named(models)
    _check(scoring, level)
    classifier = all(map(base.is_classifier, named.values())) and has_classes(y)
    splitter = repeated(cv, repeats, classifier, random_state, groups is not None)
    checked = selection.check_cv(splitter, y, classifier=classifier)
    splits = list(checked.split(X, y, groups))
    options = {"cv": splits, "scoring": scoring, "n_jobs": n_jobs, "error_score": error_score}
    options |= {"params": dict(params or {}), "return_train_score": True}
    results = {
        name: selection.cross_validate(model, X, y, **options) for name, model in named.items()
    }
    guess = _guess(classifier, X, y, splits, scoring)
    ratio = float(np.mean([len(test) / len(train) for train, test in splits]))
    judged = _judged(results, guess, ratio)
    pairs = _pairs(judged, ratio, level)
    return Comparison(tuple(judged), pairs, float(guess.mean()), ratio, level)


def _judged(
    results: Mapping[str, Mapping[str, Any]], guess: FloatArray, ratio: float
) -> list[ModelScores]:
    """The models with their verdicts, the best one first, those that failed last."""
    tests = {name: np.asarray(result["test_score"]) for name, result in results.items()}
    order = sorted(tests, key=lambda name: _rank(tests[name]))
    judged = []
    for name in order:
        others = [float(tests[other].mean()) for other in order if other != name]
        train, fit_time = results[name]["train_score"], results[name]["fit_time"]
        verdict, reason = judge(train, tests[name], guess, others, ratio)
        judged.append(ModelScores(name, tests[name], train, fit_time, verdict, reason))
    return judged


def judge(
    train: FloatArray,
    test: FloatArray,
    guess: FloatArray,
    others: Iterable[float] = (),
    ratio: float = 0.25,
) -> tuple[str, str]:
    """Whether a model fits, overfits or underfits, and why; the rule of `compare`.

    Args:
        train: Scores on training data, shape (folds,), larger is better.
        test: Scores on unseen data, on the same folds.
        guess: Scores on unseen data of a model that does not look at them; NaN if not known.
        others: Mean scores of other models on unseen data.
        ratio: Test samples by training samples of a fold.
    """
    if not (np.isfinite(train).all() and np.isfinite(test).all()):
        return "unknown", "a fold has no score"
    learnt, seen = float(train.mean()), float(test.mean())
    start = float(guess.mean())
    if math.isfinite(start):
        error = corrected_standard_error(train - guess, ratio)
        if learnt - start <= (_ERRORS * error if math.isfinite(error) else 0.0):
            return "underfits", "no clearly better than guessing, even on training data"
    best_other = max((score for score in others if math.isfinite(score)), default=-math.inf)
    if best_other > learnt:
        return "underfits", "another model is better on unseen data than it is on training data"
    gap = learnt - seen
    error = corrected_standard_error(train - test, ratio)
    gained = learnt - start if math.isfinite(start) else abs(learnt)
    if gap > _GAP * gained and gap > (_ERRORS * error if math.isfinite(error) else 0.0):
        return "overfits", f"loses {gap:.4g} on unseen data"
    return "fits", f"loses {gap:.4g} on unseen data" if gap > 0 else "loses nothing"


def _check(scoring: Any, level: float) -> None:
    if not 0.0 < level < 1.0:
        raise invalid("level", "be between 0 and 1", level)
    if scoring is not None and not isinstance(scoring, str) and not callable(scoring):
        raise wrong_type("scoring", "be one score: a name or a scorer", scoring)


def _named(models: Mapping[str, Any] | Iterable[Any]) -> dict[str, Any]:
    if isinstance(models, Mapping):
        named = dict(models)
    else:
        if not isinstance(models, Iterable) or hasattr(models, "fit"):  # a pipeline is iterable too
            raise wrong_type("models", "be a dict of estimators by name, or a list of some", models)
        listed = list(models)
        kinds = [type(model).__name__ for model in listed]
        often, seen = Counter(kinds), Counter[str]()
        named = {}
        for kind, model in zip(kinds, listed, strict=True):
            seen[kind] += 1
            named[f"{kind} {seen[kind]}" if often[kind] > 1 else kind] = model
    if not named:
        raise invalid("models", "have at least one model", models)
    return named


def _rank(scores: FloatArray) -> float:
    mean = float(scores.mean())
    return math.inf if math.isnan(mean) else -mean


def _guess(classifier: bool, X: Any, y: Any, splits: list[Any], scoring: Any) -> FloatArray:
    """Scores of a model that always says the same; NaN where the metric does not allow it."""
    model = dummy.DummyClassifier(strategy="prior") if classifier else dummy.DummyRegressor()
    try:
        return np.asarray(
            selection.cross_val_score(model, X, y, cv=splits, scoring=scoring, error_score="raise")
        )
    except (ValueError, TypeError, AttributeError):
        return np.full(len(splits), np.nan)


def _pairs(models: list[ModelScores], ratio: float, level: float) -> tuple[Pair, ...]:
    both = list(itertools.combinations(models, 2))
    tests = [corrected_t_test(better.test - worse.test, ratio) for better, worse in both]
    adjusted = holm([test.p_value for test in tests])
    return tuple(
        Pair(better.name, worse.name, test, p, p < level)
        for (better, worse), test, p in zip(both, tests, adjusted, strict=True)
    )
