"""How tests ended, for people and for build servers."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from sluice.cli.terminal import Terminal

if TYPE_CHECKING:
    from sluice.testing import RuleTestReport, RuleTestResult

_WIDTH = 72


def results_text(report: RuleTestReport, terminal: Terminal) -> str:
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
    return [head, "-" * min(len(head), _WIDTH), *result.told()]


def _name(result: RuleTestResult) -> str:
    return f"{result.rule}" + (f" ({result.name})" if result.name else "")


def junit_report(report: RuleTestReport) -> bytes:
    """Return the report as JUnit XML."""
    from xml.etree import ElementTree

    from sluice.cli.junit import storable, to_xml

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
            classname=storable(result.rule),
            name=storable(result.name or f"line {result.line}"),
            file=storable(result.file),
            line=str(result.line),
        )
        for failure in result.failures:
            what = storable(f"expected: {failure.expected}")
            entry = ElementTree.SubElement(case, "failure", message=what)
            rest = [f"{result.file}:{failure.line}", f"actual: {failure.actual}"]
            rest += [f"nearest: {failure.nearest}"] if failure.nearest else []
            entry.text = storable("\n".join(rest))
    return to_xml(suite)
