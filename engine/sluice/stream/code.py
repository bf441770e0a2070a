"""What a backend compiles for a rule: plain callables that operators are built from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sluice.catalog import Accumulator
from sluice.model import Key, Row
from sluice.plan import Atom, RulePlan
from sluice.stream.row import Taken
from sluice.timing import Instant

KeyOf = Callable[[Row], Key | None]
LateWhere = Callable[[Row, Taken, Instant], bool]

#: (match or window, key, now) -> is the condition true?
Judge = Callable[[Any, Key, Instant], bool]

#: (match or window, key, now) -> run-time values, None for unknown.
Values = Callable[[Any, Key, Instant], tuple[Any, ...]]

#: (match or window, key, selected values, now) -> a JSON object, or texts by name.
Fill = Callable[[Any, Key, tuple[Any, ...], Instant], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class History:
    """A look at the `count` windows before this one: the aggregate it is about, `baseline` or
    `zscore`, and whether an empty window counts as 0 or is skipped."""

    kind: str
    number: int
    count: int
    empty_is_zero: bool


@dataclass(slots=True)
class RuleCode:
    """A rule ready to run.

    `rank` is its place in the order (priority falling, name). `atoms` are numbered; an event
    comes to an operator with two bit sets over these numbers: the atoms that name its type, and
    those of them whose condition on the event alone holds. `late` is what is left of a
    condition that looks at aliases. `key_of[variant[n]]` gives the key as atom n names it.
    `inputs` are the values that the aggregates of a window take from an event (None: skipped),
    `accumulators` make those aggregates. `required` names by effect the arguments without which a
    mitigation must not go out.
    """

    plan: RulePlan
    rank: int
    atoms: tuple[Atom, ...]
    key_of: tuple[KeyOf, ...]
    variant: tuple[int, ...]
    late: tuple[LateWhere | None, ...]
    having: Judge | None
    select: Values
    select_json: Callable[[tuple[Any, ...]], dict[str, Any]]
    key_json: Callable[[Key], dict[str, Any]]
    fills: tuple[Fill, ...]
    unseen: Callable[[Row], Any] | None = None
    inputs: Callable[[Row, int], tuple[Any, ...]] | None = None
    accumulators: tuple[Callable[[], Accumulator], ...] = ()
    histories: tuple[History, ...] = ()
    expected: tuple[Key, ...] = ()
    aliases: Mapping[int, str] = field(default_factory=dict)
    required: Mapping[int, tuple[str, ...]] = field(default_factory=dict)

    @property
    def width(self) -> int:
        """How many parts the key has."""
        return len(self.plan.keys)
