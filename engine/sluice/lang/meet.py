"""Give a literal the type of what it meets: a text an address, a percentage its unit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sluice.lang.scope import Inference, did_you_mean
from sluice.lang.syntax import Expr
from sluice.lang.typed import Constant, Share, Typed
from sluice.lang.types import convert, describe
from sluice.model import ANY, FLOAT, IP, Type

CONVERTED = ("ip", "network", "time", "duration")


def meet(inference: Inference, left: Typed, right: Typed) -> tuple[Typed, Typed]:
    """Return both sides of a comparison, literals converted to the type of the other side."""
    return towards(inference, left, right.type), towards(inference, right, left.type)


def towards(inference: Inference, typed: Typed, other: Type) -> Typed:
    """Return a literal as the other type wants it, everything else as it is."""
    if isinstance(typed.bound, Share):
        return _share(inference, typed, other)
    if not isinstance(typed.bound, Constant) or typed.type.kind != "string":
        return typed
    if other.kind in CONVERTED:
        value = convert(typed.value, IP if other.kind == "network" else other)
        if value is None:
            inference.findings.add(
                "SL0305", typed.span, f'"{typed.value}" is not {describe(other)}', _example(other)
            )
            return Typed(typed.node, ANY, (), Constant(None))
        kind = IP if other.kind == "network" else other
        return replace(typed, type=kind, bound=Constant(value))
    if other.kind == "enum" and typed.value not in other.values:
        inference.findings.add(
            "SL0312", typed.span, f'"{typed.value}" is none of {other}',
            did_you_mean(typed.value, other.values),
        )  # fmt: skip
    return typed


def _example(kind: Type) -> str | None:
    examples = {
        "ip": 'an address: `"10.0.0.7"`',
        "time": 'a time: `"2026-10-25T00:30:00Z"`',
        "duration": "a duration: `1h30m`",
    }
    return examples.get(kind.kind)


def _share(inference: Inference, typed: Typed, other: Type) -> Typed:
    share = typed.bound
    assert isinstance(share, Share)
    if other.kind == "ratio":
        return Typed(typed.node, other, (), Constant(share.percent / 100))
    if other.kind == "percent":
        return Typed(typed.node, other, (), Constant(_plain(share.percent)))
    if other.is_number or other.kind == "any":
        inference.findings.add(
            "SL0514", typed.span,
            f"`{_plain(share.percent)}%` means {_plain(share.percent)} here",
            "declare the field as `percent` (80) or `ratio` (0.8), or write the number",
        )  # fmt: skip
    else:
        inference.findings.add("SL0307", typed.span, f"{describe(other)} has no percentage")
    return Typed(typed.node, FLOAT, (), Constant(_plain(share.percent)))


def _plain(number: float) -> float:
    return int(number) if float(number).is_integer() else number


def meet_all(
    inference: Inference, item: Typed, node: Expr, entries: tuple[Any, ...]
) -> tuple[Any, ...]:
    """Return the texts of a literal list as the type of the item wants them."""
    if item.type.kind not in CONVERTED:
        return entries
    kind = IP if item.type.kind == "network" else item.type
    found = [(text, convert(text, kind)) for text in entries]
    for text, value in found:
        if value is None:
            inference.findings.add("SL0305", node.span, f'"{text}" is not {describe(kind)}')
    return tuple(value for _, value in found if value is not None)


def constant_of(typed: Typed) -> Any:
    """Return the value of a literal."""
    assert isinstance(typed.bound, Constant)
    return typed.bound.value
