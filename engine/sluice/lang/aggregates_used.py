"""Find out whether an expression speaks of an aggregate, through `def`s too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any

import sluice.lang.syntax as tree
from sluice.lang.declarations import Def
from sluice.lang.infer_calls import HISTORY
from sluice.lang.scope import Inference, Scope
from sluice.lang.syntax import Expr


def mentions_aggregate(
    inference: Inference, expr: Expr, file: str, seen: frozenset[str] = frozenset()
) -> bool:
    """True when the expression, or a `def` that it uses, calls an aggregate."""
    catalog = inference.catalog
    for node in nodes(expr):
        if isinstance(node, tree.Call):
            known = node.name in catalog.aggregates or node.name in HISTORY
            if known and (node.name not in catalog.functions or len(node.args) == 1):
                return True
        if isinstance(node, tree.Call | tree.Name) and node.name not in seen:
            declared = inference.declared(Scope(file), node.name)
            if declared is not None and isinstance(declared.decl, Def):
                inner = declared.decl.expr
                if mentions_aggregate(inference, inner, declared.file, seen | {node.name}):
                    return True
    return False


def nodes(node: Any) -> Iterator[Any]:
    """Yield a syntax node and everything below it."""
    if isinstance(node, tuple):
        for item in node:
            yield from nodes(item)
    elif is_dataclass(node):
        yield node
        for name in _parts_of(node.__class__):
            yield from nodes(getattr(node, name))


@cache
def _parts_of(kind: type) -> tuple[str, ...]:
    """Return the fields of a kind of node but those that say where it stands."""
    return tuple(f.name for f in fields(kind) if not f.name.endswith(("span", "spans")))
