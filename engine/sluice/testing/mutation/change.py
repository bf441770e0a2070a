"""One change of a rule file: where, from what, to what."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from sluice.errors import Span
from sluice.lang import syntax as tree


@dataclass(frozen=True, slots=True)
class Change:
    """A part of a rule, and what stands there instead; nothing when it is taken away.

    `before` is what to show instead of the text of the part.
    """

    span: Span
    after: str | None
    before: str | None = None


#: A change, and the node with it.
Variant = tuple[Change, Any]


def gone(node: Any) -> Change:
    """Return the change that takes a node away."""
    return Change(node.span, None)


def parts(node: Any, skipped: frozenset[str]) -> list[tuple[str, int | None, Any]]:
    """Return the nodes directly below a node: field, place in its tuple, node.

    A pair of a name and a value counts as its value.
    """
    found: list[tuple[str, int | None, Any]] = []
    for spec in fields(node):
        if spec.name in skipped:
            continue
        value = getattr(node, spec.name)
        if isinstance(value, tuple):
            for place, item in enumerate(value):
                below = item[1] if isinstance(item, tuple) else item
                if is_dataclass(below):
                    found.append((spec.name, place, below))
        elif is_dataclass(value) and not isinstance(value, Span):
            found.append((spec.name, None, value))
    return found


def with_part(node: Any, name: str, place: int | None, new: Any) -> Any:
    """Return a node with one of its parts replaced."""
    if place is None:
        return replace(node, **{name: new})
    items = list(getattr(node, name))
    items[place] = (items[place][0], new) if isinstance(items[place], tuple) else new
    return replace(node, **{name: tuple(items)})


def without_part(node: Any, name: str, place: int) -> Any:
    """Return a node with one item of a tuple left out."""
    items = getattr(node, name)
    changed: dict[str, Any] = {name: (*items[:place], *items[place + 1 :])}
    spans = node.name_spans if isinstance(node, tree.ObjectLiteral) else ()
    if spans:
        changed["name_spans"] = (*spans[:place], *spans[place + 1 :])
    return replace(node, **changed)
