"""Warnings that point at the user's line, not at ours."""

from __future__ import annotations

import os
import sys
import warnings
from types import FrameType

_HOME = os.path.dirname(__file__) + os.sep


def optuna_warn(message: str, category: type[Warning] = UserWarning, stacklevel: int = 1) -> None:
    """Warn, as coming from the innermost caller outside the package.

    Args:
        message: What to say.
        category: Class of the warning.
        stacklevel: 1 for that caller, 2 for its caller, as in `warnings.warn`.
    """
    depth = 0
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        file = frame.f_code.co_filename
        if not _is_import_system(file):  # `warnings` does not count those
            depth += 1
            if not file.startswith(_HOME):
                break
        frame = frame.f_back
    warnings.warn(message, category, stacklevel=depth + stacklevel - 1)


def _is_import_system(file: str) -> bool:
    return "importlib" in file and "_bootstrap" in file
