"""A second, naive meaning of plan expressions: three values, written from sections 4.1 and 4.2."""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, assert_never

from sluice.plan import exprs as x

#: A field that is not there; null and every other unknown value is None.
MISSING = object()

Event = Mapping[str, Any]


@dataclass(frozen=True)
class Moment:
    """What an expression is evaluated over: one event, what the match took, and the rest."""

    event: Event = field(default_factory=dict)
    #: The events that a match has taken, by position, in order.
    taken: Mapping[int, Sequence[Event]] = field(default_factory=dict)
    #: The events of a window with the position of the branch that took them.
    window: Sequence[tuple[int, Event]] = ()
    key: tuple[Any, ...] = ()
    select: tuple[Any, ...] = ()
    variables: Mapping[str, Any] = field(default_factory=dict)
    groups: Mapping[str, str | None] = field(default_factory=dict)
    lists: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    tables: Mapping[str, Mapping[Any, Event]] = field(default_factory=dict)
    functions: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    now: int = 0


def evaluate(expr: x.Expr, at: Moment) -> Any:
    """Return the value of an expression, None when it is unknown, null or missing."""
    value = _raw(expr, at)
    return None if value is MISSING else value


def is_true(condition: x.Expr | None, at: Moment) -> bool:
    """Return whether a condition lets something pass: only true does."""
    return condition is None or evaluate(condition, at) is True


def equal(a: Any, b: Any) -> bool | None:
    """Return equality in three values."""
    if a is None or b is None:
        return None
    if _is_number(a) and _is_number(b):
        return bool(a == b)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(_alike(p, q) for p, q in zip(a, b, strict=True))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_alike(a[k], b[k]) for k in a)
    return type(a) is type(b) and bool(a == b)


def all_of(values: Sequence[bool | None]) -> bool | None:
    """Return `and` in three values."""
    if False in values:
        return False
    return None if None in values else True


def any_of(values: Sequence[bool | None]) -> bool | None:
    """Return `or` in three values."""
    if True in values:
        return True
    return None if None in values else False


# ---------------------------------------------------------------- by node


def _raw(expr: x.Expr, at: Moment) -> Any:
    """Evaluate; a reference may be MISSING, which only `exists` and `is null` tell from None."""
    match expr:
        case x.Const(value=value):
            return value
        case x.Field(path=path):
            return _reach(at.event, path)
        case x.AliasField(positions=positions, which=which, path=path):
            events = [e for p in positions for e in at.taken.get(p, ())]
            inside = -len(events) <= which < len(events)
            return _reach(events[which], path) if inside else MISSING
        case x.KeyValue(index=index):
            return at.key[index]
        case x.Selected(index=index):
            return at.select[index]
        case x.Variable(name=name, path=path):
            return _reach(at.variables[name], path)
        case x.Group(name=name):
            return at.groups.get(name)
        case x.Now():
            return at.now
        case x.Get() | x.Lookup() | x.Arith() | x.Neg() | x.Func() | x.Agg():
            return _value(expr, at)
        case _:
            return _condition(expr, at)


def _reach(value: Any, path: Sequence[x.PathPart]) -> Any:
    for part in path:
        if isinstance(part, str):
            value = value.get(part, MISSING) if isinstance(value, Mapping) else MISSING
        else:
            inside = isinstance(value, list) and -len(value) <= part < len(value)
            value = value[part] if inside else MISSING
    return value


_Value = x.Const | x.Field | x.AliasField | x.KeyValue | x.Selected | x.Variable | x.Group | x.Now
_Made = x.Get | x.Lookup | x.Arith | x.Neg | x.Func | x.Agg


def _value(expr: _Made, at: Moment) -> Any:
    match expr:
        case x.Get(target=target, path=path):
            return _reach(evaluate(target, at), path)
        case x.Lookup(table=table, key=key, column=column):
            row = at.tables[table].get(evaluate(key, at))
            if row is None:
                return MISSING
            return row.get(column) if column else dict(row)
        case x.Arith(op=op, left=left, right=right):
            return _arithmetic(op, evaluate(left, at), evaluate(right, at))
        case x.Neg(operand=operand):
            return _arithmetic("-", 0, evaluate(operand, at))
        case x.Func(name=name, args=args):
            values = [evaluate(arg, at) for arg in args]
            return None if None in values else at.functions[name](*values)
        case x.Agg():
            return _aggregate(expr, at)
        case _:
            assert_never(expr)


def _arithmetic(op: str, a: Any, b: Any) -> int | float | None:
    if not (_is_number(a) and _is_number(b)):
        return None
    if op == "/":
        return _bounded(a / b) if b != 0 else None
    return _bounded(a + b if op == "+" else a - b if op == "-" else a * b)


def _bounded(value: int | float) -> int | float | None:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if -(2**63) <= value < 2**63 else None


_REDUCE: dict[str, Callable[[list[Any]], Any]] = {
    "sum": sum,
    "min": min,
    "max": max,
    "avg": lambda values: sum(values) / len(values),
    "first": lambda values: values[0],
    "last": lambda values: values[-1],
}


