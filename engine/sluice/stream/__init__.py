"""What a plan does over time: operators, windows, timers, watermarks and the pipeline."""

from sluice.stream.code import History, RuleCode
from sluice.stream.evictions import Cap, Evictions
from sluice.stream.history import baseline, zscore
from sluice.stream.mismatches import Mismatches
from sluice.stream.notices import Extracted, Late, Notice
from sluice.stream.pattern import rule_atoms
from sluice.stream.pipeline import Pipeline
from sluice.stream.program import Program
from sluice.stream.records import event_object, to_record
from sluice.stream.report import Record, Reporter
from sluice.stream.row import Taken, get_path, taken_at

__all__ = [
    "Cap", "Evictions", "Extracted", "History", "Late", "Mismatches", "Notice", "Pipeline",
    "Program", "Record", "Reporter", "RuleCode", "Taken", "baseline", "event_object", "get_path",
    "rule_atoms", "taken_at", "to_record", "zscore",
]  # fmt: skip
