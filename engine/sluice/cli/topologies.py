"""What workers wire for a rule set, as text, as a document, for Mermaid and for Graphviz."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from sluice.cli.diagrams import DOT_ESCAPES, DOT_HEAD, MERMAID_ESCAPES, flat
from sluice.cli.kafka_options import columns

if TYPE_CHECKING:
    from sluice.backends import Topology, Wiring, WiringNode
    from sluice.config import Settings
    from sluice.plan import Plan

#: So many rules are named in a node; of more their number is told.
RULES_SHOWN_MAX = 8

_MERMAID_SHAPES = {"topic": ("[(", ")]"), "stage": ("[[", "]]"), "rules": ("[", "]")}
_DOT_SHAPES = {"topic": "cylinder", "stage": "component", "rules": "box"}


def wanted_topology(settings: Settings, plan: Plan) -> Topology:
    """Return what workers with these settings wire for a plan; Unsupported when they cannot."""
    from sluice.backends import topology_of
    from sluice.shells import inputs_of, names_of

    return topology_of(plan, inputs_of(settings.kafka), names_of(settings.kafka))


def topology_text(topology: Topology, plan: Plan, chosen: Collection[str] | None = None) -> str:
    """Say where each rule runs and why, what travels, and which topics there are."""
    document = topology_document(topology, plan, chosen)
    rows = [
        (r["rule"], r["stage"], r["way"], "" if r["reason"] == r["way"] else r["reason"])
        for r in document["rules"]
    ]
    lines = columns([("rule", "stage", "events go", "why"), *rows])
    if topology.has_match_stage:
        fields = ", ".join(topology.projection) or "none"
        lines += ["", f"fields that travel to the match stage: {fields}"]
    topics = [
        (t["topic"], "as it is" if t["partitions"] is None else str(t["partitions"]), t["purpose"])
        for t in document["topics"]
    ]
    return "\n".join([*lines, "", *columns([("topic", "partitions", "carries"), *topics])])


def topology_document(
    topology: Topology, plan: Plan, chosen: Collection[str] | None = None
) -> dict[str, Any]:
    """Return topics, the place of each rule, and the graph, as a JSON document."""
    from sluice.backends import way_of, wiring_of

    rules = {rule.name: rule for rule in plan.rules}
    wiring = wiring_of(topology, plan)
    return {
        "topics": [
            {
                "topic": each.name, "kind": each.kind, "partitions": each.partitions,
                "compacted": each.compacted, "purpose": each.purpose,
            }
            for each in topology.topics
        ],
        "rules": [
            {
                "rule": each.rule, "stage": each.stage, "way": way_of(each, rules[each.rule]),
                "keys": [rules[each.rule].keys[part].name for part in each.route],
                "together": each.group, "reason": each.reason,
            }
            for each in topology.placements if chosen is None or each.rule in chosen
        ],
        "projection": list(topology.projection),
        "nodes": [
            {
                "id": each.id, "kind": each.kind, "name": each.name, "rules": list(each.rules),
                "partitions": each.partitions,
            }
            for each in wiring.nodes
        ],
        "edges": [
            {"from": each.source, "to": each.target, "carries": each.carries}
            for each in wiring.edges
        ],
    }  # fmt: skip


def topology_mermaid(wiring: Wiring) -> str:
    """Return the graph as a flowchart of Mermaid."""
    names = {node.id: f"n{number}" for number, node in enumerate(wiring.nodes, 1)}
    lines = ["flowchart LR"]
    for node in wiring.nodes:
        opening, closing = _MERMAID_SHAPES[node.kind]
        text = "<br/>".join(line.translate(MERMAID_ESCAPES) for line in _label(node))
        lines.append(f'  {names[node.id]}{opening}"{text}"{closing}')
    for edge in wiring.edges:
        text = flat(edge.carries).translate(MERMAID_ESCAPES)
        arrow = f'-- "{text}" -->' if text else "-->"
        lines.append(f"  {names[edge.source]} {arrow} {names[edge.target]}")
    return "\n".join(lines)


def topology_dot(wiring: Wiring) -> str:
    """Return the graph in the language of Graphviz."""
    names = {node.id: f"n{number}" for number, node in enumerate(wiring.nodes, 1)}
    lines = ["digraph topology {", *DOT_HEAD]
    for node in wiring.nodes:
        text = "\\n".join(line.translate(DOT_ESCAPES) for line in _label(node))
        tip = flat(node.note or node.name).translate(DOT_ESCAPES)
        shape = _DOT_SHAPES[node.kind]
        lines.append(f'  {names[node.id]} [label="{text}", shape={shape}, tooltip="{tip}"];')
    for edge in wiring.edges:
        text = flat(edge.carries).translate(DOT_ESCAPES)
        looks = f' [label="{text}"]' if text else ""
        lines.append(f"  {names[edge.source]} -> {names[edge.target]}{looks};")
    return "\n".join([*lines, "}"])


def _label(node: WiringNode) -> list[str]:
    lines = [node.name]
    if node.partitions is not None:
        lines.append(f"{node.partitions} partition{'s' * (node.partitions > 1)}")
    if node.rules:
        lines += node.rules[:RULES_SHOWN_MAX]
        more = len(node.rules) - RULES_SHOWN_MAX
        lines += [f"and {more} more"] if more > 0 else []
    return [flat(line) for line in lines]
