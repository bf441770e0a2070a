"""Find out which parts of rules no test reaches."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sluice.catalog import Catalog
from sluice.errors import RuleError
from sluice.lang import Checked, CheckedRule, CheckedTest, RuleSet, Unit, check, typed
from sluice.lang import declarations as decl
from sluice.plan import lower, lower_expr, nodes
from sluice.testing.cases import Case
from sluice.testing.coverage.clauses import without_clauses
from sluice.testing.coverage.points import (
    Point,
    RuleCoverage,
    condition_points,
    effect_points,
    leaves,
    tested,
)
from sluice.testing.coverage.report import CoverageReport
from sluice.testing.coverage.watch import EXCEPT, HAVING, Seen, Watch
from sluice.testing.expectations import Findings
from sluice.testing.mutation import Target, bench_of
from sluice.testing.rules import Suite
from sluice.testing.script import Unreadable


@dataclass(slots=True)
class _Tally:
    """Points of a rule, each once, however often it is looked at."""

    points: dict[Point, bool] = field(default_factory=dict)

    def add(self, point: Point, is_reached: bool) -> None:
        self.points[point] = self.points.get(point, False) or is_reached


@dataclass(slots=True)
class Coverage:
    """Plays the tests of rules and looks on."""

    suite: Suite
    tests: dict[str, list[CheckedTest]] = field(default_factory=dict)

    def of(self, unit: Unit, rule: CheckedRule, place: int) -> RuleCoverage:
        """Return what the tests of a rule reach; `place` is where the file declares it."""
        written = unit.parsed.file.declarations[place]
        assert isinstance(written, decl.Rule)
        cases = self._cases(rule.name)
        tally = _Tally()
        self._conditions(tally, rule, written, cases)
        self._clauses(tally, rule, unit, place, cases)
        missing = [point for point, is_reached in tally.points.items() if not is_reached]
        missing.sort(key=lambda p: (p.span.file, p.span.line, p.span.column, p.missing))
        return RuleCoverage(
            rule.name, rule.file, written.name_span.line, written.span.end_line, len(cases),
            len(tally.points), tuple(missing),
        )  # fmt: skip

    def _cases(self, rule: str) -> list[Case]:
        """Return the tests of a rule that can be played."""
        cases = []
        for test in self.tests.get(rule, ()):
            try:
                case = self.suite.case(test)
                self.suite.player(case)
            except (Unreadable, RuleError):
                continue
            cases.append(case)
        return cases

    def _conditions(
        self, tally: _Tally, rule: CheckedRule, written: decl.Rule, cases: list[Case]
    ) -> None:
        """Count steps, conditions and effects."""
        atoms, having = tested(rule), _having(rule)
        seen = Seen()
        watches: dict[Any, Watch] = {}
        for case in cases:
            if case.given_key not in watches:
                watches[case.given_key] = self._watch(case, seen)
            watches[case.given_key].play(case.script)
        for number, each in enumerate(atoms):
            span = each.atom.span
            if each.role == "taken":
                point = Point(span, "step", "is in no match")
                tally.add(point, each.atom.position in seen.taken)
            elif each.role == "absent":
                tally.add(Point(span, "absence", "never comes"), number in seen.fits)
            _outcomes(tally, number, each.conditions, seen)
        _outcomes(tally, HAVING, having, seen)
        for place, condition in enumerate(rule.excepts):
            hides = (EXCEPT, place, True) in seen.outcomes
            tally.add(Point(condition.span, "except", "hides no event"), hides)
        self._effects(tally, rule, written, seen)

    def _watch(self, case: Case, seen: Seen) -> Watch:
        """Return what looks on at a rule as a test has it."""
        checked, catalog = self.suite.checked_of(case), case.catalog(self.suite.catalog)
        rule = next(rule for rule in checked.rules if rule.name == case.rule)
        conditions = [[lower_expr(c) for c in each.conditions] for each in tested(rule)]
        having = [lower_expr(part) for part in _having(rule)]
        return Watch(lower(checked, catalog), catalog, case.rule, conditions, having, seen)

    def _effects(self, tally: _Tally, rule: CheckedRule, written: decl.Rule, seen: Seen) -> None:
        for number, point in enumerate(effect_points(written)):
            is_deed = isinstance(self._planned(rule).effects[number], nodes.MitigateEffect)
            tally.add(point, number in seen.effects if is_deed else seen.matches > 0)
        for clause in written.clauses:
            if isinstance(clause, decl.Cooldown):
                point = Point(clause.span, "cooldown", "swallows nothing")
                tally.add(point, seen.suppressed > 0)

    def _planned(self, rule: CheckedRule) -> nodes.RulePlan:
        return next(r for r in self.suite.plan.rules if r.name == rule.name)

    def _clauses(
        self, tally: _Tally, rule: CheckedRule, unit: Unit, place: int, cases: list[Case]
    ) -> None:
        """Count the clauses that hold something back."""
        suite = self.suite
        written = unit.parsed.file.declarations[place]
        assert isinstance(written, decl.Rule)
        target = Target(unit.path, place, written, unit.pack, (rule.name,), rule.name)
        bench = bench_of(target, suite.ruleset, suite.plan)
        before: list[Any] = []
        for point, changed in without_clauses(written):
            ruleset = bench.changed(changed)
            checked = check(ruleset, suite.catalog)
            if not checked.is_ok:
                continue
            other = Suite(ruleset, suite.catalog, checked, lower(checked, suite.catalog))
            before = before or [_signature(suite, case) for case in cases]
            pairs = zip(cases, before, strict=True)
            tally.add(point, any(_signature(other, case) != sign for case, sign in pairs))


def _having(rule: CheckedRule) -> list[typed.Typed]:
    return list(leaves(rule.having.condition)) if rule.having is not None else []


def _outcomes(tally: _Tally, number: int, conditions: Any, seen: Seen) -> None:
    for place, condition in enumerate(conditions):
        for point, held in zip(condition_points(condition), (True, False), strict=True):
            tally.add(point, (number, place, held) in seen.outcomes)


def _signature(suite: Suite, case: Case) -> list[Any]:
    """Return what a rule finds in a test, in a form that can be compared."""
    found: Findings = suite.player(case).play(case.script, is_explained=False)
    return [
        [
            (m.kind, m.time, m.key, m.select, [e.id for e in m.events], m.event_count),
            found.suppressed,
        ]
        for m in (*found.matches, *found.pending)
    ] + [[found.suppressed]]


def measure_coverage(
    ruleset: RuleSet, catalog: Catalog, checked: Checked, tests: list[CheckedTest] | None = None
) -> CoverageReport:
    """Report what the tests of each rule reach, in the order of the files.

    `tests` are those that count, default all; rules without one of them are looked at all the
    same. A test that cannot be played reaches nothing.
    """
    suite = Suite(ruleset, catalog, checked, lower(checked, catalog))
    by_rule: dict[str, list[CheckedTest]] = {}
    for test in checked.tests if tests is None else tests:
        by_rule.setdefault(test.rule, []).append(test)
    work = Coverage(suite, by_rule)
    rules = {rule.name: rule for rule in checked.rules}
    found = []
    for unit in ruleset.roots:
        for place, item in enumerate(unit.parsed.file.declarations):
            if isinstance(item, decl.Rule) and f"{unit.pack}.{item.name}" in rules:
                found.append(work.of(unit, rules[f"{unit.pack}.{item.name}"], place))
    return CoverageReport(tuple(found), checked.texts)
