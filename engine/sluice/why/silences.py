"""Near misses of the whole-pattern absence: the longest silences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from sluice.model import Key, Row, event_id
from sluice.plan import Filter, Silence, Step
from sluice.timing import Duration, Instant
from sluice.why.case import Case, span
from sluice.why.changes import with_pattern
from sluice.why.explanation import Candidate, Moment, Obstacle
from sluice.why.havings import HavingStudy
from sluice.why.trial import Entry, Found
from sluice.why.windows import refused


@dataclass(frozen=True, slots=True)
class Pause:
    """A wait of a key: the event that it began with, and the one that ended it, if any did."""

    key: Key
    since: Row
    until: Entry | None
    length: Duration


class SilenceStudy:
    """Looks for the longest silences of a rule `no b within D`."""

    def __init__(self, case: Case) -> None:
        assert isinstance(case.rule.pattern, Silence)
        self.case, self.pattern = case, case.rule.pattern
        self.atom = case.rule.pattern.absent.atom
        self.label = " or ".join(self.atom.types)
        self._bit, self._until_bit = 1, 2

    def candidates(self) -> list[Candidate]:
        """Return the longest silence of each key, longest first."""
        out = [self._judged(found) for found in self._unjudged()]
        best: dict[Key, Pause] = {}
        for pause in self._pauses():
            held = best.get(pause.key)
            if held is None or pause.length > held.length:
                best[pause.key] = pause
        ranked = sorted(best.values(), key=lambda p: (-p.length, -p.since.time))
        out += [self._candidate(pause) for pause in ranked[: self.case.asked.limit]]
        if out:
            return out[: self.case.asked.limit]
        each = replace(
            self.case.rule, pattern=Filter(Step("one", (self.atom,))), having=None, select=(),
            until=None,
        )  # fmt: skip
        return refused(self.case, each, self.case.entries)

    def _unjudged(self) -> list[Found]:
        """Return the silences that were long enough, of a rule whose `having` refused them."""
        if self.case.rule.having is None:
            return []
        rule = replace(self.case.rule, having=None)
        found = self.case.lab.run(rule, self.case.entries, beyond=True)
        return [f for f in found if self.case.is_alive(f.start, f.time)]

    def _judged(self, found: Found) -> Candidate:
        study = HavingStudy(self.case, found, self.case.of_key(found.key))
        moments = [self._moment(row) for row in found.events]
        return Candidate(
            "silence", self.case.facts.key(found.key), found.start, found.end, 0, 1,
            "silent for long enough", tuple(moments), tuple(study.obstacles()), study.measures(),
        )  # fmt: skip

    def _pauses(self) -> Iterator[Pause]:
        """Yield the waits that were cut short, and those that the input cut off."""
        since: dict[Key, Row] = {}
        for entry in self.case.entries:
            ends = entry.bits & (self._bit | self._until_bit)
            if not ends:
                continue
            begun = since.pop(entry.key, None)
            if begun is not None:
                length = entry.row.time - begun.time
                if length <= self.pattern.absent.duration_ms:
                    yield from self._asked(Pause(entry.key, begun, entry, length))
            if entry.bits & self._bit:
                since[entry.key] = entry.row
        end = self.case.lab.span.last
        for key, row in since.items():
            if end - row.time < self.pattern.absent.duration_ms:
                yield from self._asked(Pause(key, row, None, end - row.time))

    def _asked(self, pause: Pause) -> Iterator[Pause]:
        end = None if pause.until is None else pause.until.row.time
        if self.case.is_alive(pause.since.time, end):
            yield pause

    def _candidate(self, pause: Pause) -> Candidate:
        asked = self.pattern.absent.duration_ms
        obstacle = self._ended(pause) if pause.until is None else self._broken(pause, pause.until)
        moments = [self._moment(pause.since)]
        end: Instant = self.case.lab.span.last
        if pause.until is not None:
            end = pause.until.row.time
            moments.append(self._moment(pause.until.row, False))
        return Candidate(
            "silence", self.case.facts.key(pause.key), pause.since.time, end, 0, 1,
            f"silent for {span(pause.length)} of {span(asked)}", tuple(moments), (obstacle,),
        )  # fmt: skip

    def _broken(self, pause: Pause, entry: Entry) -> Obstacle:
        asked, row = self.pattern.absent.duration_ms, entry.row
        if not entry.bits & self._bit:
            text = f"`until` ended the wait: {row.type} came at {self.case.at(row.time)}"
            return Obstacle(
                "until", text, None, False, asked, pause.length, row.time, event_id(row)
            )
        text = (
            f"{row.type} came at {self.case.at(row.time)}, after a silence of "
            f"{span(pause.length)}; `no {self.label} within {span(asked)}` asks for more"
        )
        remedy, is_enough = None, False
        if pause.length > 0:
            shorter = replace(self.pattern.absent, duration_ms=pause.length - 1)
            changed = with_pattern(self.case.rule, absent=shorter)
            found = self.case.lab.run(changed, self.case.of_key(pause.key))
            is_enough = any(f.first is pause.since for f in found)
            remedy = f"`no {self.label} within {span(pause.length - 1)}`"
        return Obstacle(
            "absence", text, remedy, is_enough, asked, pause.length, row.time, event_id(row)
        )

    def _ended(self, pause: Pause) -> Obstacle:
        asked, end = self.pattern.absent.duration_ms, self.case.lab.span.last
        due = pause.since.time + asked
        text = (
            f"silent for {span(pause.length)} when the input ended; it matches at "
            f"{self.case.at(due)} if no {self.label} comes"
        )
        return Obstacle("ended", text, None, False, due, end, end)

    def _moment(self, row: Row, is_taken: bool = True) -> Moment:
        return self.case.facts.moment(row, self.atom, self.label, is_taken)
