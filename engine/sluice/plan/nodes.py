"""The plan: what a rule set does, as frozen data between text and execution.

Positions are the places of steps in the pattern, counted from 0 as written; each branch of an
`any of` and each member of an `all of` has its own, and so has an absent step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sluice.model import ANY, EventSchema, Type
from sluice.plan.exprs import Expr

Overlap = Literal["none", "shared", "latest", "all"]


@dataclass(frozen=True, slots=True)
class Atom:
    """One test of one event: its types (`a.b`, `a.*`, `any`), its condition, its key.

    `key` are the parts of the rule's key as this step names them, over the event at hand.
    `where` may look at aliases taken so far. `alias` is for people and for `EventRef`.
    """

    position: int
    types: tuple[str, ...]
    where: Expr | None = None
    key: tuple[Expr, ...] = ()
    alias: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """What must hold between an event that a step takes and the one before it in the match."""

    immediately: bool = False
    gap_ms: int | None = None
    withouts: tuple[Atom, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """A place that takes `minimum` to `maximum` (None: no end) events.

    kind `one`: `atoms` has one member; `any_of`: the first branch that fits takes the event;
    `all_of`: one event each, minimum and maximum are 1 and count the whole step.
    `reluctant` makes the maximum the minimum when the plan is run.
    """

    kind: Literal["one", "any_of", "all_of"]
    atoms: tuple[Atom, ...]
    minimum: int = 1
    maximum: int | None = 1
    reluctant: bool = False
    entry: Entry = Entry()


@dataclass(frozen=True, slots=True)
class Repeat:
    """A group: its items in order, `minimum` to `maximum` times; `entry` holds for every event."""

    items: tuple[Item, ...]
    minimum: int = 1
    maximum: int | None = 1
    reluctant: bool = False
    entry: Entry = Entry()


Item = Step | Repeat


@dataclass(frozen=True, slots=True)
class Absent:
    """An absence: no event that fits `atom` for `duration_ms`."""

    atom: Atom
    duration_ms: int


@dataclass(frozen=True, slots=True)
class Filter:
    """One plain step, stateless: each event that fits is a match."""

    step: Step


@dataclass(frozen=True, slots=True)
class Sequence:
    """Steps in order, with an absence before or after them."""

    items: tuple[Item, ...]
    within_ms: int | None = None
    overlap: Overlap = "none"
    leading: Absent | None = None
    trailing: Absent | None = None


@dataclass(frozen=True, slots=True)
class Silence:
    """The whole-pattern absence `no b within D`: fires when b stays away that long after a b.

    `expected` are the key values armed from the start: constants, or the name of a list.
    """

    absent: Absent
    expected: tuple[Any, ...] = ()
    expected_list: str | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """A window of events: sizes in ms, for `last` a count."""

    kind: Literal["tumbling", "hopping", "sliding", "session", "last"]
    size: int
    every: int = 0
    offset: int = 0
    maximum: int | None = None


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A window over the events that fit one step; judged by the rule's `having`."""

    step: Step
    window: Window


Pattern = Filter | Sequence | Silence | Aggregate


@dataclass(frozen=True, slots=True)
class KeyPart:
    """A named part of the key; `nullable` makes null (and missing) a key of its own."""

    name: str
    type: Type = ANY
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Having:
    """The condition on the match or window; `for_ms` and `each` for sliding and last windows."""

    condition: Expr
    for_ms: int | None = None
    each: bool = False


@dataclass(frozen=True, slots=True)
class Unseen:
    """First-seen: the last test of the first step."""

    values: tuple[Expr, ...]
    duration_ms: int
    after_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """A text with holes: strings and expressions in turn."""

    parts: tuple[str | Expr, ...]


@dataclass(frozen=True, slots=True)
class EmitEffect:
    """`emit TYPE { field: EXPR }`."""

    type: str
    fields: tuple[tuple[str, Expr], ...]


@dataclass(frozen=True, slots=True)
class NoteEffect:
    """`note KIND "title" ["body"]`."""

    kind: str
    title: Text
    body: Text | None = None


@dataclass(frozen=True, slots=True)
class MitigateEffect:
    """`mitigate` (and `call`, which has no ttl): arguments by the names of the catalog."""

    action: str
    args: tuple[tuple[str, Expr], ...]
    ttl_ms: int | None = None
    mode: Literal["simulate", "ask", "auto"] = "ask"
    is_call: bool = False


EffectPlan = EmitEffect | NoteEffect | MitigateEffect


@dataclass(frozen=True, slots=True)
class Cooldown:
    """After a reported match none for `duration_ms`, counted by key.

    With `per` (places of `select` values) and `per_keys` (of key parts) counted by these alone.
    """

    duration_ms: int
    per: tuple[int, ...] | None = None
    per_keys: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class RulePlan:
    """One rule. `version` names the part of it that decides matches (16 hex digits)."""

    name: str
    pattern: Pattern
    keys: tuple[KeyPart, ...] = ()
    version: str = ""
    having: Having | None = None
    unseen: Unseen | None = None
    until: Atom | None = None
    excepts: tuple[Expr, ...] = ()
    select: tuple[tuple[str, Expr], ...] = ()
    effects: tuple[EffectPlan, ...] = ()
    cooldown: Cooldown | None = None
    priority: float = 0.5
    title: str | None = None
    severity: str = "medium"
    tags: tuple[str, ...] = ()
    doc: str | None = None
    references: tuple[str, ...] = ()
    status: str = "stable"
    disabled: bool = False
    unbounded: bool = False


@dataclass(frozen=True, slots=True)
class ExtractLine:
    """One line of an `extract`: where to look, for what, what comes on top of its groups."""

    path: Expr
    pattern: str
    flags: str
    fields: tuple[tuple[str, Expr], ...] = ()


@dataclass(frozen=True, slots=True)
class ExtractPlan:
    """Text becomes events of `type`: the first line whose regular expression fits."""

    type: str
    source: str
    where: Expr | None
    lines: tuple[ExtractLine, ...]


@dataclass(frozen=True, slots=True)
class ListValues:
    """The entries of a `list`: strings, ints, networks as text, or (pattern, flags) pairs.

    A list from a file may change while rules run; a literal one is part of the rules' meaning.
    """

    kind: Literal["string", "int", "cidr", "regex"]
    values: tuple[Any, ...]
    from_file: bool = False


@dataclass(frozen=True, slots=True)
class TableRows:
    """The rows of a `table` by the value of their first field."""

    columns: tuple[str, ...]
    types: tuple[Type, ...]
    rows: Mapping[Any, tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole rule set: rules in order of (priority falling, name), extracts as written."""

    rules: tuple[RulePlan, ...] = ()
    extracts: tuple[ExtractPlan, ...] = ()
    schemas: Mapping[str, EventSchema] = field(default_factory=dict)
    lists: Mapping[str, ListValues] = field(default_factory=dict)
    tables: Mapping[str, TableRows] = field(default_factory=dict)
