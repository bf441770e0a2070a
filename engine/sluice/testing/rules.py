"""Run the tests that stand in rule files, on a virtual clock (language 8)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from sluice.catalog import Catalog
from sluice.errors import RuleError
from sluice.lang import Checked, CheckedTest, RuleSet, check
from sluice.plan import Plan, lower, only_feeding
from sluice.testing.cases import Case, GivenKey, case_of
from sluice.testing.expectations import Failure
from sluice.testing.part import part_of
from sluice.testing.player import Player
from sluice.testing.script import Unreadable


@dataclass(frozen=True, slots=True)
class RuleTestResult:
    """How one test ended."""

    rule: str
    name: str | None
    file: str
    line: int
    failures: tuple[Failure, ...] = ()

    @property
    def is_ok(self) -> bool:
        """True when everything came as expected."""
        return not self.failures

    def told(self) -> list[str]:
        """Return what failed, line by line, for people."""
        lines = []
        for failure in self.failures:
            lines.append(f"{self.file}:{failure.line}:")
            lines.append(f"  expected: {failure.expected}")
            lines.append(f"  actual:   {failure.actual}")
            if failure.nearest:
                lines.append(f"  nearest:  {failure.nearest}")
        return lines

    def record(self) -> dict[str, Any]:
        """Return the entry of the report's `tests`."""
        return {
            "rule": self.rule, "name": self.name, "file": self.file, "line": self.line,
            "ok": self.is_ok, "failures": [f.record() for f in self.failures],
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class RuleTestReport:
    """How all tests ended, in the order of the files."""

    results: tuple[RuleTestResult, ...]

    @property
    def failed(self) -> int:
        """How many failed."""
        return sum(not result.is_ok for result in self.results)

    @property
    def passed(self) -> int:
        """How many passed."""
        return len(self.results) - self.failed

    def record(self) -> dict[str, Any]:
        """Return the JSON document of `sluice test`."""
        return {
            "ok": self.failed == 0, "passed": self.passed, "failed": self.failed,
            "tests": [result.record() for result in self.results],
        }  # fmt: skip


def run_tests(
    ruleset: RuleSet, catalog: Catalog, chosen: str | None = None, *,
    checked: Checked | None = None,
    on_result: Callable[[RuleTestResult], None] | None = None,
) -> RuleTestReport:  # fmt: skip
    """Run the tests of a rule set and report all of them.

    `chosen` picks tests by a part of `RULE claim`, or by a pattern with `*`. `checked` is what
    checking the rule set gave, when that is known. RuleError when the rules have errors.
    """
    if checked is None:
        checked = check(ruleset, catalog)
    if not checked.is_ok:
        raise RuleError(checked.diagnostics)
    suite = Suite(ruleset, catalog, checked, lower(checked, catalog))
    results = []
    for each in chosen_tests(checked.tests, chosen):
        results.append(suite.result(each))
        if on_result is not None:
            on_result(results[-1])
    return RuleTestReport(tuple(results))


def chosen_tests(tests: Iterable[CheckedTest], chosen: str | None) -> list[CheckedTest]:
    """Return the tests that a text picks: a part of `RULE claim`, or a pattern with `*`."""
    return [each for each in tests if chosen is None or _is_chosen(each, chosen)]


def _is_chosen(each: CheckedTest, chosen: str) -> bool:
    name = f"{each.rule} {each.test.claim or ''}".casefold()
    wanted = chosen.casefold()
    return fnmatchcase(name, wanted) if "*" in wanted else wanted in name


@dataclass(slots=True)
class Suite:
    """The tests of a rule set, each rule compiled once for all that replace the same."""

    ruleset: RuleSet
    catalog: Catalog
    checked: Checked
    plan: Plan
    _players: dict[tuple[str, GivenKey], Player] = field(default_factory=dict)

    def result(self, test: CheckedTest) -> RuleTestResult:
        """Run one test."""
        try:
            case = self.case(test)
            failures = case.judge(self.player(case).play(case.script))
        except Unreadable as error:
            failures = [Failure(error.line, "a test that can be run", str(error))]
        except RuleError as error:
            first = next(d for d in error.diagnostics if d.severity == "error")
            expected = "rules that load with what is given"
            failures = [Failure(first.span.line, expected, str(error))]
        claim, line = test.test.claim, test.test.span.line
        return RuleTestResult(test.rule, claim, test.file, line, tuple(failures))

    def case(self, test: CheckedTest) -> Case:
        """Make a test ready; `Unreadable` when a value of it is no constant."""
        return case_of(self.ruleset, self.checked, test)

    def player(self, case: Case) -> Player:
        """Return what plays the rule of a test; RuleError when what it gives does not fit."""
        key = (case.rule, case.given_key)
        known = self._players.get(key)
        # A test may expect events of more types than those before: compile again.
        if known is None or not case.wanted <= known.wanted:
            wanted = case.wanted if known is None else case.wanted | known.wanted
            catalog = case.catalog(self.catalog)
            plan = self.plan_of(case) if case.given_key else self.plan
            known = self._players[key] = Player(plan, catalog, case.rule, wanted)
        return known

    def plan_of(self, case: Case) -> Plan:
        """Return the plan with what a test replaces."""
        return lower(self.checked_of(case), case.catalog(self.catalog))

    def checked_of(self, case: Case) -> Checked:
        """Return the rules with what a test replaces; only what its rule needs is checked again.

        RuleError when that does not fit.
        """
        if not case.given_key:
            return self.checked
        part = part_of(self.ruleset, only_feeding(self.plan, case.rule))
        checked = check(part, case.catalog(self.catalog), given=case.given)
        if not checked.is_ok:
            raise RuleError(checked.diagnostics)
        return checked
