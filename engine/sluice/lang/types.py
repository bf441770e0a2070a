"""The rules of types: what compares, what arithmetic gives, what a literal converts to."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sluice.lang.declarations import FieldDecl, TypeExpr
from sluice.model import ANY, DURATION, FLOAT, INT, STRING, TIME, Field, Type
from sluice.timing import parse_duration, parse_instant

PathPart = str | int

#: What `any` never hides: a value of these types is only known by its schema.
SCHEMA_ONLY = ("time", "duration")


def type_of(expr: TypeExpr) -> Type:
    """Return the type that a declaration wrote down."""
    match expr.name:
        case "enum":
            return Type("enum", values=expr.values)
        case "list":
            return Type("list", item=type_of(expr.item) if expr.item else ANY)
        case "object":
            return Type("object", fields=fields_of(expr.fields))
        case _ if expr.fields:
            return Type("object", fields=fields_of(expr.fields))
        case name:
            return Type(name)


def fields_of(declared: Iterable[FieldDecl]) -> Mapping[str, Field]:
    """Return the fields of a declaration by name."""
    return {d.name: Field(type_of(d.type), d.type.optional) for d in declared}


@dataclass(frozen=True, slots=True)
class Found:
    """Where a path led: its type, whether it can be missing; `wrong` is the part that failed."""

    type: Type
    optional: bool = False
    wrong: int | None = None
    near: tuple[str, ...] = ()


def follow(start: Type, path: tuple[PathPart, ...], optional: bool = False) -> Found:
    """Follow a path below a type; parts of an unknown type are `any`."""
    current = start
    for place, part in enumerate(path):
        match current.kind:
            case "any":
                return Found(ANY, True)
            case "object" if not current.fields:
                current, optional = ANY, True
            case "object":
                found = current.fields.get(str(part)) if isinstance(part, str) else None
                if found is None:
                    return Found(ANY, True, place, tuple(current.fields))
                current, optional = found.type, optional or found.optional
            case "list" if isinstance(part, int):
                current, optional = current.item or ANY, True
            case _:
                return Found(ANY, True, place)
    return Found(current, optional)


def unify(types: Iterable[Type]) -> Type:
    """Return the one type of all, or `any` where they disagree."""
    distinct = list(dict.fromkeys(types))
    if not distinct:
        return ANY
    first = distinct[0]
    if all(t == first for t in distinct):
        return first
    if all(t.is_number for t in distinct):
        return FLOAT
    if all(t.is_text for t in distinct):
        return STRING
    return ANY


def can_equal(a: Type, b: Type) -> bool:
    """True when values of these types can be equal."""
    if "any" in (a.kind, b.kind):
        other = b if a.kind == "any" else a
        return other.kind not in ("regex", "null", *SCHEMA_ONLY)
    if a.is_number and b.is_number:
        return True
    if _is_wordy(a) and _is_wordy(b):
        return True
    return a.kind == b.kind and a.kind not in ("null", "regex")


def can_order(a: Type, b: Type) -> bool:
    """True when values of these types have an order."""
    if not can_equal(a, b):
        return False
    return not {a.kind, b.kind} & {"bool", "ip", "network", "list", "object"}


def _is_wordy(a: Type) -> bool:
    return a.is_text or a.kind in ("ip", "network")


def arithmetic(op: str, a: Type, b: Type) -> Type | None:
    """Return the type of `a op b`, None when it means nothing."""
    if a.kind in SCHEMA_ONLY or b.kind in SCHEMA_ONLY:
        return _time_arithmetic(op, a, b)
    if not all(t.is_number or t.kind == "any" for t in (a, b)):
        return None
    if op == "/":
        return FLOAT
    if "any" in (a.kind, b.kind):
        return ANY
    return INT if a.kind == b.kind == "int" else FLOAT


def _time_arithmetic(op: str, a: Type, b: Type) -> Type | None:
    if op == "*":
        scalar = b if a.kind == "duration" else a
        other = a if a.kind == "duration" else b
        fits = other.kind == "duration" and (scalar.is_number or scalar.kind == "any")
        return DURATION if fits else None
    table: Mapping[tuple[str, str, str], Type] = {
        ("time", "-", "time"): DURATION,
        ("time", "+", "duration"): TIME,
        ("time", "-", "duration"): TIME,
        ("duration", "+", "time"): TIME,
        ("duration", "+", "duration"): DURATION,
        ("duration", "-", "duration"): DURATION,
        ("duration", "/", "duration"): FLOAT,
    }
    return table.get((a.kind, op, b.kind))


def accepts(want: Type, have: Type) -> bool:
    """True when a value of type `have` can be given where `want` is asked for."""
    match want.kind, have.kind:
        case ("any", kind):
            return kind not in ("regex", "null", "network") or kind == "network"
        case (_, "any"):
            return True
        case ("string" | "enum", kind):
            return kind in ("string", "enum", "ip")
        case ("float" | "percent" | "ratio", _):
            return have.is_number
        case ("ip" | "network", kind):
            return kind in ("ip", "network", "string", "enum")
        case (a, b):
            return a == b


def convert(text: str, want: Type) -> Any:
    """Return the run-time value that a text stands for where `want` is known, None when none."""
    match want.kind:
        case "ip":
            return address_text(text)
        case "network":
            return network_text(text)
        case "time":
            return parse_instant(text)
        case "duration":
            return parse_duration(text)
        case _:
            return text


def address_text(text: str) -> str | None:
    """Return the canonical text of an IP address (`::ffff:10.0.0.7` is 10.0.0.7)."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(address)


def network_text(text: str) -> str | None:
    """Return the canonical text of a network or an address (as the network of itself)."""
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        return None


def describe(kind: Type) -> str:
    """Name a type in a message."""
    names = {"object": "an object", "int": "an int", "ip": "an ip", "any": "a value without schema"}
    return names.get(kind.kind, f"a {kind}")
