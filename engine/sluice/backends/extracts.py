"""Compile `extract`: the regular expressions of a source type, and the events they give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sluice.backends.conditions import truth
from sluice.backends.emit import Emitter, View
from sluice.backends.rules import json_of
from sluice.backends.values import value
from sluice.catalog import Regex, compile_regex
from sluice.lang import covers
from sluice.model import Event, Row, Type, coerce, event_id
from sluice.plan import ExtractLine, ExtractPlan

Extract = Callable[[Row], list[Event]]


class Extractor:
    """All extracts of one source type; counts the events that no line fits."""

    def __init__(self, tries: list[Callable[[Row], Event | None]], unfit: dict[str, int]) -> None:
        self._tries, self._unfit = tries, unfit

    def __call__(self, row: Row) -> list[Event]:
        found = [event for attempt in self._tries if (event := attempt(row)) is not None]
        if not found:
            self._unfit[row.type] = self._unfit.get(row.type, 0) + 1
        return found


def extractor(type_: str, out: Emitter, unfit: dict[str, int]) -> Extractor | None:
    """Return the extractor of a source type, None when nothing is extracted from it."""
    extracts = [e for e in out.plan.extracts if covers(e.source, type_, False)]
    if not extracts:
        return None
    return Extractor([_attempt(extract, out) for extract in extracts], unfit)


def _attempt(extract: ExtractPlan, out: Emitter) -> Callable[[Row], Event | None]:
    schema = out.plan.schemas.get(extract.type)
    types = {name: f.type for name, f in schema.fields.items()} if schema is not None else {}
    where = _compiled(truth(extract.where, View(now="e.time"), out), out) if extract.where else None
    lines = [_line(line, types, out) for line in extract.lines]
    target = extract.type

    def attempt(row: Row) -> Event | None:
        if where is not None and not where(row, None):
            return None
        for line in lines:
            fields = line(row)
            if fields is not None:
                return Event(
                    target, row.time, fields, id=f"{event_id(row)}/{target}", source=row.source,
                    partition=row.partition, offset=row.offset,
                )  # fmt: skip
        return None

    return attempt


def _compiled(text: str, out: Emitter) -> Callable[[Row, Any], Any]:
    function: Callable[[Row, Any], Any] = eval(
        compile(f"lambda e, g: {text}", "<extract>", "eval"), out.names
    )
    return function


def _line(
    line: ExtractLine, types: dict[str, Type], out: Emitter
) -> Callable[[Row], dict[str, Any] | None]:
    regex = compile_regex(line.pattern, line.flags)
    assert isinstance(regex, Regex), regex
    text_of = _compiled(value(line.path, View(now="e.time"), out), out)
    view = View(now="e.time", groups="g")
    extra = [
        (name, _compiled(value(expr, view, out), out), json_of(expr.type))
        for name, expr in line.fields
    ]
    converts = [(name, types.get(name)) for name in regex.group_names]
    groups_of = regex.groups

    def fields_of(row: Row) -> dict[str, Any] | None:
        text = text_of(row, None)
        if text.__class__ is not str:
            return None
        found = groups_of(text)
        if found is None:
            return None
        groups: dict[str, Any] = {}
        for name, type_ in converts:
            group = found[name]
            if group is not None:
                groups[name] = group if type_ is None else converted(group, type_)
        fields = dict(groups)
        for name, compute, convert in extra:
            made = convert(compute(row, groups))
            if made is None:
                fields.pop(name, None)
            else:
                fields[name] = made
        return fields

    return fields_of


def converted(text: str, type_: Type) -> Any:
    """Return the text of a group as a value of the schema's type; as it is when it does not fit."""
    match type_.kind:
        case "int":
            digits = text[1:] if text[:1] in "+-" else text
            return int(text) if digits.isdecimal() and digits.isascii() else text
        case "float" | "percent" | "ratio":
            try:
                number = float(text)
            except ValueError:
                return text
            return number if number - number == 0 else text
        case "bool":
            return {"true": True, "false": False}.get(text.lower(), text)
        case "ip":
            canonical = coerce(text, type_)
            return text if canonical is None else canonical
        case _:
            return text
