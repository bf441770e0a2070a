"""A candidate: one way in which a match of a sequence may come about; and what a key keeps."""

from __future__ import annotations

from typing import Any

from sluice.model import Row
from sluice.stream.pattern import Loops
from sluice.timing import Instant


class Candidate:
    """One way in which a match may come about.

    `count` is how many events the slot has taken (`all of`: a bit set of filled branches).
    `blocked` is a bit set of slots that cannot take the next event. `ripe` is how many events
    the match has if it ends now (0: it cannot), `deadline` when time decides.
    """

    __slots__ = ("blocked", "count", "deadline", "events", "loops", "places", "ripe", "slot")

    def __init__(self, slot: int, loops: Loops) -> None:
        self.slot = slot
        self.loops = loops
        self.count = 0
        self.blocked = 0
        self.ripe = 0
        self.deadline: Instant | None = None
        self.events: list[Row] = []
        self.places: list[int] = []

    def copy(self) -> Candidate:
        """Return one that goes its own way from here."""
        twin = Candidate(self.slot, self.loops)
        twin.count, twin.blocked, twin.ripe = self.count, self.blocked, self.ripe
        twin.deadline = self.deadline
        twin.events, twin.places = self.events.copy(), self.places.copy()
        return twin

    def state(self, number: dict[int, int], rows: list[Row]) -> list[Any]:
        """Return plain data; events are numbers into `rows`, which candidates share."""
        for row in self.events:
            if id(row) not in number:
                number[id(row)] = len(rows)
                rows.append(row)
        return [
            self.slot, list(self.loops), self.count, self.blocked, self.ripe, self.deadline,
            [number[id(row)] for row in self.events], self.places,
        ]  # fmt: skip

    @classmethod
    def restored(cls, state: list[Any], rows: list[Row]) -> Candidate:
        """Return the candidate that `state` was taken of."""
        slot, loops, count, blocked, ripe, deadline, events, places = state
        candidate = cls(slot, tuple(loops))
        candidate.count, candidate.blocked, candidate.ripe = count, blocked, ripe
        candidate.deadline = deadline
        candidate.events, candidate.places = [rows[n] for n in events], places
        return candidate


class KeyState:
    """What a sequence keeps of one key: open candidates, the timer it asked for, when it was
    touched, and the last event of a leading absence."""

    __slots__ = ("absent", "armed", "open", "touched")

    def __init__(self, touched: Instant) -> None:
        self.open: list[Candidate] = []
        self.armed: Instant | None = None
        self.touched = touched
        self.absent: Instant | None = None

    def state(self) -> list[Any]:
        """Return plain data and rows."""
        number: dict[int, int] = {}
        rows: list[Row] = []
        candidates = [candidate.state(number, rows) for candidate in self.open]
        return [self.touched, self.armed, self.absent, rows, candidates]

    @classmethod
    def restored(cls, state: list[Any]) -> KeyState:
        """Return the state that `state` was taken of."""
        touched, armed, absent, rows, candidates = state
        made = cls(touched)
        made.armed, made.absent = armed, absent
        made.open = [Candidate.restored(saved, rows) for saved in candidates]
        return made
