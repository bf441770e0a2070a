"""Resolved expressions of a plan: a closed set of frozen nodes, typed, without names to look up.

Conditions are three-valued; a value is unknown (null, missing, failed) or a run-time value of
its `Type`. `let`, `def`, `param` and list literals are expanded already.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from sluice.model import ANY, BOOL, Type

PathPart = str | int


@dataclass(frozen=True, slots=True)
class Const:
    """A value: str, int, float, bool or None; times and durations are milliseconds."""

    value: Any
    type: Type


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the event at hand: `("labels", "env")`, `("conns", 0, "port")`.

    An attribute is a one-part path that starts with `@`. With a schema `type` says what the
    event offers; without one it is `any`.
    """

    path: tuple[PathPart, ...]
    type: Type = ANY


@dataclass(frozen=True, slots=True)
class AliasField:
    """A field of an event that the match has taken under an alias.

    `positions` are the places of the pattern that the alias names; `which` is 0 for the first
    event taken there, -1 for the last, n for `f[n]`; an alias that took fewer is unknown. `alias`
    is for people.
    """

    alias: str
    positions: tuple[int, ...]
    which: int
    path: tuple[PathPart, ...]
    type: Type = ANY


@dataclass(frozen=True, slots=True)
class KeyValue:
    """A part of the rule's key, by its place in `by`."""

    index: int
    type: Type = ANY


@dataclass(frozen=True, slots=True)
class Selected:
    """A `select` value, by its place."""

    index: int
    type: Type = ANY


@dataclass(frozen=True, slots=True)
class Variable:
    """The variable of an `any (c in …)`, or what a path below it reaches."""

    name: str
    path: tuple[PathPart, ...] = ()
    type: Type = ANY


@dataclass(frozen=True, slots=True)
class Group:
    """A named group of the regular expression of an `extract` line, a string or unknown."""

    name: str
    type: Type = ANY


@dataclass(frozen=True, slots=True)
class Now:
    """`now()`: the time of the event or deadline being decided."""

    type: Type = ANY


@dataclass(frozen=True, slots=True)
class Arith:
    """`+ - * /` on two values; the operand types say what it means for times and durations."""

    op: Literal["+", "-", "*", "/"]
    left: Expr
    right: Expr
    type: Type = ANY


@dataclass(frozen=True, slots=True)
class Neg:
    """Unary minus."""

    operand: Expr
    type: Type = ANY


@dataclass(frozen=True, slots=True)
class Func:
    """A function of the catalog; arguments at its `conditions` places are conditions."""

    name: str
    args: tuple[Expr, ...]
    type: Type = ANY


@dataclass(frozen=True, slots=True)
class Get:
    """A path below a computed value (an element of `split(…)`, a member of an object)."""

    target: Expr
    path: tuple[PathPart, ...]
    type: Type = ANY


@dataclass(frozen=True, slots=True)
class Lookup:
    """`table[key].column`; no such key is unknown. `column` may be "" for the row's presence."""

    table: str
    key: Expr
    column: str
    type: Type = ANY


@dataclass(frozen=True, slots=True)
class Agg:
    """An aggregate over the window (`positions` None: all its events; else those that entered
    by these branches) or over the events of an alias.

    `argument` is an expression over the event at hand (None for count() and rate()); for `ratio`
    a condition. `where` filters events. `params` are further constants. `history` is n for
    `baseline(agg, n)` and `zscore(agg, n)`, whose `inner` is the aggregate.
    """

    name: str
    over: Literal["window", "alias"]
    positions: tuple[int, ...] | None
    argument: Expr | None = None
    where: Expr | None = None
    params: tuple[Any, ...] = ()
    type: Type = ANY
    inner: Agg | None = None
    history: int = 0


# ---------------------------------------------------------------- conditions (type bool)


@dataclass(frozen=True, slots=True)
class And:
    """True when all are, false when one is."""

    items: tuple[Expr, ...]
    type: Type = BOOL


