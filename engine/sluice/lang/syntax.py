"""The tree of expressions and patterns: frozen nodes with spans, as the author wrote them.

Equality ignores spans, so `parse(format(x)) == x` is a meaningful law. Names are unresolved here:
`failed_login` may be a `let` or an event type, `user` a field, a param or an alias.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from typing import Literal as Lit

from sluice.errors import Span

NOWHERE = Span("", 0, 0, 0, 0)


def _span() -> Any:
    return field(default=NOWHERE, compare=False, repr=False, kw_only=True)


# ---------------------------------------------------------------- expressions


@dataclass(frozen=True, slots=True)
class Number:
    """`12`, `0x1F`, `1_000`, `1.5`; sizes such as `10MB` arrive as an int with their text."""

    value: int | float
    text: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Percent:
    """`80%`: 80 or 0.8 by the unit of what it is compared with; `value` is 80."""

    value: float
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class DurationLiteral:
    """`1h30m`, in milliseconds."""

    ms: int
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class String:
    """A string after escapes; `raw` says that it was written in single quotes."""

    value: str
    raw: bool = field(default=False, compare=False)
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Bool:
    """`true` or `false`."""

    value: bool
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Null:
    """`null`."""

    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Address:
    """An IPv4 address `10.0.0.7`."""

    text: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Network:
    """An IPv4 network `10.0.0.0/8`."""

    text: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Regex:
    """`/re/ims`: the pattern between the slashes (`\\/` already `/`), the flags sorted."""

    pattern: str
    flags: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class ListLiteral:
    """`[a, b]`."""

    items: tuple[Expr, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class ObjectLiteral:
    """`{ name: expr, … }`; names may start with `@` in tests. `name_spans` are their places."""

    fields: tuple[tuple[str, Expr], ...]
    name_spans: tuple[Span, ...] = field(default=(), compare=False, repr=False)
    span: Span = _span()

    @property
    def named(self) -> tuple[tuple[str, Span, Expr], ...]:
        """The fields with the places of their names."""
        places = self.name_spans or tuple(value.span for _, value in self.fields)
        both = zip(self.fields, places, strict=True)
        return tuple((name, place, value) for (name, value), place in both)


@dataclass(frozen=True, slots=True)
class Name:
    """A bare word, an attribute of the event (`@time`), or a name in backticks (`quoted`)."""

    name: str
    quoted: bool = False
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Member:
    """`target.name`; `name` may be an attribute such as `@time` unless it is `quoted`."""

    target: Expr
    name: str
    quoted: bool = field(default=False, compare=False)
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Index:
    """`target[index]`."""

    target: Expr
    index: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a call, with its name when it was given one."""

    value: Expr
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """`name(args)`, for aggregates with a filter: `sum(amount where cond)`.

    `first(f).user` is a `Member` of a `Call`. Arguments may be conditions (`ratio(x > 1)`).
    """

    name: str
    args: tuple[Argument, ...]
    where: Expr | None = None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Unary:
    """`-x` or `not x`."""

    op: Lit["-", "not"]
    operand: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Binary:
    """`+ - * /`, `and`, `or`; left-associative."""

    op: Lit["+", "-", "*", "/", "and", "or"]
    left: Expr
    right: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Compare:
    """`a < b`, `10 <= x < 20` as a chain: `operands` is one longer than `ops`.

    An op is one of == != < <= > >=, with `~` behind == or != to ignore case.
    """

    ops: tuple[str, ...]
    operands: tuple[Expr, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class In:
    """`x in container`, `x not in container`; `fold` is the `~`."""

    item: Expr
    container: Expr
    negated: bool = False
    fold: bool = False
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class StringTest:
    """`contains`, `starts with`, `ends with`, `like`, `matches`, each with `not`, `~`, any/all."""

    op: Lit["contains", "starts with", "ends with", "like", "matches"]
    left: Expr
    right: Expr
    mode: Lit["any", "all"] | None = None
    negated: bool = False
    fold: bool = False
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Presence:
    """`exists f`, `missing f`, `f is null`."""

    kind: Lit["exists", "missing", "null"]
    operand: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Quantified:
    """`any (c in path: condition)`, `all (c in path: condition)`."""

    kind: Lit["any", "all"]
    variable: str
    source: Expr
    condition: Expr
    span: Span = _span()


Expr = (
    Number | Percent | DurationLiteral | String | Bool | Null | Address | Network | Regex
    | ListLiteral | ObjectLiteral | Name | Member | Index | Call | Unary | Binary | Compare | In
    | StringTest | Presence | Quantified
)  # fmt: skip

# ---------------------------------------------------------------- patterns


@dataclass(frozen=True, slots=True)
class EventHead:
    """An event type (`auth.login`, `auth.*`, `any`) or a `let`, with the arguments of a macro."""

    name: str
    args: tuple[Expr, ...] | None = None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class AnyOf:
    """`any of (step, …)`."""

    branches: tuple[Step, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class AllOf:
    """`all of (step, …)`."""

    branches: tuple[Step, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Group:
    """`(sequence)`."""

    sequence: tuple[Step, ...]
    span: Span = _span()


Head = EventHead | AnyOf | AllOf | Group


@dataclass(frozen=True, slots=True)
class Quantifier:
    """`{n}` `{n,}` `{n,m}` `+` `*` `?`; bounds are numbers or names of params."""

    minimum: Expr
    maximum: Expr | None
    reluctant: bool = False
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Without:
    """`without head [on key] [where condition]`."""

    head: EventHead
    on: tuple[Expr, ...] | None = None
    where: Expr | None = None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Step:
    """One place of a pattern, with what stands between it and the step before (`gap`,
    `immediately`, `withouts`)."""

    head: Head
    quantifier: Quantifier | None = None
    alias: str | None = None
    on: tuple[Expr, ...] | None = None
    where: Expr | None = None
    withouts: tuple[Without, ...] = ()
    immediately: bool = False
    gap: Expr | None = None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Absence:
    """`no step within D`."""

    step: Step
    within: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Pattern:
    """A sequence with an absence before or after it, or (no steps) `whole` as the whole."""

    steps: tuple[Step, ...]
    leading: Absence | None = None
    trailing: Absence | None = None
    whole: Absence | None = None
    span: Span = _span()
