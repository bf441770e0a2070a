"""`sluice check`: find what is wrong with rules."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from sluice.cli import exits
from sluice.cli.loading import compiled_rules, rule_settings
from sluice.cli.options import RulePathsArgument, SetOption, SilenceOption, new_app
from sluice.cli.output import put_bytes, put_report
from sluice.errors import Diagnostic, Severity, picture

if TYPE_CHECKING:
    from sluice.cli.terminal import Terminal
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
    output: Annotated[
        Literal["text", "json", "sarif", "junit", "none"],
        typer.Option("-o", "--output", "--format", help="The form of what goes to stdout."),
    ] = "text",
) -> int:
    """Find what is wrong with rules: every finding with place, reason and hint."""
    terminal: Terminal = ctx.find_root().obj
    resolved = rule_settings(terminal, paths, set_, silence)
    resolved.settings.rules.skip_broken = False
    compiled = compiled_rules(resolved, terminal)
    counts = Counter(d.severity for d in compiled.diagnostics)
    is_ok = not counts["error"] and not (strict and counts["warning"])
    if output == "text":
        terminal.pictures(compiled.diagnostics, compiled.texts, sys.stdout)
        if not terminal.quiet:
            terminal.say(_summary(compiled, counts))
    elif output == "sarif":
        from sluice.cli.sarif import sarif_log

        put_report("json", sarif_log(compiled.diagnostics, compiled.texts), "")
    elif output == "junit":
        put_bytes(junit_report(compiled, strict))
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


def junit_report(compiled: Compiled, strict: bool) -> bytes:
    """Return a JUnit report with a test case for each file; errors (`strict`: warnings) fail it."""
    from xml.etree import ElementTree

    from sluice.cli.junit import storable, to_xml

    failing: tuple[Severity, ...] = ("error", "warning") if strict else ("error",)
    found: dict[str, list[Diagnostic]] = {path: [] for path in sorted(compiled.texts)}
    for each in compiled.diagnostics:
        found.setdefault(each.span.file, []).append(each)
    cases = []
    for path, diagnostics in found.items():
        name = storable(path)
        case = ElementTree.Element("testcase", classname="sluice.check", name=name)
        if path in compiled.texts:
            case.set("file", name)
        bad = [each for each in diagnostics if each.severity in failing]
        if bad:
            numbers = Counter(each.severity for each in bad)
            message = ", ".join(_count(numbers[kind], kind) for kind in failing if numbers[kind])
            failure = ElementTree.SubElement(case, "failure", message=message, type="findings")
            failure.text = storable(_pictures(bad, compiled))
        rest = [each for each in diagnostics if each.severity not in failing]
        if rest:
            ElementTree.SubElement(case, "system-out").text = storable(_pictures(rest, compiled))
        cases.append(case)
    failures = sum(case.find("failure") is not None for case in cases)
    suite = ElementTree.Element(
        "testsuite", name="sluice check", tests=str(len(cases)), failures=str(failures), errors="0"
    )
    suite.extend(cases)
    return to_xml(suite)


def _pictures(diagnostics: list[Diagnostic], compiled: Compiled) -> str:
    return "\n\n".join(picture(d, compiled.texts.get(d.span.file)) for d in diagnostics)


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
