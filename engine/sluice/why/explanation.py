"""What `why` answers: frozen plain data, for a text and for JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sluice.timing import Instant, format_instant

ObstacleKind = Literal[
    "within",
    "gap",
    "without",
    "immediately",
    "condition",
    "until",
    "overlap",
    "key",
    "absence",
    "leading",
    "unseen",
    "learning",
    "having",
    "for",
    "window",
    "except",
    "missing",
    "ended",
]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked about a rule: a key by the texts of its parts, an instant, how many answers."""

    key: Mapping[str, str] | None = None
    at: Instant | None = None
    limit: int = 3
    #: How many events are kept to be looked at closely.
    rows_max: int = 100_000
    #: How an instant is written for people.
    clock: Callable[[Instant], str] = format_instant


@dataclass(frozen=True, slots=True)
class Moment:
    """An event on the time line of a match or a candidate.

    `step` says which part of the rule it concerns, `values` are the fields that decided.
    `is_taken` is false for an event that only stands in the way.
    """

    time: Instant
    id: str
    type: str
    step: str
    alias: str | None
    position: int | None
    values: Mapping[str, Any]
    is_taken: bool = True


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What stopped a candidate, and what would have had to be different.

    `remedy` was tried: with it the rule matches, if `is_enough`; else the candidate only gets
    further. None when nothing simple would have done. `asked` and `found` are the two sides in
    numbers or values, `time` and `event` are where it happened.
    """

    kind: ObstacleKind
    text: str
    remedy: str | None = None
    is_enough: bool = False
    asked: Any = None
    found: Any = None
    time: Instant | None = None
    event: str | None = None


@dataclass(frozen=True, slots=True)
class Measure:
    """One part of a `having` as it was: the value on the left, what was asked, the verdict."""

    text: str
    value: Any
    asked: Any
    holds: bool | None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A match that did not come about: how far it came, and what stopped it.

    `reached` of `of` parts were there; a part is an event that a step asks for, or an absence.
    Of windows the parts are those of `having`, and `measures` are their values.
    """

    kind: Literal["event", "sequence", "silence", "window"]
    key: Mapping[str, Any]
    start: Instant
    end: Instant
    reached: int
    of: int
    summary: str
    moments: tuple[Moment, ...] = ()
    obstacles: tuple[Obstacle, ...] = ()
    measures: tuple[Measure, ...] = ()
    #: How many events a window held, of which the moments are the first and the last.
    event_count: int | None = None


@dataclass(frozen=True, slots=True)
class Fired:
    """A match as it was reported, suppressed, or is pending, with the events that decided."""

    id: str | None
    key: Mapping[str, Any]
    time: Instant
    start: Instant
    end: Instant
    select: Mapping[str, Any]
    event_count: int
    moments: tuple[Moment, ...] = ()
    measures: tuple[Measure, ...] = ()
    #: Of a suppressed one: the match that it came too soon after, and until when.
    suppressed_by: str | None = None
    suppressed_until: Instant | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """An event as an example."""

    time: Instant
    id: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rejection:
    """A condition that kept events out of a step.

    `false` and `unknown` count the events of which it was the first part that was not true,
    `alone` those that failed nothing else of `parts`. `because` says why the example is unknown.
    """

    step: str
    condition: str
    false: int
    unknown: int
    alone: int
    first: Instant
    last: Instant
    parts: int
    sample: Sample
    because: str | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that was asked for and is not in the input, with the option that asked."""

    option: str
    text: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a rule fired or did not; times are instants, values JSON values."""

    rule: str
    title: str | None
    is_disabled: bool
    asked: Asked
    events: int
    first: Instant | None
    last: Instant | None
    types: Mapping[str, int]
    entered: int
    fired: tuple[Fired, ...] = ()
    fired_count: int = 0
    suppressed: tuple[Fired, ...] = ()
    suppressed_count: int = 0
    pending: tuple[Fired, ...] = ()
    pending_count: int = 0
    nearest: tuple[Candidate, ...] = ()
    rejected_by: tuple[Rejection, ...] = ()
    late: int = 0
    remarks: tuple[str, ...] = ()
    #: Types in the input with their counts, when none of the rule's types is there.
    other_types: Mapping[str, int] = field(default_factory=dict)
    problem: Problem | None = None
    #: The types that the rule names, as written.
    wanted_types: tuple[str, ...] = ()

    @property
    def has_fired(self) -> bool:
        """True when the rule reported a match that was asked about."""
        return self.fired_count > 0
