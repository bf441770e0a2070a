"""Run the tests that stand in rule files, on a virtual clock (language 8)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any

from sluice.backends import BuildOptions, build
from sluice.catalog import Catalog
from sluice.errors import RuleError
from sluice.lang import Checked, CheckedTest, RuleSet, check, given_values, syntax
from sluice.lang import declarations as decl
from sluice.model import Clear, Event, Match, Mitigation, Note
from sluice.plan import Plan, lower, rewrite
from sluice.stream import Pipeline
from sluice.testing.expectations import Failure, Findings, judge
from sluice.testing.feeding import WITNESS, only_feeding, with_witnesses
from sluice.testing.script import (
    SOURCE,
    Lookup,
    Script,
    Tick,
    Unreadable,
    params_of,
    read_script,
    value_of,
)

_KINDS = frozenset({"match", "clear", "note", "mitigation", "pending", "event"})


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
    plan = lower(checked, catalog)
    results = []
    for each in checked.tests:
        if chosen is None or _is_chosen(each, chosen):
            results.append(_run(_Case(ruleset, catalog, checked, plan, each)))
            if on_result is not None:
                on_result(results[-1])
    return RuleTestReport(tuple(results))


def _is_chosen(each: CheckedTest, chosen: str) -> bool:
    name = f"{each.rule} {each.test.claim or ''}".casefold()
    wanted = chosen.casefold()
    return fnmatchcase(name, wanted) if "*" in wanted else wanted in name


@dataclass(frozen=True, slots=True)
class _Case:
    """A test with the rule set that it belongs to."""

    ruleset: RuleSet
    catalog: Catalog
    checked: Checked
    plan: Plan
    checked_test: CheckedTest

    @property
    def test(self) -> decl.Test:
        """The test as written."""
        return self.checked_test.test

    @property
    def line(self) -> int:
        """Where the test stands."""
        return self.test.span.line

    def source(self, statement: decl.Expect) -> str:
        """Return the text of a statement, on one line."""
        span = statement.span
        lines = self.checked.texts.get(span.file, "").split("\n")[span.line - 1 : span.end_line]
        if not lines:
            return f"expect {statement.kind}"
        lines[-1] = lines[-1][: span.end_column - 1]
        lines[0] = lines[0][span.column - 1 :]
        return " ".join(" ".join(lines).split())


def _run(case: _Case) -> RuleTestResult:
    each = case.checked_test
    try:
        failures = _failures(case)
    except Unreadable as error:
        failures = [Failure(error.line, "a test that can be run", str(error))]
    except RuleError as error:
        first = next(d for d in error.diagnostics if d.severity == "error")
        failures = [Failure(first.span.line, "rules that load with what is given", str(error))]
    return RuleTestResult(each.rule, case.test.claim, each.file, case.line, tuple(failures))


def _failures(case: _Case) -> list[Failure]:
    each = case.checked_test
    given = given_values(case.ruleset, each)
    names = case.ruleset.units[each.file].names
    params = params_of(names, given)
    catalog = _with_given_functions(case.catalog, case.test, params)
    plan = case.plan
    if given or catalog is not case.catalog:
        checked = check(case.ruleset, catalog, given=given)
        if not checked.is_ok:
            raise RuleError(checked.diagnostics)
        plan = lower(checked, catalog)
    script = read_script(case.test, params)
    expects = [s for s in case.test.statements if isinstance(s, decl.Expect)]
    found = _play(plan, catalog, each.rule, script, expects)
    return judge(expects, found, case.line, params, case.source)


def _with_given_functions(catalog: Catalog, test: decl.Test, params: Lookup) -> Catalog:
    """Return a catalog in which functions say what the test gives, and else that they know
    nothing: a test asks no outside world."""
    answers: dict[str, dict[str, Any]] = {}
    for statement in test.statements:
        if isinstance(statement, decl.Given) and statement.args is not None:
            asked = [value_of(_argument(arg), params) for arg in statement.args]
            answers.setdefault(statement.name, {})[repr(asked)] = value_of(statement.value, params)
    if not answers:
        return catalog
    return catalog.with_entries(
        replace(catalog.functions[name], call=_answering(known)) for name, known in answers.items()
    )


def _argument(arg: Any) -> syntax.Expr:
    return arg.value if isinstance(arg, syntax.Argument) else arg


def _answering(known: Mapping[str, Any]) -> Callable[..., Any]:
    def call(*args: Any) -> Any:
        return known.get(repr(list(args)))

    return call


# ---------------------------------------------------------------- playing


@dataclass(slots=True)
class _Clock:
    """The virtual clock in front of a pipeline: events and ticks reach every source alike."""

    pipeline: Pipeline
    places: set[tuple[str, int]] = field(default_factory=set)

    def feed(self, event: Event) -> None:
        """Let an event arrive."""
        self.places.add((event.source, event.partition))
        self.pipeline.feed([event])

    def tick(self, time: int) -> None:
        """Let time go on to an instant, short of its deadlines."""
        pipeline = self.pipeline
        for place in self.places or {(SOURCE, 0)}:
            pipeline.watermarks.see(place, time)
        pipeline.feed([])
        if pipeline.is_direct and pipeline.now is not None and time > pipeline.now:
            pipeline.advance(2 * time + 1)
            pipeline.now = time

    def finish(self, last: int | None) -> None:
        """Complete the last instant: its events, then its deadlines."""
        self.pipeline.finish()
        if last is not None and (self.pipeline.now is None or self.pipeline.now < last):
            self.pipeline.now = last
            self.pipeline.finish()


def _play(
    plan: Plan, catalog: Catalog, rule: str, script: Script, expects: Iterable[decl.Expect]
) -> Findings:
    """Run the rule and what feeds it over a script, and return what the rule brought about."""
    wanted = {e.name for e in expects if e.kind == "event" and e.name is not None}
    mine = with_witnesses(only_feeding(plan, rule), wanted)
    options = BuildOptions(_KINDS, whole_events=True, lateness_ms=script.lateness)
    pipeline = build(rewrite(mine), catalog, options)
    clock = _Clock(pipeline)
    for arrival in script.arrivals:
        if isinstance(arrival, Tick):
            clock.tick(arrival.time)
        else:
            clock.feed(arrival)
    clock.finish(script.last)
    found = Findings(script.start)
    _collect(found, pipeline.drain(), rule)
    for reporter in pipeline.reporters:
        if reporter.code.plan.name == rule:
            found.suppressed = reporter.suppressed
    pipeline.pending()
    _collect(found, pipeline.drain(), rule)
    return found


def _collect(found: Findings, records: Iterable[Any], rule: str) -> None:
    for record in records:
        match record:
            case Event():
                found.events.append(record)
            case Match() if record.rule.startswith(f"{WITNESS}."):
                found.events += _witnessed(record)
            case Match() if record.rule == rule:
                (found.matches if record.kind == "match" else found.pending).append(record)
            case Clear() if record.rule == rule:
                found.clears.append(record)
            case Note() if record.rule == rule:
                found.notes.append(record)
            case Mitigation() if record.rule == rule:
                found.mitigations.append(record)
            case _:
                pass


def _witnessed(match: Match) -> list[Event]:
    """Return the event that a witness saw, when an `extract` made it."""
    seen = match.events[0]
    if not seen.id.endswith(f"/{seen.type}"):
        return []
    fields = {k: v for k, v in (seen.event or {}).items() if not k.startswith("@")}
    return [Event(seen.type, seen.time, fields, id=seen.id)]
