"""What the study of a search is of: data, splits, estimator and scoring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import joblib

from skipjack.errors import invalid
from skipjack.model_selection.sources import stable_text

_KEY = "search of "  # begins the attribute of a study that says which data it is of


@final
@dataclass(frozen=True)
class Contents:
    """Fingerprints of what a search is fitted to; the same in every process.

    Attributes:
        data: Of the features and the target.
        whole: Of these and all else that scores depend on.
    """

    data: str
    whole: str

    @classmethod
    def of(cls, search: Any, data: Any) -> Contents:
        """Those of a search that is about to be fitted.

        Args:
            search: The search.
            data: What it is fitted to.
        """
        options = (search.scoring, search.return_train_score, search.early_stopping)
        said = [stable_text(each) for each in (search.estimator, options)]
        of_data = joblib.hash((data.X, data.y))
        whole = joblib.hash((of_data, data.splits, data.routed.estimator.fit, said))
        return cls(of_data, whole)

    def beside(self, name: str) -> str:
        """The name of the study for these data, where that of `name` is of others."""
        return f"{name}, data {self.data[:8]}"

    def claim(self, study: Any) -> bool:
        """Whether a study is of these data, which it is from now on if it was of none.

        Of several processes that claim it at once, the one whose word comes first in the log has
        it, so that all come to the same.
        """
        if not _owners(study):
            study.set_user_attr(_KEY + self.data, self.whole)
        return _owners(study)[0] == self.data

    def check(self, study: Any, argument: str) -> None:
        """Raise a ValueError unless a study is of just this.

        Args:
            study: That has been claimed.
            argument: The one of the search that named it.
        """
        if study.user_attrs.get(_KEY + self.data) != self.whole or _owners(study)[0] != self.data:
            raise invalid(
                argument,
                "be of a study with the same data, splits, estimator and scoring",
                study.study_name,
                "Take another one, or give `cv` a fixed `random_state`.",
            )


def _owners(study: Any) -> list[str]:
    """The data that a study was claimed for, in the order of the claims."""
    return [key[len(_KEY) :] for key in study.user_attrs if key.startswith(_KEY)]
