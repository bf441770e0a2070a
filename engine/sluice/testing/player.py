"""A rule with what feeds it, compiled once, before which many scripts are played."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sluice.backends import BuildOptions, build
from sluice.catalog import Catalog
from sluice.model import Clear, Event, Match, Mitigation, Note, Type, mark_durations_in
from sluice.plan import (
    DEFAULT_LIMITS,
    EmitEffect,
    Expr,
    MitigateEffect,
    Plan,
    only_feeding,
    rewrite,
)
from sluice.stream import Pipeline
from sluice.testing.expectations import Findings
from sluice.testing.feeding import WITNESS, with_witnesses
from sluice.testing.script import SOURCE, Script, Tick
from sluice.why import Asked, Investigation, nearest_line

KINDS = frozenset({"match", "clear", "note", "mitigation", "pending", "event"})


class Player:
    """Plays scripts before one rule of a plan and what feeds it.

    `wanted` are the types of event that tests expect: those that an extract makes are found too.
    """

    def __init__(
        self, plan: Plan, catalog: Catalog, rule: str, wanted: frozenset[str] = frozenset()
    ) -> None:
        self._plan, self._catalog, self.rule, self.wanted = plan, catalog, rule, wanted
        mine = rewrite(with_witnesses(only_feeding(plan, rule), wanted))
        options = BuildOptions(KINDS, whole_events=True)
        self.program = build(mine, catalog, options).program

    def play(self, script: Script, *, is_explained: bool = True) -> Findings:
        """Return what the rule brings about over a script.

        Where no match comes, the findings can say what came closest, if that `is_explained`.
        """
        pipeline = self.pipeline(script)
        replay(script, pipeline)
        found = Findings(script.start)
        if is_explained:
            found.near_miss = lambda: self._near_miss(script)
        _collect(found, pipeline.drain(), self.rule)
        for reporter in pipeline.reporters:
            if reporter.code.plan.name == self.rule:
                found.suppressed = reporter.suppressed
        pipeline.pending()
        _collect(found, pipeline.drain(), self.rule)
        self._mark(found)
        return found

    def _mark(self, found: Findings) -> None:
        """Tell durations from other numbers in what was found."""
        rule = next(each for each in self._plan.rules if each.name == self.rule)
        keys = {part.name: part.type for part in rule.keys}
        select = _types(rule.select)
        for match in (*found.matches, *found.pending):
            match.key = mark_durations_in(match.key, keys)
            match.select = mark_durations_in(match.select, select)
        for clear in found.clears:
            clear.key = mark_durations_in(clear.key, keys)
        effects = [effect for each in self._plan.rules for effect in each.effects]
        emitted = {e.type: _types(e.fields) for e in effects if isinstance(e, EmitEffect)}
        for event in found.events:
            event.fields = mark_durations_in(event.fields, emitted.get(event.type, {}))
        actions = {e.action: _types(e.args) for e in rule.effects if isinstance(e, MitigateEffect)}
        for each in found.mitigations:
            each.args = mark_durations_in(each.args, actions[each.action])

    def pipeline(self, script: Script) -> Pipeline:
        """Return a new pipeline: nothing is remembered of the script before."""
        return Pipeline(self.program, KINDS, DEFAULT_LIMITS, script.lateness, True)

    def _near_miss(self, script: Script) -> str | None:
        """Say what came closest to a match, with times as the test writes them."""
        asked = Asked(limit=1, clock=Findings(script.start).at)
        investigation = Investigation(
            self._plan, self._catalog, self.rule, asked, lateness=script.lateness
        )
        replay(script, investigation.pipeline)
        investigation.finish()
        return nearest_line(investigation.explain())


def _types(named: Iterable[tuple[str, Expr]]) -> dict[str, Type]:
    return {name: expr.type for name, expr in named}


# ---------------------------------------------------------------- the clock


@dataclass(slots=True)
class _Clock:
    """The virtual clock in front of a pipeline: events and ticks reach every source alike."""

    pipeline: Pipeline
    places: set[tuple[str, int]] = field(default_factory=set)

    def feed(self, event: Event) -> None:
        """Let an event arrive."""
        self.places.add((event.source, event.partition))
        self.pipeline.feed((event,))

    def tick(self, time: int) -> None:
        """Let time go on to an instant, short of its deadlines."""
        pipeline = self.pipeline
        for place in self.places or {(SOURCE, 0)}:
            pipeline.watermarks.see(place, time)
        pipeline.feed(())
        if pipeline.is_direct and pipeline.now is not None and time > pipeline.now:
            pipeline.advance(2 * time + 1)
            pipeline.now = time

    def finish(self, last: int | None) -> None:
        """Complete the last instant: its events, then its deadlines."""
        self.pipeline.finish()
        if last is not None and (self.pipeline.now is None or self.pipeline.now < last):
            self.pipeline.now = last
            self.pipeline.finish()


def replay(script: Script, pipeline: Pipeline) -> None:
    """Let a script happen in front of a pipeline, up to the deadlines of its last instant."""
    clock = _Clock(pipeline)
    for arrival in script.arrivals:
        if isinstance(arrival, Tick):
            clock.tick(arrival.time)
        else:
            clock.feed(arrival)
    clock.finish(script.last)


def _collect(found: Findings, records: Iterable[Any], rule: str) -> None:
    for record in records:
        match record:
            case Event():
                found.events.append(record)
            case Match() if record.rule.startswith(f"{WITNESS}."):
                found.events += _witnessed(record)
            case Match() if record.rule == rule:
                (found.matches if record.kind == "match" else found.pending).append(record)
            case Clear() if record.rule == rule:
                found.clears.append(record)
            case Note() if record.rule == rule:
                found.notes.append(record)
            case Mitigation() if record.rule == rule:
                found.mitigations.append(record)
            case _:
                pass


def _witnessed(match: Match) -> list[Event]:
    """Return the event that a witness saw, when an `extract` made it."""
    seen = match.events[0]
    if not seen.id.endswith(f"/{seen.type}"):
        return []
    fields = {k: v for k, v in (seen.event or {}).items() if not k.startswith("@")}
    return [Event(seen.type, seen.time, fields, id=seen.id)]
