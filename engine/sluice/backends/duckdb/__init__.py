"""SQL for DuckDB: which events of a history rules have to see; text only, nothing is run."""

from sluice.backends.duckdb.counting import Counting, Counts, Folding, Needed, Taken, count_queries
from sluice.backends.duckdb.narrow import Narrowing, RuleNarrowing, narrowing
from sluice.backends.duckdb.query import (
    LakeFiles,
    LineQuery,
    Made,
    lake_query,
    lake_rows,
    line_query,
    may_misread,
    needed_rows,
)  # fmt: skip
from sluice.backends.duckdb.rows import ORDER, MakeRows, RowColumns, row_columns
from sluice.backends.duckdb.story import explain_sql, sql_story
from sluice.backends.duckdb.support import SUPPORT, SUPPORT_GROUPS, Support, support_table

__all__ = [
    "ORDER", "SUPPORT", "SUPPORT_GROUPS", "Counting", "Counts", "Folding", "LakeFiles", "LineQuery",
    "Made", "MakeRows", "Narrowing", "Needed", "RowColumns", "RuleNarrowing", "Support", "Taken",
    "count_queries", "explain_sql", "lake_query", "lake_rows", "line_query", "may_misread",
    "narrowing", "needed_rows", "row_columns", "sql_story", "support_table",
]  # fmt: skip
