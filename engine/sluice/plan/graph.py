"""Who hands events to whom: rules, extracts and event types as a graph."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sluice.lang import covers
from sluice.plan.atoms import pattern_atoms, taken_atoms
from sluice.plan.feeding import made_by
from sluice.plan.nodes import Atom, EmitEffect, Plan, RulePlan, Sequence, Silence

NodeKind = Literal["event", "extract", "rule"]
#: Where events come from: the input, an `extract`, an `emit`, a match, the end of a `having`.
Origin = Literal["input", "extract", "emit", "match", "clear"]
#: What a rule or an extract does with events: fills steps with them, forbids them between steps,
#: waits for their absence, ends what is open with them, makes them.
EdgeKind = Literal["takes", "without", "absent", "until", "makes"]


@dataclass(frozen=True, slots=True)
class GraphNode:
    """An event type as rules write it, an extract, or a rule; `origin` is that of an event."""

    id: str
    kind: NodeKind
    name: str
    origin: Origin | None = None
    title: str | None = None
    severity: str | None = None
    is_disabled: bool = False


@dataclass(frozen=True, slots=True)
class GraphEdge:
    """Events go from the node `source` to the node `target`, named by their ids."""

    source: str
    target: str
    kind: EdgeKind


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes (events, extracts, rules, each by name) and the edges between them."""

    nodes: tuple[GraphNode, ...] = ()
    edges: tuple[GraphEdge, ...] = ()


def graph_of(plan: Plan) -> Graph:
    """Return the graph of a rule set.

    A match is a node only where a rule looks at it. A pattern such as `match.auth.*` is one node,
    with an edge from each rule whose matches it covers.
    """
    rules = sorted(plan.rules, key=lambda rule: rule.name)
    extracts = {f"extract:{e.type}:{e.source}": e for e in plan.extracts}
    inward = [edge for rule in rules for edge in _inward(rule)]
    inward += [GraphEdge(_event(e.source), id_, "takes") for id_, e in extracts.items()]
    made: dict[str, tuple[str, ...]] = {id_: (e.type,) for id_, e in extracts.items()}
    made |= {_rule(rule.name): tuple(made_by(rule)) for rule in rules}
    emitted = {e.type for rule in rules for e in rule.effects if isinstance(e, EmitEffect)}
    extracted = {e.type for e in plan.extracts}
    named = {edge.source.partition(":")[2] for edge in inward} | emitted | extracted
    nodes = [
        GraphNode(_event(n), "event", n, _origin(n, emitted, extracted)) for n in sorted(named)
    ]
    nodes += [GraphNode(i, "extract", f"{e.type} from {e.source}") for i, e in extracts.items()]
    nodes += [
        GraphNode(_rule(r.name), "rule", r.name, None, r.title, r.severity, r.disabled)
        for r in rules
    ]
    return Graph(tuple(nodes), tuple(dict.fromkeys([*inward, *_outward(made, named, inward)])))


def around(graph: Graph, rules: Collection[str]) -> Graph:
    """Return what leads to these rules and what comes from them, with them.

    What else leads to what comes from them stays out.
    """
    chosen = {_rule(name) for name in rules}
    kept = _reached(chosen, ((e.target, e.source) for e in graph.edges))
    kept |= _reached(chosen, ((e.source, e.target) for e in graph.edges))
    return Graph(
        tuple(node for node in graph.nodes if node.id in kept),
        tuple(e for e in graph.edges if e.source in kept and e.target in kept),
    )


def graph_document(graph: Graph) -> dict[str, Any]:
    """Return a graph as a JSON document."""
    return {
        "nodes": [
            {
                "id": node.id, "kind": node.kind, "name": node.name, "origin": node.origin,
                "title": node.title, "severity": node.severity, "disabled": node.is_disabled,
            }
            for node in graph.nodes
        ],
        "edges": [{"from": e.source, "to": e.target, "kind": e.kind} for e in graph.edges],
    }  # fmt: skip


def _event(name: str) -> str:
    return f"event:{name}"


def _rule(name: str) -> str:
    return f"rule:{name}"


def _inward(rule: RulePlan) -> Iterator[GraphEdge]:
    """Yield what a rule looks at, as it is written."""
    taken = list(taken_atoms(rule.pattern))
    absent: list[Atom] = []
    if isinstance(rule.pattern, Silence):
        taken, absent = [], taken
    elif isinstance(rule.pattern, Sequence):
        around_ = (rule.pattern.leading, rule.pattern.trailing)
        absent = [each.atom for each in around_ if each is not None]
    known = {id(atom) for atom in (*taken, *absent)}
    between = [atom for atom in pattern_atoms(rule.pattern) if id(atom) not in known]
    until = [rule.until] if rule.until is not None else []
    kinds: tuple[tuple[EdgeKind, list[Atom]], ...] = (
        ("takes", taken), ("without", between), ("absent", absent), ("until", until),
    )  # fmt: skip
    for kind, atoms in kinds:
        for atom in atoms:
            for type_ in atom.types:
                yield GraphEdge(_event(type_), _rule(rule.name), kind)


def _outward(
    made: Mapping[str, Collection[str]], named: Collection[str], inward: Iterable[GraphEdge]
) -> Iterator[GraphEdge]:
    """Yield an edge from each maker to each event node that covers what it makes."""
    takers: dict[str, set[str]] = {}
    for edge in inward:
        takers.setdefault(edge.source, set()).add(edge.target)
    exact = set(named)
    patterns = sorted(name for name in named if name.endswith(".*"))
    for maker, types in made.items():
        for type_ in types:
            covering = [name for name in patterns if covers(name, type_)]
            for name in [type_, *covering] if type_ in exact else covering:
                # A pattern is without the rule's own matches.
                if takers.get(_event(name)) != {maker}:
                    yield GraphEdge(maker, _event(name), "makes")


def _origin(name: str, emitted: set[str], extracted: set[str]) -> Origin:
    if name in emitted:
        return "emit"
    if name in extracted:
        return "extract"
    if name.startswith("match."):
        return "match"
    return "clear" if name.startswith("clear.") else "input"


def _reached(start: Collection[str], edges: Iterable[tuple[str, str]]) -> set[str]:
    """Return what can be reached from the start, with it."""
    following: dict[str, list[str]] = {}
    for source, target in edges:
        following.setdefault(source, []).append(target)
    found, waiting = set(start), list(start)
    while waiting:
        fresh = [n for n in following.get(waiting.pop(), ()) if n not in found]
        found.update(fresh)
        waiting += fresh
    return found
