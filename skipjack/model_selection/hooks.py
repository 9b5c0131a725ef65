"""The callbacks of scikit-learn 1.9 and newer, told of what a search does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, final


@final
class Hooks:
    """What a search tells the callbacks that `set_callbacks` gave it; nothing if there are none.

    Args:
        search: The search.
        X, y: What it is fitted to.
        params: What `fit` was given besides.
    """

    def __init__(self, search: Any, X: Any, y: Any, params: Mapping[str, Any]) -> None:
        self._search = search
        weight = params.get("sample_weight")
        metadata = None if weight is None else {"sample_weight": weight}
        self._given = {"estimator": search, "X": X, "y": y, "metadata": metadata}
        self._root: Any = None
        self._tasks: Any = None
        self._n = 0
        if getattr(search, "_skl_callbacks", None):
            parts = 1 + (search.refit is not False)
            root = search._init_callback_context(max_subtasks=parts)
            self._root = root.call_on_fit_task_begin(**self._given)

    def begin_search(self, n_fits: int | None) -> None:
        """The search begins, with so many fits, if that is known."""
        if self._root is not None:
            tasks = self._root.subcontext(
                task_name="search", max_subtasks=n_fits, sequential_subtasks=False
            )
            self._tasks = tasks.call_on_fit_task_begin(estimator=self._search)

    def fold(self) -> dict[str, Any]:
        """More arguments of scikit-learn's `_fit_and_score` for the next fit."""
        if self._tasks is None:
            return {}
        self._n += 1
        name = "candidate-split-evaluation"
        context = self._tasks.subcontext(task_name=name, task_id=self._n - 1)
        return {"caller": self._search, "callback_ctx": context}

    def end_search(self) -> None:
        """The search has ended."""
        if self._tasks is not None:
            self._tasks.call_on_fit_task_end(estimator=self._search)

    @contextmanager
    def refit(self, estimator: Any) -> Iterator[None]:
        """While the best estimator is fitted."""
        if self._root is None:
            yield
            return
        context = self._root.subcontext(task_name="refit-with-best-params")
        with context.propagate_callback_context(estimator):
            context.call_on_fit_task_begin(**self._given)
            yield
            context.call_on_fit_task_end(**self._given)

    def end(self) -> None:
        """Everything has ended."""
        if self._root is not None:
            self._root.call_on_fit_task_end(**self._given)
