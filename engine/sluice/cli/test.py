"""`sluice test`: run the tests that stand in rule files."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sluice.cli import exits
from sluice.cli.loading import loaded_rules, rule_settings
from sluice.cli.options import RulePathsArgument, new_app
from sluice.cli.output import put_bytes, put_report
from sluice.cli.render import safe

if TYPE_CHECKING:
    from sluice.cli.terminal import Terminal
    from sluice.testing import RuleTestReport, RuleTestResult

_WIDTH = 72


def commands() -> typer.Typer:
    """Return the command."""
    return new_app(test)


def test(
    ctx: typer.Context,
    paths: RulePathsArgument = None,
    filter_: Annotated[
        str | None,
        typer.Option(
            "-k", "--filter", metavar="TEXT", help="Only tests with this in rule or claim."
        ),
    ] = None,
    junit: Annotated[
        str | None, typer.Option("--junit", metavar="FILE", help="Write a JUnit report too.")
    ] = None,
    output: Annotated[
        Literal["text", "json", "junit", "none"],
        typer.Option("-o", "--output", "--format", help="The form of what goes to stdout."),
    ] = "text",
) -> int:
    """Run the tests that stand in rule files, on a virtual clock."""
    from sluice.catalog import builtins
    from sluice.testing import run_tests

    terminal: Terminal = ctx.find_root().obj
    compiled = loaded_rules(rule_settings(terminal, paths, None, None), terminal)
    report = run_tests(compiled.ruleset, builtins(), filter_, checked=compiled.checked)
    if output == "text":
        put_bytes(safe(_text(report, terminal)).encode())
    elif output == "junit":
        put_bytes(junit_text(report).encode())
    else:
        put_report(output, report.record(), "")
    if junit is not None:
        with open(junit, "w", encoding="utf-8") as file:
            file.write(junit_text(report))
    if not report.results and not terminal.quiet:
        terminal.warn(
            "there are no tests" + (f" with '{filter_}'" if filter_ else " in these files")
        )
    return exits.NO if report.failed else exits.OK


def _text(report: RuleTestReport, terminal: Terminal) -> str:
    """Write dots by file, then what failed, then the count."""
    lines: list[str] = []
    by_file: dict[str, list[RuleTestResult]] = {}
    for result in report.results:
        by_file.setdefault(result.file, []).append(result)
    for file, results in by_file.items():
        marks = "".join("." if result.is_ok else "F" for result in results)
        lines.append(f"{file} {marks}")
    for result in report.results:
        if not result.is_ok:
            lines += ["", *_failed(result)]
    style = "error" if report.failed else "good"
    count = f"{report.passed} passed" + (f", {report.failed} failed" if report.failed else "")
    lines += [""] if report.results else []
    return "\n".join([*lines, terminal.paint(count, style, sys.stdout)]) + "\n"


def _failed(result: RuleTestResult) -> list[str]:
    head = f"{result.file}:{result.line}: {_name(result)}"
    lines = [head, "-" * min(len(head), _WIDTH)]
    for failure in result.failures:
        lines.append(f"{result.file}:{failure.line}:")
        lines.append(f"  expected: {failure.expected}")
        lines.append(f"  actual:   {failure.actual}")
        if failure.nearest:
            lines.append(f"  nearest:  {failure.nearest}")
    return lines


def _name(result: RuleTestResult) -> str:
    return f"{result.rule}" + (f" ({result.name})" if result.name else "")


def junit_text(report: RuleTestReport) -> str:
    """Return the report as JUnit XML."""
    from xml.etree import ElementTree

    suite = ElementTree.Element(
        "testsuite",
        name="sluice",
        tests=str(len(report.results)),
        failures=str(report.failed),
        errors="0",
    )
    for result in report.results:
        case = ElementTree.SubElement(
            suite,
            "testcase",
            classname=result.rule,
            name=_storable(result.name or f"line {result.line}"),
            file=result.file,
            line=str(result.line),
        )
        for failure in result.failures:
            what = _storable(f"expected: {failure.expected}")
            entry = ElementTree.SubElement(case, "failure", message=what)
            rest = [f"{result.file}:{failure.line}", f"actual: {failure.actual}"]
            rest += [f"nearest: {failure.nearest}"] if failure.nearest else []
            entry.text = _storable("\n".join(rest))
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    return ElementTree.tostring(root, "unicode", xml_declaration=True) + "\n"


def _storable(text: str) -> str:
    """Return the text without what XML cannot hold."""
    return "".join(c if c in "\n\t" or c >= " " else f"\\x{ord(c):02x}" for c in text)
