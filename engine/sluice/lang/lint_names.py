"""Warn about names that nothing uses and names that hide others."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import sluice.lang.syntax as tree
from sluice.errors import Span
from sluice.lang.aggregates_used import nodes
from sluice.lang.declarations import Def, EventDecl, Given, Import, Let, Lost, Rule, Test, When
from sluice.lang.infer import Inferrer
from sluice.lang.load import RuleSet, Unit, beside
from sluice.lang.scope import Declared

Add = Callable[[str, Span, str, str | None], None]


def lint_names(ruleset: RuleSet, inferrer: Inferrer) -> None:
    """Look at the names that files declare; what a library file declares is for others."""
    add = inferrer.findings.add
    shared = {beside(u.path, d.path) for u in ruleset.units.values() for d in u.declared(Import)}
    for unit in ruleset.roots:
        names = _sound(unit)
        own = [d for d in names.values() if d.file == unit.path]
        given = {s.name for t in unit.declared(Test) for s in t.statements if isinstance(s, Given)}
        # What an error hides may use a name.
        is_whole = not unit.parsed.diagnostics
        if is_whole and unit.path not in shared and unit.declared(Rule):
            for declared in own:
                _unused(declared, inferrer, given, add)
        for declared in own:
            _hides(declared, unit, inferrer, add)
        fields = {f.name for e in unit.declared(EventDecl) for f in e.fields}
        for rule in unit.declared(Rule):
            for name, span in aliases_of(rule):
                if name in names or name in fields:
                    what = _kind(names[name]) if name in names else "field"
                    add("SL0507", span, f"the alias `{name}` hides the {what} `{name}`", None)


def _sound(unit: Unit) -> dict[str, Declared]:
    """Return the names of a file whose declarations could be read."""
    return {n: d for n, d in unit.names.items() if not isinstance(d.decl, Lost)}


def _unused(declared: Declared, inferrer: Inferrer, given: set[str], add: Add) -> None:
    name = declared.decl.name
    if (declared.file, name) in inferrer.used or name in given or declared.full_name in given:
        return
    add("SL0505", declared.decl.span, f"nothing uses the {_kind(declared)} `{name}`", None)


def _kind(declared: Declared) -> str:
    return type(declared.decl).__name__.lower().removesuffix("decl")


def _hides(declared: Declared, unit: Unit, inferrer: Inferrer, add: Add) -> None:
    decl, catalog, names = declared.decl, inferrer.catalog, _sound(unit)
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
            if name in names:
                what = _kind(names[name])
                add("SL0507", decl.span, f"the parameter `{name}` hides the {what} `{name}`", None)


def aliases_of(rule: Rule) -> Iterator[tuple[str, Span]]:
    """Yield the aliases that a rule gives, with their steps."""
    for node in nodes(tuple(c for c in rule.clauses if isinstance(c, When))):
        if isinstance(node, tree.Step) and node.alias is not None:
            yield node.alias, node.span
