"""Expressions and conditions (language.md 4.1, 4.2, 5) over one scope."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import spec
from .aggregates import against_past, aggregate
from .spec import Cond, Event, Expr
from .values import (
    MISSING,
    Duration,
    Time,
    arithmetic,
    compare,
    conjunction,
    disjunction,
    equal,
    in_range,
    is_absent,
    is_number,
    modulo,
    negate,
)

# An event in a window, with the alias of the branch that took it.
Entry = tuple[Event, str | None]
PastWindows = Callable[[int], list[list[Entry]] | None]


@dataclass(frozen=True)
class Scope:
    """What names mean: the event at hand, aliases, keys and `select` names, the window."""

    event: Event | None = None
    aliases: Mapping[str, Sequence[Event]] = field(default_factory=dict)
    names: Mapping[str, Any] = field(default_factory=dict)
    window: Sequence[Entry] | None = None
    past: PastWindows | None = None


def is_true(c: Cond | None, scope: Scope) -> bool:
    """4.2.1: `where`, `having` and filters act on true only."""
    return c is None or judge(c, scope) is True


def read(event: Event | None, path: str) -> Any:
    """A field or, after @, an attribute of an event."""
    if event is None:
        return MISSING
    if path.startswith("@"):
        own = {"@type": event.type, "@time": Time(event.time), "@id": event.id}
        return own[path] if path in own else event.attributes.get(path[1:], MISSING)
    value: Any = event.fields
    for part in path.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return MISSING
        value = value[part]
    return value


def value_of(e: Expr, scope: Scope) -> Any:
    """The value of an expression; unknown is MISSING."""
    match e:
        case spec.Lit():
            return e.value
        case spec.Dur():
            return Duration(e.ms)
        case spec.Field():
            return read(scope.event, e.path)
        case spec.Attr():
            return read(scope.event, "@" + e.name)
        case spec.AliasRef():
            return read(_picked(e, scope), e.path)
        case spec.Name():
            return scope.names.get(e.name, MISSING)
        case spec.Arith():
            return arithmetic(e.op, value_of(e.left, scope), value_of(e.right, scope))
        case spec.Call():
            return _call(e.function, [value_of(a, scope) for a in e.args])
        case spec.Agg():
            return _aggregate(e, scope)
        case spec.Past():
            return _past(e, scope)


def _picked(ref: spec.AliasRef, scope: Scope) -> Event | None:
    events = scope.aliases.get(ref.alias, ())
    index = {None: 0, "first": 0, "last": -1}.get(ref.pick, ref.pick)  # type: ignore[arg-type]
    assert isinstance(index, int)
    # 4.2.4: an index out of range is unknown. Section 11: a skipped step is missing.
    if not events or index >= len(events):
        return None
    return events[index]


def _call(function: str, args: Sequence[Any]) -> Any:
    if function == "coalesce":
        return next((a for a in args if not is_absent(a)), MISSING)
    if any(is_absent(a) for a in args):
        return MISSING
    first = args[0]
    if function == "mod":
        return modulo(first, args[1])
    if function in ("lower", "upper", "length"):
        if not isinstance(first, str):
            return MISSING
        return len(first) if function == "length" else getattr(first, function)()
    if not is_number(first):
        return MISSING
    by_name: dict[str, Callable[[Any], Any]] = {
        "abs": abs,
        "floor": math.floor,
        "ceil": math.ceil,
    }
    return in_range(by_name[function](first))


def _events(a: spec.Agg, scope: Scope) -> list[Event]:
    """The events of the alias, or of the window."""
    if scope.window is None:
        assert a.alias is not None
        return list(scope.aliases.get(a.alias, ()))
    return [e for e, alias in scope.window if a.alias in (None, alias)]


def _aggregate(a: spec.Agg, scope: Scope) -> Any:
    events = _events(a, scope)
    if a.where is not None:
        events = [e for e in events if is_true(a.where, Scope(event=e))]
    if a.cond is not None:
        # Section 5: the share of events for which the condition is true.
        hits = sum(is_true(a.cond, Scope(event=e)) for e in events)
        return hits / len(events) if events else MISSING
    if a.arg is None:
        return len(events)
    return aggregate(a.function, [value_of(a.arg, Scope(event=e)) for e in events], a.percent)


def _past(e: spec.Past, scope: Scope) -> Any:
    assert scope.past is not None
    windows = scope.past(e.windows)
    if windows is None:
        # Section 11: unknown until the key is n windows old.
        return MISSING
    values = []
    for entries in windows:
        if entries:
            values.append(_aggregate(e.agg, Scope(window=entries)))
        elif e.agg.function in ("count", "sum", "rate"):
            values.append(0)
    return against_past(e.function, _aggregate(e.agg, scope), values)


def judge(c: Cond, scope: Scope) -> bool | None:
    """The truth of a condition in SQL's three values."""
    match c:
        case spec.Cmp():
            left, right = value_of(c.left, scope), value_of(c.right, scope)
            if c.nocase:
                left, right = _folded(left), _folded(right)
            return compare(c.op, left, right)
        case spec.Between():
            low, mid, high = (value_of(x, scope) for x in (c.low, c.mid, c.high))
            return conjunction([compare(c.low_op, low, mid), compare(c.high_op, mid, high)])
        case spec.In():
            return _membership(c, value_of(c.item, scope))
        case spec.Presence():
            value = value_of(c.of, scope)
            # 4.1: `exists` and `missing` are opposites; `is null` is present and null.
            if c.kind == "null":
                return value is None
            return is_absent(value) == (c.kind == "missing")
        case spec.Text():
            truth = _text(c, value_of(c.left, scope))
            return negate(truth) if c.negated else truth
        case spec.Not():
            return negate(judge(c.of, scope))
        case spec.And():
            return conjunction([judge(i, scope) for i in c.items])
        case spec.Or():
            return disjunction([judge(i, scope) for i in c.items])


def _folded(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value


def _membership(c: spec.In, item: Any) -> bool | None:
    # Section 11: the `or` over the elements.
    items = [i.value for i in c.items]
    if c.nocase:
        item, items = _folded(item), [_folded(i) for i in items]
    truth = disjunction([equal(item, i) for i in items])
    return negate(truth) if c.negated else truth


def _text(c: spec.Text, left: Any) -> bool | None:
    if not isinstance(left, str):
        # Absent is unknown by 4.2.1; another type is taken as a mismatch, unknown: README.
        return None
    right: str = c.right
    if c.op == "matches":
        return re.search(right, left, re.IGNORECASE if c.nocase else 0) is not None
    if c.nocase:
        left, right = left.casefold(), right.casefold()
    match c.op:
        case "contains":
            return right in left
        case "starts with":
            return bool(left.startswith(right))
        case "ends with":
            return bool(left.endswith(right))
    return re.fullmatch(_like(right), left, re.DOTALL) is not None


def _like(text: str) -> str:
    """4.1: `*` any run, `?` one character, `[*]` and `[?]` themselves, no escape."""
    parts = re.findall(r"\[\*\]|\[\?\]|.", text, re.DOTALL)
    special = {"*": ".*", "?": ".", "[*]": re.escape("*"), "[?]": re.escape("?")}
    return "".join(special.get(p, re.escape(p)) for p in parts)
