"""Switching from Optuna and back: what it keeps in databases, journals and objects."""

from __future__ import annotations

from skipjack.storages.optuna_files.log import (
    IMPORTED,
    OptunaLog,
    cannot_import,
    check_growth,
    import_all,
    import_tables,
    opened,
    warn_of_growth,
)
from skipjack.storages.optuna_files.tables import is_optunas

__all__ = [
    "IMPORTED",
    "OptunaLog",
    "cannot_import",
    "check_growth",
    "import_all",
    "import_tables",
    "is_optunas",
    "opened",
    "warn_of_growth",
]
