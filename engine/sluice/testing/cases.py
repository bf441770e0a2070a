"""A test that is ready to be played: its script, what it expects, what it replaces."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from sluice.catalog import Catalog
from sluice.lang import Checked, CheckedTest, RuleSet, given_values, syntax
from sluice.lang import declarations as decl
from sluice.testing.expectations import Failure, Findings, judge
from sluice.testing.portion import text_at
from sluice.testing.script import Lookup, Script, params_of, read_script, value_of

#: What a test replaces, in a form that can be compared: params, then answers of functions.
GivenKey = tuple[tuple[Any, ...], ...]


@dataclass(frozen=True, slots=True)
class Case:
    """A test with everything that playing it needs, whatever becomes of its rule."""

    checked: CheckedTest
    script: Script
    expects: tuple[decl.Expect, ...]
    given: Mapping[str, syntax.Expr]
    #: What functions of plugins say, by function and the text of their arguments.
    answers: Mapping[str, Mapping[str, Any]]
    params: Lookup
    texts: Mapping[str, str]

    @property
    def rule(self) -> str:
        """The full name of the rule under test."""
        return self.checked.rule

    @property
    def line(self) -> int:
        """Where the test stands."""
        return self.checked.test.span.line

    @property
    def given_key(self) -> GivenKey:
        """What tells this test from those that replace something else."""
        answers = ((name, repr(known)) for name, known in self.answers.items())
        return (*self.given.items(), *answers)

    @property
    def wanted(self) -> frozenset[str]:
        """The types of event that it expects."""
        return frozenset(e.name for e in self.expects if e.kind == "event" and e.name is not None)

    def judge(self, found: Findings) -> list[Failure]:
        """Return every expectation that does not hold."""
        return judge(self.expects, found, self.line, self.params, self._source)

    def _source(self, statement: decl.Expect) -> str:
        """Return the text of a statement, on one line."""
        return text_at(self.texts, statement.span) or f"expect {statement.kind}"

    def catalog(self, catalog: Catalog) -> Catalog:
        """Return a catalog in which functions say what the test gives, and else that they know
        nothing: a test asks no outside world."""
        if not self.answers:
            return catalog
        return catalog.with_entries(
            replace(catalog.functions[name], call=_answering(known))
            for name, known in self.answers.items()
        )


def case_of(ruleset: RuleSet, checked: Checked, test: CheckedTest) -> Case:
    """Make a test ready; `Unreadable` when a value of it is no constant."""
    given = given_values(ruleset, test)
    params = params_of(ruleset.units[test.file].names, given)
    return Case(
        test,
        read_script(test.test, params, partial(_reported, checked)),
        tuple(s for s in test.test.statements if isinstance(s, decl.Expect)),
        given,
        _answers(test.test, params),
        params,
        checked.texts,
    )


def _reported(checked: Checked, rule: str) -> dict[str, Any]:
    """Return what a rule says of itself in its matches; nothing of a rule that is not there."""
    found = [each.meta for each in checked.rules if each.name == rule]
    return {"@severity": found[0].severity, "@tags": list(found[0].tags)} if found else {}


def _answers(test: decl.Test, params: Lookup) -> dict[str, dict[str, Any]]:
    answers: dict[str, dict[str, Any]] = {}
    for statement in test.statements:
        if isinstance(statement, decl.Given) and statement.args is not None:
            asked = [value_of(_argument(arg), params) for arg in statement.args]
            answers.setdefault(statement.name, {})[repr(asked)] = value_of(statement.value, params)
    return answers


def _argument(arg: Any) -> syntax.Expr:
    return arg.value if isinstance(arg, syntax.Argument) else arg


def _answering(known: Mapping[str, Any]) -> Callable[..., Any]:
    def call(*args: Any) -> Any:
        return known.get(repr(list(args)))

    return call
