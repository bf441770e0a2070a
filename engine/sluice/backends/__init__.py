"""Plans become things that run: Python functions in a pipeline, SQL, later topologies.

What writes SQL is loaded on first use: a run does without.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sluice.backends.decode import LineDecoder, Tap, tapped
from sluice.backends.line_rows import Settling
from sluice.backends.probe import Judge, Probe, Refusal
from sluice.backends.program import BuildOptions, build, generated_source
from sluice.backends.rules import looks_back

if TYPE_CHECKING:
    from sluice.backends.duckdb import (
        EVENT_COLUMNS,
        SUPPORT,
        LakeFiles,
        LineQuery,
        Narrowing,
        RuleNarrowing,
        Support,
        explain_sql,
        lake_query,
        line_query,
        narrowing,
        needed_rows,
        sql_story,
        support_table,
    )

__all__ = [
    "EVENT_COLUMNS", "SUPPORT", "BuildOptions", "Judge", "LakeFiles", "LineDecoder", "LineQuery",
    "Narrowing", "Probe", "Refusal", "RuleNarrowing", "Settling", "Support", "Tap", "build",
    "explain_sql", "generated_source", "lake_query", "line_query", "looks_back", "narrowing",
    "needed_rows", "sql_story", "support_table", "tapped",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'sluice.backends' has no attribute '{name}'")
    from sluice.backends import duckdb

    return getattr(duckdb, name)
