"""Near misses of rules that judge single events: the events that failed least."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sluice.model import Key, Row
from sluice.plan import Atom, Expr, Filter, conjuncts
from sluice.why.case import Case
from sluice.why.changes import without_part
from sluice.why.explanation import Candidate, Obstacle
from sluice.why.havings import HavingStudy
from sluice.why.trial import Entry, Found
from sluice.why.windows import refused


class FilterStudy:
    """Looks at the events that a filter refused."""

    def __init__(self, case: Case) -> None:
        assert isinstance(case.rule.pattern, Filter)
        self.case, self.step = case, case.rule.pattern.step

    def candidates(self) -> list[Candidate]:
        """Return the events that failed the fewest parts, the latest first."""
        limit = self.case.asked.limit
        out = [self._judged(found) for found in self._unjudged()[:limit]]
        if self.case.rule.unseen is not None:
            each = replace(self.case.rule, having=None, select=())
            out += refused(self.case, each, self.case.entries)
        if len(out) < limit:
            out += list(self._close())[: limit - len(out)]
        return out[:limit]

    def _unjudged(self) -> list[Found]:
        """Return the events that fit, of a rule whose `having` refused them; latest first."""
        if self.case.rule.having is None:
            return []
        found = self.case.lab.run(replace(self.case.rule, having=None), self.case.entries)
        return [f for f in reversed(found) if self.case.is_alive(f.start, f.time)]

    def _judged(self, found: Found) -> Candidate:
        study = HavingStudy(self.case, found, self.case.of_key(found.key))
        atom = self.case.by_position(found.places[0])
        moment = self.case.facts.moment(found.events[0], atom, self.case.label(atom))
        return Candidate(
            "event", self.case.facts.key(found.key), found.start, found.end, 1, 2,
            "the event fits", (moment,), tuple(study.obstacles()), study.measures(),
        )  # fmt: skip

    def _close(self) -> Iterator[Candidate]:
        """Yield refused events: first those that failed one part alone."""
        seen: set[int] = set()
        close: list[tuple[int, int, Row, Atom]] = []
        for refusals in self.case.recorder.refusals.values():
            for refusal in refusals:
                atom = self.case.atoms[refusal.atom]
                rows = [*refusal.close, refusal.last]
                for row in rows:
                    if row is None or id(row) in seen or not self.case.is_alive(row.time, row.time):
                        continue
                    seen.add(id(row))
                    failed = len(self.case.facts.failing(atom, row))
                    close.append((failed, -row.time, row, atom))
        close.sort(key=lambda item: item[:2])
        for _, _, row, atom in close:
            candidate = self._refused(row, atom)
            if candidate is not None:
                yield candidate

    def _refused(self, row: Row, atom: Atom) -> Candidate | None:
        code = self.case.recorder.code
        key = code.key_of[code.variant[self.case.atoms.index(atom)]](row)
        if key is not None and not self.case.choice(key):
            return None
        parts = conjuncts(atom.where)
        failing = self.case.facts.failing(atom, row)
        obstacles = tuple(self._obstacle(row, atom, part, key) for part in failing)
        told = {} if key is None else self.case.facts.key(key)
        moment = self.case.facts.moment(row, atom, self.case.label(atom), False)
        return Candidate(
            "event", told, row.time, row.time, len(parts) - len(failing), len(parts),
            f"{len(parts) - len(failing)} of {len(parts)} conditions are true", (moment,),
            obstacles,
        )  # fmt: skip

    def _obstacle(self, row: Row, atom: Atom, part: Expr, key: Key) -> Obstacle:
        facts = self.case.facts
        named = self.case.mask([atom])
        changed = without_part(self.case.rule, atom, part)
        found = self.case.lab.run(changed, [Entry(row, key, 0, named)])
        text = facts.told(part, row)
        sides = facts.sides(part, row)
        return Obstacle(
            "condition", text, f"with `{facts.text(part)}` true", bool(found),
            facts.text(part), sides, row.time,
        )  # fmt: skip
