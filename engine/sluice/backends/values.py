"""Expressions become Python expressions whose value is None when it is unknown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sluice.backends import operations as ops
from sluice.backends.emit import Emitter, View
from sluice.backends.layout import OWN_ATTRIBUTES, Path
from sluice.model import ANY, MISSING, Type
from sluice.plan import exprs as x
from sluice.stream import get_path, taken_at

_ARITHMETIC = {"+": ops.plus, "-": ops.minus, "*": ops.times, "/": ops.over}
_CONVERTED = (
    "ip",
    "time",
    "duration",
    "int",
    "float",
    "percent",
    "ratio",
    "string",
    "bool",
    "enum",
)


def value(node: x.Expr, view: View, out: Emitter) -> str:
    """Write an expression as Python; None stands for null, missing and failed."""
    match node:
        case x.Const(constant):
            return out.literal(constant)
        case x.Field(path, type_):
            assert view.event is not None, node
            return _field(view.event, path, type_, view, out)
        case x.AliasField():
            return _alias_field(node, view, out)
        case x.KeyValue(index):
            part = out.name("key_value", ops.key_value, ops.key_value)
            return f"{part}({view.key}, {index}, {out.names['WIDTH']})"
        case x.Selected(index):
            assert view.selected is not None, node
            return view.selected(index)
        case x.Variable(name, path, _):
            return _below(view.variables[name], path, out)
        case x.Group(name):
            return f"{view.groups}.get({name!r})"
        case x.Now():
            return view.now
        case _:
            return _computed(node, view, out)


def _computed(node: x.Expr, view: View, out: Emitter) -> str:
    """Write what is computed from other expressions."""
    match node:
        case x.Arith(left=left, right=right):
            function = out.name("arith", _arithmetic(node), _arithmetic(node))
            return f"{function}({value(left, view, out)}, {value(right, view, out)})"
        case x.Neg(operand):
            return f"{out.name('neg', ops.negate, ops.negate)}({value(operand, view, out)})"
        case x.Func():
            return _call(node, view, out)
        case x.Get(target, path, _):
            return _below(value(target, view, out), path, out)
        case x.Lookup(table, key, column, _):
            rows = out.name("table", ops.Column(out.plan.tables[table], column), (table, column))
            return f"{rows}({value(key, view, out)})"
        case x.Agg():
            return _aggregate(node, view, out)
        case _:
            return out.three_valued(node, view)


def _arithmetic(node: x.Arith) -> Callable[[Any, Any], Any]:
    """Return what computes a node: a duration times a number stays whole milliseconds."""
    if node.type.kind == "duration" and node.op in ("*", "/"):
        return ops.scaled if node.op == "*" else ops.divided
    return _ARITHMETIC[node.op]


def _field(event: str, path: Path, type_: Type, view: View, out: Emitter) -> str:
    raw = raw_field(event, path, view, out)
    slot = None if path[0] in OWN_ATTRIBUTES or path[0] == "@id" else out.layout.of(path)
    if slot is None:
        return raw
    if slot.rest:
        raw = f"{out.name('known', ops.known, ops.known)}({raw})"
        if type_.kind in _CONVERTED:
            convert = out.name("coerce", ops.Converted(type_), str(type_))
            return f"{convert}({raw})"
        return raw
    if slot.null:
        name = out.temporary()
        missing = out.name("MISSING", MISSING, "MISSING")
        return f"(None if ({name} := {raw}) is {missing} else {name})"
    return raw


def raw_field(event: str, path: Path, view: View, out: Emitter) -> str:
    """Write the access to a field, MISSING where its slot keeps missing and null apart."""
    own = OWN_ATTRIBUTES.get(str(path[0]))
    if own is not None:
        return f"{event}.{own}"
    if path[0] == "@id":
        return f"{out.name('event_id', ops.event_id, 'event_id')}({event})"
    slot = out.layout.of(path)
    root = f"{event}.{slot.name}"
    if event == view.event:
        root = view.slots.get(slot.name, root)
    if not slot.rest:
        return root
    return f"{out.name('get_path', get_path, 'get_path')}({root}, {slot.rest!r})"


def _below(target: str, path: Path, out: Emitter) -> str:
    if not path:
        return target
    known = out.name("known", ops.known, ops.known)
    return f"{known}({out.name('get_path', get_path, 'get_path')}({target}, {path!r}))"


def _alias_field(node: x.AliasField, view: View, out: Emitter) -> str:
    row = out.temporary()
    at = out.name("taken_at", taken_at, "taken_at")
    found = f"({row} := {at}({view.taken}, {node.positions!r}, {node.which}))"
    return f"(None if {found} is None else {_field(row, node.path, node.type, view, out)})"


def _call(node: x.Func, view: View, out: Emitter) -> str:
    function = out.catalog.functions[node.name]
    call = out.name(f"fn_{node.name.replace('.', '_')}_", function.call, node.name)
    first = [view.now] if function.needs_now else []
    args = [
        out.three_valued(arg, view) if i in function.conditions else value(arg, view, out)
        for i, arg in enumerate(node.args)
    ]
    if function.lenient:
        return f"{call}({', '.join(first + args)})"
    names = [out.temporary() for _ in args]
    unknown = " or ".join(
        f"({name} := {arg}) is None" for name, arg in zip(names, args, strict=True)
    )
    call = f"{call}({', '.join(first + names)})"
    return f"(None if {unknown} else {call})" if unknown else call


def _aggregate(node: x.Agg, view: View, out: Emitter) -> str:
    if node.over == "window":
        assert view.aggregate is not None, node
        return view.aggregate(node)
    assert node.inner is None and node.positions is not None
    entry = out.catalog.aggregates[node.name]
    inner = view.at(event="r", slots={})
    if node.argument is None:
        taken = "True"
    elif entry.argument == "condition":
        taken = out.truth(node.argument, inner, out, True)
    else:
        taken = value(node.argument, inner, out)
    where = "True"
    if node.where is not None:
        where = out.truth(node.where, inner, out, True)
    argument = node.argument.type if node.argument is not None else ANY
    same = (node.name, node.params, str(argument))
    make = out.name("make", ops.maker(entry, argument, node.params), same)
    over = out.name("over_alias", ops.over_alias, "over_alias")
    scope = f"lambda r: ({taken}) if {where} else None"
    return f"{over}({make}, {view.taken}, {node.positions!r}, {scope})"


def is_text(node: x.Expr, out: Emitter) -> bool:
    """True when the value is a string or None, whatever the event holds."""
    return _slot_kind(node, out) == "str" or node.type.kind in ("string", "enum", "ip")


def is_number(node: x.Expr, out: Emitter) -> bool:
    """True when the value is a number or None, whatever the event holds."""
    kinds = ("int", "float", "percent", "ratio", "time", "duration")
    return _slot_kind(node, out) == "num" or node.type.kind in kinds


def _slot_kind(node: x.Expr, out: Emitter) -> str | None:
    if isinstance(node, x.Field | x.AliasField):
        path: Any = node.path
        if path[0] in OWN_ATTRIBUTES or path[0] == "@id":
            return None
        slot = out.layout.of(path)
        return None if slot.rest else slot.kind
    if isinstance(node, x.Const):
        if isinstance(node.value, str):
            return "str"
        if isinstance(node.value, int | float) and not isinstance(node.value, bool):
            return "num"
    return None
