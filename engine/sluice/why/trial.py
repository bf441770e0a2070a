"""Trials: a rule, as it is or changed, runs once more over events that were recorded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from sluice.backends import BuildOptions, build
from sluice.catalog import Catalog
from sluice.model import Event, Key, Row
from sluice.plan import Aggregate, Limits, Plan, RulePlan, Silence
from sluice.stream import Pipeline, Reporter
from sluice.timing import Instant
from sluice.why.witness import asking_for_rows, without_effects

#: How many matches of one trial are looked at.
FOUND_MAX = 50_000


class Entry(NamedTuple):
    """A recorded event: row, key, the atoms that hold on it, the atoms that name its type."""

    row: Row
    key: Key
    bits: int
    named: int


@dataclass(slots=True)
class Found:
    """A match of a trial. `values` are what the rule selects.

    Of a window there are `events` only where they were asked for: the first and the last of
    `count`.
    """

    key: Key
    time: Instant
    start: Instant
    end: Instant
    events: list[Row]
    places: list[int]
    values: tuple[Any, ...] = ()
    count: int = 0
    #: It would come if time ran on after the end of the input.
    is_pending: bool = False
    #: When its `having` was no longer true, of a window that is judged again and again.
    cleared: Instant | None = None

    @property
    def first(self) -> Row | None:
        """The event that it began with."""
        return self.events[0] if self.events else None


@dataclass(frozen=True, slots=True)
class Span:
    """When the input began and ended."""

    first: Instant
    last: Instant


class _Tap(Reporter):
    """Keeps what its rule finds instead of reporting it; nothing cools down here."""

    found: list[Found]
    is_window = False
    #: Windows are judged again and again, so their events are kept of one instant only.
    events_at: Instant | None = None
    is_pending = False

    def report(
        self, key: Key, now: Instant, start: Instant, end: Instant, taken: Any,
        decided: Any = None,
    ) -> str | None:  # fmt: skip
        """Keep a match."""
        if len(self.found) >= FOUND_MAX:
            return ""
        values = self.code.select(taken, key, now) if self.code.plan.select else ()
        events: list[Row] = []
        if not self.is_window or now == self.events_at:
            events = list(taken.events)
        count = getattr(taken, "event_count", len(events))
        places = [] if self.is_window else list(taken.places)
        self.found.append(
            Found(key, now, start, end, events, places, values, count, self.is_pending)
        )
        return str(len(self.found) - 1)

    def clear(self, key: Key, match: str | None, lasted: int, now: Instant) -> None:
        """Note when a match was over."""
        if match and not self.is_pending:
            self.found[int(match)].cleared = now


@dataclass(slots=True)
class Lab:
    """Where trials are made: the plan that was recorded under, and the span of the input."""

    plan: Plan
    catalog: Catalog
    limits: Limits
    span: Span
    derived: frozenset[str] = frozenset()

    def run(
        self, rule: RulePlan, entries: Iterable[Entry], *, beyond: bool = False,
        events_at: Instant | None = None,
    ) -> list[Found]:  # fmt: skip
        """Return the matches of a rule over recorded events, in order.

        Effects, `cooldown` and `disabled` play no part. With `beyond` time runs on after the end
        of the input, and what comes then is pending. Of windows judged at `events_at` the events
        are kept.
        """
        pipeline, tap = self._prepared(rule)
        tap.events_at = events_at
        if isinstance(rule.pattern, Silence) and rule.pattern.expected:
            # The waits of expected keys begin with the first event of the input.
            pipeline.apply(pipeline.program.to_row(Event("", self.span.first, {})), True)
        before: Row | None = None
        for entry in entries:
            if entry.row is not before:
                before = entry.row
                pipeline.apply(before, self.is_derived(before))
        if pipeline.now is None or pipeline.now < self.span.last:
            pipeline.now = self.span.last
        pipeline.finish()
        if beyond:
            tap.is_pending = True
            pipeline.close()
        return tap.found

    def is_derived(self, row: Row) -> bool:
        """Say whether an event came from a rule or an extract."""
        if row.type.startswith(("match.", "clear.")):
            return True
        return row.type in self.derived and row.id is not None and _is_made(row)

    def _prepared(self, rule: RulePlan) -> tuple[Pipeline, _Tap]:
        options = BuildOptions(frozenset({"match"}), self.limits)
        altered = asking_for_rows(plain(rule), self.plan)
        pipeline = build(without_effects(self.plan, altered), self.catalog, options)
        operator = pipeline.operators[0]
        tap = _Tap(operator.code, pipeline.outlet, self.limits)
        tap.found = []
        tap.is_window = isinstance(rule.pattern, Aggregate)
        operator.reporter = tap
        return pipeline, tap


def plain(rule: RulePlan) -> RulePlan:
    """Return a rule without what follows its matches."""
    return replace(rule, effects=(), cooldown=None, disabled=False)


def _is_made(row: Row) -> bool:
    assert row.id is not None
    return row.id.endswith(f"/{row.type}") or row.id.rpartition(":")[0].isalnum()
