"""How topics and stages hang together for a rule set: a graph. Pure data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from sluice.backends.topology import OUTPUT_TOPICS, Topology
from sluice.plan import (
    EmitEffect,
    MitigateEffect,
    NoteEffect,
    Placement,
    Plan,
    RulePlan,
)  # fmt: skip

WiringKind = Literal["topic", "stage", "rules"]


@dataclass(frozen=True, slots=True)
class WiringNode:
    """A topic, a stage, or the rules of a stage that events reach by the same key.

    `partitions` are those of a topic (None: as it is), `note` is what the topic is for.
    """

    id: str
    kind: WiringKind
    name: str
    note: str = ""
    partitions: int | None = None
    rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WiringEdge:
    """Records go from `source` to `target`; `carries` says which, where it is not plain."""

    source: str
    target: str
    carries: str = ""


@dataclass(frozen=True, slots=True)
class Wiring:
    """The graph of a topology."""

    nodes: tuple[WiringNode, ...]
    edges: tuple[WiringEdge, ...]


def wiring_of(topology: Topology, plan: Plan) -> Wiring:
    """Return how the topics of a topology and the rules of its plan hang together."""
    rules = {rule.name: rule for rule in plan.rules}
    groups = tuple(_groups(topology, rules))
    edges = [*_through(topology), *_beside(topology)]
    if plan.extracts:
        edges.append(WiringEdge("filter", topology.names.of("events"), "what is extracted"))
    for group in groups:
        stage = group.id.partition(":")[0]
        edges.append(WiringEdge(stage, group.id))
        made = {what for name in group.rules for what in _outputs(rules[name])}
        edges += [WiringEdge(group.id, topology.names.of(what)) for what in sorted(made)]
    used = {end for edge in edges for end in (edge.source, edge.target)}
    topics = [
        WiringNode(t.name, "topic", t.name, t.purpose, t.partitions)
        for t in topology.topics
        if t.name in used
    ]
    stages = [WiringNode(each, "stage", f"{each} stage") for each in _stages(topology)]
    return Wiring((*topics, *stages, *groups), tuple(edges))


def _stages(topology: Topology) -> tuple[str, ...]:
    return ("filter", "match") if topology.has_match_stage else ("filter",)


def _groups(topology: Topology, rules: Mapping[str, RulePlan]) -> Iterator[WiringNode]:
    """Yield the rules of each stage by what they go by."""
    found: dict[tuple[str, str], list[str]] = {}
    for placement in topology.placements:
        way = way_of(placement, rules[placement.rule])
        found.setdefault((placement.stage, way), []).append(placement.rule)
    for number, ((stage, way), names) in enumerate(sorted(found.items()), 1):
        yield WiringNode(f"{stage}:{number}", "rules", way, rules=tuple(sorted(names)))


def way_of(placement: Placement, rule: RulePlan) -> str:
    """Return what chooses the partition of a rule: `by user`, `one partition`, `where it comes`."""
    if placement.stage == "filter":
        return "where it comes"
    parts = [rule.keys[part].name for part in placement.route]
    return f"by {', '.join(parts)}" if parts else "one partition"


def _through(topology: Topology) -> Iterator[WiringEdge]:
    """Yield the way of events through the stages."""
    names = topology.names
    for each in topology.inputs:
        yield WiringEdge(each.name, "filter")
    yield WiringEdge("filter", names.of("late"), "late events")
    yield WiringEdge("filter", names.of("dead"), "what is no event")
    if topology.has_match_stage:
        fields = ", ".join(topology.projection) or "no fields"
        yield WiringEdge("filter", names.of("keyed"), fields)
        yield WiringEdge(names.of("keyed"), "match")


def _beside(topology: Topology) -> Iterator[WiringEdge]:
    """Yield what stages know beside events: rule sets, and what they remember."""
    names = topology.names
    for stage in _stages(topology):
        yield WiringEdge(names.of("rules"), stage)
    if topology.has_match_stage:
        yield WiringEdge("match", names.of("state.keyed"), "changed keys")
        yield WiringEdge(names.of("state.keyed"), "match", "after a restart")


_EFFECTS: Mapping[type, str] = {
    EmitEffect: "event",
    NoteEffect: "note",
    MitigateEffect: "mitigation",
}


def _outputs(rule: RulePlan) -> set[str]:
    """Return the output topics that a rule writes to."""
    kinds = {"match", *(_EFFECTS[type(effect)] for effect in rule.effects)}
    return {OUTPUT_TOPICS[kind] for kind in kinds}
