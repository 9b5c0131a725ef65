"""`constraints_func`, which several samplers take."""

from __future__ import annotations

from typing import Any

import pytest

import skipjack


@pytest.mark.filterwarnings("ignore")  # deprecated, or experimental
@pytest.mark.parametrize("name", ["GPSampler", "NSGAIISampler", "NSGAIIISampler", "TPESampler"])
@pytest.mark.parametrize("wrong", [3, "x", [0.0]])
def test_what_is_no_function_is_refused_at_once(name: str, wrong: Any) -> None:
    with pytest.raises(TypeError, match="`constraints_func` must be a function or None"):
        getattr(skipjack.samplers, name)(constraints_func=wrong)
