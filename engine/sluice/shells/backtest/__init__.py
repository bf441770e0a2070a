"""Backtest: what rules would have found in events that are kept."""

from sluice.shells.backtest.against import Change, Comparison, compare_rules, earlier_rules
from sluice.shells.backtest.engine import Backtest, job_of, run_backtest
from sluice.shells.backtest.labels import Labels, Score, read_labels
from sluice.shells.backtest.request import Chosen, Difference, EngineChoice, Job, Read
from sluice.shells.backtest.sweep import Axis, Sweep, axis_of, run_sweep
from sluice.shells.backtest.tally import RuleTally, Tally

__all__ = [
    "Axis", "Backtest", "Change", "Chosen", "Comparison", "Difference", "EngineChoice", "Job",
    "Labels", "Read", "RuleTally", "Score", "Sweep", "Tally", "axis_of", "compare_rules",
    "earlier_rules", "job_of", "read_labels", "run_backtest", "run_sweep",
]  # fmt: skip
