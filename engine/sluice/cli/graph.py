"""`sluice graph`: which events lead to which rules, and what these make."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sluice.cli.loading import loaded_rules, rule_settings
from sluice.cli.options import RulePathsArgument, SetOption, new_app
from sluice.cli.output import put_bytes, to_json
from sluice.cli.rule_names import named_rules

if TYPE_CHECKING:
    from sluice.cli.terminal import Terminal
    from sluice.config import Settings
    from sluice.plan import Graph, Plan

Form = Literal["text", "json", "mermaid", "dot", "svg", "none"]


def commands() -> typer.Typer:
    """Return the command."""
    return new_app(graph)


def graph(
    ctx: typer.Context,
    paths: RulePathsArgument = None,
    rule: Annotated[
        list[str] | None,
        typer.Option("--rule", metavar="RULE", help="Only what leads to this rule and from it."),
    ] = None,
    output_file: Annotated[
        str | None,
        typer.Option("--output-file", metavar="FILE", help="Write to this file, not to stdout."),
    ] = None,
    topology: Annotated[
        bool, typer.Option("--topology", help="The topics and stages of workers, and who is where.")
    ] = False,
    set_: SetOption = None,
    output: Annotated[
        Form, typer.Option("-o", "--output", "--format", help="The form of the graph.")
    ] = "text",
) -> None:
    """Show rules, the events that they look at, and what makes these events."""
    from sluice.io import check_outputs
    from sluice.plan import around, graph_of

    terminal: Terminal = ctx.find_root().obj
    if rule and topology:
        raise typer.BadParameter("--topology shows all rules", param_hint="--rule")
    resolved = rule_settings(terminal, paths, set_, None)
    compiled = loaded_rules(resolved, terminal)
    check_outputs({"--output-file": output_file}, (), filter(os.path.exists, compiled.texts))
    whole = graph_of(compiled.plan)
    if rule:
        found = named_rules(compiled.plan, rule, "--rule")
        whole = around(whole, [each.name for each in found])
    if not compiled.plan.rules:
        terminal.warn("there are no rules in these files")
    if topology:
        content = _wiring(resolved.settings, compiled.plan, output)
    else:
        content = _written(whole, output)
    if output_file is None:
        put_bytes(content)
    else:
        with open(output_file, "wb") as file:
            file.write(content)


def _written(graph: Graph, form: Form) -> bytes:
    """Return the graph in a form, with a line end."""
    from sluice.cli import diagrams
    from sluice.plan import graph_document

    match form:
        case "json":
            return to_json(graph_document(graph))
        case "none":
            return b""
        case "svg":
            from sluice.cli.drawing import draw_svg

            return draw_svg(diagrams.dot_diagram(graph))
        case "text":
            text = diagrams.text_diagram(graph)
        case "mermaid":
            text = diagrams.mermaid_diagram(graph)
        case "dot":
            text = diagrams.dot_diagram(graph)
    return f"{text}\n".encode("utf-8", "replace") if text else b""


def _wiring(settings: Settings, plan: Plan, form: Form) -> bytes:
    """Return what workers wire in a form, with a line end."""
    from sluice.backends import wiring_of
    from sluice.cli import topologies

    topology = topologies.wanted_topology(settings, plan)
    wiring = wiring_of(topology, plan)
    match form:
        case "json":
            return to_json(topologies.topology_document(topology, plan))
        case "none":
            return b""
        case "svg":
            from sluice.cli.drawing import draw_svg

            return draw_svg(topologies.topology_dot(wiring))
        case "text":
            text = topologies.topology_text(topology, plan)
        case "mermaid":
            text = topologies.topology_mermaid(wiring)
        case "dot":
            text = topologies.topology_dot(wiring)
    return f"{text}\n".encode("utf-8", "replace")
