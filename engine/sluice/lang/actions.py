"""What each grammar rule of expressions and patterns becomes: a table from its name to a builder.

A builder gets the values of the children (a token's text, None for what was left out) and the
span of the whole; it may raise a `Flaw`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sluice.lang.literals as literal
import sluice.lang.syntax as tree
from sluice.errors import Span
from sluice.lang.literals import Flaw

Builder = Callable[[list[Any], Span], Any]

_AGGREGATE_SIGNS = {"+": (1, None), "*": (0, None), "?": (0, 1)}


def present(kids: list[Any]) -> tuple[Any, ...]:
    """Return the children that are there."""
    return tuple(kid for kid in kids if kid is not None)


# ---------------------------------------------------------------- names and literals


def _name(kids: list[Any], span: Span) -> tree.Name:
    text = kids[0]
    quoted = text[0] == "`"
    return tree.Name(text[1:-1] if quoted else text, quoted, span=span)


def _member(kids: list[Any], span: Span) -> tree.Member:
    target, last = kids
    if isinstance(last, tree.Name):
        return tree.Member(target, last.name, last.quoted, span=span)
    return tree.Member(target, last, span=span)


def _number(read: Callable[[str], int | float]) -> Builder:
    def build(kids: list[Any], span: Span) -> tree.Number:
        try:
            return tree.Number(read(kids[0]), kids[0], span=span)
        except Flaw as flaw:
            flaw.value = tree.Number(flaw.value, kids[0], span=span)
            raise

    return build


def _read(node: Callable[..., Any], read: Callable[[str], Any], **more: Any) -> Builder:
    def build(kids: list[Any], span: Span) -> Any:
        try:
            return node(read(kids[0]), **more, span=span)
        except Flaw as flaw:
            flaw.value = node(flaw.value, **more, span=span)
            raise

    return build


def _regex(kids: list[Any], span: Span) -> tree.Regex:
    try:
        pattern, flags = literal.read_regex(kids[0])
    except Flaw as flaw:
        flaw.value = tree.Regex(flaw.value[0], flaw.value[1], span=span)
        raise
    return tree.Regex(pattern, flags, span=span)


def _list(kids: list[Any], span: Span) -> tree.ListLiteral:
    return tree.ListLiteral(present(kids), span=span)


def _pair(kids: list[Any], span: Span) -> tuple[tuple[str, tree.Expr], Span]:
    key, value = kids
    if isinstance(key, tree.Name):
        return (key.name, value), key.span
    place = Span(span.file, span.line, span.column, span.line, span.column + len(key))
    return (key, value), place


def _object(kids: list[Any], span: Span) -> tree.ObjectLiteral:
    pairs = present(kids)
    fields, places = tuple(pair for pair, _ in pairs), tuple(place for _, place in pairs)
    return tree.ObjectLiteral(fields, places, span=span)


# ---------------------------------------------------------------- expressions


def _call(kids: list[Any], span: Span) -> tree.Call:
    callee, args, where = kids
    return tree.Call(dotted_text(callee), args or (), where, span=span)


def dotted_text(path: tree.Expr) -> str:
    """Return `a.b.c` for a path of names."""
    parts = []
    while isinstance(path, tree.Member):
        parts.append(path.name)
        path = path.target
    assert isinstance(path, tree.Name)
    return ".".join([path.name, *reversed(parts)])


def _argument(kids: list[Any], span: Span) -> tree.Argument:
    if len(kids) == 2:
        return tree.Argument(kids[1], kids[0].name)
    return tree.Argument(kids[0])


def _logic(op: Any) -> Builder:
    return lambda kids, span: tree.Binary(op, kids[0], kids[1], span=span)


def _arithmetic(kids: list[Any], span: Span) -> tree.Binary:
    left, op, right = kids
    return tree.Binary(op, left, right, span=span)


def _unary(op: Any) -> Builder:
    return lambda kids, span: tree.Unary(op, kids[1], span=span)


def _compare(kids: list[Any], span: Span) -> tree.Compare:
    return tree.Compare(tuple(kids[1::2]), tuple(kids[0::2]), span=span)


def _in(kids: list[Any], span: Span) -> tree.In:
    item, negated, word, container = kids
    return tree.In(item, container, negated is not None, word == "in~", span=span)


def _string_operator(kids: list[Any], span: Span) -> str:
    return " ".join(kids)


def _string_test(kids: list[Any], span: Span) -> tree.StringTest:
    left, negated, word, *mode, right = kids
    kinds = [kind for kind in mode if kind is not None]
    op: Any = word.removesuffix("~")
    return tree.StringTest(
        op, left, right, kinds[0] if kinds else None, negated is not None, word != op, span=span
    )


def _presence(kids: list[Any], span: Span) -> tree.Presence:
    return tree.Presence(kids[0], kids[1], span=span)


def _is_null(kids: list[Any], span: Span) -> tree.Presence:
    return tree.Presence("null", kids[0], span=span)


def _quantified(kids: list[Any], span: Span) -> tree.Quantified:
    kind, variable, _, source, condition = kids
    return tree.Quantified(kind, variable.name, source, condition, span=span)


# ---------------------------------------------------------------- patterns


def _dotted(kids: list[Any], span: Span) -> str:
    return ".".join(kid if isinstance(kid, str) else kid.name for kid in kids)


def _event_head(kids: list[Any], span: Span) -> tree.EventHead:
    return tree.EventHead(kids[0], span=span)


def _macro_head(kids: list[Any], span: Span) -> tree.EventHead:
    return tree.EventHead(kids[0], kids[1] or (), span=span)


def _quantifier_sign(kids: list[Any], span: Span) -> tree.Quantifier:
    low, high = _AGGREGATE_SIGNS[kids[0]]
    minimum = tree.Number(low, str(low), span=span)
    maximum = None if high is None else tree.Number(high, str(high), span=span)
    return tree.Quantifier(minimum, maximum, kids[1] is not None, span=span)


def _exactly(kids: list[Any], span: Span) -> tree.Quantifier:
    return tree.Quantifier(kids[0], kids[0], kids[1] is not None, span=span)


def _between(kids: list[Any], span: Span) -> tree.Quantifier:
    return tree.Quantifier(kids[0], kids[1], kids[2] is not None, span=span)


def _part(name: str) -> Builder:
    return lambda kids, span: (name, kids[0].name if name == "alias" else kids[0], span)


def _without(kids: list[Any], span: Span) -> tree.Without:
    head, on, where = kids
    return tree.Without(head, on, where, span=span)


def _step(kids: list[Any], span: Span) -> tree.Step:
    head, quantifier, *rest = kids
    parts: dict[str, Any] = {}
    twice: tuple[Any, Span] | None = None
    withouts = tuple(kid for kid in rest if isinstance(kid, tree.Without))
    for name, value, place in (kid for kid in rest if not isinstance(kid, tree.Without)):
        twice = twice or ((name, place) if name in parts else None)
        parts.setdefault(name, value)
    step = tree.Step(
        head, quantifier, withouts=withouts, span=span, **parts,
    )  # fmt: skip
    if twice:
        word = {"alias": "as"}.get(twice[0], twice[0])
        raise Flaw("SL0113", f"a second `{word}` in one step", step, place=twice[1])
    return step


def _gap_step(kids: list[Any], span: Span) -> tree.Step:
    step: tree.Step
    immediately, gap, step = kids
    if immediately is None and gap is None:
        return step
    return tree.Step(
        step.head, step.quantifier, step.alias, step.on, step.where, step.withouts,
        immediately is not None, gap, span=span,
    )  # fmt: skip


def _absence(kids: list[Any], span: Span) -> tree.Absence:
    return tree.Absence(kids[0], kids[1], span=span)


def _pattern(*places: str) -> Builder:
    def build(kids: list[Any], span: Span) -> tree.Pattern:
        found = dict(zip(places, kids, strict=True))
        return tree.Pattern(found.pop("steps", ()), **found, span=span)

    return build


def all_of_them(kids: list[Any], span: Span) -> tuple[Any, ...]:
    """Return the children as they are."""
    return present(kids)


def first(kids: list[Any], span: Span) -> Any:
    """Return the first child."""
    return kids[0]


EXPRESSIONS: Mapping[str, Builder] = {
    "name": _name, "field": _name, "bare": first, "attribute": _name, "member": _member,
    "dotted": _dotted, "starred": lambda kids, span: f"{kids[0]}.*",
    "integer": _number(literal.read_integer), "size": _number(literal.read_size),
    "float_": _number(literal.read_float),
    "percent": _read(tree.Percent, lambda text: literal.read_float(text[:-1])),
    "duration": _read(tree.DurationLiteral, literal.read_duration),
    "address": _read(tree.Address, literal.read_address),
    "network": _read(tree.Network, literal.read_address),
    "string": _read(tree.String, literal.read_string),
    "raw_string": _read(tree.String, lambda text: text[1:-1], raw=True),
    "long_string": _read(tree.String, literal.read_long_string),
    "true": lambda kids, span: tree.Bool(True, span=span),
    "false": lambda kids, span: tree.Bool(False, span=span),
    "null": lambda kids, span: tree.Null(span=span),
    "regex": _regex, "list": _list, "pair": _pair, "object": _object,
    "call": _call, "arguments": all_of_them, "argument": _argument,
    "arguments_plain": all_of_them, "parenthesised": first,
    "index": lambda kids, span: tree.Index(kids[0], kids[1], span=span),
    "or_": _logic("or"), "and_": _logic("and"), "not_": _unary("not"), "negative": _unary("-"),
    "arithmetic": _arithmetic, "comparator": first, "compare": _compare, "in_": _in,
    "string_op": _string_operator, "string_test": _string_test, "presence": _presence,
    "is_null": _is_null, "quantified": _quantified,
}  # fmt: skip

PATTERNS: Mapping[str, Builder] = {
    "event_head": _event_head, "macro_head": _macro_head,
    "any_of": lambda kids, span: tree.AnyOf(kids[1], span=span),
    "all_of": lambda kids, span: tree.AllOf(kids[1], span=span),
    "group": lambda kids, span: tree.Group(kids[0], span=span), "branches": all_of_them,
    "quantifier_sign": _quantifier_sign, "exactly": _exactly, "between": _between,
    "as_": _part("alias"), "on": _part("on"), "where": _part("where"),
    "keys_on": all_of_them, "without": _without, "step": _step, "gap_step": _gap_step,
    "absence": _absence, "sequence": lambda kids, span: _sequence(kids),
    "steps": _pattern("steps"), "whole": _pattern("whole"), "led": _pattern("leading", "steps"),
    "trailed": _pattern("steps", "trailing"),
    "framed": _pattern("leading", "steps", "trailing"),
}  # fmt: skip


def _sequence(kids: list[Any]) -> tuple[tree.Step, ...]:
    before, *step = kids
    return (*before, *step) if isinstance(before, tuple) else (before,)
