"""What Optuna's evaluators say of a study; `python -m tests.terminator.recorded` writes it anew.

That needs Optuna and torch.
"""

import importlib
import json
import warnings
from pathlib import Path
from typing import Any

from tests.importance.studies import linear

RECORDED = Path(__file__).with_name("optuna.json")
SIZES = (8, 20, 40, 80)
CASES: dict[str, dict[str, Any]] = {
    "RegretBoundEvaluator": {"seed": 0},
    "EMMREvaluator": {"seed": 0},
    "BestValueStagnationEvaluator": {"max_stagnation_trials": 10},
    "CrossValidationErrorEvaluator": {},
}


def evaluate(package: Any, kind: str, n: int) -> float:
    """What the evaluator of a package says of the first n trials; each has three scores."""
    terminator = importlib.import_module(f"{package.__name__}.terminator")
    study = linear(package, n)
    trials = study.get_trials()
    for trial in trials:
        value = trial.value
        scores = [0.9 * value, value, 1.1 * value]
        trial._system_attrs["terminator:cv_scores"] = scores
    return float(getattr(terminator, kind)(**CASES[kind]).evaluate(trials, study.direction))


def main() -> None:
    optuna = importlib.import_module("optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    found = {kind: [round(evaluate(optuna, kind, n), 9) for n in SIZES] for kind in CASES}
    RECORDED.write_text(json.dumps({"optuna": optuna.__version__, "found": found}, indent=1))


if __name__ == "__main__":
    main()
