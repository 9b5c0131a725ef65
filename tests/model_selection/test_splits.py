"""What a splitter does with data is described and drawn, and leaks are found."""

import importlib
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from skipjack import model_selection as ms
from skipjack.model_selection import splits as module
from tests.conftest import Require

Y = (np.arange(60) % 3 == 0).astype(int)
GROUPS = np.repeat(np.arange(15), 4)
TIME = np.arange(60)


@pytest.fixture(autouse=True)
def scikit_learn(require: Require) -> None:
    require("sklearn")


def kinds(leaks: tuple[module.Leak, ...]) -> set[str]:
    return {leak.kind for leak in leaks}


def test_sizes_and_shares_of_classes_are_told() -> None:
    splits = ms.describe_splits(ms.StratifiedKFold(5), y=Y)
    assert [len(fold.test) for fold in splits.folds] == [12] * 5
    assert splits.classes == (0, 1)
    for fold in splits.folds:
        assert fold.test_target == pytest.approx((2 / 3, 1 / 3))
        assert fold.shared_groups is None
    text = str(splits)
    assert text.startswith("5 folds of StratifiedKFold(n_splits=5")
    assert "66.7 % / 66.7 %" in text
    assert repr(splits) == text


def test_a_number_has_a_mean_and_a_deviation() -> None:
    splits = ms.describe_splits(ms.KFold(3), y=TIME / 7)
    assert splits.classes is None
    assert splits.folds[0].test_target == pytest.approx((9.5 / 7, np.std(np.arange(20)) / 7))
    assert "target train" in str(splits)
    many = ms.describe_splits(5, y=TIME)  # 60 different whole numbers are no classes
    assert many.classes is None


def test_group_splitters_do_not_leak_and_others_do() -> None:
    assert ms.find_leaks(ms.GroupKFold(5), groups=GROUPS) == ()
    leaks = ms.find_leaks(ms.KFold(5, shuffle=True, random_state=0), groups=GROUPS)
    assert kinds(leaks) == {"group"}
    assert leaks[0].text.startswith("Fold 0 has ")
    splits = ms.describe_splits(ms.KFold(5, shuffle=True, random_state=0), groups=GROUPS)
    assert splits.folds[0].shared_groups == leaks[0].count
    assert "Leak: Fold 0 has " in str(splits)


def test_later_training_data_leak_where_time_counts() -> None:
    assert ms.find_leaks(ms.TimeSeriesSplit(4), time=TIME) == ()
    leaks = ms.find_leaks(ms.KFold(4), time=TIME)
    assert [(leak.fold, leak.kind, leak.count) for leak in leaks] == [
        (0, "time", 45),
        (1, "time", 30),
        (2, "time", 15),
    ]
    dates = np.datetime64("2026-01-01") + TIME[::-1]
    assert kinds(ms.find_leaks(ms.TimeSeriesSplit(4), time=dates)) == {"time"}
    forecasts = [fold.is_forecast for fold in ms.describe_splits(ms.KFold(4), time=TIME).folds]
    assert forecasts == [False, False, False, True]


def test_a_sample_in_both_parts_and_equal_rows_are_found() -> None:
    pairs = [(np.arange(40), np.arange(38, 60))]
    assert [leak.count for leak in ms.find_leaks(pairs, Y[:, None])] == [2]
    X = np.arange(60.0)[:, None]
    X[59] = X[3]
    assert ms.find_leaks([(np.arange(40), np.arange(40, 60))], X, duplicates=True)[0].count == 1
    with pytest.raises(ValueError, match="be a table to look for duplicates"):
        ms.find_leaks(5, None, Y, duplicates=True)


