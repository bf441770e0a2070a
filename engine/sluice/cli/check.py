"""`sluice check`: find what is wrong with rules."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sluice.cli import exits
from sluice.cli.loading import compiled_rules, rule_settings
from sluice.cli.options import OutputOption, RulePathsArgument, SetOption, SilenceOption, new_app
from sluice.cli.output import put_report

if TYPE_CHECKING:
    from sluice.cli.terminal import Terminal
    from sluice.errors import Diagnostic
    from sluice.shells import Compiled


def commands() -> typer.Typer:
    """Return the command."""
    return new_app(check)


def check(
    ctx: typer.Context,
    paths: RulePathsArgument = None,
    strict: Annotated[bool, typer.Option("--strict", help="Fail on warnings too.")] = False,
    silence: SilenceOption = None,
    set_: SetOption = None,
    output: OutputOption = "text",
) -> int:
    """Find what is wrong with rules: every finding with place, reason and hint."""
    terminal: Terminal = ctx.find_root().obj
    resolved = rule_settings(terminal, paths, set_, silence)
    resolved.settings.rules.skip_broken = False
    compiled = compiled_rules(resolved)
    counts = Counter(d.severity for d in compiled.diagnostics)
    is_ok = not counts["error"] and not (strict and counts["warning"])
    if output == "text":
        terminal.pictures(compiled.diagnostics, compiled.texts, sys.stdout)
        if not terminal.quiet:
            terminal.say(_summary(compiled, counts))
    else:
        put_report(output, document(compiled, counts, is_ok), "")
    return exits.OK if is_ok else exits.NO


def document(compiled: Compiled, counts: Counter[Any], is_ok: bool) -> dict[str, Any]:
    """Return the JSON document of `check`."""
    return {
        "ok": is_ok,
        "rules": len(compiled.checked.rules),
        "errors": counts["error"],
        "warnings": counts["warning"],
        "diagnostics": [_entry(each) for each in compiled.diagnostics],
    }


def _entry(each: Diagnostic) -> dict[str, Any]:
    span = each.span
    return {
        "code": each.code,
        "severity": each.severity,
        "message": each.message,
        "hint": each.hint,
        "file": span.file,
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
        "rule": each.rule,
    }


def _summary(compiled: Compiled, counts: Counter[Any]) -> str:
    size = f"{_count(len(compiled.checked.rules), 'rule')} in {_count(len(compiled.texts), 'file')}"
    found = [_count(counts[kind], kind) for kind in ("error", "warning") if counts[kind]]
    return f"{size}: {', '.join(found) or 'no errors'}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
