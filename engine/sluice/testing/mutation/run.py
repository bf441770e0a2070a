"""Change rules in one place at a time, and see whether a test notices."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from sluice.catalog import Catalog
from sluice.errors import RuleError
from sluice.lang import Checked, RuleSet, check
from sluice.lang import declarations as decl
from sluice.plan import Plan, lower
from sluice.testing.cases import Case
from sluice.testing.mutation.change import Change
from sluice.testing.mutation.clauses import declarations
from sluice.testing.mutation.mutant import Mutant, State
from sluice.testing.mutation.remarks import Remark, remarks_of
from sluice.testing.mutation.report import MutationReport, RuleScore, score_of
from sluice.testing.mutation.targets import Bench, Target, bench_of, targets_of
from sluice.testing.portion import text_at
from sluice.testing.rules import Suite


@dataclass(slots=True)
class Mutation:
    """The changes of a rule set. All of its tests pass."""

    ruleset: RuleSet
    catalog: Catalog
    checked: Checked
    plan: Plan
    targets: list[Target] = field(init=False)
    _cases: dict[str, list[Case]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.targets = targets_of(self.ruleset, self.plan)

    def of(self, target: Target) -> list[Mutant]:
        """Return what became of each change of a target, in the order of the file."""
        if not target.rules:
            return []
        bench = bench_of(target, self.ruleset, self.plan)
        unit = self.ruleset.units[target.file]
        reasons = {each.about: each.reason for each in remarks_of(unit) if each.reason}
        cases = [case for rule in target.rules for case in self._cases_of(rule)]
        found = []
        for change, item in declarations(target.item):
            suite = self._changed(bench, item)
            if suite is None:
                continue
            noticing = next((case for case in cases if _notices(case, suite)), None)
            if noticing is not None:
                # It is the likeliest to notice the next change too.
                cases.remove(noticing)
                cases.insert(0, noticing)
            reason = reasons.get(change.span.line) if noticing is None else None
            found.append(_mutant(target, change, self.checked.texts, noticing is not None, reason))
        return sorted(found, key=lambda mutant: (mutant.line, mutant.column))

    def _changed(self, bench: Bench, item: decl.Declaration) -> Suite | None:
        """Return the tests of the changed rules; None when these have errors, or mean the same."""
        ruleset = bench.changed(item)
        checked = check(ruleset, self.catalog)
        if not checked.is_ok:
            return None
        plan = lower(checked, self.catalog)
        names = {rule.name for rule in plan.rules}
        rules = tuple(rule for rule in self.plan.rules if rule.name in names)
        types = {extract.type for extract in plan.extracts}
        extracts = tuple(each for each in self.plan.extracts if each.type in types)
        if rules == plan.rules and extracts == plan.extracts:
            return None
        return Suite(ruleset, self.catalog, checked, plan)

    def _cases_of(self, rule: str) -> list[Case]:
        if rule not in self._cases:
            suite = Suite(self.ruleset, self.catalog, self.checked, self.plan)
            mine = [test for test in self.checked.tests if test.rule == rule]
            self._cases[rule] = [suite.case(test) for test in mine]
        return self._cases[rule]


def _notices(case: Case, suite: Suite) -> bool:
    """Say whether a test fails with changed rules."""
    try:
        found = suite.player(case).play(case.script, is_explained=False)
    except RuleError:
        return True
    return bool(case.judge(found))


def _mutant(
    target: Target, change: Change, texts: Mapping[str, str], is_noticed: bool, reason: str | None
) -> Mutant:
    span = change.span
    before = change.before or text_at(texts, span)
    state: State = "noticed" if is_noticed else "unnoticed" if reason is None else "accepted"
    return Mutant(
        target.pack, target.rule, target.file, span.line, span.column, before, change.after,
        state, reason,
    )  # fmt: skip


def mutate(
    ruleset: RuleSet, catalog: Catalog, checked: Checked, rules: Collection[str] | None = None
) -> MutationReport:
    """Change rules in one place at a time, and report which changes no test notices.

    All tests pass. `rules` are those that are changed, default all; what several share is changed
    when one of them is among these.
    """
    work = Mutation(ruleset, catalog, checked, lower(checked, catalog))
    mutants: list[Mutant] = []
    scores = []
    for target in work.targets:
        mine = target.rules if target.rule is None else (target.rule,)
        if rules is not None and not set(mine) & set(rules):
            continue
        found = work.of(target)
        mutants += found
        if isinstance(target.item, decl.Rule) and target.rule is not None:
            tests = sum(test.rule == target.rule for test in checked.tests)
            line = target.item.name_span.line
            scores.append(RuleScore(target.rule, target.file, line, tests, score_of(found)))
    return MutationReport(tuple(mutants), tuple(scores), *_doubtful(ruleset, mutants, rules))


def _doubtful(
    ruleset: RuleSet, mutants: list[Mutant], rules: Collection[str] | None
) -> tuple[tuple[Remark, ...], tuple[Remark, ...]]:
    """Return the comments that accept nothing, and those that give no reason."""
    remarks = [each for unit in ruleset.units.values() for each in remarks_of(unit)]
    used = {(mutant.file, mutant.line) for mutant in mutants if mutant.state == "accepted"}
    # Where only some rules were changed nobody knows of the others.
    idle = [r for r in remarks if r.reason and (r.file, r.about) not in used and rules is None]
    return tuple(idle), tuple(each for each in remarks if not each.reason)
