"""Say which conditions only hold for events that have a field."""

from __future__ import annotations

from collections.abc import Mapping

import sluice.lang.syntax as tree
from sluice.catalog import Function
from sluice.lang.typed import Constant, FieldRef, ListRef, TruthOf, Typed
from sluice.lang.types import PathPart

Path = tuple[PathPart, ...]
Functions = Mapping[str, Function]


def asks_for(condition: Typed, path: Path, functions: Functions, truth: bool = True) -> bool:
    """True when the condition can only be `truth` for an event that has a value under the path.

    A test of a missing or null operand is unknown, which is neither true nor false (language
    4.2.1); so `not (x == 1)` asks for x as `x == 1` does.
    """
    node, parts = condition.node, condition.parts
    if isinstance(condition.bound, TruthOf):
        return _needs(parts[0], path, functions)
    if condition.bound is not None:
        return False
    match node:
        case tree.Binary(op="and" | "or" as op):
            # What is true of an `and` is true of both sides, what is false of an `or` as well.
            enough = any if (op == "and") == truth else all
            return enough(asks_for(part, path, functions, truth) for part in parts)
        case tree.Unary(op="not"):
            return asks_for(parts[0], path, functions, not truth)
        case tree.Presence():
            return _presence(node.kind, parts[0], path, truth)
        case tree.Quantified(kind=kind):
            inner = kind == "any" and truth and asks_for(parts[1], path, functions)
            return inner or _needs(parts[0], path, functions)
        case tree.Compare() | tree.In() | tree.StringTest():
            return any(_needs(p, path, functions) for p in _operands(node, parts, truth))
        case _:
            return False


def _presence(kind: str, operand: Typed, path: Path, truth: bool) -> bool:
    """`is null` asks for no value: a key that is null never correlates either."""
    return truth == (kind == "exists") and kind != "null" and _lies_on(operand, path)


def _operands(node: tree.Expr, parts: tuple[Typed, ...], truth: bool) -> tuple[Typed, ...]:
    """Return the operands without which the test is unknown."""
    match node:
        case tree.Compare(ops=ops) if not truth and len(ops) > 1:
            # `1 < x < y` is false as soon as one half is: only what both halves share is needed.
            return parts[1:-1] if len(ops) == 2 else ()
        case tree.In(negated=negated) if truth == negated and _is_array(parts[1]):
            # Nothing is in an empty array, not even what is missing.
            return parts[1:]
        case tree.StringTest(negated=negated) if truth == negated:
            # The left side may be such an array.
            return parts[:1]
        case _:
            return parts


def _is_array(container: Typed) -> bool:
    """True when only the event knows what is in a container."""
    is_literal = container.bound is None and isinstance(container.node, tree.ListLiteral)
    return not is_literal and not isinstance(container.bound, ListRef | Constant)


def _needs(value: Typed, path: Path, functions: Functions) -> bool:
    """True when an expression has no value without the one under the path."""
    if value.bound is not None:
        return _lies_on(value, path)
    match value.node:
        case tree.Call(name=name) if name not in functions or functions[name].lenient:
            return False
        case tree.Call() | tree.Unary(op="-") | tree.Binary(op="+" | "-" | "*" | "/"):
            return any(_needs(part, path, functions) for part in value.parts)
        case _:
            return False


def _lies_on(value: Typed, path: Path) -> bool:
    """True for the field, and for what lies below it."""
    found = value.bound
    return isinstance(found, FieldRef) and found.path[: len(path)] == path
