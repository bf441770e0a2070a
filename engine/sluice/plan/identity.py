"""Name the part of a rule that decides its matches, so that its state survives what does not.

The numbered normal form is JSON: a node is `{"is": class, field: value}` without the fields that
have their default value, so neither the order of fields nor a new field with a default changes
it. What it leaves out, and what it writes in another way:

* names of aliases and variables: positions and depths stand for them;
* types of computed expressions: they follow from those of fields, constants and table columns.
  The members of an object type are left out too, every path below it has its own type;
* a `select` value in `having` is its expression, a literal list its values;
* a list from a file is its name and kind.

`select`, effects, cooldown, metadata and the rule's name take no part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from typing import Any

from sluice.model import STRING, Type, canonical, digest
from sluice.plan.exprs import (
    AliasField,
    Const,
    Expr,
    Field,
    InNetworks,
    InValues,
    Lookup,
    Matches,
    Quantified,
    Selected,
    TextTest,
    Variable,
)  # fmt: skip
from sluice.plan.nodes import ListValues, RulePlan

#: The number of the normal form; another form is another number, and state is lost.
NORMAL_FORM = 1

VERSION_DIGITS = 16

#: Fields that are names: of aliases for people, of variables by their depth.
_UNNAMED = frozenset({"alias", "variable"})

#: Nodes whose type is said by the author or a schema, not computed from their parts.
_TYPED = (Const, Field, AliasField, Variable, Lookup)

#: Where a list's entries stand in a node that tests against a list.
_ENTRIES = {
    InValues: "values", InNetworks: "networks", TextTest: "patterns", Matches: "regexes",
}  # fmt: skip


def version_of(rule: RulePlan, lists: Mapping[str, ListValues]) -> str:
    """Return 16 hex digits that name what decides the matches of a rule, before any rewrite."""
    return digest(normal_form(rule, lists), VERSION_DIGITS)


def normal_form(rule: RulePlan, lists: Mapping[str, ListValues]) -> dict[str, Any]:
    """Return the JSON value that `version_of` hashes."""
    form = _Form(lists, tuple(expr for _, expr in rule.select))
    parts = {
        "pattern": rule.pattern, "keys": rule.keys, "having": rule.having,
        "unseen": rule.unseen, "until": rule.until, "excepts": rule.excepts,
    }  # fmt: skip
    written = {name: form.write(part) for name, part in parts.items() if part not in (None, ())}
    return {"form": NORMAL_FORM, **written}


def fingerprint(expr: Expr) -> str:
    """Return a text that two expressions of one rule set share exactly when they are the same.

    Unlike `==` it tells `1` from `true`, and does not look at the names of aliases.
    """
    return canonical(_Form({}, ()).write(expr)).decode()


@dataclass(frozen=True, slots=True)
class _Form:
    """What writing needs: lists, `select` values, and the variables around the node."""

    lists: Mapping[str, ListValues]
    select: tuple[Expr, ...]
    variables: tuple[str, ...] = ()

    def write(self, value: Any) -> Any:
        if isinstance(value, Selected) and value.index < len(self.select):
            return self.write(self.select[value.index])
        if isinstance(value, Type):
            return _write_type(value)
        if isinstance(value, tuple | list):
            return [self.write(item) for item in value]
        if not is_dataclass(value):
            return value
        node = self._write_fields(value)
        if isinstance(value, Variable) and value.name in self.variables:
            node["name"] = self.variables[::-1].index(value.name)
        return node

    def _write_fields(self, node: Any) -> dict[str, Any]:
        out: dict[str, Any] = {"is": type(node).__name__}
        inside = self
        if isinstance(node, Quantified):
            inside = _Form(self.lists, self.select, (*self.variables, node.variable))
        for spec in fields(node):
            value = getattr(node, spec.name)
            if spec.name == "type" and not isinstance(node, _TYPED):
                continue
            if spec.name in _UNNAMED or _is_default(spec, value):
                continue
            if spec.name in ("list_name", "expected_list"):
                out |= self._write_list(node, value)
            else:
                form = inside if spec.name == "condition" else self
                out[spec.name] = form.write(value)
        return out

    def _write_list(self, node: Any, name: str) -> dict[str, Any]:
        """Write what a node has instead of the name of a list."""
        entries = self.lists.get(name)
        if entries is None or entries.from_file:
            return {"file": [name, entries.kind if entries else None]}
        values: tuple[Any, ...] = entries.values
        if isinstance(node, TextTest):
            values = tuple(Const(value, STRING) for value in values)
        where = _ENTRIES.get(type(node), "expected")
        return {where: self.write(values)} if values else {}


def _is_default(spec: Any, value: Any) -> bool:
    if spec.default is not MISSING:
        # `True == 1` in Python, but not in a rule.
        return type(spec.default) is type(value) and bool(spec.default == value)
    return spec.default_factory is not MISSING and bool(spec.default_factory() == value)


def _write_type(kind: Type) -> Any:
    """Write what of a type decides: a percentage is a float, the order of an enum says nothing."""
    if kind.kind == "enum":
        return ["enum", *sorted(kind.values)]
    if kind.kind == "list":
        return ["list", _write_type(kind.item) if kind.item is not None else "any"]
    return "float" if kind.kind in ("percent", "ratio") else kind.kind
