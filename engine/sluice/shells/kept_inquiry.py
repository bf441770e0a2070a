"""Ask why a rule fired, of what a lake keeps: of one match, or of all events."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from sluice.model import Event, Match
from sluice.plan import DEFAULT_LIMITS, Limits, atoms_of, horizon_ms, only_feeding
from sluice.shells.compile import Compiled
from sluice.shells.kept import ROWS_AT_ONCE, Evidence, KeptLake, expired
from sluice.shells.local import GC_THRESHOLD
from sluice.timing import Instant
from sluice.why import Asked, Explanation, Investigation

#: How many matches are looked through for the one that is asked about.
LOOKED_MAX = 100
#: In multiples of what the rule remembers: how far before a match its events are looked for.
REACH = 2


@dataclass(frozen=True, slots=True)
class KeptInquiry:
    """A lake and the rules of today."""

    kept: KeptLake
    compiled: Compiled
    limits: Limits = DEFAULT_LIMITS

    def of_rule(
        self, rule: str, asked: Asked, since: Instant | None, until: Instant | None
    ) -> Explanation:
        """Return why a rule fired or not on the events that inputs brought."""
        events = self._around(rule, since, until)
        explanation = self._explained(rule, asked, events, None)
        if explanation.types:
            return explanation
        held = self.kept.contents(since, until)
        return replace(
            explanation, events=sum(held.counts.values()), first=held.first, last=held.last,
            other_types=held.counts,
        )  # fmt: skip

    def of_match(self, match: Match) -> Explanation:
        """Return why a match came, by the rule as it is today.

        InputError when its events have gone from the lake.
        """
        evidence = self.kept.evidence(match)
        if evidence.missing:
            raise expired(match, evidence)
        rule = next(r for r in self.compiled.plan.rules if r.name == match.rule)
        is_changed = rule.version != match.version
        asked = Asked(limit=LOOKED_MAX)
        alone = self._explained(match.rule, asked, evidence.events, match.time)
        found = _about(alone, match, is_changed)
        if found is None:
            found = self._with_history(match, evidence, is_changed)
        if is_changed:
            remark = (
                f"{match.rule} has changed since (version {match.version}, now {rule.version}); "
                "this is by the rule of today"
            )
            answer = found or alone
            return replace(answer, remarks=(remark, *answer.remarks))
        if found is not None:
            return found
        lost = (
            "it does not fire again on what the lake keeps: what came before is not there, or a "
            "list, a table or a setting has changed since"
        )
        return replace(alone, remarks=(lost, *alone.remarks))

    def _with_history(
        self, match: Match, evidence: Evidence, is_changed: bool
    ) -> Explanation | None:
        """Return the answer with what came before: an average, a first time, what others left."""
        # Whatever it is made of, it was under way at its last event.
        at = evidence.events[-1].time if evidence.events else None
        for since in self._starts(match):
            events = self._around(match.rule, since, match.time)
            told = self._explained(match.rule, Asked(at=at, limit=LOOKED_MAX), events, match.time)
            found = _about(told, match, is_changed)
            if found is not None:
                return found
        return None

    def _starts(self, match: Match) -> Iterator[Instant | None]:
        """Yield from when on events may matter to a match: what its rules remember, then all."""
        part = only_feeding(self.compiled.plan, match.rule)
        reaches = [horizon_ms(rule) for rule in part.rules]
        known = [reach for reach in reaches if reach is not None]
        if len(known) == len(reaches):
            yield match.start - REACH * max(known, default=0)
        yield None

    def _around(self, rule: str, since: Instant | None, until: Instant | None) -> Iterator[Event]:
        part = only_feeding(self.compiled.plan, rule)
        patterns = {t for each in part.rules for atom in atoms_of(each) for t in atom.types}
        return self.kept.history(sorted(patterns), since, until)

    def _explained(
        self, rule: str, asked: Asked, events: Iterable[Event], until: Instant | None
    ) -> Explanation:
        """Return the answer on events; time goes on to `until` after them."""
        investigation = Investigation(
            self.compiled.plan, self.compiled.catalog, rule, asked, limits=self.limits
        )
        pipeline = investigation.pipeline
        threshold = gc.get_threshold()
        gc.set_threshold(GC_THRESHOLD, *threshold[1:])
        try:
            # One input, whatever it was: they are in order.
            waiting = iter(events)
            while some := list(islice(waiting, ROWS_AT_ONCE)):
                pipeline.feed(some, "")
                investigation.collect()
            pipeline.finish()
            if until is not None and (pipeline.now is None or pipeline.now < until):
                pipeline.now = until
            investigation.finish()
            return investigation.explain()
        finally:
            gc.set_threshold(*threshold)


def _about(explanation: Explanation, match: Match, is_changed: bool) -> Explanation | None:
    """Return the answer about one match alone; None when it is not among those found.

    By a changed rule the ids are others: key and time tell which it is.
    """
    for fired in explanation.fired:
        is_same = fired.id == match.id
        if is_changed:
            is_same = (dict(fired.key), fired.time) == (match.key, match.time)
        if is_same:
            return replace(explanation, fired=(fired,), fired_count=1)
    return None
