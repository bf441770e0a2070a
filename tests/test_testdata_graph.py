"""Run the stories of graphs: rule texts in, nodes and arrows or a picture as text out."""

from __future__ import annotations

from pathlib import Path

import pytest

from sluice.backends import InputTopic, TopicNames, Topology, topology_of, wiring_of
from sluice.catalog import builtins
from sluice.cli import diagrams
from sluice.cli.topologies import topology_dot, topology_mermaid, topology_text
from sluice.errors import Unsupported
from sluice.plan import Graph, Plan, around, graph_of, lower
from sluice.testing.datadriven import Args, run_file
from tests.check_commands import checked, pictures, read_files

FOLDER = Path(__file__).parent / "testdata" / "graph"
STORIES = sorted(FOLDER.glob("*.txt"))


def arrows(graph: Graph) -> str:
    """Write an arrow a line; a node without any stands alone."""
    lines = [f"{edge.source} -{edge.kind}-> {edge.target}" for edge in graph.edges]
    joined = {id_ for edge in graph.edges for id_ in (edge.source, edge.target)}
    lines += [node.id for node in graph.nodes if node.id not in joined]
    lines += [f"disabled {node.id}" for node in graph.nodes if node.is_disabled]
    return "\n".join(lines)


FORMS = {
    "arrows": arrows,
    "text": diagrams.text_diagram,
    "mermaid": diagrams.mermaid_diagram,
    "dot": diagrams.dot_diagram,
}


def graph_command(args: Args, text: str) -> str:
    """Draw the graph of rules, or of one of them (`rule=`), in a form (`form=`)."""
    roots = ",".join(list(read_files(text))[1:])
    found = checked(Args(args.command, args.words, {**args.named, "root": roots}), text)
    if not found.is_ok:
        return pictures(found)
    graph = graph_of(lower(found, builtins()))
    rule = args.named.get("rule")
    if rule is not None:
        graph = around(graph, [rule])
    return FORMS[args.named.get("form", "arrows")](graph)


def wired(topology: Topology, plan: Plan, form: str) -> str:
    """Draw a topology in a form."""
    match form:
        case "mermaid":
            return topology_mermaid(wiring_of(topology, plan))
        case "dot":
            return topology_dot(wiring_of(topology, plan))
        case _:
            return topology_text(topology, plan)


def topology_command(args: Args, text: str) -> str:
    """Draw what workers wire for rules, reading the topic `in`, in a form (`form=`)."""
    roots = ",".join(list(read_files(text))[1:])
    found = checked(Args(args.command, args.words, {**args.named, "root": roots}), text)
    if not found.is_ok:
        return pictures(found)
    plan = lower(found, builtins())
    try:
        topology = topology_of(plan, [InputTopic("in")], TopicNames("s", 4))
    except Unsupported as error:
        return f"unsupported: {error}"
    return wired(topology, plan, args.named.get("form", "text"))


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_graphs(path: Path, rewrite: bool) -> None:
    """Graphs are what the stories say."""
    run_file(path, {"graph": graph_command, "topology": topology_command}, rewrite)
