"""The commands of `testdata/lang`: a rule file in, its tree, its diagnostics or its format out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from sluice.errors import picture
from sluice.lang import File, format_file, parse, syntax
from sluice.testing.datadriven import Args, Command


def tree(node: Any) -> str:
    """Write a node as a compact s-expression; what has its default value is left out."""
    match node:
        case syntax.Number(text=text) | syntax.Address(text) | syntax.Network(text):
            return text
        case syntax.DurationLiteral(ms):
            return f"{ms}ms"
        case syntax.Name(name, quoted):
            return f"`{name}`" if quoted else name
        case syntax.Member(target, name):
            return f"{tree(target)}.{name}"
        case syntax.String(value):
            return repr(value)
        case tuple():
            return f"[{' '.join(tree(each) for each in node)}]"
        case None | bool() | int() | float():
            return str(node)
        case str():
            return node if node.isidentifier() else repr(node)
    assert is_dataclass(node)
    return f"({' '.join([type(node).__name__, *_parts(node)])})"


def _parts(node: Any) -> list[str]:
    parts = []
    for each in fields(node):
        value = getattr(node, each.name)
        if each.name.endswith(("span", "spans")) or each.name == "comments":
            continue
        if value == each.default:
            continue
        word = "" if each.default is each.default_factory else f"{each.name}="
        parts.append(f"{word}{tree(value)}")
    return parts


def _parse(args: Args, text: str) -> str:
    parsed = parse(text, "a.sluice")
    if parsed.diagnostics:
        return _pictures(text)
    return "\n".join(tree(each) for each in parsed.file.declarations)


def _diagnose(args: Args, text: str) -> str:
    kept = [type(each).__name__ for each in parse(text, "a.sluice").file.declarations]
    return "\n".join([_pictures(text), *([f"kept: {' '.join(kept)}"] if kept else [])])


def _pictures(text: str) -> str:
    found = [picture(each, text) for each in parse(text, "a.sluice").diagnostics]
    return "\n".join(found) or "no errors"


def _format(args: Args, text: str) -> str:
    """Format, and hold the formatter to its two laws."""
    parsed = parse(text, "a.sluice")
    once = format_file(parsed)
    again = parse(once, "a.sluice")
    assert again.file == parsed.file
    assert format_file(again) == once
    assert _texts(again.file) == _texts(parsed.file)
    return once


def _texts(file: File) -> list[str]:
    return [comment.text for comment in file.comments]


COMMANDS: Mapping[str, Command] = {"parse": _parse, "diagnose": _diagnose, "format": _format}
