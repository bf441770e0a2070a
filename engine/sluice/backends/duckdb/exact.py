"""Conditions that SQL can decide: over typed columns, in SQL's own three values.

Not more than is certain: what is left out here is decided by the operators of the stream.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sluice.backends.duckdb.conditions import EXACT_MAX, FINDS, SWAPPED, VALUES_MAX
from sluice.backends.duckdb.patterns import regex_found
from sluice.backends.duckdb.query import LakeFiles
from sluice.backends.duckdb.sqltext import name, number, text
from sluice.model import INT_MAX, INT_MIN
from sluice.plan import ListValues
from sluice.plan import exprs as x

UNKNOWN = "NULL::BOOLEAN"

#: Which columns hold values that fit a declared type, and no others.
_FITTING: Mapping[str, frozenset[str]] = {
    "any": frozenset({"VARCHAR", "BIGINT", "DOUBLE", "BOOLEAN"}),
    "string": frozenset({"VARCHAR"}),
    "int": frozenset({"BIGINT"}),
    "float": frozenset({"BIGINT", "DOUBLE"}),
    "bool": frozenset({"BOOLEAN"}),
}
_NUMBERS = frozenset({"BIGINT", "DOUBLE"})


class Inexact(Exception):
    """SQL cannot promise to decide a condition as the rules mean it."""


class ExactConditions:
    """Writes conditions over the typed columns of files; Inexact where that is not certain."""

    def __init__(self, files: LakeFiles, lists: Mapping[str, ListValues]) -> None:
        if files.columns is None or files.type is None:
            raise Inexact
        self._columns, self._has_spilled, self._lists = files.columns, files.has_spilled, lists
        self._spelled = {"raw", *(held.lower() for held in files.columns)}

    def write(self, node: x.Expr) -> str:
        """Write a condition: true, false and NULL where it is true, false and unknown."""
        match node:
            case x.Const(bool(value)):
                return str(value).upper()
            case x.Not(operand):
                return f"(NOT {self.write(operand)})"
            case x.And(items) | x.Or(items) if items:
                word = " AND " if isinstance(node, x.And) else " OR "
                return f"({word.join(map(self.write, items))})"
            case x.Exists(x.Field() as field):
                return f"({self.field(field)[0]} IS NOT NULL)"
            case x.Truth(x.Field() as field):
                column, kind = self.field(field)
                return column if kind == "BOOLEAN" else UNKNOWN
            case x.Cmp(op, left, right, False):
                return self._compare(op, left, right)
            case x.InValues(x.Field() as field, fold=False):
                return self._among(field, self._entries(node.list_name, node.values))
            case x.TextTest(op, x.Field() as field, fold=False) if op in FINDS:
                return self._text_test(node, field)
            case x.Matches(x.Field() as field):
                return self._matches(node, field)
            case _:
                raise Inexact

    def field(self, node: x.Field) -> tuple[str, str]:
        """Write the value of a field, with the type of its column; NULL where there is none."""
        top, *below = node.path
        fitting = _FITTING.get(node.type.kind)
        if below or not isinstance(top, str) or top[0] == "@" or fitting is None:
            raise Inexact
        kind = self._columns.get(top)
        if kind is None:
            # DuckDB does not tell names apart by case, so of two such fields one has no column.
            if self._has_spilled or top.lower() in self._spelled:
                raise Inexact
            return "NULL::VARCHAR", "VARCHAR"
        if kind not in fitting:
            raise Inexact
        return name(top), kind

    # ------------------------------------------------------------ tests

    def _compare(self, op: str, left: x.Expr, right: x.Expr) -> str:
        if isinstance(left, x.Const):
            op, left, right = SWAPPED[op], right, left
        if not isinstance(left, x.Field) or not isinstance(right, x.Const):
            raise Inexact
        if right.type.kind not in ("any", "string", "enum", "int", "float", "bool"):
            raise Inexact
        return self._against(op, left, right.value)

    def _against(self, op: str, field: x.Field, constant: Any) -> str:
        column, kind = self.field(field)
        sign = "=" if op == "==" else op
        if isinstance(constant, bool):
            if op != "==":
                raise Inexact
            return f"({column} = {constant})" if kind == "BOOLEAN" else _differs(column)
        if isinstance(constant, int | float):
            if kind in _NUMBERS:
                return f"({column} {sign} {_number(constant, kind)})"
        elif isinstance(constant, str) and "\0" not in constant:
            if kind == "VARCHAR":
                return f"({column} {sign} {text(constant)})"
        else:
            raise Inexact
        # Across types there is no equality, and no order.
        return _differs(column) if op == "==" else UNKNOWN

    def _among(self, field: x.Field, values: tuple[Any, ...]) -> str:
        column, kind = self.field(field)
        if kind == "VARCHAR" and all(isinstance(v, str) and "\0" not in v for v in values):
            return f"({column} IN ({', '.join(map(text, values))}))"
        return f"({' OR '.join(self._against('==', field, value) for value in values)})"

    def _entries(self, list_name: str | None, own: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return what a test is against."""
        held = own
        if list_name is not None:
            if list_name not in self._lists:
                raise Inexact
            held = self._lists[list_name].values
        if not held or len(held) > VALUES_MAX:
            raise Inexact
        return held

    def _text_test(self, node: x.TextTest, field: x.Field) -> str:
        constants = tuple(p.value if isinstance(p, x.Const) else None for p in node.patterns)
        held = self._entries(node.list_name, constants)
        column, kind = self.field(field)
        if not all(isinstance(each, str) and "\0" not in each for each in held):
            raise Inexact
        if kind != "VARCHAR":
            return UNKNOWN
        return _joined(node.mode, (FINDS[node.op](column, each) for each in held))

    def _matches(self, node: x.Matches, field: x.Field) -> str:
        column, kind = self.field(field)
        tests = []
        for pattern, flags in self._entries(node.list_name, node.regexes):
            found, depends = regex_found(column, pattern, flags)
            if depends:
                raise Inexact
            tests.append(found)
        return _joined(node.mode, tests) if kind == "VARCHAR" else UNKNOWN


def _joined(mode: str, tests: Iterable[str]) -> str:
    return f"({(' OR ' if mode == 'any' else ' AND ').join(tests)})"


def _differs(column: str) -> str:
    """Write that a value, where there is one, is not equal to one of another type."""
    return f"(CASE WHEN {column} IS NOT NULL THEN FALSE END)"


def _number(constant: int | float, kind: str) -> str:
    """Write a number as a column compares with it exactly."""
    if kind == "BIGINT" and isinstance(constant, int):
        if not INT_MIN <= constant <= INT_MAX:
            raise Inexact
        return f"CAST({text(str(constant))} AS BIGINT)"
    # A whole number beyond may be another one as a double.
    if abs(constant) >= EXACT_MAX:
        raise Inexact
    return number(constant)
