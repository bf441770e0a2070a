"""Plans become things that run: Python functions in a pipeline, SQL, later topologies.

What writes SQL and what workers need is loaded on first use: a run does without.
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
        ORDER,
        SUPPORT,
        SUPPORT_GROUPS,
        Counting,
        Counts,
        Folding,
        LakeFiles,
        LineQuery,
        Made,
        MakeRows,
        Narrowing,
        Needed,
        RowColumns,
        RuleNarrowing,
        Support,
        Taken,
        count_queries,
        explain_sql,
        lake_query,
        lake_rows,
        line_query,
        may_misread,
        narrowing,
        needed_rows,
        row_columns,
        sql_story,
        support_table,
    )
    from sluice.backends.stages import StageRules
    from sluice.backends.topology import (
        OUTPUT_TOPICS,
        RECORD_BYTES_MAX,
        InputTopic,
        TopicNames,
        TopicSpec,
        Topology,
        topology_of,
    )
    from sluice.backends.wiring import Wiring, WiringNode, way_of, wiring_of

__all__ = [
    "ORDER", "OUTPUT_TOPICS", "RECORD_BYTES_MAX", "SUPPORT", "SUPPORT_GROUPS", "BuildOptions",
    "Counting", "Counts", "Folding", "InputTopic", "Judge", "LakeFiles", "LineDecoder",
    "LineQuery", "Made", "MakeRows", "Narrowing", "Needed", "Probe", "Refusal", "RowColumns",
    "RuleNarrowing", "Settling", "StageRules", "Support", "Taken", "Tap", "TopicNames",
    "TopicSpec", "Topology", "Wiring", "WiringNode", "build", "count_queries", "explain_sql",
    "generated_source", "lake_query", "lake_rows", "line_query", "looks_back", "may_misread",
    "narrowing", "needed_rows", "row_columns", "sql_story", "support_table", "tapped",
    "topology_of", "way_of", "wiring_of",
]  # fmt: skip


#: Where names of workers stand; all others that load on first use write SQL.
_HOMES = {
    "sluice.backends.stages": "StageRules",
    "sluice.backends.topology": (
        "OUTPUT_TOPICS RECORD_BYTES_MAX InputTopic TopicNames TopicSpec Topology topology_of"
    ),
    "sluice.backends.wiring": "Wiring WiringNode way_of wiring_of",
}


def __getattr__(name: str) -> Any:
    import importlib

    if name not in __all__:
        raise AttributeError(f"module 'sluice.backends' has no attribute '{name}'")
    homes = [home for home, names in _HOMES.items() if name in names.split()]
    return getattr(importlib.import_module(*homes or ["sluice.backends.duckdb"]), name)
