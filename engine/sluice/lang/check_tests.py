"""Check test blocks: rules, times, fields and names that they speak of (language 8)."""

from __future__ import annotations

from collections.abc import Mapping

import sluice.lang.syntax as tree
from sluice.errors import Span
from sluice.lang.check_effects import NOTE_KINDS
from sluice.lang.checked import CheckedEmit, CheckedMitigate, CheckedNote, CheckedRule, CheckedTest
from sluice.lang.declarations import (
    Advance,
    At,
    Expect,
    Given,
    LatenessStatement,
    Start,
    TestStatement,
)  # fmt: skip
from sluice.lang.infer import Inferrer
from sluice.lang.load import RuleSet, Unit, all_tests
from sluice.lang.meet import towards
from sluice.lang.scope import Scope, did_you_mean
from sluice.lang.syntax import Expr, ObjectLiteral
from sluice.lang.types import accepts, describe
from sluice.lang.views import Known, schema_view
from sluice.model import ATTRIBUTES, Type
from sluice.timing import parse_instant


def check_tests(
    ruleset: RuleSet, inferrer: Inferrer, rules: Mapping[str, CheckedRule], known: Known
) -> tuple[CheckedTest, ...]:
    """Check all tests and return them with the full names of their rules."""
    out = []
    for unit, test in all_tests(ruleset):
        name = test.rule if test.rule in rules else f"{unit.pack}.{test.rule}"
        if name not in rules:
            here = [r.partition(".")[2] for r in rules if r.startswith(f"{unit.pack}.")]
            inferrer.findings.add(
                "SL0701", test.span, f"there is no rule `{test.rule}` to test",
                did_you_mean(test.rule, (*here, *rules)),
            )  # fmt: skip
            continue
        inferrer.findings.rule = name
        work = _TestCheck(unit, inferrer, rules[name], known)
        for statement in test.statements:
            work.statement(statement)
        inferrer.findings.rule = None
        out.append(CheckedTest(name, test, unit.path))
    return tuple(out)


