"""What a plan does over time: operators, windows, timers, watermarks and the pipeline.

The stages of workers load on first use: a run does without.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sluice.stream.code import History, RuleCode
from sluice.stream.evictions import Cap, Evictions
from sluice.stream.history import baseline, zscore
from sluice.stream.mismatches import Mismatches
from sluice.stream.notices import Extracted, Late, Notice
from sluice.stream.pattern import has_immediately, rule_atoms
from sluice.stream.pipeline import Pipeline
from sluice.stream.program import Program
from sluice.stream.records import event_object, to_record
from sluice.stream.report import Record, Reporter
from sluice.stream.row import Taken, get_path, taken_at
from sluice.stream.watermarks import Place

if TYPE_CHECKING:
    from sluice.stream.stages import (
        UNKNOWN,
        Child,
        Entry,
        FilterStage,
        Harvest,
        Identity,
        Inlet,
        Keyed,
        Mark,
        Section,
        Shard,
        ShardSetup,
        pack_keyed,
        size_of,
        unpack_keyed,
    )

__all__ = [
    "UNKNOWN",
    "Cap",
    "Child",
    "Entry",
    "Evictions",
    "Extracted",
    "FilterStage",
    "Harvest",
    "History",
    "Identity",
    "Inlet",
    "Keyed",
    "Late",
    "Mark",
    "Mismatches",
    "Notice",
    "Pipeline",
    "Place",
    "Program",
    "Record",
    "Reporter",
    "RuleCode",
    "Section",
    "Shard",
    "ShardSetup",
    "Taken",
    "baseline",
    "event_object",
    "get_path",
    "has_immediately",
    "pack_keyed",
    "rule_atoms",
    "size_of",
    "taken_at",
    "to_record",
    "unpack_keyed",
    "zscore",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'sluice.stream' has no attribute '{name}'")
    from sluice.stream import stages

    return getattr(stages, name)
