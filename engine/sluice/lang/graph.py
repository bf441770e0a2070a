"""Who makes the events that whom looks at: rules and extracts in an order, or their cycle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sluice.errors import Span
from sluice.lang.aggregates_used import nodes
from sluice.lang.declarations import Emit, Let, Rule, Until, When
from sluice.lang.scope import Declared, Findings
from sluice.lang.syntax import EventHead
from sluice.lang.views import covers

Names = Mapping[str, Mapping[str, Declared]]


@dataclass(frozen=True, slots=True)
class Maker:
    """A rule or an extract: the event types that it looks at and those that it makes."""

    name: str
    takes: tuple[str, ...]
    makes: tuple[str, ...]
    span: Span


def rule_maker(name: str, rule: Rule, file: str, names: Names) -> Maker:
    """Return what a rule takes and makes."""
    takes: dict[str, None] = {}
    makes = [f"match.{name}", f"clear.{name}"]
    for clause in rule.clauses:
        if isinstance(clause, When | Until):
            takes.update(dict.fromkeys(_types(clause, file, names, ())))
        elif isinstance(clause, Emit):
            makes.append(clause.type)
    return Maker(name, tuple(takes), tuple(makes), rule.name_span)


def _types(node: object, file: str, names: Names, seen: tuple[str, ...]) -> list[str]:
    out: list[str] = []
    for head in nodes(node):
        if not isinstance(head, EventHead):
            continue
        declared = names.get(file, {}).get(head.name)
        if declared is None or not isinstance(declared.decl, Let):
            out.append(head.name)
        elif declared.full_name not in seen:
            step = declared.decl.step
            out += _types(step, declared.file, names, (*seen, declared.full_name))
    return out


def in_order(makers: Sequence[Maker], findings: Findings, looped: set[str]) -> list[Maker]:
    """Return makers before those that take what they make; a cycle is a finding.

    `looped` gets the names that stand in a cycle.
    """
    takers = _edges(makers)
    out: list[Maker] = []
    state: dict[str, int] = {}
    by_name = {maker.name: maker for maker in makers}

    def visit(name: str, chain: tuple[str, ...]) -> None:
        if state.get(name) == 2:
            return
        if state.get(name) == 1:
            _report(by_name, chain[chain.index(name) :], findings)
            looped.update(chain[chain.index(name) :])
            return
        state[name] = 1
        for source in takers[name]:
            visit(source, (*chain, name))
        state[name] = 2
        out.append(by_name[name])

    for maker in makers:
        visit(maker.name, ())
    return out


def _edges(makers: Sequence[Maker]) -> dict[str, list[str]]:
    """Return for each maker those whose events it takes."""
    made: dict[str, list[str]] = {}
    for maker in makers:
        for name in maker.makes:
            made.setdefault(name, []).append(maker.name)
    edges: dict[str, list[str]] = {}
    for maker in makers:
        found: dict[str, None] = {}
        for pattern in maker.takes:
            if pattern.endswith(".*"):
                sources = [s for t, ss in made.items() if covers(pattern, t) for s in ss]
                found.update(dict.fromkeys(s for s in sources if s != maker.name))
            else:
                found.update(dict.fromkeys(made.get(pattern, ())))
        edges[maker.name] = list(found)
    return edges


def _report(by_name: Mapping[str, Maker], chain: tuple[str, ...], findings: Findings) -> None:
    """Print the cycle with the event types that close it."""
    steps = []
    for taker, source in zip(chain, (*chain[1:], chain[0]), strict=True):
        kinds = [
            t for t in by_name[source].makes if any(covers(p, t) for p in by_name[taker].takes)
        ]
        steps.append(f"{source} -({kinds[0] if kinds else '?'})-> {taker}")
    findings.rule = chain[0]
    findings.add(
        "SL0413", by_name[chain[0]].span, f"these feed each other: {'; '.join(reversed(steps))}",
        "let one of them look at input events only",
    )  # fmt: skip
    findings.rule = None
