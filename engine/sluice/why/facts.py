"""What can be said of single events under a rule: place, values, the sides of a condition."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sluice.backends import Probe
from sluice.model import MISSING, Key, Lasting, Row, Type, event_id, mark_durations, part_value
from sluice.plan import (
    Atom,
    Expr,
    Names,
    RulePlan,
    atoms_of,
    conjuncts,
    names_of,
    path_text,
    taken_atoms,
    text_of,
)
from sluice.plan import exprs as x
from sluice.stream import Program, get_path, taken_at
from sluice.timing import Instant, format_duration, format_instant
from sluice.why.explanation import Moment, Sample
from sluice.why.recording import NOTHING, Held

Path = tuple[str | int, ...]

#: What stands on a time line anyway.
_TOLD = ("@time", "@type", "@id")

_OWN = {"@time": "time", "@type": "type", "@source": "source", "@partition": "partition"}

#: What a JSON value of a Python class is called.
_CLASSES = {
    str: "a string", bool: "a boolean", int: "a number", float: "a number", list: "an array",
    dict: "an object", Lasting: "a duration",
}  # fmt: skip


@dataclass(slots=True)
class Facts:
    """Reads recorded rows for people; `rule` is the rule as written."""

    rule: RulePlan
    program: Program
    probe: Probe

    @property
    def names(self) -> Names:
        """What the places of the rule are called."""
        return names_of(self.rule)

    def text(self, expr: Expr) -> str:
        """Return an expression as it is written."""
        return text_of(expr, self.names)

    def key(self, key: Key) -> dict[str, Any]:
        """Return a key as a JSON object."""
        parts = self.rule.keys
        held = key if len(parts) > 1 else (key,)
        return {
            part.name: json_value(part_value(value), part.type)
            for part, value in zip(parts, held, strict=bool(parts))
        }

    def value(self, row: Row, path: Path, kind: Type) -> Any:
        """Return the JSON value of a field; MISSING where there is none."""
        root = str(path[0])
        if root in _OWN:
            return json_value(getattr(row, _OWN[root]), kind)
        if root == "@id":
            return event_id(row)
        fields = self.program.row_state(row)[6]
        return json_value(get_path(fields, path), kind)

    def values(self, row: Row, fields: Iterable[x.Field]) -> dict[str, Any]:
        """Return fields by their names; a missing one is not there."""
        found = {}
        for each in fields:
            value = self.value(row, each.path, each.type)
            if value is not MISSING:
                found[path_text(each.path)] = value
        return found

    def moment(self, row: Row, atom: Atom, step: str, is_taken: bool = True) -> Moment:
        """Return an event as it stands on a time line, with the fields that its step asks for."""
        return Moment(
            row.time, event_id(row), row.type, step, atom.alias,
            atom.position if atom.position >= 0 else None,
            self.values(row, self.deciding(atom)), is_taken,
        )  # fmt: skip

    def sample(self, row: Row, atom: Atom) -> Sample:
        """Return an event as an example, with the fields that an atom asks for."""
        return Sample(row.time, event_id(row), self.values(row, self.deciding(atom)))

    def deciding(self, atom: Atom) -> list[x.Field]:
        """List the fields of an event that an atom, or another part of the rule, looks at."""
        found = list(fields_of(atom.where))
        first = next(taken_atoms(self.rule.pattern)).position
        if self.rule.unseen is not None and atom.position == first:
            found += [field for value in self.rule.unseen.values for field in fields_of(value)]
        for expr in self._judging():
            for node in x.walk(expr):
                if isinstance(node, x.AliasField) and atom.position in node.positions:
                    found.append(x.Field(node.path, node.type))
                elif isinstance(node, x.Agg):
                    if node.positions is None or atom.position in node.positions:
                        found += [f for f in fields_of(node) if isinstance(f, x.Field)]
        return [f for f in dict.fromkeys(found) if f.path[0] not in _TOLD]

    def _judging(self) -> Iterator[Expr]:
        for atom in atoms_of(self.rule):
            if atom.where is not None:
                yield atom.where
        if self.rule.having is not None:
            yield self.rule.having.condition
            yield from (value for _, value in self.rule.select)

    # ------------------------------------------------------------ conditions

    def verdict(
        self, condition: Expr, row: Row | None, taken: Held = NOTHING, key: Key = None,
        now: Instant | None = None,
    ) -> bool | None:  # fmt: skip
        """Say whether a condition is true, false or (None) unknown."""
        at = now if now is not None else row.time if row is not None else 0
        found = self.probe.judge(condition)(row, taken, key, at)
        return found if isinstance(found, bool) else None

    def failing(self, atom: Atom, row: Row, taken: Held = NOTHING, key: Key = None) -> list[Expr]:
        """List the parts of an atom's condition that are not true of an event."""
        parts = conjuncts(atom.where)
        return [p for p in parts if self.verdict(p, row, taken, key) is not True]

    def told(self, condition: Expr, row: Row | None, taken: Held = NOTHING, key: Key = None) -> str:
        """Tell how a condition that is not true came out: `x > 5 is false (x = 3)`."""
        verdict = self.verdict(condition, row, taken, key)
        because = self.because(condition, row, taken) if verdict is None else None
        inside = because or ", ".join(
            f"{name} = {shown(value)}" for name, value in self.sides(condition, row, taken).items()
        )
        word = {True: "true", False: "false", None: "unknown"}[verdict]
        return f"`{self.text(condition)}` is {word}" + (f" ({inside})" if inside else "")

    def sides(self, condition: Expr, row: Row | None, taken: Held = NOTHING) -> dict[str, Any]:
        """Return the fields that a condition looks at, by their names; missing ones are None."""
        found: dict[str, Any] = {}
        for node in x.walk(condition):
            name, value = self._operand(node, row, taken)
            if name:
                found[name] = None if value is MISSING else value
        return found

    def because(self, condition: Expr, row: Row | None, taken: Held = NOTHING) -> str:
        """Say why a condition is unknown: what is missing, null, or of another type."""
        missing, null, odd = [], [], []
        for node in x.walk(condition):
            name, value = self._operand(node, row, taken)
            if not name:
                continue
            if value is MISSING:
                missing.append(name)
            elif value is None:
                null.append(name)
            else:
                odd.append(f"{name} is {_CLASSES.get(value.__class__, 'a value')}: {shown(value)}")
        reasons = [f"{name} is missing" for name in missing] + [f"{name} is null" for name in null]
        return ", ".join(dict.fromkeys(reasons or odd))

    def _operand(self, node: Expr, row: Row | None, taken: Held) -> tuple[str, Any]:
        if isinstance(node, x.Field) and row is not None:
            return path_text(node.path), self.value(row, node.path, node.type)
        if isinstance(node, x.AliasField):
            held = taken_at(taken, node.positions, node.which)
            value = MISSING if held is None else self.value(held, node.path, node.type)
            return self.text(node), value
        return "", None


def fields_of(expr: Expr | None) -> Iterator[x.Field]:
    """Yield the fields of the event at hand that an expression reads."""
    if expr is not None:
        yield from (node for node in x.walk(expr) if isinstance(node, x.Field))


def json_value(value: Any, kind: Type) -> Any:
    """Return a run-time value as JSON: times are RFC 3339, durations are `Lasting`."""
    if kind.kind == "time" and isinstance(value, int):
        return format_instant(value)
    if kind.item is not None and isinstance(value, list):
        return [json_value(item, kind.item) for item in value]
    return mark_durations(value, kind)


def shown(value: Any) -> str:
    """Return a value for a sentence as a rule writes it; nothing is `-`."""
    if value is None or value is MISSING:
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, float):
        return f"{value:.6g}" if not value.is_integer() else str(int(value))
    if isinstance(value, Lasting):
        return format_duration(value)
    if isinstance(value, list):
        return _short(f"[{', '.join(map(shown, value))}]")
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{name}: {shown(each)}" for name, each in value.items())
        return _short(f"{{ {pairs} }}" if pairs else "{}")
    return str(value)


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:79] + "…"
