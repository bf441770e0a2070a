"""Warn about values that nobody wants: a division by zero, a comparison of a thing with itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import sluice.lang.syntax as tree
from sluice.errors import Span
from sluice.lang.check_pattern import atoms_of
from sluice.lang.checked import CheckedEmit, CheckedMitigate, CheckedNote, CheckedRule
from sluice.lang.lint_conditions import is_fixed
from sluice.lang.typed import Typed, walk_typed

Add = Callable[[str, Span, str, str | None], None]


def conditions_of(rule: CheckedRule) -> list[Typed]:
    """Return every condition of a rule."""
    out = [atom.where for atom in atoms_of(rule.pattern) if atom.where is not None]
    if rule.until is not None and rule.until.where is not None:
        out.append(rule.until.where)
    if rule.having is not None:
        out.append(rule.having.condition)
    return [*out, *rule.excepts]


def expressions_of(rule: CheckedRule) -> Iterator[Typed]:
    """Yield every expression of a rule with everything below it: conditions, keys, values."""
    roots = [*conditions_of(rule), *(typed for _, typed in rule.select)]
    for atom in atoms_of(rule.pattern):
        roots += atom.key
    if rule.unseen is not None:
        roots += rule.unseen.values
    for effect in rule.effects:
        match effect:
            case CheckedEmit(fields=fields):
                roots += [typed for _, typed in fields]
            case CheckedMitigate(args=args):
                roots += [typed for _, typed in args]
            case CheckedNote(title=title, body=body):
                roots += [part for part in (*title, *(body or ())) if isinstance(part, Typed)]
    for root in roots:
        yield from walk_typed(root)


def lint_value(typed: Typed, add: Add) -> None:
    """Warn about one expression; what is below it comes by itself."""
    node, parts = typed.node, typed.parts
    match node:
        case tree.Binary(op="/") if _is_zero(parts):
            add("SL0518", typed.span, "a division by zero is unknown, and unknown fits nothing",
                "divide by something else, or leave it out")  # fmt: skip
        case tree.Call(name="mod") if _is_zero(parts):
            add("SL0518", typed.span, "a remainder by zero is unknown, and unknown fits nothing",
                "divide by something else, or leave it out")  # fmt: skip
        case tree.Compare(ops=ops) if typed.bound is None:
            for op, left, right in zip(ops, parts, parts[1:], strict=False):
                if left == right and not left.is_literal:
                    _same(op, typed, left, add)


def _is_zero(parts: tuple[Typed, ...]) -> bool:
    if len(parts) != 2 or not is_fixed(parts[1]):
        return False
    value = parts[1].value
    return isinstance(value, int | float) and not isinstance(value, bool) and value == 0


def _same(op: str, typed: Typed, side: Typed, add: Add) -> None:
    if op in ("==", "==~", "<=", ">="):
        add("SL0519", typed.span, "both sides are the same: this only asks whether it is there",
            f"say `exists {_path(side.node)}`, or compare with something else")  # fmt: skip
    else:
        add("SL0519", typed.span, "both sides are the same: this is never true",
            "compare with something else")  # fmt: skip


def _path(node: tree.Expr) -> str:
    """Return a path as it is written, `…` for anything else."""
    match node:
        case tree.Name(name=name):
            return name
        case tree.Member(target=target, name=name):
            return f"{_path(target)}.{name}"
        case _:
            return "…"
