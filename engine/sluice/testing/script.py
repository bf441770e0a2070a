"""The input side of a rule test: statements become events in order of arrival (language 8)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sluice.lang import declarations as decl
from sluice.lang import syntax
from sluice.model import MATCH_ATTRIBUTES, Event
from sluice.timing import Duration, Instant, parse_instant

#: The source of events that name none, so that an event without `@id` has a readable one.
SOURCE = "test"

#: A test that would need more events than this is a mistake (`x 1000000000`).
EVENTS_MAX = 1_000_000

#: Attributes that a test may set, with the field of `Event`.
_ATTRIBUTES = {
    "@id": "id", "@source": "source", "@subject": "subject", "@zone": "zone", "@key": "key",
    "@topic": "topic", "@partition": "partition", "@received": "received",
}  # fmt: skip


class Unreadable(Exception):
    """A value of a test that is no constant, with its line."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True)
class Share:
    """`80%` where something is expected: 80 or 0.8 will do."""

    percent: float


@dataclass(frozen=True, slots=True)
class Tick:
    """`advance to T`: the clock goes on without an event."""

    time: Instant


@dataclass(frozen=True, slots=True)
class Script:
    """What happens in a test, in order of arrival; `last` is its last instant."""

    start: Instant
    lateness: Duration
    arrivals: tuple[Event | Tick, ...]

    @property
    def last(self) -> Instant | None:
        """The latest time of all, None when nothing happens."""
        return max((arrival.time for arrival in self.arrivals), default=None)


Lookup = Callable[[str], syntax.Expr | None]

#: What a rule says of itself in its matches: `@severity` and `@tags`, by its full name.
Reports = Callable[[str], Mapping[str, Any]]


def value_of(expr: syntax.Expr, params: Lookup) -> Any:
    """Return the JSON value of a constant; durations are milliseconds. `params` finds params."""
    match expr:
        case syntax.Number(value=value) | syntax.String(value=value) | syntax.Bool(value=value):
            return value
        case syntax.DurationLiteral(ms=ms):
            return ms
        case syntax.Null():
            return None
        case syntax.Percent(value=value):
            return Share(value)
        case syntax.Address(text=text) | syntax.Network(text=text):
            return text
        case syntax.Regex(pattern=pattern):
            return pattern
        case syntax.ListLiteral(items=items):
            return [value_of(item, params) for item in items]
        case syntax.ObjectLiteral(fields=fields):
            return {name: value_of(each, params) for name, each in fields}
        case _:
            return _computed(expr, params)


def _computed(expr: syntax.Expr, params: Lookup) -> Any:
    match expr:
        case syntax.Unary(op="-", operand=operand):
            return -_number(operand, params)
        case syntax.Binary(op=("+" | "-" | "*" | "/") as op, left=left, right=right):
            return _arithmetic(op, _number(left, params), _number(right, params), expr)
        case syntax.Name(name=name) | syntax.Member(name=name):
            found = params(name)
            if found is not None:
                return value_of(found, params)
    raise Unreadable(expr.span.line, "a test can only say constants and params here")


def _number(expr: syntax.Expr, params: Lookup) -> Any:
    value = value_of(expr, params)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unreadable(expr.span.line, "this is no number")
    return value


def _arithmetic(op: str, left: Any, right: Any, expr: syntax.Expr) -> Any:
    match op:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case _:
            if right == 0:
                raise Unreadable(expr.span.line, "a division by zero")
            return left / right


def read_script(test: decl.Test, params: Lookup, reports: Reports) -> Script:
    """Return what happens in a test; `Unreadable` when a value is no constant."""
    start, lateness = 0, 0
    for statement in test.statements:
        if isinstance(statement, decl.Start):
            start = parse_instant(statement.text) or 0
        elif isinstance(statement, decl.LatenessStatement):
            lateness = value_of(statement.duration, params)
    # (when it arrives, as written) orders what happens; ties stay as they are written.
    happenings: list[tuple[Instant, Event | Tick]] = []
    latest: Instant | None = None
    for statement in test.statements:
        if isinstance(statement, decl.Advance):
            new: list[Event | Tick] = [Tick(start + value_of(statement.to, params))]
        elif isinstance(statement, decl.At):
            new = list(_events(statement, start, params, reports))
        else:
            continue
        is_late = isinstance(statement, decl.At) and statement.late
        before = latest
        for each in new:
            waits = is_late and before is not None
            happenings.append((max(each.time, before) if waits and before else each.time, each))
            latest = each.time if latest is None else max(latest, each.time)
        if len(happenings) > EVENTS_MAX:
            raise Unreadable(statement.span.line, f"a test has at most {EVENTS_MAX:,} events")
    happenings.sort(key=lambda item: item[0])
    arrivals = tuple(each for _, each in happenings)
    for offset, event in enumerate((e for e in arrivals if isinstance(e, Event)), 1):
        event.offset = offset
    return Script(start, lateness, arrivals)


def _events(at: decl.At, start: Instant, params: Lookup, reports: Reports) -> list[Event]:
    if at.times > EVENTS_MAX:
        raise Unreadable(at.span.line, f"a test has at most {EVENTS_MAX:,} events")
    first = start + value_of(at.at, params)
    step = value_of(at.every, params) if at.every is not None else 0
    times = (first + number * step for number in range(at.times))
    return [_event(at, time, params, _of_match(at.type, time, reports)) for time in times]


def _of_match(type_: str, time: Instant, reports: Reports) -> dict[str, Any]:
    """Return the attributes that the engine gives a `match.…` event, nothing for any other."""
    start, _, rule = type_.partition(".")
    if start != "match":
        return {}
    return {"@rule": rule, **reports(rule), "@started": time, "@suppressed": 0}


def _event(at: decl.At, time: Instant, params: Lookup, made: Mapping[str, Any]) -> Event:
    fields: dict[str, Any] = dict(made)
    attributes: dict[str, Any] = {"source": SOURCE}
    for name, expr in at.fields.fields:
        value = value_of(expr, params)
        if isinstance(value, Share):
            value = value.percent
        if not name.startswith("@"):
            fields[name] = value
        elif made and name in MATCH_ATTRIBUTES:
            is_time = name == "@started"
            fields[name] = _instant(name, value, expr.span.line) if is_time else value
        elif name in _ATTRIBUTES:
            attributes[_ATTRIBUTES[name]] = _attribute(name, value, expr.span.line)
        else:
            raise Unreadable(expr.span.line, f"a test cannot set {name}")
    return Event(at.type, time, fields, **attributes)


def _attribute(name: str, value: Any, line: int) -> Any:
    if name == "@partition":
        if isinstance(value, bool) or not isinstance(value, int):
            raise Unreadable(line, "@partition is an int")
        return value
    if name == "@received":
        return _instant(name, value, line)
    if value is not None and not isinstance(value, str):
        raise Unreadable(line, f"{name} is a text")
    return value


def _instant(name: str, value: Any, line: int) -> Instant:
    instant = parse_instant(value) if isinstance(value, str) else value
    if isinstance(instant, bool) or not isinstance(instant, int):
        raise Unreadable(line, f"{name} is a time")
    return instant


def params_of(names: Mapping[str, Any], given: Mapping[str, syntax.Expr]) -> Lookup:
    """Return what finds the value of a param by its name as a file sees it."""

    def find(name: str) -> syntax.Expr | None:
        declared = names.get(name)
        if declared is None or not hasattr(declared.decl, "value"):
            return None
        value: syntax.Expr = given.get(declared.full_name, declared.decl.value)
        return value

    return find
