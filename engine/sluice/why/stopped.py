"""What stopped a candidate half way: each thing that may have is changed, one at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from sluice.model import event_id
from sluice.plan import Atom, Expr, RulePlan, conjuncts
from sluice.plan import Sequence as SequencePlan
from sluice.timing import Instant
from sluice.why.case import Case, between, span
from sluice.why.changes import (
    Change,
    with_gap,
    with_pattern,
    without_gap,
    without_immediately,
    without_part,
    without_until,
    without_without,
)
from sluice.why.elsewhere import elsewhere
from sluice.why.explanation import Moment, Obstacle, ObstacleKind
from sluice.why.recording import Held
from sluice.why.stages import Stage, cuts
from sluice.why.trial import Entry, Found

Told = tuple[Obstacle, list[Moment]]


@dataclass(slots=True)
class Stopped:
    """A candidate that reached a stage and not the next one."""

    case: Case
    stages: Sequence[Stage]
    reached: int
    target: Found
    entries: list[Entry]

    def obstacles(self) -> tuple[list[Obstacle], list[Moment]]:
        """Return what stopped it, and the events that show it."""
        told: list[Told] = []
        for change, tell in self._tries():
            further = self._further(change(self.case.rule))
            if further is not None:
                told.append(tell(further))
        if not told:
            told = self._together()
        if not told:
            told = elsewhere(self.case, self.next, self.target, self._until())
        if not told:
            told = [(self._missing(), [])]
        # What alone would have done comes first.
        told.sort(key=lambda pair: not pair[0].is_enough)
        moments = {m.id: m for _, found in told for m in found}
        return [obstacle for obstacle, _ in told], list(moments.values())

    @property
    def next(self) -> Stage:
        """The stage that it did not reach."""
        return self.stages[self.reached + 1]

    @property
    def pattern(self) -> SequencePlan:
        """The pattern as written."""
        assert isinstance(self.case.rule.pattern, SequencePlan)
        return self.case.rule.pattern

    def _further(self, rule: RulePlan) -> Found | None:
        """Return the candidate at the next stage under a changed rule, if it gets there."""
        first, key = self.target.first, self.target.key
        for shorter in cuts(rule, self.reached + 1, "shared"):
            for found in self.case.lab.run(shorter, self.entries):
                if found.first is first and found.key == key:
                    return found
        return None

    def _together(self) -> list[Told]:
        """Tell of several things that only together kept it back, conditions aside."""
        changes = [(c, t) for c, t in self._tries() if getattr(c, "func", c) is not without_part]
        if len(changes) < 2:
            return []
        rule = self.case.rule
        for change, _ in changes:
            rule = change(rule)
        further = self._further(rule)
        if further is None:
            return []
        told = [tell(further) for _, tell in changes]
        return [(obstacle, moments) for obstacle, moments in told if _is_real(obstacle)]

    def _tries(self) -> Iterator[tuple[Change, Callable[[Found], Told]]]:
        """Yield each change that may let it go on, with what tells of it then."""
        stage, place = self.next, self.next.position
        if self.pattern.within_ms is not None:
            yield partial(with_pattern, within_ms=None), self._within
        if stage.entry.gap_ms is not None:
            yield partial(without_gap, position=place), self._gap
        for atom in stage.entry.withouts:
            change = partial(without_without, position=place, atom=atom)
            yield change, partial(self._without, atom=atom)
        if stage.entry.immediately:
            yield partial(without_immediately, position=place), self._immediately
        if self.case.rule.until is not None:
            yield without_until, self._until_came
        for atom in stage.atoms:
            for part in conjuncts(atom.where):
                change = partial(without_part, atom=atom, part=part)
                yield change, partial(self._condition, atom=atom, part=part)

    # ------------------------------------------------------------ what it was

    def _within(self, further: Found) -> Told:
        asked = self.pattern.within_ms
        assert asked is not None
        new = further.events[-1]
        needed = new.time - further.events[0].time
        changed = with_pattern(self.case.rule, within_ms=needed)
        text = (
            f"{self._named(further)} came {span(needed - asked)} after the end of "
            f"`within {span(asked)}`"
        )
        obstacle = Obstacle(
            "within", text, f"`within {span(needed)}`", self._is_enough(changed), asked, needed,
            new.time, event_id(new),
        )  # fmt: skip
        return obstacle, [self._moment(further)]

    def _gap(self, further: Found) -> Told:
        asked = self.next.entry.gap_ms
        assert asked is not None
        new = further.events[-1]
        needed = new.time - further.events[-2].time
        changed = with_gap(self.case.rule, self.next.position, needed)
        text = (
            f"{self._named(further)} came {span(needed)} after the event before it, "
            f"{span(needed - asked)} more than `then within {span(asked)}` allows"
        )
        remedy = f"`then within {span(needed)}`"
        obstacle = Obstacle(
            "gap", text, remedy, self._is_enough(changed), asked, needed, new.time, event_id(new)
        )
        return obstacle, [self._moment(further)]

    def _without(self, further: Found, atom: Atom) -> Told:
        bits = self.case.mask([atom])
        last = self.target.events[-1]
        found = [e for e in between(self.entries, last, further.events[-1]) if e.bits & bits]
        label = " or ".join(atom.types)
        return self._in_between("without", f"`without {label}`", found, atom, further)

    def _immediately(self, further: Found) -> Told:
        last = self.target.events[-1]
        found = between(self.entries, last, further.events[-1])
        return self._in_between("immediately", "`immediately`", found, None, further)

    def _until_came(self, further: Found) -> Told:
        until = self.case.rule.until
        assert until is not None
        bits = self.case.mask([until])
        found = [
            e for e in between(self.entries, self.target.events[0], further.events[-1])
            if e.bits & bits
        ]  # fmt: skip
        label = " or ".join(until.types)
        return self._in_between("until", f"`until {label}`", found, until, further)

    def _in_between(
        self, kind: ObstacleKind, clause: str, found: list[Entry], atom: Atom | None, further: Found
    ) -> Told:
        """Tell of events that came in between; without them the rule as it is runs again."""
        rows = {id(entry.row) for entry in found}
        kept = [entry for entry in self.entries if id(entry.row) not in rows]
        new = self.case.lab.run(self.case.rule, kept, beyond=True)
        own = {id(row) for row in self.target.events}
        is_enough = any(own & {id(row) for row in match.events} for match in new)
        first = found[0].row if found else further.events[-1]
        count = f", the first of {len(found)}" if len(found) > 1 else ""
        text = (
            f"{clause}: {first.type} came at {self.case.at(first.time)}{count}, before "
            f"{self._named(further)}"
        )
        remedy = "had it not come" if len(found) == 1 else "had they not come"
        obstacle = Obstacle(
            kind, text, remedy, is_enough, None, len(found), first.time, event_id(first)
        )
        shown = atom or self.case.atoms[0]
        moments = [
            self.case.facts.moment(e.row, shown, clause.strip("`"), False) for e in found[:3]
        ]
        return obstacle, [*moments, self._moment(further)]

    def _condition(self, further: Found, atom: Atom, part: Expr) -> Told:
        new = further.events[-1]
        held = Held(self.target.events, self.target.places)
        said = self.case.facts.told(part, new, held, self.target.key)
        changed = without_part(self.case.rule, atom, part)
        sides = self.case.facts.sides(part, new, held)
        obstacle = Obstacle(
            "condition", f"{self._named(further)} came at {self.case.at(new.time)}, but {said}",
            f"with `{self.case.facts.text(part)}` true", self._is_enough(changed),
            self.case.facts.text(part), sides, new.time, event_id(new),
        )  # fmt: skip
        return obstacle, [self._moment(further)]

    def _missing(self) -> Obstacle:
        """Tell that what came next never came, or had still time to come."""
        label = self._label()
        until, end = self._until(), self.case.lab.span.last
        if until is not None and until <= end:
            text = f"no {label} came up to {self.case.at(until)}, when its time was over"
            return Obstacle("missing", text, None, False, None, None, until)
        left = "" if until is None else f", {span(until - end)} before its time was over"
        text = f"no {label} came; the input ends at {self.case.at(end)}{left}"
        return Obstacle("ended", text, None, False, until, end, end)

    # ------------------------------------------------------------ parts

    def _until(self) -> Instant | None:
        target = self.target
        return self.next.deadline(self.pattern.within_ms, target.start, target.events[-1].time)

    def _is_enough(self, changed: RulePlan) -> bool:
        return self.case.fires(changed, self.entries, self.target) is not None

    def _label(self) -> str:
        return " or ".join(missing_members(self.case, self.next, self.target))

    def _named(self, further: Found) -> str:
        """Name the event that was asked for: `the 5th of 5 f`, or just its step."""
        label = self.case.label(self.case.by_position(further.places[-1]))
        if self.next.of > 1 and self.next.step.kind != "all_of":
            return f"the {ordinal(self.next.count)} of {self.next.of} {label}"
        return label

    def _moment(self, further: Found) -> Moment:
        atom = self.case.by_position(further.places[-1])
        return self.case.facts.moment(further.events[-1], atom, self.case.label(atom), False)


def missing_members(case: Case, stage: Stage, target: Found) -> list[str]:
    """Return what people call the branches that the event of a stage may take."""
    atoms = stage.atoms
    if stage.step.kind == "all_of":
        atoms = tuple(a for a in atoms if a.position not in target.places)
    return list(dict.fromkeys(case.label(atom) for atom in atoms))


def _is_real(obstacle: Obstacle) -> bool:
    """Leave out a limit that was not exceeded and a clause that no event broke."""
    if obstacle.kind in ("within", "gap"):
        return bool(obstacle.found > obstacle.asked)
    return bool(obstacle.found)


def ordinal(number: int) -> str:
    """Return `1st`, `2nd`, `3rd`, `4th`, `11th`, `21st`."""
    if number % 100 in (11, 12, 13):
        return f"{number}th"
    return f"{number}" + {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
