"""Evaluators beside Optuna's on the same trials: counts and errors equal, models near."""

import json

import pytest

import skipjack
from tests.terminator.recorded import CASES, RECORDED, SIZES, evaluate

OPTUNA = json.loads(RECORDED.read_text())["found"]
MODELS = {"RegretBoundEvaluator": 1.4, "EMMREvaluator": 3.0}  # by which factor they may differ


@pytest.mark.parametrize("kind", CASES)
@pytest.mark.parametrize("i", range(len(SIZES)), ids=SIZES)
def test_an_evaluator_says_what_optunas_says(kind: str, i: int) -> None:
    found, theirs = evaluate(skipjack, kind, SIZES[i]), OPTUNA[kind][i]
    if kind in MODELS:
        assert theirs / MODELS[kind] < found < theirs * MODELS[kind]
    else:
        assert found == pytest.approx(theirs)
