"""Where a candidate stands in its pattern, and where it may go (language.md 4.4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from . import spec
from .heads import KeyOf
from .spec import Atom, Element, Event, Group, Head

# Element of the pattern, iteration of a group, member of the group.
Place = tuple[int, int, int]


@dataclass(frozen=True)
class Taken:
    """An event that a candidate took, and the branch that took it."""

    event: Event
    place: Place
    branch: int
    order: int


@dataclass(frozen=True)
class Candidate:
    """A partial match; `armed_ms` is the start of a wait that `expect` began."""

    key: KeyOf
    taken: tuple[Taken, ...] = ()
    armed_ms: int | None = None

    def first_ms(self) -> int:
        """Time of the first event."""
        return self.taken[0].event.time

    def last_ms(self) -> int:
        """Time of the last event."""
        return self.taken[-1].event.time

    def first_order(self) -> int:
        """Place of the first event in the total order; what `expect` armed comes before all."""
        return self.taken[0].order if self.taken else -1

    def with_taken(self, taken: Taken) -> Candidate:
        """The candidate after one more event."""
        return replace(self, taken=(*self.taken, taken))


def elements_of(pattern: spec.Pattern) -> tuple[Element, ...]:
    """Section 4: in a whole-pattern absence each b is an a of `a then no b`."""
    if pattern.whole:
        return (Atom("step", (pattern.whole.head,)),)
    return pattern.elements


def trail_of(pattern: spec.Pattern) -> spec.Absence | None:
    """The absence at the end, also that of a whole-pattern absence."""
    return pattern.whole or pattern.trail


def bounds(element: Element) -> tuple[int, int | None]:
    """How many events (iterations) an element wants; reluctant: m = n (4.4)."""
    if isinstance(element, Atom) and element.kind == "all of":
        return len(element.heads), len(element.heads)
    q = element.quantifier
    if q is None:
        return 1, 1
    return q.least, q.least if q.is_reluctant else q.most


def members(element: Element) -> tuple[Atom, ...]:
    """The atoms of an element."""
    return element.inner if isinstance(element, Group) else (element,)


class Shape:
    """The steps of a pattern and the moves between them."""

    def __init__(self, pattern: spec.Pattern) -> None:
        self.elements = elements_of(pattern)
        self._first_position = 1 if pattern.lead else 0

    def atom(self, place: Place) -> Atom:
        """The step at a place."""
        return members(self.elements[place[0]])[place[2]]

    def position(self, place: Place, branch: int) -> int:
        """output.md 2: places count as written, branches each for itself, absences too."""
        before = self._first_position
        for i, element in enumerate(self.elements):
            for j, atom in enumerate(members(element)):
                if (i, j) == (place[0], place[2]):
                    return before + (branch if atom.kind != "step" else 0)
                before += len(atom.heads)
        raise AssertionError("no such place")

    def entry(self) -> Place:
        """The first step, which takes at least one event."""
        return (0, 0, 0)

    def count(self, c: Candidate) -> int:
        """k: the events that the candidate's step has, in this iteration."""
        return sum(t.place == c.taken[-1].place for t in c.taken)

    def next_steps(self, c: Candidate) -> Iterator[Place]:
        """Rule 1 of 4.4: the next steps, tried in the order written (section 11)."""
        i, iteration, j = c.taken[-1].place
        element = self.elements[i]
        if self.count(c) < bounds(self.atom((i, iteration, j)))[0]:
            return
        inner = members(element)
        for j2 in range(j + 1, len(inner)):
            yield (i, iteration, j2)
            if bounds(inner[j2])[0] > 0:
                return
        if isinstance(element, Group):
            least, most = bounds(element)
            if iteration + 1 >= least:
                yield from self._after(i)
            # The group as a step: rule 1 (leave it) before rule 2 (one more iteration).
            if most is None or iteration + 1 < most:
                yield (i, iteration + 1, 0)
        else:
            yield from self._after(i)

    def _after(self, i: int) -> Iterator[Place]:
        for i2 in range(i + 1, len(self.elements)):
            yield (i2, 0, 0)
            if bounds(self.elements[i2])[0] > 0:
                return

    def may_join(self, c: Candidate) -> bool:
        """Rule 2 of 4.4: k < m."""
        most = bounds(self.atom(c.taken[-1].place))[1]
        return most is None or self.count(c) < most

    def open_branches(self, c: Candidate | None, place: Place) -> list[int]:
        """The branches that an event could fill: for `all of` those not yet filled."""
        atom = self.atom(place)
        filled = set()
        if c is not None and atom.kind == "all of":
            filled = {t.branch for t in c.taken if t.place == place}
        return [b for b in range(len(atom.heads)) if b not in filled]

    def complete_part(self, c: Candidate) -> tuple[Taken, ...] | None:
        """The events of a complete sequence, or None when it is not complete.

        Section 11: the events of an iteration that is not complete are no part of the match.
        """
        if not c.taken:
            return ()
        i, iteration, j = c.taken[-1].place
        if i != len(self.elements) - 1:
            return None
        element = self.elements[i]
        is_step_full = self.count(c) >= bounds(self.atom(c.taken[-1].place))[0]
        if not isinstance(element, Group):
            return c.taken if is_step_full else None
        is_iteration_full = is_step_full and j == len(element.inner) - 1
        done = iteration + 1 if is_iteration_full else iteration
        if done < bounds(element)[0] or done == 0:
            return None
        return tuple(t for t in c.taken if t.place[0] != i or t.place[1] < done)

    def is_full(self, c: Candidate) -> bool:
        """Complete, and no step is left that could take more."""
        if self.complete_part(c) != c.taken:
            return False
        return not self.may_join(c) and not any(True for _ in self.next_steps(c))

    def gaps(self, place: Place) -> list[int]:
        """The gaps before an event at a place: the step's and its group's (section 11)."""
        return [e.gap_ms for e in self._demanding(place) if e.gap_ms is not None]

    def is_immediate(self, place: Place) -> bool:
        """Whether `immediately` stands before the step or its group."""
        return any(e.is_immediate for e in self._demanding(place))

    def withouts(self, place: Place) -> list[Head]:
        """What may not lie between an event at a place and the one before it."""
        return [w for e in self._demanding(place) for w in e.withouts]

    def _demanding(self, place: Place) -> list[Element]:
        element = self.elements[place[0]]
        if isinstance(element, Group):
            return [element, element.inner[place[2]]]
        return [element]

    def aliases(self, taken: Sequence[Taken]) -> dict[str, list[Event]]:
        """The events of each alias."""
        found: dict[str, list[Event]] = {}
        for t in taken:
            alias = self.atom(t.place).heads[t.branch].alias
            if alias:
                found.setdefault(alias, []).append(t.event)
        return found
