"""The lake: what went through runs, as Parquet files that DuckDB reads.

Names load on first use: a run without a lake never imports DuckDB.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sluice.shells.lake.care import (
        compact_lake,
        expire_lake,
        forget_in_lake,
        verify_lake,
    )
    from sluice.shells.lake.query import Answer, Bounds, Desk, QueryError
    from sluice.shells.lake.reader import OpenLake
    from sluice.shells.lake.records import KEPT_KINDS
    from sluice.shells.lake.session import RunLake

__all__ = [
    "KEPT_KINDS", "Answer", "Bounds", "Desk", "OpenLake", "QueryError", "RunLake", "compact_lake",
    "expire_lake", "forget_in_lake", "verify_lake",
]  # fmt: skip


#: Which module each name comes from.
_HOMES = {
    "sluice.shells.lake.care": "compact_lake expire_lake forget_in_lake verify_lake",
    "sluice.shells.lake.query": "Answer Bounds Desk QueryError",
    "sluice.shells.lake.reader": "OpenLake",
    "sluice.shells.lake.records": "KEPT_KINDS",
    "sluice.shells.lake.session": "RunLake",
}


def __getattr__(name: str) -> Any:
    import importlib

    for home, names in _HOMES.items():
        if name in names.split():
            return getattr(importlib.import_module(home), name)
    raise AttributeError(f"module 'sluice.shells.lake' has no attribute '{name}'")
