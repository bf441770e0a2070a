"""`sluice test`: run the tests that stand in rule files, and see how good they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from sluice.cli import exits
from sluice.cli.loading import given, loaded_rules, plugins_of, settings_of
from sluice.cli.options import RulePathsArgument, new_app
from sluice.cli.output import put_bytes, put_report
from sluice.cli.render import safe
from sluice.cli.run_options import SkipBrokenOption
from sluice.cli.test_results import junit_report, results_text
from sluice.cli.watching import repeat

if TYPE_CHECKING:
    from sluice.cli.terminal import Terminal
    from sluice.shells import Compiled
    from sluice.testing import CoverageReport, MutationReport, Portion, RuleTestReport

Form = Literal["text", "json", "junit", "none"]

_RULES_SHOWN = 5
_NO_TESTS = "there are no tests in these files"


def commands() -> typer.Typer:
    """Return the command."""
    return new_app(test)


@dataclass(frozen=True, slots=True)
class _Wish:
    """What was asked for."""

    flags: dict[str, Any]
    chosen: str | None
    junit: str | None
    form: Form
    coverage: bool
    coverage_min: float | None
    mutate: bool
    mutate_min: float | None


def _percent(flag: str, says: str) -> Any:
    return typer.Option(flag, metavar="PERCENT", min=0, max=100, help=says)


def test(
    ctx: typer.Context,
    paths: RulePathsArgument = None,
    filter_: Annotated[
        str | None,
        typer.Option(
            "-k", "--filter", metavar="TEXT", help="Only tests with this in rule or claim."
        ),
    ] = None,
    coverage: Annotated[
        bool, typer.Option("--coverage", help="Show what of each rule no test reaches.")
    ] = False,
    coverage_min: Annotated[
        float | None,
        _percent("--coverage-min", "Fail when the tests reach less of all rules."),
    ] = None,
    mutate: Annotated[
        bool, typer.Option("--mutate", help="Change the rules, and show what no test notices.")
    ] = False,
    mutate_min: Annotated[
        float | None,
        _percent("--mutate-min", "Fail when the tests notice fewer of the changes."),
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Run again whenever a file changes, until Ctrl-C.")
    ] = False,
    junit: Annotated[
        str | None, typer.Option("--junit", metavar="FILE", help="Write a JUnit report too.")
    ] = None,
    skip_broken_rules: SkipBrokenOption = None,
    output: Annotated[
        Form, typer.Option("-o", "--output", "--format", help="The form of what goes to stdout.")
    ] = "text",
) -> int:  # fmt: skip
    """Run the tests that stand in rule files, on a virtual clock."""
    terminal: Terminal = ctx.find_root().obj
    flags = {"rules.paths": list(paths or ()), "rules.skip_broken": skip_broken_rules}
    wish = _Wish(
        given(flags), filter_, junit, output, coverage or coverage_min is not None, coverage_min,
        mutate or mutate_min is not None, mutate_min,
    )  # fmt: skip
    if not watch:
        return _once(terminal, wish)
    if output != "text":
        raise typer.BadParameter("it writes for people: leave out -o", param_hint="--watch")
    watched = settings_of(terminal, wish.flags).settings.rules.paths
    return repeat(watched, lambda: _once(terminal, wish), terminal)


def _once(terminal: Terminal, wish: _Wish) -> int:
    from sluice.testing import measure_coverage, run_tests

    resolved = settings_of(terminal, wish.flags)
    plugins = plugins_of(resolved, terminal)
    compiled = loaded_rules(resolved, terminal, plugins)
    rules = (compiled.ruleset, compiled.catalog)
    reached: CoverageReport | None = None
    changed: MutationReport | None = None
    with plugins.guarding():
        # Changes are judged by all tests: each has to pass before.
        asked = None if wish.mutate else wish.chosen
        everything = run_tests(*rules, asked, checked=compiled.checked)
        report = _chosen(everything, compiled, wish.chosen)
        if wish.chosen and not report.results:
            raise typer.BadParameter(_nothing_chosen(wish.chosen, compiled), param_hint="-k")
        if wish.coverage:
            reached = measure_coverage(*rules, compiled.checked, _tests(compiled, wish.chosen))
        if wish.mutate and not everything.failed:
            changed = _mutated(compiled, wish.chosen)
    for sentence in (*plugins.sentences, *_skipped(compiled)):
        terminal.warn(sentence)
    if wish.mutate and everything.failed:
        report = everything
    short = _short_of(wish, reached, changed)
    _put(terminal, wish, report, (reached, changed), not short)
    if not report.results and not terminal.quiet:
        terminal.warn(_NO_TESTS)
    if wish.mutate and everything.failed:
        short.append("--mutate needs tests that pass: mend these first")
    for sentence in short:
        terminal.fail(sentence)
    return exits.NO if report.failed or short else exits.OK


def _tests(compiled: Compiled, chosen: str | None) -> list[Any]:
    from sluice.testing import chosen_tests

    return chosen_tests(compiled.checked.tests, chosen)


def _chosen(report: RuleTestReport, compiled: Compiled, chosen: str | None) -> RuleTestReport:
    """Cut a report down to the tests that were chosen."""
    from sluice.testing import RuleTestReport

    places = {(each.file, each.test.span.line) for each in _tests(compiled, chosen)}
    return RuleTestReport(tuple(r for r in report.results if (r.file, r.line) in places))


def _mutated(compiled: Compiled, chosen: str | None) -> MutationReport:
    from sluice.testing import mutate

    rules = None if chosen is None else {each.rule for each in _tests(compiled, chosen)}
    return mutate(compiled.ruleset, compiled.catalog, compiled.checked, rules)


def _skipped(compiled: Compiled) -> list[str]:
    named = [each for each in compiled.skipped if each.rule is not None]
    return [f"{each.rule} is left out, with its tests: {each.reason}" for each in named]


def _put(
    terminal: Terminal, wish: _Wish, report: RuleTestReport,
    measured: tuple[CoverageReport | None, MutationReport | None], is_enough: bool,
) -> None:  # fmt: skip
    """Write the report in the form that was asked for."""
    from sluice.cli.test_measures import coverage_text, mutation_text

    reached, changed = measured
    if wish.form == "text":
        text = results_text(report, terminal)
        text += coverage_text(reached) if reached is not None else ""
        text += mutation_text(changed) if changed is not None else ""
        put_bytes(safe(text).encode())
    elif wish.form == "junit":
        put_bytes(junit_report(report))
    else:
        document = report.record()
        document["ok"] = document["ok"] and is_enough
        if reached is not None:
            document["coverage"] = reached.record()
        if changed is not None:
            document["mutation"] = changed.record()
        put_report(wish.form, document, "")
    if wish.junit is not None:
        with open(wish.junit, "wb") as file:
            file.write(junit_report(report))


def _short_of(
    wish: _Wish, reached: CoverageReport | None, changed: MutationReport | None
) -> list[str]:
    """Say what is less than was asked for."""
    short = []
    if wish.coverage_min is not None and reached is not None:
        short += _below("the tests reach", "of the rules", reached.whole, wish.coverage_min)
    if wish.mutate_min is not None and changed is not None:
        short += _below("the tests notice", "of the changes", changed.whole, wish.mutate_min)
    return short


def _below(verb: str, what: str, share: Portion, least: float) -> list[str]:
    if not share.is_below(least):
        return []
    text = f"{verb} {share.percent} % {what} ({share.part} of {share.total}), not {least:g} %"
    return [text]


def _nothing_chosen(text: str, compiled: Compiled) -> str:
    """Say that no test was chosen, and what may have been meant."""
    from sluice.lang import suggest

    tests = compiled.checked.tests
    if not tests:
        return _NO_TESTS
    rules = dict.fromkeys(each.rule for each in tests)
    claims = [each.test.claim for each in tests if each.test.claim]
    near = suggest(text, [*rules, *(name.rpartition(".")[2] for name in rules), *claims])
    shown = ", ".join([*rules][:_RULES_SHOWN]) + ", …" * (len(rules) > _RULES_SHOWN)
    remedy = f"did you mean '{near}'?" if near else f"there are tests of {shown}"
    return f"no test has '{text}' in its rule or claim; {remedy}"
