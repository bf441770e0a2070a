"""`sluice explain`: what a rule waits for, what it does then, what it can cost."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sluice.cli.loading import loaded_rules, rule_settings
from sluice.cli.options import OutputOption, SetOption, new_app
from sluice.cli.output import put_report
from sluice.cli.rule_names import named_rules

if TYPE_CHECKING:
    from sluice.catalog import Catalog
    from sluice.cli.terminal import Terminal
    from sluice.config import Settings
    from sluice.plan import Plan


def commands() -> typer.Typer:
    """Return the command."""
    return new_app(explain)


def explain(
    ctx: typer.Context,
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RULE|PATH]...", show_default=False, help="Rules (PACK.NAME), files, folders."
        ),
    ] = None,
    rules: Annotated[
        list[str] | None,
        typer.Option("-r", "--rules", metavar="PATH", help="Where the rules are [default: rules]."),
    ] = None,
    code: Annotated[
        bool, typer.Option("--code", help="Print the Python that runs the rules.")
    ] = False,
    backend: Annotated[
        Literal["python", "duckdb", "faust"] | None,
        typer.Option(
            "--backend", help="What SQL asks of a backtest (duckdb), what workers wire (faust)."
        ),
    ] = None,
    set_: SetOption = None,
    output: OutputOption = "text",
) -> None:
    """Show what a rule waits for, what it does then, and the bound of its memory."""
    from sluice.plan import explain as explain_rule
    from sluice.plan import explain_document

    terminal: Terminal = ctx.find_root().obj
    paths = [t for t in targets or () if os.path.exists(t)]
    names = [t for t in targets or () if not os.path.exists(t)]
    resolved = rule_settings(terminal, [*(rules or ()), *paths], set_, None)
    compiled = loaded_rules(resolved, terminal)
    plan = compiled.plan
    chosen = named_rules(plan, names, kinds="rule or file") if names else plan.rules
    if not plan.rules:
        terminal.warn("there are no rules in these files")
    limits = resolved.settings.limits.limits()
    if backend == "duckdb":
        _explain_sql(plan, [rule.name for rule in chosen], compiled.catalog, output)
        return
    if backend == "faust":
        _explain_workers(resolved.settings, plan, {rule.name for rule in chosen}, output)
        return
    if code or backend == "python":
        from sluice.backends import generated_source
        from sluice.plan import rewrite

        source = generated_source(rewrite(replace(plan, rules=chosen)), compiled.catalog)
        put_report(output, {"rules": [r.name for r in chosen], "code": source}, source)
        return
    actions = compiled.catalog.actions
    documents = [explain_document(rule, plan, limits, actions) for rule in chosen]
    text = "\n".join(explain_rule(rule, plan, limits, actions) for rule in chosen)
    put_report(output, {"rules": documents}, text)


def _explain_workers(settings: Settings, plan: Plan, names: set[str], output: str) -> None:
    from sluice.cli.topologies import topology_document, topology_text, wanted_topology

    topology = wanted_topology(settings, plan)
    document = topology_document(topology, plan, names)
    put_report(output, document, topology_text(topology, plan, names))


def _explain_sql(plan: Plan, names: list[str], catalog: Catalog, output: str) -> None:
    from dataclasses import asdict

    from sluice.backends import SUPPORT, explain_sql, sql_story, support_table

    told = explain_sql(plan, names, catalog)
    legend = "How closely SQL follows each construct; what it leaves, the operators decide:"
    text = "\n\n".join([*map(sql_story, told), f"{legend}\n{support_table()}"])
    put_report(output, {"rules": told, "support": [asdict(each) for each in SUPPORT]}, text)
