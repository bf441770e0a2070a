"""Which types the conditions of a rule ask of which fields, and what counts other values.

A condition on one event counts an event once for a rule and field, whichever condition decided;
so the count hangs neither on the order of conditions nor on what rules share. Other comparisons
(with earlier events, in `having`, of elements of an array) count each time they are made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from sluice.backends.emit import Emitter
from sluice.backends.layout import Path
from sluice.lang import covers
from sluice.model import MISSING, is_known
from sluice.plan import EmitEffect, Plan, fields_used, text_of
from sluice.plan import exprs as x
from sluice.stream import Mismatches, get_path

#: For how many fields it is remembered which rules read them, before that starts again.
KNOWN_MAX = 10_000

#: What a comparison can take: names of Python classes.
Classes = frozenset[str]

_TEXT, _NUMBER = frozenset({"str"}), frozenset({"int", "float"})
_OF_KIND = {
    "string": _TEXT, "enum": _TEXT, "ip": _TEXT, "bool": frozenset({"bool"}), "int": _NUMBER,
    "float": _NUMBER, "percent": _NUMBER, "ratio": _NUMBER, "time": _NUMBER, "duration": _NUMBER,
}  # fmt: skip


def compared(condition: x.Expr, plan: Plan) -> Iterator[tuple[Path, Classes]]:
    """Yield the untyped fields of the event that a condition compares, and with what classes."""
    for node in x.walk(condition):
        for operand, classes in _asked(node, plan):
            if isinstance(operand, x.Field) and operand.type.kind == "any" and classes:
                yield operand.path, classes


def _asked(node: x.Expr, plan: Plan) -> Iterator[tuple[x.Expr, Classes]]:
    match node:
        case x.Cmp(left=left, right=right):
            yield left, _classes_of(right)
            yield right, _classes_of(left)
        case x.InValues(item=item, values=values, list_name=list_name):
            held = values if list_name is None else plan.lists[list_name].values
            yield item, frozenset().union(*map(_class_of, held))
        case x.TextTest(left=left, patterns=patterns):
            yield from ((operand, _TEXT) for operand in (left, *patterns))
        case x.Matches(left=operand) | x.InNetworks(item=operand):
            yield operand, _TEXT
        case _:
            return


def _classes_of(node: x.Expr) -> Classes:
    """Return the classes of values that can equal this one; none where it may be anything."""
    if isinstance(node, x.Const):
        return _class_of(node.value)
    return _OF_KIND.get(node.type.kind, frozenset())


def _class_of(value: Any) -> Classes:
    if isinstance(value, bool):
        return _OF_KIND["bool"]
    return _TEXT if isinstance(value, str) else _NUMBER


class Readers:
    """Which rules read which field of which events."""

    def __init__(self, plan: Plan) -> None:
        self._used = [
            (rule.name, fields_used(Plan(rules=(rule,)))) for rule in plan.rules
            if not rule.disabled
        ]  # fmt: skip
        emits = (e.type for r in plan.rules for e in r.effects if isinstance(e, EmitEffect))
        self._derived = frozenset({*emits, *(extract.type for extract in plan.extracts)})

    def of(self, type_: str, path: Path) -> list[str]:
        """Return the rules that read a field of events of a type, or something in it."""
        is_derived = type_ in self._derived or type_.startswith(("match.", "clear."))
        return [
            name
            for name, used in self._used
            if any(
                covers(pattern, type_, is_derived) and any(p[: len(path)] == path for p in paths)
                for pattern, paths in used.items()
            )
        ]


class Misfits:
    """Counts values that a row has no place for, or that do not fit their schema."""

    def __init__(self, readers: Readers, mismatches: Mismatches) -> None:
        self._readers, self._mismatches = readers, mismatches
        self._known: dict[tuple[str, Path], Callable[[Any], None]] = {}

    def add(self, type_: str, path: Path) -> None:
        """Count one value, for the rules that read it."""
        count = self._known.get((type_, path))
        if count is None:
            if len(self._known) >= KNOWN_MAX:
                self._known.clear()
            count = self._known[type_, path] = self.counter(type_, path)
        count(None)

    def counter(self, type_: str, path: Path) -> Callable[[Any], None]:
        """Return what counts one value of a field and gives None, for missing."""
        rules, name = self._readers.of(type_, path), field_name(type_, path)
        return lambda value: self._mismatches.add(rules, name)


class EventCounter:
    """Counts the values of a field that some rules compare with values of other types."""

    __slots__ = ("_mismatches", "_path", "_rules")

    def __init__(self, mismatches: Mismatches, rules: tuple[str, ...], path: Path) -> None:
        self._mismatches, self._rules, self._path = mismatches, rules, path

    def __call__(self, type_: str, value: Any) -> None:
        if value is not MISSING:
            self._mismatches.add(self._rules, field_name(type_, self._path))


class NestedCounter:
    """Counts the same in fields of an object that is held as it came."""

    __slots__ = ("_mismatches", "asked")

    def __init__(self, mismatches: Mismatches) -> None:
        self._mismatches = mismatches
        #: By path and classes: where it is in the object, and the rules that compare it.
        self.asked: dict[tuple[Path, Classes], tuple[Path, list[str]]] = {}

    @property
    def same(self) -> tuple[Any, ...]:
        """Counters of which this is equal count the same."""
        return tuple((*asked, tuple(rules)) for asked, (_, rules) in self.asked.items())

    def __call__(self, type_: str, held: Any) -> None:
        for (path, classes), (rest, rules) in self.asked.items():
            value = get_path(held, rest)
            if is_known(value) and value.__class__.__name__ not in classes:
                self._mismatches.add(rules, field_name(type_, path))


class ComparisonCounter:
    """Counts comparisons across types as they are made; gives False, which they never are."""

    __slots__ = ("_label", "_mismatches", "_rules")

    def __init__(self, mismatches: Mismatches, rule: str, label: str) -> None:
        self._mismatches, self._rules, self._label = mismatches, (rule,), label

    def __call__(self, value: Any, other: Any = ...) -> bool:
        """Count a value that is not of the type asked for, or two of different types."""
        if is_known(value) and is_known(other) and not _are_numbers(value, other):
            self._mismatches.add(self._rules, self._label)
        return False


def comparison_counter(out: Emitter, mismatches: Mismatches, rule: str, operand: x.Expr) -> str:
    """Return the name of what counts comparisons of an expression across types for a rule."""
    label = text_of(operand.left if isinstance(operand, x.Cmp) else operand)
    counter = ComparisonCounter(mismatches, rule, label)
    return out.name("odd", counter, (rule, label))


def _are_numbers(value: Any, other: Any) -> bool:
    return {value.__class__.__name__, other.__class__.__name__} <= _NUMBER


def field_name(type_: str, path: Path) -> str:
    """Return `type.field`, as people write it."""
    return f"{type_}.{text_of(x.Field(path))}"
