"""Graphs of rules as text: for people, for Mermaid, for Graphviz."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sluice.cli.render import safe
from sluice.plan import EdgeKind, Graph, GraphEdge, GraphNode

#: What is written beside an arrow; what needs no word is drawn in full, the others dashed.
_WORDS: dict[EdgeKind, str] = {
    "takes": "", "without": "without", "absent": "no", "until": "until", "makes": "",
}  # fmt: skip
#: What a rule does with events, in the order in which it is told.
_VERBS: tuple[tuple[EdgeKind, str], ...] = (
    ("takes", "takes"), ("without", "without"), ("absent", "no"), ("until", "until"),
)  # fmt: skip
#: Fill and border of a node, by its kind.
_COLOURS = {
    "event": ("#ffffff", "#667788"), "extract": ("#eeeeee", "#667788"),
    "rule": ("#dde8f5", "#34557a"),
}  # fmt: skip
_MERMAID_SHAPES = {"event": ("([", "])"), "extract": ("[/", "/]"), "rule": ("[", "]")}
_DOT_SHAPES = {
    "event": "box, style=rounded",
    "extract": "parallelogram, style=filled",
    "rule": "box, style=filled",
}
#: What ends a text or means something in it; Mermaid has no backslash, but entities.
MERMAID_ESCAPES = str.maketrans(
    {"#": "#35;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "&": "#amp;", "`": "#96;"}
)
DOT_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "&": "&amp;"})
#: How every graph of Graphviz is laid out.
DOT_HEAD = (
    "  rankdir=LR;",
    '  node [fontname="Helvetica", fontsize=11];',
    '  edge [fontname="Helvetica", fontsize=9];',
)


def text_diagram(graph: Graph) -> str:
    """Return the graph in words: each extract, then each rule with what it looks at and makes."""
    lines = [f"extract {node.name}" for node in graph.nodes if node.kind == "extract"]
    blocks = ["\n".join(lines)] if lines else []
    ways = _Ways(graph)
    blocks += ["\n".join(_rule_lines(ways, n)) for n in graph.nodes if n.kind == "rule"]
    return safe("\n\n".join(blocks))


def mermaid_diagram(graph: Graph) -> str:
    """Return the graph as a flowchart of Mermaid."""
    names = _short_names(graph.nodes)
    lines = ["flowchart LR"]
    for node in graph.nodes:
        opening, closing = _MERMAID_SHAPES[node.kind]
        text = "<br/>".join(line.translate(MERMAID_ESCAPES) for line in _label(node))
        lines.append(f'  {names[node.id]}{opening}"{text}"{closing}')
    for edge in graph.edges:
        word = _WORDS[edge.kind]
        arrow = f"-. {word} .->" if word else "-->"
        lines.append(f"  {names[edge.source]} {arrow} {names[edge.target]}")
    for kind, (fill, border) in _COLOURS.items():
        members = [names[node.id] for node in graph.nodes if node.kind == kind]
        if members:
            lines.append(f"  classDef {kind} fill:{fill},stroke:{border},color:#000000")
            lines.append(f"  class {','.join(members)} {kind}")
    disabled = [names[node.id] for node in graph.nodes if node.is_disabled]
    if disabled:
        lines.append("  classDef disabled stroke-dasharray:4")
        lines.append(f"  class {','.join(disabled)} disabled")
    return "\n".join(lines)


def dot_diagram(graph: Graph) -> str:
    """Return the graph in the language of Graphviz."""
    names = _short_names(graph.nodes)
    lines = ["digraph rules {", *DOT_HEAD]
    for node in graph.nodes:
        fill, border = _COLOURS[node.kind]
        shape = _DOT_SHAPES[node.kind]
        if node.is_disabled:
            shape = f'{shape.partition(",")[0]}, style="filled,dashed"'
        text = "\\n".join(line.translate(DOT_ESCAPES) for line in _label(node))
        looks = f'shape={shape}, fillcolor="{fill}", color="{border}"'
        lines.append(f'  {names[node.id]} [label="{text}", {looks}, tooltip="{_tip(node)}"];')
    for edge in graph.edges:
        word = _WORDS[edge.kind]
        looks = f' [label="{word}", style=dashed]' if word else ""
        lines.append(f"  {names[edge.source]} -> {names[edge.target]}{looks};")
    return "\n".join([*lines, "}"])


def _label(node: GraphNode) -> list[str]:
    """Return the lines of a node; no letter in them can steer a terminal or break the form."""
    lines = [node.name]
    if node.kind == "rule":
        lines.append(node.severity or "")
    if node.is_disabled:
        lines[-1] += ", disabled"
    return [flat(line) for line in lines]


def _tip(node: GraphNode) -> str:
    text = node.title if node.title is not None else f"{node.kind} {node.name}"
    return flat(text).translate(DOT_ESCAPES)


def flat(text: str) -> str:
    """Return a text as one line that cannot steer a terminal."""
    return safe(" ".join(text.split()))


def _short_names(nodes: Iterable[GraphNode]) -> dict[str, str]:
    """Return a name for each id that both languages can write bare: `e1`, `x1`, `r1`."""
    letters = {"event": "e", "extract": "x", "rule": "r"}
    counts = dict.fromkeys(letters, 0)
    names = {}
    for node in nodes:
        counts[node.kind] += 1
        names[node.id] = f"{letters[node.kind]}{counts[node.kind]}"
    return names


class _Ways:
    """The nodes of a graph by id, with the edges that lead to each and away from it."""

    def __init__(self, graph: Graph) -> None:
        self.nodes = {node.id: node for node in graph.nodes}
        self.into: dict[str, list[GraphEdge]] = {node.id: [] for node in graph.nodes}
        self.away: dict[str, list[GraphEdge]] = {node.id: [] for node in graph.nodes}
        for edge in graph.edges:
            self.into[edge.target].append(edge)
            self.away[edge.source].append(edge)

    def makers(self, id_: str) -> list[GraphNode]:
        """Return what leads to a node."""
        return [self.nodes[edge.source] for edge in self.into[id_]]


def _rule_lines(ways: _Ways, rule: GraphNode) -> Iterator[str]:
    off = ", disabled" if rule.is_disabled else ""
    yield f"rule {rule.name} ({rule.severity}{off})"
    for kind, word in _VERBS:
        for edge in ways.into[rule.id]:
            if edge.kind == kind:
                yield f"  {word:<8} {_with_makers(ways, ways.nodes[edge.source])}"
    made = [ways.nodes[edge.target] for edge in ways.away[rule.id]]
    yield from (f"  emits    {event.name}" for event in made if event.origin == "emit")
    readers = {edge.target for event in made for edge in ways.away[event.id]} - {rule.id}
    if readers:
        yield f"  read by  {', '.join(sorted(ways.nodes[reader].name for reader in readers))}"


def _with_makers(ways: _Ways, event: GraphNode) -> str:
    """Return the name of an event type, with what it is extracted from and who makes it."""
    makers = ways.makers(event.id)
    texts = [t.name for maker in makers if maker.kind == "extract" for t in ways.makers(maker.id)]
    rules = [maker.name for maker in makers if maker.kind == "rule"]
    origins = [f"extracted from {', '.join(texts)}"] if texts else []
    origins += [f"made by {', '.join(rules)}"] if rules else []
    return event.name + (f" ({'; '.join(origins)})" if origins else "")
