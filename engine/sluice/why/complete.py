"""Candidates whose events all were there, and that were no match all the same."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sluice.model import Key, event_id
from sluice.plan import Absent
from sluice.plan import Sequence as SequencePlan
from sluice.timing import Duration
from sluice.why.case import Case, span
from sluice.why.changes import with_pattern
from sluice.why.explanation import Moment, Obstacle
from sluice.why.havings import HavingStudy
from sluice.why.trial import Entry, Found

Told = tuple[Obstacle, list[Moment]]


class Waits:
    """How long candidates waited for the event that must not come at the end of the pattern."""

    def __init__(self, case: Case, trailing: Absent, entries: Sequence[Entry]) -> None:
        self._asked, self._end = trailing.duration_ms, case.lab.span.last
        bits = case.mask([trailing.atom])
        self._times = [entry.row.time for entry in entries]
        self._place = {id(entry.row): n for n, entry in enumerate(entries)}
        self._ends: dict[Key, list[int]] = {}
        for n, entry in enumerate(entries):
            if entry.bits & bits:
                self._ends.setdefault(entry.key, []).append(n)

    def length(self, found: Found) -> Duration:
        """Return how long it was silent behind the last event, at most as long as was asked."""
        last = found.events[-1]
        ends = self._ends.get(found.key, [])
        n = bisect_right(ends, self._place[id(last)])
        end = self._times[ends[n]] if n < len(ends) else self._end
        return min(end - last.time, self._asked)


@dataclass(slots=True)
class Completed:
    """A candidate that took all its events."""

    case: Case
    target: Found
    entries: list[Entry]

    def obstacles(self) -> tuple[list[Obstacle], list[Moment]]:
        """Return what kept it from being a match, and the events that show it."""
        told: list[Told] = []
        pattern = self.case.rule.pattern
        assert isinstance(pattern, SequencePlan)
        study = HavingStudy(self.case, self.target, self.entries)
        told += [(obstacle, []) for obstacle in study.obstacles()]
        if pattern.trailing is not None:
            told += self._absence(pattern.trailing)
        if not told and pattern.overlap != "all":
            told += self._overlap(pattern)
        if not told:
            told += self._waiting()
        told.sort(key=lambda pair: not pair[0].is_enough)
        moments = [m for _, found in told for m in found]
        return [obstacle for obstacle, _ in told], moments

    def _absence(self, trailing: Absent) -> list[Told]:
        """Find the event that ended the wait, or say that the input did."""
        last, bits = self.target.events[-1], self.case.mask([trailing.atom])
        label = " or ".join(trailing.atom.types)
        due = last.time + trailing.duration_ms
        is_after = False
        for entry in self.entries:
            if is_after and entry.row.time <= due and entry.bits & bits:
                return [self._broken(trailing, entry, label)]
            is_after = is_after or entry.row is last
        end = self.case.lab.span.last
        if due > end:
            text = (
                f"`no {label} within {span(trailing.duration_ms)}` had held for "
                f"{span(end - last.time)} when the input ended; it matches at "
                f"{self.case.at(due)} if none comes"
            )
            return [(Obstacle("ended", text, None, False, due, end, end), [])]
        return []

    def _broken(self, trailing: Absent, entry: Entry, label: str) -> Told:
        last, row = self.target.events[-1], entry.row
        away = row.time - last.time
        text = (
            f"{label} came at {self.case.at(row.time)}, {span(away)} after; "
            f"`no {label} within {span(trailing.duration_ms)}` asks for its absence"
        )
        remedy, is_enough = None, False
        if away > 0:
            changed = with_pattern(self.case.rule, trailing=replace(trailing, duration_ms=away - 1))
            is_enough = self.case.fires(changed, self.entries, self.target) is not None
            remedy = f"`no {label} within {span(away - 1)}`"
        obstacle = Obstacle(
            "absence", text, remedy, is_enough, trailing.duration_ms, away, row.time, event_id(row)
        )
        return obstacle, [self.case.facts.moment(row, trailing.atom, f"no {label}", False)]

    def _overlap(self, pattern: SequencePlan) -> list[Told]:
        """Say which match took its events, if all candidates may match otherwise."""
        shared = with_pattern(self.case.rule, overlap="shared")
        if self.case.fires(shared, self.entries, self.target) is None:
            return []
        taken = [
            match for match in self.case.lab.run(self.case.rule, self.entries)
            if match.key == self.target.key
            and match.start <= self.target.time and self.target.start <= match.time
        ]  # fmt: skip
        text, time = "a candidate that began later took its place (`overlap latest`)", None
        if taken and pattern.overlap == "none":
            time = taken[-1].time
            text = (
                f"the match at {self.case.at(time)} ended the other candidates of the key "
                "(`overlap none`)"
            )
        return [(Obstacle("overlap", text, "`overlap shared`", True, time=time), [])]

    def _waiting(self) -> list[Told]:
        end = self.case.lab.span.last
        text = f"it can still take events; the input ends at {self.case.at(end)}"
        return [(Obstacle("ended", text, None, False, None, None, end), [])]
