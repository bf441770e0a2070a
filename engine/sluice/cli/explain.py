"""`sluice explain`: what a rule waits for, what it does then, what it can cost."""

from __future__ import annotations

import difflib
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from sluice.cli.loading import loaded_rules, rule_settings
from sluice.cli.options import OutputOption, SetOption, new_app
from sluice.cli.output import put_report

if TYPE_CHECKING:
    from sluice.cli.terminal import Terminal
    from sluice.plan import Plan, RulePlan


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
    set_: SetOption = None,
    output: OutputOption = "text",
) -> None:
    """Show what a rule waits for, what it does then, and the bound of its memory."""
    from sluice.catalog import builtins
    from sluice.plan import explain as explain_rule
    from sluice.plan import explain_document

    terminal: Terminal = ctx.find_root().obj
    paths = [t for t in targets or () if os.path.exists(t)]
    names = [t for t in targets or () if not os.path.exists(t)]
    resolved = rule_settings(terminal, [*(rules or ()), *paths], set_, None)
    plan = loaded_rules(resolved, terminal).plan
    chosen = _chosen(plan, names)
    limits = resolved.settings.limits.limits()
    if code:
        from sluice.backends import generated_source
        from sluice.plan import rewrite

        source = generated_source(rewrite(replace(plan, rules=chosen)), builtins())
        put_report(output, {"rules": [r.name for r in chosen], "code": source}, source)
        return
    documents = [explain_document(rule, plan, limits) for rule in chosen]
    text = "\n".join(explain_rule(rule, plan, limits) for rule in chosen)
    put_report(output, {"rules": documents}, text)


def _chosen(plan: Plan, names: list[str]) -> tuple[RulePlan, ...]:
    """Return the rules of these names, by full name or, where it is clear, by the last word."""
    if not names:
        return plan.rules
    found: dict[str, RulePlan] = {}
    for name in names:
        matching = [r for r in plan.rules if r.name == name]
        matching = matching or [r for r in plan.rules if r.name.rpartition(".")[2] == name]
        if not matching:
            near = difflib.get_close_matches(name, [r.name for r in plan.rules], n=1, cutoff=0.5)
            hint = f", did you mean {near[0]}?" if near else ""
            message = f"there is no rule or file '{name}'{hint}"
            raise typer.BadParameter(message, param_hint="RULE")
        found.update((r.name, r) for r in matching)
    return tuple(found.values())
