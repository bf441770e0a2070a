"""Frozen descriptions of rules and events, without any meaning of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

# --- expressions (language.md 4.1, 5) -------------------------------------------------


@dataclass(frozen=True)
class Lit:
    """A literal int, float, string or bool."""

    value: int | float | str | bool


@dataclass(frozen=True)
class Dur:
    """A literal duration."""

    ms: int


@dataclass(frozen=True)
class Field:
    """A field of the event at hand, by its dotted path."""

    path: str


@dataclass(frozen=True)
class Attr:
    """An attribute of the event at hand, named without the @."""

    name: str


@dataclass(frozen=True)
class AliasRef:
    """A field (or `@attribute`) of an event that an alias holds.

    `pick` is None for the alias of a plain step, else "first", "last" or an index.
    """

    alias: str
    path: str
    pick: str | int | None = None


@dataclass(frozen=True)
class Name:
    """A key or a `select` name."""

    name: str


@dataclass(frozen=True)
class Arith:
    """`left op right` with one of + - * /."""

    op: Literal["+", "-", "*", "/"]
    left: Expr
    right: Expr


@dataclass(frozen=True)
class Call:
    """A function of section 5."""

    function: str
    args: tuple[Expr, ...]


@dataclass(frozen=True)
class Agg:
    """An aggregate over the window, or over `alias` when there is one."""

    function: str
    arg: Expr | None = None
    alias: str | None = None
    where: Cond | None = None
    percent: float | int | None = None
    cond: Cond | None = None


@dataclass(frozen=True)
class Past:
    """`baseline(agg, n)` or `zscore(agg, n)`."""

    function: Literal["baseline", "zscore"]
    agg: Agg
    windows: int


Expr: TypeAlias = Lit | Dur | Field | Attr | AliasRef | Name | Arith | Call | Agg | Past

# --- conditions (4.1) -----------------------------------------------------------------


@dataclass(frozen=True)
class Cmp:
    """A comparison; `nocase` writes the ~ (== and != only)."""

    op: str
    left: Expr
    right: Expr
    nocase: bool = False


@dataclass(frozen=True)
class Between:
    """`low op mid op high`."""

    low: Expr
    low_op: str
    mid: Expr
    high_op: str
    high: Expr


@dataclass(frozen=True)
class In:
    """Membership in a list literal."""

    item: Expr
    items: tuple[Lit, ...]
    negated: bool = False
    nocase: bool = False


@dataclass(frozen=True)
class Presence:
    """`exists f`, `missing f` or `f is null`."""

    kind: Literal["exists", "missing", "null"]
    of: Field | AliasRef


@dataclass(frozen=True)
class Text:
    """A string operator; the right side of `matches` is the text of the regular expression."""

    op: Literal["contains", "starts with", "ends with", "like", "matches"]
    left: Expr
    right: str
    nocase: bool = False
    negated: bool = False


@dataclass(frozen=True)
class Not:
    """Three-valued `not`."""

    of: Cond


@dataclass(frozen=True)
class And:
    """Three-valued `and`."""

    items: tuple[Cond, ...]


@dataclass(frozen=True)
class Or:
    """Three-valued `or`."""

    items: tuple[Cond, ...]


Cond: TypeAlias = Cmp | Between | In | Presence | Text | Not | And | Or

# --- patterns (4) ---------------------------------------------------------------------


@dataclass(frozen=True)
class Head:
    """What one event must be: type, keys by position, condition."""

    type: str
    where: Cond | None = None
    alias: str | None = None
    on: tuple[str, ...] = ()


@dataclass(frozen=True)
class Quantifier:
    """How many events a step takes; `most` None is open."""

    least: int
    most: int | None
    is_reluctant: bool = False


@dataclass(frozen=True)
class Atom:
    """A step, an `any of` or an `all of`, with the demands on what precedes its events."""

    kind: Literal["step", "any of", "all of"]
    heads: tuple[Head, ...]
    quantifier: Quantifier | None = None
    withouts: tuple[Head, ...] = ()
    gap_ms: int | None = None
    is_immediate: bool = False


@dataclass(frozen=True)
class Group:
    """A sequence in parentheses that repeats."""

    inner: tuple[Atom, ...]
    quantifier: Quantifier | None = None
    withouts: tuple[Head, ...] = ()
    gap_ms: int | None = None
    is_immediate: bool = False


Element: TypeAlias = Atom | Group


@dataclass(frozen=True)
class Absence:
    """`no head within D`."""

    head: Head
    ms: int


@dataclass(frozen=True)
class Pattern:
    """A sequence with its absences, or `whole`: an absence and nothing else."""

    elements: tuple[Element, ...] = ()
    lead: Absence | None = None
    trail: Absence | None = None
    whole: Absence | None = None


# --- rules (3) ------------------------------------------------------------------------


@dataclass(frozen=True)
class Key:
    """One name of `by`; `expr` is set where the key is no plain field."""

    name: str
    is_nullable: bool = False
    expr: Expr | None = None


@dataclass(frozen=True)
class Window:
    """A window clause; `by_within` writes a sliding one as `within D`."""

    kind: Literal["tumbling", "hopping", "sliding", "session", "last"]
    ms: int = 0
    every_ms: int = 0
    offset_ms: int = 0
    max_ms: int | None = None
    count: int = 0
    by_within: bool = False


@dataclass(frozen=True)
class Having:
    """`having COND [for D] [each]`."""

    cond: Cond
    for_ms: int | None = None
    is_each: bool = False


@dataclass(frozen=True)
class Unseen:
    """`unseen KEY, … for D [after D]`."""

    fields: tuple[str, ...]
    for_ms: int
    after_ms: int | None = None


@dataclass(frozen=True)
class Cooldown:
    """`cooldown D [per NAME, …]`."""

    ms: int
    per: tuple[str, ...] = ()


@dataclass(frozen=True)
class Emit:
    """`emit TYPE { field: EXPR }`."""

    type: str
    fields: tuple[tuple[str, Expr], ...]


@dataclass(frozen=True)
class Rule:
    """One rule; what is None or empty is not written."""

    name: str
    pattern: Pattern
    by: tuple[Key, ...] = ()
    within_ms: int | None = None
    is_unbounded: bool = False
    window: Window | None = None
    having: Having | None = None
    unseen: Unseen | None = None
    expect: tuple[str | int, ...] = ()
    select: tuple[tuple[str, Expr], ...] = ()
    cooldown: Cooldown | None = None
    overlap: Literal["none", "shared", "latest", "all"] | None = None
    until: Head | None = None
    priority: float | None = None
    emits: tuple[Emit, ...] = ()


# --- events ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Event:
    """An event; `origin` names the rule that brought it about."""

    id: str
    type: str
    time: int
    fields: Mapping[str, Any] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    origin: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the event as the engine reads it."""
        return {"@type": self.type, "@time": self.time, "@id": self.id, **self.fields}
