"""Near misses of sequences: the candidates that came furthest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from sluice.model import Key, Row
from sluice.plan import Atom, RulePlan
from sluice.plan import Sequence as SequencePlan
from sluice.timing import Instant
from sluice.why.case import Case, near, span
from sluice.why.changes import with_gap, with_pattern
from sluice.why.complete import Completed, Waits
from sluice.why.explanation import Candidate, Moment, Obstacle
from sluice.why.gates import gate_obstacles
from sluice.why.stages import Stage, cuts, stages_of
from sluice.why.stopped import Stopped, missing_members
from sluice.why.trial import Entry, Found

#: How much longer a candidate may have taken to count as one that nearly was in time.
_WIDER = 4


class SequenceStudy:
    """Looks for the candidates that came furthest, and asks what stopped them."""

    def __init__(self, case: Case) -> None:
        assert isinstance(case.rule.pattern, SequencePlan)
        self.case, self.rule = case, case.rule
        self.pattern: SequencePlan = case.rule.pattern
        self.stages = stages_of(self.pattern.items)
        self._known: set[tuple[Key, int]] | None = None

    def candidates(self) -> list[Candidate]:
        """Return the nearest candidates, nearest first."""
        entries = self.case.entries
        reached, found = self._furthest(entries)
        if reached < 0:
            return self._never_began(entries)
        chosen = self._chosen(reached, found, entries)
        return [self._explained(reached, target) for target in chosen]

    def _furthest(self, entries: Sequence[Entry]) -> tuple[int, list[Found]]:
        """Return the last stage that some candidate reached, and who did; -1 for none.

        Only keys that reached a stage, and have events enough for a later one, are asked for it.
        """
        sizes = Counter(entry.key for entry in entries if entry.bits)
        low, high, kept = -1, len(self.stages) - 1, list[Found]()
        middle = high
        while low < high:
            parts = self.stages[middle].parts
            asked = [entry for entry in entries if sizes[entry.key] >= parts]
            found = self._reaching(self.rule, middle, asked) if asked else []
            found = [f for f in found if self._is_asked(f, middle)]
            if found:
                low, kept = middle, found
                keys = {f.key for f in found}
                entries = [entry for entry in asked if entry.key in keys]
            else:
                high = middle - 1
            middle = (low + high + 1) // 2
        return low, kept

    def _reaching(self, rule: RulePlan, stage: int, entries: Iterable[Entry]) -> list[Found]:
        held = list(entries)
        found = [f for each in cuts(rule, stage, "none") for f in self.case.lab.run(each, held)]
        return [f for f in found if (f.key, id(f.first)) not in self._matched(held)]

    def _matched(self, entries: list[Entry]) -> set[tuple[Key, int]]:
        """Return the key and first event of each match: they are no near misses."""
        if self._known is None:
            matches = self.case.lab.run(self.rule, entries) if self.case.has_matches else []
            self._known = {(match.key, id(match.first)) for match in matches}
        return self._known

    def _is_asked(self, found: Found, stage: int) -> bool:
        return self.case.is_alive(found.start, self._deadline(found, stage))

    def _deadline(self, found: Found, stage: int) -> Instant | None:
        """Return until when a candidate that reached a stage waits for what comes next."""
        if stage + 1 == len(self.stages):
            trailing = self.pattern.trailing
            return found.time + (trailing.duration_ms if trailing is not None else 0)
        return self.stages[stage + 1].deadline(
            self.pattern.within_ms, found.start, found.events[-1].time
        )

    def _chosen(self, reached: int, found: list[Found], entries: Sequence[Entry]) -> list[Found]:
        """Choose whom to look at: who was late by the least or was silent for the longest, then
        the latest; each key once."""
        by_start = {id(f.first): f for f in found}
        ranked = []
        if reached + 1 < len(self.stages):
            stage = self.stages[reached + 1]
            wider = self._wider(stage)
            keys = {f.key for f in found}
            asked = [entry for entry in entries if entry.key in keys]
            late = self._reaching(wider, reached + 1, asked) if wider is not None else []
            late.sort(key=lambda f: f.end - f.start)
            ranked = [by_start[id(f.first)] for f in late if id(f.first) in by_start]
        latest = sorted(found, key=lambda f: -f.time)
        if reached + 1 == len(self.stages) and self.pattern.trailing is not None:
            waits = Waits(self.case, self.pattern.trailing, entries)
            latest.sort(key=waits.length, reverse=True)
        ranked += latest
        first_of_key: dict[Key, Found] = {}
        for each in ranked:
            first_of_key.setdefault(each.key, each)
        # No key twice while there are others.
        chosen = {id(f): f for f in (*first_of_key.values(), *ranked)}
        return list(chosen.values())[: self.case.asked.limit]

    def _wider(self, stage: Stage) -> RulePlan | None:
        """Return the rule with more time for the next event; None when time does not matter."""
        within, gap = self.pattern.within_ms, stage.entry.gap_ms
        if within is None and gap is None:
            return None
        rule = self.rule
        if within is not None:
            rule = with_pattern(rule, within_ms=within * _WIDER)
        if gap is not None:
            rule = with_gap(rule, stage.position, gap * _WIDER)
        return rule

    # ------------------------------------------------------------ one candidate

    def _explained(self, reached: int, target: Found) -> Candidate:
        entries = self._near(target)
        while reached + 1 < len(self.stages):
            further = self._same_start(reached + 1, entries, target)
            if further is None:
                break
            reached, target = reached + 1, further
        if reached + 1 == len(self.stages):
            obstacles, others = Completed(self.case, target, entries).obstacles()
        else:
            obstacles, others = Stopped(
                self.case, self.stages, reached, target, entries
            ).obstacles()
        return self._candidate(reached, target, obstacles, others)

    def _near(self, target: Found) -> list[Entry]:
        leading, within = self.pattern.leading, self.pattern.within_ms
        if self.rule.unseen is not None or within is None:
            return self.case.of_key(target.key)
        # Candidates that began so long before may have been open with this one.
        back = within + (leading.duration_ms if leading is not None else 0)
        return near(self.case.of_key(target.key), target.start, back)

    def _same_start(self, stage: int, entries: list[Entry], target: Found) -> Found | None:
        for rule in cuts(self.rule, stage, "shared"):
            for found in self.case.lab.run(rule, entries):
                if found.first is target.first and found.key == target.key:
                    return found
        return None

    def _candidate(
        self, reached: int, target: Found, obstacles: list[Obstacle], others: list[Moment]
    ) -> Candidate:
        case, stage = self.case, self.stages[reached]
        parts = self.stages[-1].parts
        of = parts + (self.pattern.trailing is not None)
        moments = [*self._taken(target), *others]
        moments.sort(key=lambda m: m.time)
        return Candidate(
            "sequence", case.facts.key(target.key), target.start, target.end, stage.parts, of,
            self._summary(reached, of, target) + self._silence(reached, target),
            tuple(moments), tuple(obstacles),
        )  # fmt: skip

    def _summary(self, reached: int, of: int, target: Found) -> str:
        stage = self.stages[reached]
        if of == 1:
            return "its event was there"
        text = f"{stage.parts} of {of} parts"
        if reached + 1 < len(self.stages):
            after = self.stages[reached + 1]
            if after.step.kind == "all_of":
                return f"{text}: no {' or '.join(missing_members(self.case, after, target))}"
            if after.of == of:
                return f"{after.count - 1} of {of} {self._step(after)}"
            if after.of > 1:
                return f"{text}: {after.count - 1} of {after.of} {self._step(after)}"
            return f"{text}: no {self._step(after)}"
        return text

    def _silence(self, reached: int, target: Found) -> str:
        """Say how long a candidate that took all its events waited, where that was too short."""
        trailing = self.pattern.trailing
        if trailing is None or reached + 1 < len(self.stages):
            return ""
        length = Waits(self.case, trailing, self.case.of_key(target.key)).length(target)
        if length >= trailing.duration_ms:
            return ""
        return f": silent for {span(length)} of {span(trailing.duration_ms)}"

    def _step(self, stage: Stage) -> str:
        return " or ".join(dict.fromkeys(self.case.label(atom) for atom in stage.atoms))

    def _taken(self, target: Found) -> list[Moment]:
        out = []
        for row, place in zip(target.events, target.places, strict=True):
            atom = self.case.by_position(place)
            out.append(self.case.facts.moment(row, atom, self.case.label(atom)))
        return out

    # ------------------------------------------------------------ none at all

    def _never_began(self, entries: Sequence[Entry]) -> list[Candidate]:
        """Explain first events that a leading absence or `unseen` has refused."""
        out = []
        for found, obstacle, others in gate_obstacles(
            self.case, cuts(self.rule, 0, "none")[0], entries
        ):
            taken = [self._first_moment(found.events[0])]
            moments = sorted([*taken, *others], key=lambda m: m.time)
            of = self.stages[-1].parts + (self.pattern.trailing is not None) + 1
            out.append(
                Candidate(
                    "sequence",
                    self.case.facts.key(found.key),
                    found.start,
                    found.end,
                    0,
                    of,
                    "its first event came and was refused",
                    tuple(moments),
                    (obstacle,),
                )
            )
        return out

    def _first_moment(self, row: Row) -> Moment:
        atom: Atom = self.stages[0].atoms[0]
        return self.case.facts.moment(row, atom, self.case.label(atom), False)
