"""What a plan does over time: operators, windows, timers, watermarks and the pipeline."""

from sluice.stream.code import History, RuleCode
from sluice.stream.history import baseline, zscore
from sluice.stream.pattern import rule_atoms
from sluice.stream.pipeline import Late, Pipeline
from sluice.stream.program import Program
from sluice.stream.records import event_object, to_record
from sluice.stream.report import Record
from sluice.stream.row import get_path, taken_at

__all__ = [
    "History", "Late", "Pipeline", "Program", "Record", "RuleCode", "baseline",
    "event_object", "get_path", "rule_atoms", "taken_at", "to_record", "zscore",
]  # fmt: skip
