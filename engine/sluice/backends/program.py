"""A compiled rule set: the functions of event types, built when a type is first seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from sluice.backends.conditions import truth
from sluice.backends.dispatch import TypeCompiler
from sluice.backends.emit import Emitter
from sluice.backends.extracts import Extractor, extractor
from sluice.backends.layout import keys_read, layout_of
from sluice.backends.mismatches import Misfits, Readers
from sluice.backends.rows import row_maker, slot_value
from sluice.backends.rules import RuleCompiler
from sluice.catalog import Catalog
from sluice.codecs import Defect, mend_json, read_json
from sluice.lang import covers
from sluice.model import MISSING, Event, Row
from sluice.plan import DEFAULT_LIMITS, Limits, Plan
from sluice.stream import Mismatches, Pipeline, RuleCode
from sluice.timing import format_instant

#: For how many event types it is remembered what is read of them.
TYPES_MAX = 10_000

#: Every kind of record that `sluice run` can show.
ALL_KINDS = frozenset(
    {"match", "clear", "note", "mitigation", "pending", "event", "late", "rejected"}
)


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """What is read of what a pipeline finds, its caps, and whether matches show whole events.

    `kept` are kinds that somebody keeps who has the whole events already: of those also
    `extracted`, the events that extracts make, and `evidence`, all events of a match.
    """

    kinds: frozenset[str] = ALL_KINDS - {"event", "late", "rejected"}
    limits: Limits = DEFAULT_LIMITS
    whole_events: bool = False
    lateness_ms: int = 0
    #: Stateless rules wait for their turn too, so that all records come in order of time.
    in_order: bool = False
    kept: frozenset[str] = frozenset()


class CompiledRules:
    """The `Program` of a plan."""

    def __init__(self, plan: Plan, catalog: Catalog, keep_raw: bool) -> None:
        self.plan, self.catalog = plan, catalog
        self.layout = layout_of(plan)
        self.mismatches = Mismatches()
        misfits = Misfits(Readers(plan), self.mismatches)
        self._to_row = row_maker(self.layout, plan.schemas, keep_raw, misfits.add)
        self.keep_raw = keep_raw
        self.unfit: dict[str, int] = {}
        self._reads: dict[str, frozenset[str]] = {}
        self._functions: dict[tuple[str, bool, str], Callable[[Row], None] | None] = {}
        self._counted: frozenset[int] = frozenset()
        self.needs_places = True
        self.sources: list[str] = []
        codes = []
        for rank, rule in enumerate(rule for rule in plan.rules if not rule.disabled):
            emitter = Emitter(plan, catalog, self.layout, truth)
            code, source = RuleCompiler(rule, rank, emitter, self.mismatches).compile()
            codes.append(code)
            self.sources.append(f"# rule {rule.name}\n{source}")
        self.codes: tuple[RuleCode, ...] = tuple(codes)
        self._out = Emitter(plan, catalog, self.layout, truth)
        self.types = TypeCompiler(plan, self.codes, self._out, self.mismatches, misfits)
        self._heard = tuple(
            {t for code in codes for atom in code.atoms for t in atom.types}
            | {extract.source for extract in plan.extracts}
        )

    def bind(self, operators: dict[int, Callable[..., None]], counters: dict[int, Any]) -> None:
        """Take the operators that the functions of event types call, by rank.

        `counters` have a count `matches`, for rules that are only counted.
        """
        self.types.bind(operators, counters)
        if self._counted != counters.keys():
            self._counted = frozenset(counters)
            self._functions.clear()
        self.needs_places = self.keep_raw or counters.keys() != operators.keys()
        for rank, call in operators.items():
            self._out.names[f"o{rank}"] = call
        for rank, counter in counters.items():
            self._out.names[f"n{rank}"] = counter

    def function(self, type_: str, is_derived: bool, part: str) -> Callable[[Row], None] | None:
        """Return what runs the rules on an event of a type; None when none looks at it.

        It looks the operators up when it is called, so that it serves the next pipeline too.
        """
        key = (type_, is_derived, part)
        if key not in self._functions:
            if len(self._functions) >= TYPES_MAX:
                self._functions.clear()
            self._functions[key] = self._compiled(type_, is_derived, part)
        return self._functions[key]

    def _compiled(self, type_: str, is_derived: bool, part: str) -> Callable[[Row], None] | None:
        source = self.types.source(type_, is_derived, part)
        if source is None:
            return None
        names = self._out.names
        exec(compile(source, f"<events {type_!r}>", "exec"), names)
        function: Callable[[Row], None] = names.pop("on")
        return function

    def extractor(self, type_: str) -> Extractor | None:
        """Return what turns an event of a type into extracted events, if anything does."""
        return extractor(type_, self._out, self.unfit)

    def reads(self, type_: str) -> frozenset[str]:
        """Return the top-level fields (and attributes) that rules read of events of a type."""
        found = self._reads.get(type_)
        if found is None:
            if len(self._reads) >= TYPES_MAX:
                self._reads.clear()
            found = self._reads[type_] = keys_read(self.plan, type_)
        return found

    def to_row(self, event: Event) -> Row:
        """Return the row of an event."""
        return self._to_row(event)

    def row_state(self, row: Row) -> list[Any]:
        """Return a row as plain data, its fields by name."""
        fields = {}
        for slot in self.layout.roots:
            value = slot_value(slot, row)
            if value is not MISSING:
                fields[str(slot.path[0])] = value
        own = [row.time, row.type, row.id, row.source, row.partition, row.offset]
        return [*own, fields, _raw_state(row.raw)]

    def row_from(self, state: list[Any]) -> Row:
        """Return the row that plain data stand for."""
        time, type_, id_, source, partition, offset, fields, raw = state
        event = Event(type_, time, fields, id_, source, partition, offset)
        row = self._to_row(event)
        row.raw = None if raw is None else raw if isinstance(raw, bytes) else Event(*raw)
        return row

    def heard(self, type_: str) -> bool:
        """Say whether some rule or extract listens to a derived type."""
        return any(covers(pattern, type_, True) for pattern in self._heard)

    def whole(self, row: Row) -> dict[str, Any]:
        """Return the whole event of a row as a JSON object that can be read again."""
        raw = row.raw
        if isinstance(raw, bytes | memoryview):
            fields = _fields_of(bytes(raw))
        elif isinstance(raw, Event):
            fields = dict(raw.fields)
            if isinstance(fields.get("@started"), int):
                fields["@started"] = format_instant(fields["@started"])
        else:
            fields = {}
        own = {"@type": row.type, "@time": format_instant(row.time)}
        if row.id is not None:
            own["@id"] = row.id
        if row.source:
            own["@source"] = row.source
        for name in ("subject", "zone", "key") if isinstance(raw, Event) else ():
            held = getattr(raw, name)
            if held is not None:
                own[f"@{name}"] = held
        return own | {k: v for k, v in fields.items() if k not in own}


def _fields_of(line: bytes) -> dict[str, Any]:
    """Return the fields of a line, of which only those that rules read were checked."""
    fields = read_json(line)
    if isinstance(fields, Defect):
        mended = mend_json(line)
        fields = {} if isinstance(mended, Defect) else mended.value
    return dict(fields)


def _raw_state(raw: Any) -> Any:
    if isinstance(raw, Event):
        return list(msgspec.structs.astuple(raw))
    return None if raw is None else bytes(raw)


def build(plan: Plan, catalog: Catalog, options: BuildOptions | None = None) -> Pipeline:
    """Compile a plan to Python and return the pipeline that runs it."""
    options = options or BuildOptions()
    keep_raw = options.whole_events or "late" in options.kinds
    program = CompiledRules(plan, catalog, keep_raw)
    return Pipeline(
        program,
        options.kinds | options.kept,
        options.limits,
        options.lateness_ms,
        options.whole_events,
        options.in_order,
    )


def generated_source(plan: Plan, catalog: Catalog, types: tuple[str, ...] = ()) -> str:
    """Return the Python that runs a plan: its rules, then a function for each event type."""
    program = CompiledRules(plan, catalog, False)
    named = {t for code in program.codes for atom in code.atoms for t in atom.types}
    shown = types or tuple(sorted(t for t in named if t != "any" and not t.endswith(".*")))
    parts = list(program.sources)
    for type_ in shown:
        source = program.types.source(type_, type_.startswith(("match.", "clear.")), "all")
        if source is not None:
            parts.append(f"# events of type {type_}\n{source}")
    return "\n".join(parts)