@dataclass(frozen=True, slots=True)
class Or:
    """True when one is, false when all are."""

    items: tuple[Expr, ...]
    type: Type = BOOL


@dataclass(frozen=True, slots=True)
class Not:
    """Swaps true and false; unknown stays unknown."""

    operand: Expr
    type: Type = BOOL


@dataclass(frozen=True, slots=True)
class Truth:
    """A boolean value used as a condition: true, false, or unknown when it is no boolean."""

    operand: Expr
    type: Type = BOOL


@dataclass(frozen=True, slots=True)
class Cmp:
    """One comparison (`!=` is `Not` of `==`); `fold` ignores case.

    Both sides have been converted where a literal meets a known type (ip, time, duration).
    """

    op: Literal["==", "<", "<=", ">", ">="]
    left: Expr
    right: Expr
    fold: bool = False
    type: Type = BOOL


@dataclass(frozen=True, slots=True)
class InValues:
    """`x in [a, b]`: equality with one of the constants, or of a list by name (`list_name`)."""

    item: Expr
    values: tuple[Any, ...] = ()
    list_name: str | None = None
    fold: bool = False
    type: Type = BOOL


@dataclass(frozen=True, slots=True)
class InNetworks:
    """`ip in 10.0.0.0/8`, or in a `list` of cidr by name; a string is parsed, else unknown."""

    item: Expr
    networks: tuple[str, ...] = ()
    list_name: str | None = None
    type: Type = BOOL


@dataclass(frozen=True, slots=True)
class InArray:
    """`x in xs`: the `or` of equality over the elements of an array value."""

    item: Expr
    array: Expr
    fold: bool = False
    type: Type = BOOL


@dataclass(frozen=True, slots=True)
class TextTest:
    """`contains`, `starts with`, `ends with`, `like` against one text or any/all of several.

    `patterns` are expressions; `list_name` stands for the entries of a list. `contains` on an
    array value is `InArray` the other way round only when the checker knows it is a list.
    """

    op: Literal["contains", "starts with", "ends with", "like"]
    left: Expr
    patterns: tuple[Expr, ...] = ()
    list_name: str | None = None
    mode: Literal["any", "all"] = "any"
    fold: bool = False
    type: Type = BOOL


@dataclass(frozen=True, slots=True)
class Matches:
    """`matches /re/`, any/all of several; a regex is (pattern, flags)."""

    left: Expr
    regexes: tuple[tuple[str, str], ...] = ()
    list_name: str | None = None
    mode: Literal["any", "all"] = "any"
    type: Type = BOOL


@dataclass(frozen=True, slots=True)
class Exists:
    """`exists x`: has a value; never unknown. `missing x` is its `Not`."""

    operand: Expr
    type: Type = BOOL


@dataclass(frozen=True, slots=True)
class IsNull:
    """`x is null`: present and null; never unknown."""

    operand: Expr
    type: Type = BOOL


@dataclass(frozen=True, slots=True)
class Quantified:
    """`any (c in xs: cond)`, `all (…)` over an array value; of a non-array unknown."""

    kind: Literal["any", "all"]
    variable: str
    source: Expr
    condition: Expr
    type: Type = BOOL


Expr = (
    Const | Field | AliasField | KeyValue | Selected | Variable | Group | Now | Arith | Neg | Func
    | Get | Lookup | Agg | And | Or | Not | Truth | Cmp | InValues | InNetworks | InArray
    | TextTest | Matches | Exists | IsNull | Quantified
)  # fmt: skip

_KINDS = frozenset(get_args(Expr))

TRUE, FALSE = Const(True, BOOL), Const(False, BOOL)


def children(node: Expr) -> Iterator[Expr]:
    """Yield the expressions directly below a node."""
    for spec in fields(node):
        value = getattr(node, spec.name)
        if isinstance(value, tuple):
            yield from (item for item in value if type(item) in _KINDS)
        elif type(value) in _KINDS:
            yield value


def walk(node: Expr) -> Iterator[Expr]:
    """Yield a node and everything below it, parents first."""
    yield node
    for child in children(node):
        yield from walk(child)