@pytest.mark.parametrize("kind", ["numbers", "missing", "frame", "texts", "sparse"])
def test_equal_rows_are_found_in_data_of_any_kind(kind: str, require: Require) -> None:
    X: Any = np.arange(120.0).reshape(60, 2)
    X[59] = X[3]
    if kind == "missing":
        X[[3, 59], 1] = np.nan
    elif kind == "frame":
        require("pandas")
        import pandas as pd

        X = pd.DataFrame({"a": X[:, 0], "b": pd.Categorical(X[:, 1].astype(str))})
    elif kind == "texts":
        X = [str(row) for row in X]
    elif kind == "sparse":
        X = sparse.csr_array(X)
    (leak,) = ms.find_leaks([(np.arange(40), np.arange(40, 60))], X, duplicates=True)
    assert leak.count == 1


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([], "`cv` must give at least one fold"),
        ([([0, 1], [])], "`cv` must have test samples in fold 0"),
        ([([0, 1], [2]), ([0, 60], [2])], "`cv` must have training samples in fold 1, .* below 60"),
    ],
)
def test_folds_that_are_none_are_named(pairs: Any, message: str) -> None:
    for function in (ms.find_leaks, ms.describe_splits):
        with pytest.raises(ValueError, match=message):
            function(pairs, y=Y)


def test_an_index_from_the_end_is_the_same_sample() -> None:
    assert ms.find_leaks([([0, 59], [-1])], y=Y)[0].kind == "sample"


def test_masks_are_taken_for_indices() -> None:
    mask = np.arange(60) < 40
    (fold,) = ms.describe_splits([(mask, ~mask)], y=Y).folds
    assert (len(fold.train), len(fold.test)) == (40, 20)


def test_a_leak_is_an_error_where_asked() -> None:
    with pytest.raises(ms.LeakError, match="Fold 0 has .* groups in training and test"):
        ms.find_leaks(ms.KFold(5, shuffle=True), groups=GROUPS, error=True)
    assert ms.find_leaks(ms.GroupKFold(5), groups=GROUPS, error=True) == ()


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="`X` must be as long as"):
        ms.describe_splits(5, y=Y, groups=GROUPS[:7])
    with pytest.raises(ValueError, match="`X` must be given"):
        ms.describe_splits(5)


# Repeating


def test_any_shuffled_splitter_is_repeated() -> None:
    cv = ms.RepeatedSplits(ms.StratifiedGroupKFold(3, shuffle=True), 4, random_state=0)
    pairs = list(cv.split(Y, Y, GROUPS))
    assert len(pairs) == cv.get_n_splits(Y, Y, GROUPS) == 12
    assert len({tuple(test) for _, test in pairs}) > 6
    again = list(cv.split(Y, Y, GROUPS))
    for (_, test), (_, same) in zip(pairs, again, strict=True):
        assert np.array_equal(test, same)
    tested = np.concatenate([test for _, test in pairs])
    assert np.array_equal(np.bincount(tested), [4] * 60)


def test_it_is_a_splitter_for_scikit_learn() -> None:
    dummy = importlib.import_module("sklearn.dummy").DummyClassifier()
    cv = ms.RepeatedSplits(ms.KFold(3, shuffle=True), 2, random_state=1)
    assert len(ms.cross_val_score(dummy, np.zeros((60, 1)), Y, cv=cv)) == 6
    assert cv.get_metadata_routing() is not None
    assert repr(cv).startswith("RepeatedSplits(KFold(")


@pytest.mark.parametrize("name", ["KFold", "LeaveOneOut"])
def test_what_does_not_shuffle_cannot_be_repeated(name: str) -> None:
    cv = getattr(ms, name)()
    with pytest.raises(ValueError, match="splitter that shuffles by a random_state"):
        ms.RepeatedSplits(cv, 2).get_n_splits(Y)


def test_repeats_are_at_least_one() -> None:
    with pytest.raises(ValueError, match="`n_repeats` must be at least 1"):
        list(ms.RepeatedSplits(ms.KFold(3, shuffle=True), 0).split(Y))


# Drawing


@pytest.fixture
def axes(require: Require) -> Any:
    require("matplotlib")
    figure = importlib.import_module("matplotlib.figure").Figure()
    return figure.add_subplot()  # no window, nothing to close


def test_folds_target_and_groups_are_drawn(axes: Any) -> None:
    splits = ms.describe_splits(ms.GroupKFold(3), y=Y, groups=GROUPS)
    assert splits.plot(axes) is axes
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["fold 0", "fold 1", "fold 2", "target", "group"]
    drawn = np.asarray(axes.get_images()[0].get_array())
    assert drawn.shape == (3, 60)
    for row, fold in zip(drawn, splits.folds, strict=True):
        assert (row[fold.test] == 1).all() and (row[fold.train] == 0).all()
