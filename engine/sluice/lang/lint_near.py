"""Warn about aliases and source types that nobody declares and that are near to others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from sluice.lang.aggregates_used import nodes
from sluice.lang.checked import CheckedRule
from sluice.lang.declarations import At
from sluice.lang.infer import Inferrer
from sluice.lang.lint_names import aliases_of
from sluice.lang.lint_values import expressions_of
from sluice.lang.load import RuleSet, all_extracts, all_rules, all_tests
from sluice.lang.suggest import distance, suggest
from sluice.lang.syntax import EventHead
from sluice.lang.typed import AliasRef, FieldRef, Typed
from sluice.lang.views import Known

_UNUSED = "leave it out, unless it is to name the event in the output"


def lint_aliases(
    ruleset: RuleSet, rules: Sequence[CheckedRule], inferrer: Inferrer, known: Known
) -> None:
    """Look for aliases that nothing uses, and for fields that look like a misspelt alias."""
    findings = inferrer.findings
    sound = {rule.name: rule for rule in rules}
    paths = {name: [p for t in expressions_of(r) if (p := _path(t))] for name, r in sound.items()}
    fields = _fields(ruleset, paths, known)
    for unit, rule in all_rules(ruleset):
        name = f"{unit.pack}.{rule.name}"
        if name not in sound or sound[name].span != rule.name_span:
            continue
        findings.rule = name
        aliases = dict(aliases_of(rule))
        for alias, span in aliases.items():
            if (name, alias) not in inferrer.aliases_used:
                findings.add("SL0505", span, f"nothing uses the alias `{alias}`", _UNUSED)
        for path, typed in paths[name]:
            near = suggest(path[0], aliases) if len(path) > 1 and fields[path[0]] <= 1 else None
            if near is not None:
                message = f"`{path[0]}` is read as a field; no other event or rule has it"
                hint = f"did you mean the alias `{near}`?"
                findings.add("SL0521", typed.span, message, hint)
        findings.rule = None


def _path(typed: Typed) -> tuple[tuple[str, ...], Typed] | None:
    """Return the path below an event that a bare name begins."""
    match typed.bound:
        case FieldRef(path=path) | AliasRef(alias="", path=path) if path:
            return tuple(map(str, path)), typed
        case _:
            return None


def _fields(
    ruleset: RuleSet, paths: Mapping[str, list[tuple[tuple[str, ...], Typed]]], known: Known
) -> Counter[str]:
    """Count in how many rules, schemas and tests a field occurs."""
    found: Counter[str] = Counter()
    for used in paths.values():
        found.update({path[0] for path, _ in used})
    for schema in known.values():
        found.update(dict.fromkeys(schema.fields, 2))
    for _, test in all_tests(ruleset):
        for statement in test.statements:
            if isinstance(statement, At):
                found.update({name: 2 for name, _ in statement.fields.fields})
    return found


def lint_sources(ruleset: RuleSet, inferrer: Inferrer, known: Known) -> None:
    """Look for extracts from a type that occurs nowhere else, and is near to one that does."""
    extracts = [extract for _, extract in all_extracts(ruleset)]
    times = Counter(extract.source for extract in extracts)
    alone = [e for e in extracts if times[e.source] == 1 and e.source not in known.made]
    if not alone:
        return
    for _, rule in all_rules(ruleset):
        times.update({n.name for n in nodes(rule.clauses) if isinstance(n, EventHead)})
    for _, test in all_tests(ruleset):
        times.update({s.type for s in test.statements if isinstance(s, At)})
    for name in (*known, *known.made):
        times[name] += 2
    for extract in alone:
        name = extract.source
        others = [n for n, count in times.items() if count > 1] if times[name] == 1 else []
        near = suggest(name, others)
        if near is not None and distance(name, near, 1) <= 1:
            message = f"nothing else speaks of events of type `{name}`"
            hint = f"did you mean `{near}`?"
            inferrer.findings.add("SL0516", extract.source_span, message, hint)
