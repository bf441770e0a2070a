"""Which operator runs which pattern."""

from __future__ import annotations

from sluice.plan import Aggregate, Filter, Limits, Sequence, Silence
from sluice.stream.budget import Holding
from sluice.stream.code import RuleCode
from sluice.stream.evictions import MEMORY
from sluice.stream.filter import FilterOperator
from sluice.stream.greedy import GreedyOperator, greedy_places
from sluice.stream.linear import LinearOperator, places_of
from sluice.stream.report import Reporter
from sluice.stream.sequence import SequenceOperator
from sluice.stream.silence import SilenceOperator
from sluice.stream.sliding import SlidingOperator
from sluice.stream.threshold import ThresholdOperator, is_threshold
from sluice.stream.timers import Timers
from sluice.stream.windows import AlignedOperator, SessionOperator

Operator = (
    FilterOperator
    | ThresholdOperator
    | LinearOperator
    | GreedyOperator
    | SequenceOperator
    | SilenceOperator
    | SlidingOperator
    | AlignedOperator
    | SessionOperator
)


def operator_of(code: RuleCode, reporter: Reporter, timers: Timers, limits: Limits) -> Operator:
    """Return the operator that runs a rule."""
    match code.plan.pattern:
        case Filter():
            return FilterOperator(code, reporter)
        case Sequence():
            if is_threshold(code):
                return ThresholdOperator(code, reporter, limits)
            places = places_of(code)
            if places is not None:
                return LinearOperator(code, reporter, places, limits)
            places = greedy_places(code)
            if places is not None:
                return GreedyOperator(code, reporter, places, limits)
            return SequenceOperator(code, reporter, timers, limits)
        case Silence():
            return SilenceOperator(code, reporter, timers, limits)
        case Aggregate(window=window):
            if window.kind in ("sliding", "last"):
                return SlidingOperator(code, reporter, timers, limits)
            if window.kind == "session":
                return SessionOperator(code, reporter, timers, limits)
            return AlignedOperator(code, reporter, timers, limits)


def holdings(reporters: list[Reporter], operators: list[Operator]) -> list[Holding]:
    """List all mappings of state by key, for the process's budget."""
    found = []
    for reporter, operator in zip(reporters, operators, strict=True):
        evicted = reporter.evictions.at(MEMORY)
        if not isinstance(operator, FilterOperator):
            found.append(Holding(operator.keys, operator.save, evicted))
        if operator.unseen is not None:
            seen = operator.unseen
            found.append(Holding(seen.keys, seen.save, evicted))
        if reporter.cooling is not None:
            found.append(Holding(reporter.cooling, reporter.save_cooling, evicted))
    return found
