"""Find conditions that are always true or always false."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sluice.lang.syntax as tree
from sluice.catalog import compile_regex
from sluice.errors import Span
from sluice.lang.typed import Constant, TruthOf, Typed, below, conjuncts
from sluice.model import Type

Add = Callable[[str, Span, str, str | None], None]

#: Texts that have nothing in common but being texts.
PROBES = ("", "\x00", "Zebra 7 / ü\n.")


def is_fixed(typed: Typed) -> bool:
    """True for a literal; a param is tuned from outside, so what it says may change."""
    return isinstance(typed.bound, Constant) and not typed.is_param


def lint_condition(condition: Typed, add: Add) -> None:
    """Warn about the smallest parts that are constant, and about regexes that fit everything."""
    known = always(condition)
    if known is not None and not _has_constant_part(condition):
        word = "true" if known else "false"
        add("SL0502", condition.span, f"this condition is always {word}", _why(condition))
        return
    _lint_regex(condition, add)
    for part in below(condition):
        lint_condition(part, add)


def _has_constant_part(condition: Typed) -> bool:
    parts = condition.parts if isinstance(condition.node, tree.Binary | tree.Unary) else ()
    return condition.bound is None and any(always(part) is not None for part in parts)


def _why(condition: Typed) -> str | None:
    if isinstance(condition.node, tree.Binary) and condition.node.op == "and":
        return "the parts exclude each other; is `or` meant?"
    return None


def always(condition: Typed) -> bool | None:
    """Return the truth of a condition that does not depend on any event, else None."""
    node, parts = condition.node, condition.parts
    if isinstance(condition.bound, TruthOf):
        value = parts[0].value
        return value if isinstance(value, bool) and is_fixed(parts[0]) else None
    if condition.bound is not None:
        return None
    match node:
        case tree.Binary(op="and"):
            return _both(condition)
        case tree.Binary(op="or"):
            known = [always(part) for part in parts]
            if True in known:
                return True
            return False if all(k is False for k in known) else None
        case tree.Unary(op="not"):
            inner = always(parts[0])
            return None if inner is None else not inner
        case tree.Compare(ops=ops):
            tests = [_compare(op, a, b) for op, a, b in zip(ops, parts, parts[1:], strict=False)]
            if False in tests:
                return False
            return True if all(t is True for t in tests) else _empty_range(ops, parts)
        case tree.In(negated=negated):
            return negated if _is_empty(parts[1]) else None
        case _:
            return None


def _both(condition: Typed) -> bool | None:
    known = [always(part) for part in condition.parts]
    if False in known:
        return False
    if all(k is True for k in known):
        return True
    return False if _exclude(conjuncts(condition)) else None


def _exclude(conjuncts: list[Typed]) -> bool:
    """True when two of them want one field to equal different constants, or an empty range."""
    wanted: dict[object, Any] = {}
    low: dict[object, float] = {}
    high: dict[object, float] = {}
    for one in conjuncts:
        node = one.node
        if one.bound is not None or not isinstance(node, tree.Compare) or len(node.ops) != 1:
            continue
        subject, op, limit = _limit(node.ops[0], one.parts)
        if subject is None:
            continue
        if op == "==":
            if wanted.setdefault(subject, limit) != limit:
                return True
        elif isinstance(limit, int | float) and not isinstance(limit, bool):
            if op in (">", ">="):
                low[subject] = max(limit, low.get(subject, limit))
            elif op in ("<", "<="):
                high[subject] = min(limit, high.get(subject, limit))
    return any(subject in high and high[subject] < least for subject, least in low.items())


_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "=="}


def _limit(op: str, parts: tuple[Typed, ...]) -> tuple[object, str, Any]:
    """Return what is compared with which constant, the constant on the right."""
    left, right = parts
    if op not in _TURNED:
        return None, op, None
    if is_fixed(right) and not left.is_literal and left.bound is not None:
        return left.bound, op, right.value
    if is_fixed(left) and not right.is_literal and right.bound is not None:
        return right.bound, _TURNED[op], left.value
    return None, op, None


def _empty_range(ops: tuple[str, ...], parts: tuple[Typed, ...]) -> bool | None:
    """`20 <= x < 10` has no x."""
    if len(ops) != 2 or not (is_fixed(parts[0]) and is_fixed(parts[2])):
        return None
    first, last = parts[0].value, parts[2].value
    if not all(isinstance(v, int | float) for v in (first, last)):
        return None
    if all(op in ("<", "<=") for op in ops):
        return False if first > last else None
    if all(op in (">", ">=") for op in ops):
        return False if first < last else None
    return None


def _compare(op: str, left: Typed, right: Typed) -> bool | None:
    if not (is_fixed(left) and is_fixed(right)):
        return None
    a, b = left.value, right.value
    if a is None or b is None or op.endswith("~"):
        return None
    if op in ("==", "!="):
        return bool(a == b) == (op == "==")
    if type(a) is not type(b) and not (_is_number(left.type) and _is_number(right.type)):
        return None
    return bool({"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[op])


def _is_number(kind: Type) -> bool:
    return kind.is_number


def _is_empty(container: Typed) -> bool:
    """True for `[]` itself: a `list` or param that is empty here is filled elsewhere."""
    is_literal = container.bound is None and isinstance(container.node, tree.ListLiteral)
    return is_literal and not container.parts and not container.is_param


def _lint_regex(condition: Typed, add: Add) -> None:
    node = condition.node
    if condition.bound is not None or not isinstance(node, tree.StringTest):
        return
    if node.op != "matches":
        return
    right = condition.parts[1]
    items = right.parts if isinstance(right.node, tree.ListLiteral) else (right,)
    for item in items:
        if isinstance(item.bound, Constant) and fits_all(*item.bound.value):
            add("SL0508", item.span, "this regular expression fits every text",
                "say `exists …`, or anchor it with `^` and `$`")  # fmt: skip


def fits_all(pattern: str, flags: str) -> bool:
    """True when a regular expression is found in every text."""
    compiled = compile_regex(pattern, flags)
    return not isinstance(compiled, str) and all(compiled.search(probe) for probe in PROBES)
