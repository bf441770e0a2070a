"""Expressions after checking: what each name means, which type each value has.

A `Typed` keeps the syntax node it came from (for its operator and its span) and its typed parts
in a fixed order; `bound` says what a name or a literal turned out to be. With `bound` None the
node speaks for itself:

    node         parts
    Unary        operand
    Binary       left, right
    Compare      the operands
    In           item, then the container or the items of a list literal
    StringTest   left, then the pattern or the items of a list literal
    Presence     operand
    Quantified   source, condition
    Call         the arguments of a function
    ListLiteral  the items
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from sluice.errors import Span
from sluice.lang.syntax import Binary, Expr
from sluice.lang.types import PathPart
from sluice.lang.views import EventView
from sluice.model import BOOL, Type


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal, a param, or a literal converted to the type it meets; a regex is a pair."""

    value: Any


@dataclass(frozen=True, slots=True)
class Share:
    """`80%`, until it meets something with a unit."""

    percent: float


@dataclass(frozen=True, slots=True)
class FieldRef:
    """A field or attribute of the event at hand."""

    path: tuple[PathPart, ...]
    optional: bool = True


@dataclass(frozen=True, slots=True)
class AliasRef:
    """A field of an event that the match took: by alias, or (`alias` "") by a bare name.

    An empty path is the event itself, on its way to a field; `view` says what it offers.
    """

    alias: str
    positions: tuple[int, ...]
    which: int
    path: tuple[PathPart, ...]
    view: EventView = field(default=EventView(()), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class KeyRef:
    """A part of the key, by its place."""

    index: int


@dataclass(frozen=True, slots=True)
class SelectRef:
    """A `select` value, by its place."""

    index: int


@dataclass(frozen=True, slots=True)
class VariableRef:
    """The variable of an `any (c in …)`; `name` is unique among the variables around it."""

    name: str
    path: tuple[PathPart, ...] = ()


@dataclass(frozen=True, slots=True)
class GroupRef:
    """A named group of an `extract` line."""

    name: str


@dataclass(frozen=True, slots=True)
class ListRef:
    """A `list`: `entries` when they are part of the rule, None when a file holds them."""

    name: str
    kind: Literal["string", "int", "cidr", "regex"]
    entries: tuple[Any, ...] | None


@dataclass(frozen=True, slots=True)
class LookupRef:
    """`table[key].column`; the key is the one part."""

    table: str
    column: str


@dataclass(frozen=True, slots=True)
class NowRef:
    """`now()`."""


@dataclass(frozen=True, slots=True)
class Below:
    """A path below the one part."""

    path: tuple[PathPart, ...]


@dataclass(frozen=True, slots=True)
class TruthOf:
    """The one part, a value, used as a condition."""


@dataclass(frozen=True, slots=True)
class Aggregated:
    """An aggregate over a window or an alias; see `plan.Agg`."""

    name: str
    over: Literal["window", "alias"]
    positions: tuple[int, ...] | None
    argument: Typed | None = None
    where: Typed | None = None
    params: tuple[Any, ...] = ()
    inner: Typed | None = None
    history: int = 0


Bound = (
    Constant | Share | FieldRef | AliasRef | KeyRef | SelectRef | VariableRef | GroupRef | ListRef
    | LookupRef | NowRef | Below | TruthOf | Aggregated
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Typed:
    """A checked expression. `is_param`: the value of a param, which may be another one tomorrow."""

    node: Expr
    type: Type
    parts: tuple[Typed, ...] = ()
    bound: Bound | None = None
    is_param: bool = field(default=False, compare=False)

    @property
    def span(self) -> Span:
        """Where it was written; what a macro made stands where the macro wrote it."""
        return self.node.span

    @property
    def is_literal(self) -> bool:
        """True when its value is known now."""
        return isinstance(self.bound, Constant)

    @property
    def value(self) -> Any:
        """The value of a literal, else None."""
        return self.bound.value if isinstance(self.bound, Constant) else None


def below(typed: Typed) -> tuple[Typed, ...]:
    """Return everything directly below, the inside of aggregates included."""
    match typed.bound:
        case Aggregated(argument=argument, where=where, inner=inner):
            inside = tuple(part for part in (argument, where, inner) if part is not None)
            return typed.parts + inside
        case _:
            return typed.parts


def walk_typed(typed: Typed) -> list[Typed]:
    """Return an expression and everything below it, parents first."""
    out = [typed]
    for part in below(typed):
        out.extend(walk_typed(part))
    return out


def conjuncts(condition: Typed) -> list[Typed]:
    """Return the parts that all have to hold for the condition to hold."""
    node = condition.node
    if condition.bound is None and isinstance(node, Binary) and node.op == "and":
        return [c for part in condition.parts for c in conjuncts(part)]
    return [condition]


def conjunction(items: list[Typed]) -> Typed:
    """Return the condition that all of the conditions hold."""
    first, *rest = items
    for item in rest:
        node = Binary("and", first.node, item.node, span=first.span)
        first = Typed(node, BOOL, (first, item))
    return first


def disjunction(items: list[Typed]) -> Typed:
    """Return the condition that one of the conditions holds."""
    first, *rest = items
    for item in rest:
        node = Binary("or", first.node, item.node, span=first.span)
        first = Typed(node, BOOL, (first, item))
    return first
