"""SQL for DuckDB: which events of a history rules have to see; text only, nothing is run."""

from sluice.backends.duckdb.narrowing import Narrowing, RuleNarrowing, narrowing
from sluice.backends.duckdb.query import (
    EVENT_COLUMNS,
    LakeFiles,
    LineQuery,
    lake_query,
    line_query,
    needed_rows,
)  # fmt: skip
from sluice.backends.duckdb.story import explain_sql, sql_story
from sluice.backends.duckdb.support import SUPPORT, Support, support_table

__all__ = [
    "EVENT_COLUMNS", "SUPPORT", "LakeFiles", "LineQuery", "Narrowing", "RuleNarrowing", "Support",
    "explain_sql", "lake_query", "line_query", "narrowing", "needed_rows", "sql_story",
    "support_table",
]  # fmt: skip
