"""The log: what is said of trials, word for word as Optuna says it."""

import logging
from typing import Any

import pytest

import skipjack
from skipjack.study import Study
from tests.studies import a_study, listening


def heard(study: Study, *results: Any, **arguments: Any) -> list[str]:
    """What is logged of trials whose objective returns, or raises, these results."""
    given = iter(results)

    def objective(trial: Any) -> Any:
        trial.suggest_int("i", 0, 0)
        result = next(given)
        if isinstance(result, BaseException):
            raise result
        return result

    with listening() as listener:
        study.optimize(objective, n_trials=len(results), **arguments)
    return listener.texts


def test_a_finished_trial_is_told_with_the_best() -> None:
    study = a_study(direction="maximize")
    assert heard(study, 0.5, 0.25, 3, float("inf")) == [
        "Trial 0 finished with value: 0.5 and parameters: {'i': 0}. "
        "Best is trial 0 with value: 0.5.",
        "Trial 1 finished with value: 0.25 and parameters: {'i': 0}. "
        "Best is trial 0 with value: 0.5.",
        "Trial 2 finished with value: 3.0 and parameters: {'i': 0}. "
        "Best is trial 2 with value: 3.0.",
        "Trial 3 finished with value: inf and parameters: {'i': 0}. "
        "Best is trial 3 with value: inf.",
    ]


def test_without_a_feasible_trial_there_is_no_best() -> None:
    def infeasible(trial: Any) -> float:
        trial.set_constraint("c", 1)
        return 1.0

    with listening() as listener:
        a_study(study_name="s").optimize(infeasible, n_trials=1)
    assert listener.texts[1:] == ["Trial 0 finished with value: 1.0 and parameters: {}."]


def test_metric_names_stand_before_the_values() -> None:
    study = a_study()
    study.set_metric_names(["loss"])
    assert heard(study, 0.3) == [
        "Trial 0 finished with value: {'loss': 0.3} and parameters: {'i': 0}. "
        "Best is trial 0 with value: 0.3."
    ]


def test_several_values_are_a_list_or_a_dict_of_names() -> None:
    study = a_study(directions=["minimize", "maximize"])
    assert heard(study, (0.2, 1)) == [
        "Trial 0 finished with values: [0.2, 1.0] and parameters: {'i': 0}."
    ]
    study.set_metric_names(["a", "b"])
    assert heard(study, (0.2, 1)) == [
        "Trial 1 finished with values: {'a': 0.2, 'b': 1.0} and parameters: {'i': 0}."
    ]


def test_a_pruned_trial_is_told_with_its_message() -> None:
    study = a_study()
    assert heard(study, skipjack.TrialPruned("too slow"), skipjack.TrialPruned()) == [
        "Trial 0 pruned. too slow",
        "Trial 1 pruned. ",
    ]


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (float("nan"), "The value nan is not acceptable."),
        (None, "The value None could not be cast to float.."),
        ("a", "The value 'a' could not be cast to float."),
        ({}, "The value {} could not be cast to float."),
        ([1, 2], "The number of the values 2 did not match the number of the objectives 1."),
    ],
)
def test_a_bad_value_is_told_twice(result: Any, reason: str) -> None:
    assert heard(a_study(), result) == [
        f"Trial 0 failed with parameters: {{'i': 0}} because of the following error: {reason}",
        f"Trial 0 failed with value {result!r}.",
    ]


def test_an_error_is_told_with_its_traceback() -> None:
    study = a_study()
    with listening() as listener:

        def objective(trial: Any) -> float:
            raise ValueError("boom")

        study.optimize(objective, n_trials=1, catch=ValueError)
    first, second = listener.records
    assert [r.levelno for r in listener.records] == [logging.WARNING, logging.WARNING]
    assert first.getMessage() == (
        "Trial 0 failed with parameters: {} because of the following error: ValueError('boom')."
    )
    assert first.exc_info is not None and isinstance(first.exc_info[1], ValueError)
    assert "in objective" in logging.Formatter().format(first)
    assert second.getMessage() == "Trial 0 failed with value None." and not second.exc_info


def test_quiet_means_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    with listening(logging.ERROR) as listener:
        study = a_study()
        study.optimize(lambda t: None, n_trials=1)  # type: ignore[arg-type,return-value]
    assert listener.texts == [] and capsys.readouterr() == ("", "")


def test_parameters_are_logged_in_the_order_of_suggestion() -> None:
    def objective(trial: Any) -> float:
        trial.suggest_categorical("z", ["only"])
        trial.suggest_int("a", 1, 1)
        return 0.0

    with listening() as listener:
        a_study().optimize(objective, n_trials=1)
    assert "parameters: {'z': 'only', 'a': 1}." in listener.texts[-1]


def test_a_handler_added_to_optunas_logger_hears_everything_once() -> None:
    study = a_study()
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    logger = skipjack.logging.get_logger("optuna")
    logger.addHandler(handler)
    try:
        study.optimize(lambda t: 1.0, n_trials=2)
    finally:
        logger.removeHandler(handler)
    assert len(lines) == 2 and lines[0].startswith("Trial 0 finished")