def _aggregate(agg: x.Agg, at: Moment) -> Any:
    if agg.over == "window":
        chosen = [e for p, e in at.window if agg.positions is None or p in agg.positions]
    else:
        chosen = [e for p in agg.positions or () for e in at.taken.get(p, ())]
    events = [replace(at, event=e) for e in chosen]
    events = [e for e in events if is_true(agg.where, e)]
    if agg.argument is None:
        return len(events)
    values = [v for v in (evaluate(agg.argument, e) for e in events) if v is not None]
    if agg.name in ("count", "distinct"):
        return len(values) if agg.name == "count" else len({(type(v), v) for v in values})
    if agg.name == "ratio":
        return sum(values) / len(values) if values else None
    return _REDUCE[agg.name](values) if values else None


def _condition(expr: x.Expr, at: Moment) -> bool | None:
    assert not isinstance(expr, _Value | _Made)
    match expr:
        case x.And(items=items):
            return all_of([evaluate(item, at) for item in items])
        case x.Or(items=items):
            return any_of([evaluate(item, at) for item in items])
        case x.Not(operand=operand):
            value = evaluate(operand, at)
            return None if value is None else not value
        case x.Truth(operand=operand):
            value = evaluate(operand, at)
            return value if isinstance(value, bool) else None
        case x.Exists(operand=operand):
            return evaluate(operand, at) is not None
        case x.IsNull(operand=operand):
            return _raw(operand, at) is None
        case x.Quantified(kind=kind, variable=name, source=source, condition=condition):
            array = evaluate(source, at)
            if not isinstance(array, list):
                return None
            inside = [replace(at, variables={**at.variables, name: each}) for each in array]
            found = [evaluate(condition, each) for each in inside]
            return any_of(found) if kind == "any" else all_of(found)
        case _:
            return _test(expr, at)


def _test(
    expr: x.Cmp | x.InValues | x.InNetworks | x.InArray | x.TextTest | x.Matches, at: Moment
) -> bool | None:
    match expr:
        case x.Cmp(op=op, left=left, right=right, fold=fold):
            return _compare(op, _cased(evaluate(left, at), fold), _cased(evaluate(right, at), fold))
        case x.InValues(item=item, values=values, list_name=name, fold=fold):
            among = at.lists[name] if name is not None else values
            value = _cased(evaluate(item, at), fold)
            return any_of([equal(value, _cased(v, fold)) for v in among])
        case x.InNetworks(item=item, networks=networks, list_name=name):
            return _in_networks(evaluate(item, at), at.lists[name] if name else networks)
        case x.InArray(item=item, array=array, fold=fold):
            elements = evaluate(array, at)
            if not isinstance(elements, list):
                return None
            value = _cased(evaluate(item, at), fold)
            return any_of([equal(value, _cased(e, fold)) for e in elements])
        case x.TextTest(left=left, patterns=patterns, list_name=name, mode=mode):
            tests = at.lists[name] if name else [evaluate(p, at) for p in patterns]
            value = evaluate(left, at)
            found = [_text_test(expr.op, value, test, expr.fold) for test in tests]
            return any_of(found) if mode == "any" else all_of(found)
        case x.Matches(left=left, regexes=regexes, list_name=name, mode=mode):
            value = evaluate(left, at)
            if not isinstance(value, str):
                return None
            found = [_search(value, regex) for regex in (at.lists[name] if name else regexes)]
            return any_of(found) if mode == "any" else all_of(found)
        case _:
            assert_never(expr)


# ---------------------------------------------------------------- values


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _alike(a: Any, b: Any) -> bool:
    """Equality inside lists and objects, where null equals null."""
    return (a is None and b is None) or equal(a, b) is True


def _compare(op: str, a: Any, b: Any) -> bool | None:
    if op == "==":
        return equal(a, b)
    if not (_is_number(a) and _is_number(b)) and not (isinstance(a, str) and isinstance(b, str)):
        return None
    found = {"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}
    return bool(found[op])


def _cased(value: Any, fold: bool) -> Any:
    # Near enough to simple case folding for the letters that tests use.
    return value.lower() if fold and isinstance(value, str) else value


def _text_test(op: str, value: Any, test: Any, fold: bool) -> bool | None:
    if not (isinstance(value, str) and isinstance(test, str)):
        return None
    value, test = _cased(value, fold), _cased(test, fold)
    match op:
        case "contains":
            return test in value
        case "starts with":
            return bool(value.startswith(test))
        case "ends with":
            return bool(value.endswith(test))
        case _:
            return _like(value, test)


def _like(value: str, pattern: str) -> bool:
    token = re.compile(r"\[([*?])\]|(\*)|(\?)|(.)", re.DOTALL)
    parts = []
    for literal, star, mark, char in token.findall(pattern):
        parts.append(".*" if star else "." if mark else re.escape(literal or char))
    return re.fullmatch("".join(parts), value, re.DOTALL) is not None


def _search(value: str, regex: tuple[str, str]) -> bool:
    pattern, flags = regex
    return re.search(f"(?{flags}){pattern}" if flags else pattern, value) is not None


def _in_networks(value: Any, networks: Sequence[str]) -> bool | None:
    if not isinstance(value, str):
        return None
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in ipaddress.ip_network(network, strict=False) for network in networks)
