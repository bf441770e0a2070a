"""Warn about names that nothing uses and names that hide others."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import sluice.lang.syntax as tree
from sluice.errors import Span
from sluice.lang.aggregates_used import nodes
from sluice.lang.declarations import Def, EventDecl, Given, Import, Let, Rule, Test
from sluice.lang.infer import Inferrer
from sluice.lang.load import RuleSet, Unit, beside
from sluice.lang.scope import Declared

Add = Callable[[str, Span, str, str | None], None]


def lint_names(ruleset: RuleSet, inferrer: Inferrer) -> None:
    """Look at the names that files declare; what a library file declares is for others."""
    add = inferrer.findings.add
    shared = {beside(u.path, d.path) for u in ruleset.units.values() for d in u.declared(Import)}
    for unit in ruleset.roots:
        own = [d for d in unit.names.values() if d.file == unit.path]
        given = {s.name for t in unit.declared(Test) for s in t.statements if isinstance(s, Given)}
        if unit.path not in shared and unit.declared(Rule):
            for declared in own:
                _unused(declared, inferrer, given, add)
        for declared in own:
            _hides(declared, unit, inferrer, add)
        fields = {f.name for e in unit.declared(EventDecl) for f in e.fields}
        for rule in unit.declared(Rule):
            for name, span in _aliases(rule):
                if name in unit.names or name in fields:
                    what = _kind(unit.names[name]) if name in unit.names else "field"
                    add("SL0507", span, f"the alias `{name}` hides the {what} `{name}`", None)


def _unused(declared: Declared, inferrer: Inferrer, given: set[str], add: Add) -> None:
    name = declared.decl.name
    if (declared.file, name) in inferrer.used or name in given or declared.full_name in given:
        return
    add("SL0505", declared.decl.span, f"nothing uses the {_kind(declared)} `{name}`", None)


def _kind(declared: Declared) -> str:
    return type(declared.decl).__name__.lower().removesuffix("decl")


def _hides(declared: Declared, unit: Unit, inferrer: Inferrer, add: Add) -> None:
    decl, catalog = declared.decl, inferrer.catalog
    functions = {**catalog.functions, **catalog.aggregates}
    if isinstance(decl, Def) and decl.name in functions:
        add("SL0507", decl.span, f"`def {decl.name}` hides the function `{decl.name}`", None)
    if not isinstance(decl, Let):
        for event in unit.declared(EventDecl):
            if decl.name in [f.name for f in event.fields]:
                add("SL0507", decl.span,
                    f"the {_kind(declared)} `{decl.name}` hides the field of `{event.name}`",
                    "conditions would never see the field")  # fmt: skip
                break
    if isinstance(decl, Def | Let):
        for name in decl.params or ():
            if name in unit.names:
                what = _kind(unit.names[name])
                add("SL0507", decl.span, f"the parameter `{name}` hides the {what} `{name}`", None)


def _aliases(rule: Rule) -> Iterator[tuple[str, Span]]:
    for node in nodes(rule.clauses):
        if isinstance(node, tree.Step) and node.alias is not None:
            yield node.alias, node.span
