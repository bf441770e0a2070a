"""Print the expressions of a plan back as Sluice text, for people."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, assert_never

from sluice.model import STRING, Type
from sluice.plan.atoms import atoms_of, steps_of
from sluice.plan.exprs import (
    Agg,
    AliasField,
    And,
    Arith,
    Cmp,
    Const,
    Exists,
    Expr,
    Field,
    Func,
    Get,
    Group,
    InArray,
    InNetworks,
    InValues,
    IsNull,
    KeyValue,
    Lookup,
    Matches,
    Neg,
    Not,
    Now,
    Or,
    PathPart,
    Quantified,
    Selected,
    TextTest,
    Truth,
    Variable,
)
from sluice.plan.nodes import RulePlan
from sluice.timing import format_duration, format_instant

#: How tightly a form binds; a looser one stands in parentheses inside a tighter one.
_OR, _AND, _NOT, _TEST, _SUM, _PRODUCT, _SIGN, _ATOM = range(8)

_WORDS = frozenset(
    "and or not in is any all exists missing true false null where then without no".split()
)
_NAME = re.compile(r"@?[A-Za-z_][A-Za-z0-9_]*\Z")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


@dataclass(frozen=True, slots=True)
class Names:
    """What the places of a rule are called: its key parts, `select` values and aliases."""

    keys: tuple[str, ...] = ()
    select: tuple[str, ...] = ()
    aliases: tuple[tuple[int, str], ...] = ()
    #: Positions whose alias names several events.
    repeated: frozenset[int] = frozenset()
    #: What stands before a field of the event at hand, inside an aggregate over an alias.
    prefix: str = ""


def names_of(rule: RulePlan) -> Names:
    """Return the names that the texts of a rule use."""
    repeated = {a.position for s in steps_of(rule.pattern) if s.maximum != 1 for a in s.atoms}
    return Names(
        tuple(key.name for key in rule.keys),
        tuple(name for name, _ in rule.select),
        tuple((a.position, a.alias) for a in atoms_of(rule) if a.alias is not None),
        frozenset(repeated),
    )


def text_of(expr: Expr, names: Names | None = None) -> str:
    """Return an expression as Sluice text; places without a name are `key[0]`, `select[0]`."""
    return _write(expr, names or Names())[0]


def literal_text(value: Any, kind: Type = STRING) -> str:
    """Return a constant as it is written in a rule."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if kind.kind == "duration":
        return format_duration(value)
    if kind.kind == "time":
        return quoted(format_instant(value))
    if isinstance(value, str):
        bare = kind.kind in ("ip", "network") and ":" not in value
        return value if bare else quoted(value)
    return repr(value)


def quoted(text: str) -> str:
    """Return a string literal."""
    return '"' + "".join(_ESCAPES.get(c, c) for c in text) + '"'


def path_text(path: Iterable[PathPart], start: str = "") -> str:
    """Return a path as it is written: names with dots, backticks where needed, `[0]`."""
    out = start
    for part in path:
        if isinstance(part, int):
            out += f"[{part}]"
            continue
        plain = _NAME.match(part) and (out or part not in _WORDS)
        out += ("." if out else "") + (part if plain else f"`{part}`")
    return out


def _text(expr: Expr, names: Names, level: int) -> str:
    """Write an expression, in parentheses when it binds less than `level`."""
    text, own = _write(expr, names)
    return text if own >= level else f"({text})"


def _write(expr: Expr, names: Names) -> tuple[str, int]:
    """Return the text of an expression and how tightly it binds."""
    match expr:
        case And(items=items):
            return " and ".join(_text(i, names, _AND + 1) for i in items) or "true", _AND
        case Or(items=items):
            return " or ".join(_text(i, names, _OR + 1) for i in items) or "false", _OR
        case Not(operand=operand):
            return _write_not(operand, names)
        case Truth(operand=operand):
            return _write(operand, names)
        case Quantified(kind=kind, variable=variable, source=source, condition=condition):
            inner = f"{variable} in {_text(source, names, _ATOM)}: {_write(condition, names)[0]}"
            return f"{kind} ({inner})", _ATOM
        case Cmp() | InValues() | InNetworks() | InArray() | TextTest() | Matches():
            return _write_test(expr, names, ""), _TEST
        case Exists(operand=operand):
            return f"exists {_text(operand, names, _ATOM)}", _TEST
        case IsNull(operand=operand):
            return f"{_text(operand, names, _SUM)} is null", _TEST
        case _:
            return _write_value(expr, names)


def _write_not(operand: Expr, names: Names) -> tuple[str, int]:
    match operand:
        case Cmp(op="=="):
            return _write_test(operand, names, "not "), _TEST
        case InValues() | InNetworks() | InArray() | TextTest() | Matches():
            return _write_test(operand, names, "not "), _TEST
        case Exists(operand=inner):
            return f"missing {_text(inner, names, _ATOM)}", _TEST
        case _:
            return f"not {_text(operand, names, _ATOM)}", _NOT


