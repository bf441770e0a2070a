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


def __getattr__(name: str) -> Any:
    match name:
        case "RunLake":
            from sluice.shells.lake import session as module
        case "Answer" | "Bounds" | "Desk" | "QueryError":
            from sluice.shells.lake import query as module  # type: ignore[no-redef]
        case "compact_lake" | "expire_lake" | "forget_in_lake" | "verify_lake":
            from sluice.shells.lake import care as module  # type: ignore[no-redef]
        case "OpenLake":
            from sluice.shells.lake import reader as module  # type: ignore[no-redef]
        case "KEPT_KINDS":
            from sluice.shells.lake import records as module  # type: ignore[no-redef]
        case _:
            raise AttributeError(f"module 'sluice.shells.lake' has no attribute '{name}'")
    return getattr(module, name)
