"""Conditions become SQL that holds for every event for which they hold, and for few others.

SQL finds where a match can be, the operators of the stream decide there. So what SQL cannot tell
exactly it lets through: a condition is never approximated the other way. As in the Python
backend a condition is written for "is true" and for "is false"; unknown is neither.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sluice.backends.duckdb.fields import TIME, Columns, as_double, is_not_ascii, is_there
from sluice.backends.duckdb.patterns import like_parts, network_prefixes, regex_test
from sluice.backends.duckdb.sqltext import FALSE, TRUE, all_of, any_of, number, text
from sluice.catalog import Catalog
from sluice.model import canonical_ip, fold
from sluice.plan import ListValues
from sluice.plan import exprs as x

#: Doubles hold every integer below; beyond it two integers can be one double.
EXACT_MAX = 2**53

#: Longer lists are not written into SQL.
VALUES_MAX = 5_000

SWAPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "=="}
_FALSE_OF = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}


class Conditions:
    """Writes the conditions of one rule set over its columns."""

    def __init__(self, columns: Columns, lists: Mapping[str, ListValues], catalog: Catalog) -> None:
        self._columns, self._lists, self._catalog = columns, lists, catalog

    def may(self, node: x.Expr | None, positive: bool = True) -> str:
        """Write what holds for every event for which a condition is true (or is false)."""
        match node:
            case None:
                return TRUE if positive else FALSE
            case x.Const(value):
                return TRUE if value is positive else FALSE
            case x.Not(operand):
                return self.may(operand, not positive)
            case x.And(items) | x.Or(items):
                parts = [self.may(item, positive) for item in items]
                return all_of(parts) if isinstance(node, x.And) is positive else any_of(parts)
            case x.Exists(operand):
                return self._exists(operand, positive)
            case x.IsNull(operand):
                value = self.text_of(operand)
                return TRUE if value is None or not positive else f"{value} IS NULL"
            case _:
                return all_of([*self.known(node), self._test(node, positive)])

    def known(self, node: x.Expr) -> list[str]:
        """Write what must be there for a test (or a value) not to be unknown."""
        match node:
            case x.Field():
                value = self.text_of(node)
                return [] if value is None else [is_there(value)]
            case x.Cmp(left=left, right=right) | x.Arith(left=left, right=right):
                return [*self.known(left), *self.known(right)]
            case x.InValues(item=operand) | x.InNetworks(item=operand) | x.Neg(operand):
                return self.known(operand)
            case x.TextTest(left=operand) | x.Matches(left=operand) | x.Truth(operand):
                return self.known(operand)
            case x.InArray(array=operand) | x.Quantified(source=operand):
                return self.known(operand)
            case x.Get(target=operand) | x.Lookup(key=operand):
                return self.known(operand)
            case x.Func(name, args) if not self._is_lenient(name):
                return [part for arg in args for part in self.known(arg)]
            case _:
                return []

    def _is_lenient(self, function: str) -> bool:
        entry = self._catalog.functions.get(function)
        return entry is None or entry.lenient or bool(entry.conditions)

    def text_of(self, node: x.Expr) -> str | None:
        """Write the text of a field, None for what no column holds."""
        return self._columns.value(node) if isinstance(node, x.Field) else None

    def _exists(self, operand: x.Expr, positive: bool) -> str:
        if positive:
            return all_of(self.known(operand))
        value = self.text_of(operand)
        # A value that does not fit its schema is missing for the rules.
        is_open = operand.type.kind == "any"
        return f"{value} IS NULL" if value is not None and is_open else TRUE

    def _test(self, node: x.Expr, positive: bool) -> str:
        match node:
            case x.Cmp(op, left, right, folded):
                return self._compare(op, left, right, folded, positive)
            case x.InValues():
                return self._in_values(node, positive)
            case x.InNetworks():
                return self._in_networks(node, positive)
            case x.TextTest():
                return self._text_test(node, positive)
            case x.Matches():
                return self._matches(node, positive)
            case x.Truth(operand):
                value = self.text_of(operand)
                return TRUE if value is None else f"{value} = {text(str(positive).lower())}"
            case _:
                return TRUE

    # ------------------------------------------------------------ comparisons

    def _compare(self, op: str, left: x.Expr, right: x.Expr, folded: bool, positive: bool) -> str:
        if isinstance(left, x.Const):
            return (
                TRUE
                if isinstance(right, x.Const)
                else self._compare(SWAPPED[op], right, left, folded, positive)
            )
        if not isinstance(left, x.Field) or not isinstance(right, x.Const):
            return TRUE
        if left.path == ("@time",) and isinstance(right.value, int):
            return _plain_comparison(TIME, op, str(right.value), positive)
        value = self.text_of(left)
        if value is None:
            return TRUE
        if op == "==":
            return _equality(value, left, right.value, folded, positive)
        return _order(value, left, op if positive else _FALSE_OF[op], right.value)

    # ------------------------------------------------------------ membership

    def _entries(self, list_name: str | None, own: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """Return what a test is against, None when it is too much for a text."""
        held = own
        if list_name is not None:
            found = self._lists.get(list_name)
            if found is None:
                return None
            held = found.values
        return held if len(held) <= VALUES_MAX else None

    def _in_values(self, node: x.InValues, positive: bool) -> str:
        value = self.text_of(node.item)
        values = self._entries(node.list_name, node.values)
        if value is None or values is None:
            return TRUE
        if positive:
            tests = (_equality(value, node.item, v, node.fold, True) for v in values)
            return any_of(tests) if len(values) < 2 else _grouped(value, node, values, tests)
        return all_of(_equality(value, node.item, v, node.fold, False) for v in values)

    def _in_networks(self, node: x.InNetworks, positive: bool) -> str:
        value = self.text_of(node.item)
        networks = self._entries(node.list_name, node.networks)
        if not positive or value is None or networks is None:
            return TRUE
        prefixes = network_prefixes(networks)
        if prefixes is None:
            return TRUE
        tests = [f"starts_with({value}, {text(prefix)})" for prefix in prefixes]
        return any_of([*tests, f"contains({value}, ':')"])

    # ------------------------------------------------------------ texts

    def _text_test(self, node: x.TextTest, positive: bool) -> str:
        value = self.text_of(node.left)
        constants = [p.value if isinstance(p, x.Const) else None for p in node.patterns]
        held = self._entries(node.list_name, tuple(constants))
        if value is None or held is None or not all(_is_text(each) for each in held):
            return TRUE
        tests = [_text_found(node.op, value, each, node.fold, positive) for each in held]
        return any_of(tests) if (node.mode == "any") is positive else all_of(tests)

    def _matches(self, node: x.Matches, positive: bool) -> str:
        value = self.text_of(node.left)
        regexes = self._entries(node.list_name, node.regexes)
        if value is None or regexes is None:
            return TRUE
        tests = [regex_test(value, pattern, flags, positive) for pattern, flags in regexes]
        return any_of(tests) if (node.mode == "any") is positive else all_of(tests)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and "\0" not in value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _plain_comparison(value: str, op: str, constant: str, positive: bool) -> str:
    if op == "==":
        return f"{value} {'=' if positive else '<>'} {constant}"
    return f"{value} {op if positive else _FALSE_OF[op]} {constant}"


def _equality(value: str, node: x.Expr, constant: Any, folded: bool, positive: bool) -> str:
    """Write that a value equals (or differs from) a constant.

    The column is a text: `5` and `"5"` look alike there, so "differs" is only said of texts that
    no other value is written as.
    """
    kind = node.type.kind
    if kind in ("time", "duration", "network", "list", "object"):
        return TRUE
    if kind == "ip":
        return _address_equality(value, constant, positive)
    if isinstance(constant, bool):
        return f"{value} = {text(str(constant).lower())}" if positive else TRUE
    if _is_number(constant):
        return f"{as_double(value)} = {number(constant)}" if positive else TRUE
    if not _is_text(constant):
        return TRUE
    if folded:
        return _folded_equality(value, constant) if positive else TRUE
    if positive:
        return f"{value} = {text(constant)}"
    return TRUE if _may_be_json(constant) else f"{value} <> {text(constant)}"


def _address_equality(value: str, constant: Any, positive: bool) -> str:
    canonical = canonical_ip(constant)
    if not positive or canonical is None:
        return TRUE
    return any_of([f"{value} = {text(canonical)}", f"contains({value}, ':')"])


def _folded_equality(value: str, constant: str) -> str:
    own = fold(constant)
    tests = [is_not_ascii(value)]
    if own.isascii():
        tests.append(f"lower({value}) = {text(own)}")
    return any_of(tests)


def _may_be_json(constant: str) -> bool:
    """Say whether a value that is no text could be written as this text."""
    return not constant or constant[0] in '-0123456789tfnNI[{"'


def _order(value: str, node: x.Expr, op: str, constant: Any) -> str:
    if node.type.kind in ("time", "duration", "ip", "network"):
        return TRUE
    if _is_number(constant):
        # Beyond 2^53 two integers can be one double, so the bound itself is let through.
        is_exact = abs(constant) < EXACT_MAX
        return f"{as_double(value)} {op if is_exact else op[0] + '='} {number(constant)}"
    return f"{value} {op} {text(constant)}" if _is_text(constant) else TRUE


def _grouped(value: str, node: x.InValues, values: tuple[Any, ...], tests: Iterable[str]) -> str:
    """Write many equalities as one `IN` where they are plain texts."""
    is_plain = not node.fold and node.item.type.kind in ("any", "string", "enum")
    if not is_plain or not all(_is_text(v) for v in values):
        return any_of(tests)
    return f"{value} IN ({', '.join(map(text, values))})"


FINDS: Mapping[str, Callable[[str, str], str]] = {
    "contains": lambda value, part: f"contains({value}, {text(part)})",
    "starts with": lambda value, part: f"starts_with({value}, {text(part)})",
    "ends with": lambda value, part: f"ends_with({value}, {text(part)})",
}


def _text_found(op: str, value: str, pattern: str, folded: bool, positive: bool) -> str:
    if op == "like":
        return _like(value, pattern, folded) if positive else TRUE
    if not folded:
        found = FINDS[op](value, pattern)
        return found if positive else f"NOT {found}"
    own = fold(pattern)
    if not positive or not own.isascii():
        return TRUE if not positive else is_not_ascii(value)
    return any_of([FINDS[op](f"lower({value})", own), is_not_ascii(value)])


def _like(value: str, pattern: str, folded: bool) -> str:
    """Write what a text that fits a `like` pattern holds: the parts between its wildcards."""
    own = fold(pattern) if folded else pattern
    if folded and not own.isascii():
        return is_not_ascii(value)
    subject = f"lower({value})" if folded else value
    found = all_of(FINDS[op](subject, part) for op, part in like_parts(own))
    return any_of([found, is_not_ascii(value)]) if folded else found