_Test = Cmp | InValues | InNetworks | InArray | TextTest | Matches


def _write_test(expr: _Test, names: Names, no: str) -> str:
    """Write a test; `no` is `"not "` for its opposite."""
    match expr:
        case Cmp(op=op, left=left, right=right, fold=fold):
            sign = ("!=" if no else op) + "~" * fold
            return f"{_text(left, names, _SUM)} {sign} {_text(right, names, _SUM)}"
        case InValues(item=item, values=values, list_name=name, fold=fold):
            among = name or _list(literal_text(v) for v in values)
            return f"{_text(item, names, _SUM)} {no}in{'~' * fold} {among}"
        case InNetworks(item=item, networks=networks, list_name=name):
            written = [literal_text(n, Type("network")) for n in networks]
            among = name or (written[0] if len(written) == 1 else _list(written))
            return f"{_text(item, names, _SUM)} {no}in {among}"
        case InArray(item=item, array=array, fold=fold):
            return f"{_text(item, names, _SUM)} {no}in{'~' * fold} {_text(array, names, _ATOM)}"
        case TextTest(left=left, patterns=patterns):
            tests = [_text(p, names, _SUM) for p in patterns]
            word = f"{no}{expr.op}{'~' * expr.fold}"
            return f"{_text(left, names, _SUM)} {word} {_several(expr, tests)}"
        case Matches(left=left, regexes=regexes):
            tests = [f"/{_slashed(pattern)}/{flags}" for pattern, flags in regexes]
            return f"{_text(left, names, _SUM)} {no}matches {_several(expr, tests)}"
        case _:
            assert_never(expr)


def _several(expr: TextTest | Matches, tests: list[str]) -> str:
    if expr.list_name is not None:
        return f"{expr.mode} {expr.list_name}"
    return tests[0] if len(tests) == 1 else f"{expr.mode} {_list(tests)}"


def _slashed(pattern: str) -> str:
    return pattern.replace("/", "\\/")


def _list(items: Iterable[str]) -> str:
    return "[" + ", ".join(items) + "]"


_Reference = Field | AliasField | KeyValue | Selected | Variable | Group | Now
_Value = Arith | Neg | Const | Get | Lookup | Func | Agg | _Reference


def _write_value(expr: _Value, names: Names) -> tuple[str, int]:
    match expr:
        case Arith(op=op, left=left, right=right):
            level = _SUM if op in "+-" else _PRODUCT
            return f"{_text(left, names, level)} {op} {_text(right, names, level + 1)}", level
        case Neg(operand=operand):
            return f"-{_text(operand, names, _ATOM)}", _SIGN
        case Const(value=value, type=kind):
            text = literal_text(value, kind)
            return text, _SIGN if text.startswith("-") else _ATOM
        case Get(target=target, path=path):
            return path_text(path, _text(target, names, _ATOM)), _ATOM
        case Lookup(table=table, key=key, column=column):
            return f"{table}[{_write(key, names)[0]}]" + (f".{column}" if column else ""), _ATOM
        case Func(name=name, args=args):
            return f"{name}({', '.join(_write(a, names)[0] for a in args)})", _ATOM
        case Agg():
            return _write_aggregate(expr, names), _ATOM
        case _:
            return _write_reference(expr, names), _ATOM


def _write_reference(expr: _Reference, names: Names) -> str:
    match expr:
        case Field(path=path):
            return path_text(path, names.prefix)
        case AliasField(alias=alias, which=which, path=path):
            if not names.repeated.intersection(expr.positions) and which in (0, -1):
                return path_text(path, alias)
            events = {0: f"first({alias})", -1: f"last({alias})"}
            return path_text(path, events.get(which, f"{alias}[{which}]"))
        case KeyValue(index=index):
            return names.keys[index] if index < len(names.keys) else f"key[{index}]"
        case Selected(index=index):
            return names.select[index] if index < len(names.select) else f"select[{index}]"
        case Variable(name=name, path=path):
            return path_text(path, name)
        case Group(name=name):
            return name
        case Now():
            return "now()"
        case _:
            assert_never(expr)


def _write_aggregate(agg: Agg, names: Names) -> str:
    if agg.inner is not None:
        return f"{agg.name}({_write_aggregate(agg.inner, names)}, {agg.history})"
    alias = "" if agg.positions is None else _alias(agg.positions, names)
    args = [alias] if alias and agg.argument is None else []
    if agg.argument is not None:
        args.append(_write(agg.argument, replace(names, prefix=alias))[0])
    args += [literal_text(param) for param in agg.params]
    if agg.where is not None:
        where = f"where {_write(agg.where, replace(names, prefix=''))[0]}"
        # The filter belongs to the first argument.
        args[:1] = [f"{args[0]} {where}" if args else where]
    return f"{agg.name}({', '.join(args)})"


def _alias(positions: tuple[int, ...], names: Names) -> str:
    found = [alias for position, alias in names.aliases if position in positions]
    return found[0] if found else "step[" + ", ".join(map(str, positions)) + "]"
