"""A case: everything that the studies of a rule's near misses stand on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sluice.model import Key, Row, event_id
from sluice.plan import Atom, RulePlan, atoms_of
from sluice.stream import rule_atoms
from sluice.timing import Duration, Instant, format_duration
from sluice.why.explanation import Asked
from sluice.why.facts import Facts
from sluice.why.recording import KeyChoice, Recorder
from sluice.why.trial import Entry, Found, Lab

#: How many events after the first of a candidate a trial looks at.
NEAR_MAX = 2_000


@dataclass(slots=True)
class Case:
    """The rule as written, what was recorded, and the lab to try things in."""

    rule: RulePlan
    lab: Lab
    facts: Facts
    recorder: Recorder
    choice: KeyChoice
    asked: Asked
    #: Some match was reported, asked about or not.
    has_matches: bool = False
    _known: dict[tuple[int, ...], set[tuple[Any, ...]]] = field(default_factory=dict)

    def at(self, time: Instant) -> str:
        """Write an instant for a sentence."""
        return self.asked.clock(time)

    @property
    def atoms(self) -> tuple[Atom, ...]:
        """The atoms of the rule, in the order of the bits of an entry."""
        return rule_atoms(self.rule)

    @property
    def entries(self) -> list[Entry]:
        """The recorded events of keys that are asked about, in order."""
        return [e for e in self.recorder.entries if self.choice(e.key)]

    def of_key(self, key: Key) -> list[Entry]:
        """Return the recorded events of a key, in order."""
        return [entry for entry in self.recorder.entries if entry.key == key]

    def mask(self, atoms: Iterable[Atom]) -> int:
        """Return the bits of these atoms."""
        wanted = {id(atom) for atom in atoms}
        return sum(1 << n for n, atom in enumerate(self.atoms) if id(atom) in wanted)

    def mask_at(self, positions: Iterable[int]) -> int:
        """Return the bits of the atoms at these positions."""
        wanted = set(positions)
        return sum(1 << n for n, atom in enumerate(self.atoms) if atom.position in wanted)

    def label(self, atom: Atom) -> str:
        """Return what people call a step: its alias, else its types."""
        return atom.alias or " or ".join(atom.types)

    def by_position(self, position: int) -> Atom:
        """Return the atom at a position."""
        return next(atom for atom in atoms_of(self.rule) if atom.position == position)

    def is_alive(self, start: Instant, end: Instant | None) -> bool:
        """Say whether a candidate is one that is asked about by `--at`."""
        at = self.asked.at
        return at is None or (start <= at and (end is None or at <= end))

    def fires(self, changed: RulePlan, entries: Sequence[Entry], found: Found) -> Found | None:
        """Return a match of a changed rule that the rule has not, with events of `found`."""
        own = set(map(event_id, found.events))
        for match in self.new_matches(changed, entries, found.key):
            if own & set(map(event_id, match.events)) if match.events else _touches(match, found):
                return match
        return None

    def new_matches(self, changed: RulePlan, entries: Sequence[Entry], key: Key) -> Iterator[Found]:
        """Yield the matches of a changed rule that the rule itself has not, of one key."""
        # Rows live as long as the case; the lists that hold them do not.
        place = (id(entries[0].row), id(entries[-1].row), len(entries)) if entries else ()
        known = self._known.get(place)
        if known is None:
            as_it_is = self.lab.run(self.rule, entries, beyond=True)
            known = self._known[place] = {_name(match) for match in as_it_is}
        for match in self.lab.run(changed, entries, beyond=True):
            if match.key == key and _name(match) not in known:
                yield match


def _touches(window: Found, found: Found) -> bool:
    return window.start <= found.end and found.start <= window.time


def _name(match: Found) -> tuple[Any, ...]:
    return match.key, match.time, tuple(map(event_id, match.events))


def near(entries: Sequence[Entry], start: Instant, back: Duration) -> list[Entry]:
    """Return the events around a candidate: some time back, and a number of them on."""
    first = next((n for n, e in enumerate(entries) if e.row.time >= start - back), 0)
    begin = next((n for n, e in enumerate(entries) if e.row.time >= start), first)
    return list(entries[first : begin + NEAR_MAX])


def span(ms: Duration) -> str:
    """Return a duration for a sentence."""
    return format_duration(ms)


def between(entries: Sequence[Entry], after: Row, before: Row) -> list[Entry]:
    """Return the events that lie between two of them."""
    rows = [entry.row for entry in entries]
    first = next((n for n, row in enumerate(rows) if row is after), -1)
    last = next((n for n, row in enumerate(rows) if row is before), len(rows))
    return list(entries[first + 1 : last])