class _TestCheck:
    """One test on its way through the checks."""

    def __init__(self, unit: Unit, inferrer: Inferrer, rule: CheckedRule, known: Known) -> None:
        self.unit, self.inferrer, self.rule, self.known = unit, inferrer, rule, known
        self.scope = Scope(unit.path)

    def add(self, code: str, span: Span, message: str, hint: str | None = None) -> None:
        """Record a finding."""
        self.inferrer.findings.add(code, span, message, hint)

    def statement(self, statement: TestStatement) -> None:
        """Check one statement."""
        match statement:
            case Start(text=text, span=span):
                if parse_instant(text) is None:
                    self.add("SL0706", span, f'"{text}" is no time', '`"2026-10-25T00:30:00Z"`')
            case LatenessStatement(duration=duration):
                self._time(duration)
            case At():
                self._at(statement)
            case Advance(to=to):
                self._time(to)
            case Given():
                self._given(statement)
            case Expect():
                self._expect(statement)

    def _time(self, expr: Expr) -> None:
        self.inferrer.duration(expr, self.scope, zero=True)

    def _at(self, at: At) -> None:
        self._time(at.at)
        if at.every is not None:
            self._time(at.every)
        if at.type == "any" or at.type.endswith(".*"):
            self.add("SL0705", at.span, f"an event has one type, `{at.type}` covers many")
            return
        view = schema_view((at.type,), self.known)
        for name, expr in at.fields.fields:
            if name.startswith("@"):
                self._attribute(name, expr)
                continue
            found = view.find((name,))
            if found.wrong is not None:
                self.add("SL0705", expr.span, f"`{at.type}` has no field `{name}`",
                         did_you_mean(name, found.near))  # fmt: skip
            else:
                self._value(name, expr, found.type, at.type)

    def _attribute(self, name: str, expr: Expr) -> None:
        if name not in ATTRIBUTES:
            self.add("SL0209", expr.span, f"events have no attribute `{name}`",
                     did_you_mean(name, ATTRIBUTES))  # fmt: skip

    def _value(self, name: str, expr: Expr, want: Type, owner: str) -> None:
        """Check a value of a test event; a test may send what does not fit, so this is soft."""
        if isinstance(expr, ObjectLiteral | tree.ListLiteral):
            return
        typed = self.inferrer.infer(expr, self.scope)
        if typed.type.kind in ("null", "any") or want.kind == "any":
            return
        typed = towards(self.inferrer, typed, want) if typed.type.kind != "string" else typed
        text = typed.type.kind == "string" and want.kind in ("time", "duration", "ip", "enum")
        number = typed.type.kind == "int" and want.kind in ("time", "duration")
        if not accepts(want, typed.type) and not text and not number:
            self.add("SL0707", expr.span,
                     f"`{name}` of `{owner}` is {describe(want)}: this event has it missing",
                     "say so on purpose: leave the field out")  # fmt: skip

    def _given(self, given: Given) -> None:
        if given.args is not None:
            if given.name not in self.inferrer.catalog.functions:
                self.add("SL0704", given.span, f"there is no function `{given.name}`",
                         did_you_mean(given.name, self.inferrer.catalog.functions))  # fmt: skip
            for arg in given.args:
                self.inferrer.infer(arg, self.scope)
            return
        if given_name(self.unit, given) is None:
            names = [n for n, d in self.unit.names.items() if hasattr(d.decl, "name")]
            self.add("SL0704", given.span, f"`{given.name}` is no param, list or table",
                     did_you_mean(given.name, names))  # fmt: skip

    def _expect(self, expect: Expect) -> None:
        if expect.at is not None:
            self._time(expect.at)
        fields = dict(expect.fields.fields) if expect.fields is not None else {}
        match expect.kind:
            case "match":
                known = {*(k.name for k in self.rule.keys), *(n for n, _ in self.rule.select)}
                self._names(fields, known, "match")
            case "note":
                self._note(expect)
            case "mitigation":
                self._mitigation(expect, fields)
            case "event":
                self._event(expect, fields)
            case _:
                pass

    def _names(self, fields: Mapping[str, Expr], known: set[str], what: str) -> None:
        for name, expr in fields.items():
            if name not in known and not name.startswith("@"):
                hint = did_you_mean(name, known) or "only keys and `select` names can be expected"
                self.add("SL0702", expr.span, f"the {what} has no `{name}`", hint)
            if not isinstance(expr, ObjectLiteral):
                self.inferrer.infer(expr, self.scope)

    def _note(self, expect: Expect) -> None:
        made = {e.kind for e in self.rule.effects if isinstance(e, CheckedNote)}
        if expect.name not in made:
            hint = did_you_mean(expect.name or "", NOTE_KINDS)
            self.add("SL0702", expect.span, f"the rule makes no note `{expect.name}`", hint)

    def _mitigation(self, expect: Expect, fields: Mapping[str, Expr]) -> None:
        made = [e for e in self.rule.effects if isinstance(e, CheckedMitigate)]
        mine = [e for e in made if e.action == expect.name]
        if not mine:
            hint = did_you_mean(expect.name or "", [e.action for e in made])
            self.add("SL0702", expect.span, f"the rule has no mitigation `{expect.name}`", hint)
            return
        action = self.inferrer.catalog.actions.get(expect.name or "")
        known = {p.name for p in action.params} if action is not None else set(fields)
        self._names(fields, known, "mitigation")

    def _event(self, expect: Expect, fields: Mapping[str, Expr]) -> None:
        name = expect.name or ""
        own = {f"match.{self.rule.name}", f"clear.{self.rule.name}"}
        emitted = {e.type for e in self.rule.effects if isinstance(e, CheckedEmit)}
        if name not in own | emitted and name not in self.known:
            hint = did_you_mean(name, own | emitted)
            self.add("SL0702", expect.span, f"the rule makes no event `{name}`", hint)
            return
        view = schema_view((name,), self.known)
        for field, expr in fields.items():
            found = view.find((field,))
            if found.wrong is not None:
                self.add("SL0702", expr.span, f"`{name}` has no field `{field}`",
                         did_you_mean(field, found.near))  # fmt: skip


def given_name(unit: Unit, given: Given) -> str | None:
    """Return the full name of what a `given` replaces, None when there is nothing."""
    found = unit.names.get(given.name)
    if found is None:
        pack, _, bare = given.name.rpartition(".")
        found = unit.names.get(bare)
        if found is None or found.pack != pack:
            return None
    kind = type(found.decl).__name__
    return found.full_name if kind in ("Param", "ListDecl", "TableDecl") else None


def given_values(ruleset: RuleSet, checked: CheckedTest) -> dict[str, Expr]:
    """Return what a test gives, by full name: the `given` of `check`."""
    unit = ruleset.units[checked.file]
    out: dict[str, Expr] = {}
    for statement in checked.test.statements:
        if isinstance(statement, Given) and statement.args is None:
            name = given_name(unit, statement)
            if name is not None:
                out[name] = statement.value
    return out
