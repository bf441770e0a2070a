"""Rows of the stream engine from the typed columns of a lake, without JSON in between.

A column holds its values exactly, with one exception: a DOUBLE does not tell 5 from 5.0. Where
that could be seen, and where a file has no columns, an event is read from its text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sluice.backends.duckdb.fields import TIME, TYPE
from sluice.backends.duckdb.query import LakeFiles
from sluice.backends.duckdb.sqltext import FALSE, any_of, name
from sluice.backends.layout import Path, Slot, plan_expressions
from sluice.backends.program import CompiledRules
from sluice.backends.rows import Fill, row_class, slot_fills
from sluice.codecs import ATTRIBUTE_KEYS, Defect, mend_json, read_json
from sluice.model import MISSING, Event, Row
from sluice.plan import Plan
from sluice.plan import exprs as x
from sluice.stream import Pipeline

#: What every row has, in the order of `Row`; `whole` is the text of an event that is read from it.
_HEAD = (TIME, TYPE, '"@id"', '"@source"', '"@partition"', '"@offset"', "whole")
_TAIL = ('"@subject"', '"@zone"', '"@key"')
_WHOLE = _HEAD.index("whole")

#: The order in which the stream engine takes events; what is extracted follows its source.
ORDER = f'{TIME}, "@source", "@partition", "@offset", "@id" NULLS FIRST, {TYPE}'

#: Which columns a slot takes values from; of other columns it takes none.
_TAKEN: Mapping[str, frozenset[str]] = {
    "num": frozenset({"BIGINT", "DOUBLE", "JSON"}),
    "str": frozenset({"VARCHAR", "JSON"}),
    "any": frozenset({"VARCHAR", "BIGINT", "DOUBLE", "BOOLEAN", "JSON"}),
    "struct": frozenset({"JSON"}),
}

#: Makes rows of what a query fetches.
MakeRows = Callable[[Sequence[Any]], list[Row]]


@dataclass(frozen=True, slots=True)
class RowColumns:
    """The columns of which rows are made: the slots of a layout with the type of the column each
    is read from. Without slots every event is read from its text.
    """

    program: CompiledRules
    slots: tuple[Slot, ...]
    kinds: tuple[str, ...]
    #: Fields of which more is asked than how they compare.
    told: frozenset[str]
    is_typed: bool
    may_be_whole: bool

    @property
    def names(self) -> tuple[str, ...]:
        """The columns of the query, in order."""
        values = tuple(f"v{place}" for place in range(len(self.slots)))
        return (*_HEAD, *values, *(_TAIL if self.may_be_whole else ()))

    def select(self, files: LakeFiles) -> str:
        """Write these columns over files, all but time and type."""
        read = _readings(self, files)
        whole, values = "raw", [f"NULL::{_sql(kind)}" for kind in self.kinds]
        if read is not None:
            values, doubtful = read
            whole = "NULL" if doubtful == FALSE else f"CASE WHEN {doubtful} THEN raw END"
        columns = ['"@id"', 'coalesce("@source", \'\') AS "@source"', '"@partition"', '"@offset"']
        columns.append(f"CAST({whole} AS VARCHAR) AS whole")
        columns += [f"{value} AS v{place}" for place, value in enumerate(values)]
        return ", ".join([*columns, *(_TAIL if self.may_be_whole else ())])

    def maker(self, pipeline: Pipeline) -> MakeRows:
        """Return what makes the rows of a pipeline with this layout."""
        program = pipeline.program
        assert isinstance(program, CompiledRules)
        if not self.is_typed:
            to_row = program.to_row
            return lambda fetched: [to_row(_event(values)) for values in fetched]
        held = zip(self.slots, self.kinds, strict=True)
        parsed = tuple(slot for slot, kind in held if kind == "JSON")
        if not self.may_be_whole and not parsed:
            make = row_class(program.layout)
            return lambda fetched: [make(*values) for values in fetched]
        made = _Rows(program, len(_HEAD) + len(self.slots), parsed)
        return lambda fetched: list(map(made.row, fetched))


def row_columns(pipelines: Iterable[Pipeline], files: Sequence[LakeFiles]) -> RowColumns:
    """Return the columns of which some pipelines make rows."""
    programs = [p.program for p in pipelines if isinstance(p.program, CompiledRules)]
    first = programs[0]
    slots = first.layout.roots
    is_typed = (
        not first.keep_raw
        and all(program.layout == first.layout for program in programs)
        and not any(slot.null or str(slot.path[0])[0] == "@" for slot in _all_slots(slots))
    )
    if not is_typed:
        return RowColumns(first, (), (), frozenset(), False, True)
    kinds = tuple(_kind(slot, first, files) for slot in slots)
    told = frozenset(field for program in programs for field in _told(program.plan))
    found = RowColumns(first, slots, kinds, told, True, True)
    is_sure = all((read := _readings(found, each)) and read[1] == FALSE for each in files)
    return RowColumns(first, slots, kinds, told, True, not is_sure)


def _all_slots(slots: Iterable[Slot]) -> Iterable[Slot]:
    for slot in slots:
        yield slot
        yield from slot.inner


def _kind(slot: Slot, program: CompiledRules, files: Sequence[LakeFiles]) -> str:
    """Return the type of column that most files have for a slot."""
    if slot.kind == "struct":
        return "JSON"
    field = str(slot.path[0])
    counts: Counter[str] = Counter()
    for each in files:
        kind = (each.columns or {}).get(field)
        if kind in _TAKEN[slot.kind] and each.type is not None:
            counts[kind] += len(each.paths) if field in program.reads(each.type) else 0
    return max(counts, key=lambda kind: (counts[kind], kind), default="VARCHAR")


def _readings(columns: RowColumns, files: LakeFiles) -> tuple[list[str], str] | None:
    """Write what is read for each slot, and when it may be wrong; None: it cannot be told."""
    if not columns.is_typed or files.columns is None or files.type is None:
        return None
    reads = columns.program.reads(files.type)
    spelled = {"raw", *(held.lower() for held in files.columns)}
    values, doubtful = [], []
    for slot, kind in zip(columns.slots, columns.kinds, strict=True):
        field = str(slot.path[0])
        own = files.columns.get(field)
        if field not in reads or (own is not None and own not in _TAKEN[slot.kind]):
            own = None
        elif own is None and (files.has_spilled or field.lower() in spelled):
            return None
        if own is None:
            values.append(f"NULL::{_sql(kind)}")
            continue
        if own != kind:
            return None
        values.append(f"CAST({name(field)} AS VARCHAR)" if kind == "JSON" else name(field))
        if kind == "DOUBLE" and field in columns.told:
            doubtful.append(f"{name(field)} = trunc({name(field)})")
    return values, any_of(doubtful) if doubtful else FALSE


def _sql(kind: str) -> str:
    return "VARCHAR" if kind == "JSON" else kind


def _told(plan: Plan) -> Iterable[str]:
    """Yield the fields of which a rule asks more than how they compare with something."""
    for expr in plan_expressions(plan):
        if isinstance(expr, x.Field | x.AliasField):
            yield str(expr.path[0])
        for node in x.walk(expr):
            if isinstance(node, x.AliasField):
                yield str(node.path[0])
            elif not isinstance(node, x.Cmp | x.InValues | x.Exists):
                held = (child for child in x.children(node) if isinstance(child, x.Field))
                yield from (str(child.path[0]) for child in held)


# ---------------------------------------------------------------- rows


class _Rows:
    """Makes rows of columns of which some hold JSON, or of whole events."""

    def __init__(self, program: CompiledRules, width: int, parsed: tuple[Slot, ...]) -> None:
        self._make, self._to_row = row_class(program.layout), program.to_row
        self._width, self._parsed, self._schemas = width, parsed, program.plan.schemas
        self._fills: dict[str, tuple[tuple[str, Fill, Any], ...]] = {}

    def row(self, values: tuple[Any, ...]) -> Row:
        """Return the row of what was fetched for one event."""
        if values[_WHOLE] is not None:
            return self._to_row(_event(values))
        row: Row = self._make(*values[: self._width])
        type_ = row.type
        for slot, fill, default in self._fills.get(type_) or self._fills_of(type_):
            held = getattr(row, slot)
            value = MISSING if held is None else fill(_value(held.encode()), type_)
            setattr(row, slot, default if value is MISSING else value)
        return row

    def _fills_of(self, type_: str) -> tuple[tuple[str, Fill, Any], ...]:
        schema, default = self._schemas.get(type_), self._make(0)
        fills = slot_fills(self._parsed, {} if schema is None else schema.fields, _uncounted)
        found = tuple((slot, fill, getattr(default, slot)) for slot, _, fill in fills)
        self._fills[type_] = found
        return found


def _uncounted(type_: str, path: Path) -> None:
    """A backtest does not tell how many values did not fit."""


def _event(values: tuple[Any, ...]) -> Event:
    at, type_, id_, source, partition, offset, raw = values[: len(_HEAD)]
    return Event(type_, at, _fields(raw.encode()), id_, source, partition, offset, *values[-3:])


def _fields(line: bytes) -> dict[str, Any]:
    """Return the fields of an event's text: all its members but the attributes."""
    value = _value(line)
    if value.__class__ is not dict:
        return {}
    if ATTRIBUTE_KEYS.isdisjoint(value):
        return value
    return {name: held for name, held in value.items() if name not in ATTRIBUTE_KEYS}


def _value(written: bytes) -> Any:
    """Return the value of a JSON text, as far as it can be read."""
    value = read_json(written)
    if isinstance(value, Defect):
        mended = mend_json(written)
        return None if isinstance(mended, Defect) else mended.value
    return value
