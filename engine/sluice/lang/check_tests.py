"""Check test blocks: rules, times, fields and names that they speak of (language 8)."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import sluice.lang.syntax as tree
from sluice.errors import Span
from sluice.lang.check_declared import check_given
from sluice.lang.check_effects import NOTE_KINDS
from sluice.lang.checked import CheckedEmit, CheckedMitigate, CheckedNote, CheckedRule, CheckedTest
from sluice.lang.declarations import (
    Advance,
    At,
    Expect,
    Given,
    LatenessStatement,
    ListDecl,
    Lost,
    Param,
    Rule,
    Start,
    TableDecl,
    TestStatement,
)  # fmt: skip
from sluice.lang.infer import Inferrer
from sluice.lang.load import RuleSet, Unit, all_tests, lost_rules
from sluice.lang.meet import towards
from sluice.lang.scope import Declared, Scope, did_you_mean
from sluice.lang.syntax import Expr, ObjectLiteral
from sluice.lang.types import accepts, describe
from sluice.lang.views import Known, schema_view
from sluice.model import ATTRIBUTES, MATCH_ATTRIBUTES, Type
from sluice.timing import parse_instant

#: The names in braces, with their places and values.
Fields = tuple[tuple[str, Span, Expr], ...]


def check_tests(
    ruleset: RuleSet, inferrer: Inferrer, rules: Mapping[str, CheckedRule], known: Known
) -> tuple[CheckedTest, ...]:
    """Check all tests and return them with the full names of their rules."""
    out = []
    lost = lost_rules(ruleset).keys()
    for unit, test in all_tests(ruleset):
        name = test.rule if test.rule in rules else f"{unit.pack}.{test.rule}"
        if name not in rules and {name, test.rule} & lost:
            continue
        if name not in rules:
            here = [r.partition(".")[2] for r in rules if r.startswith(f"{unit.pack}.")]
            hint = _imported(ruleset, (name, test.rule))
            inferrer.findings.add(
                "SL0701", test.span, f"there is no rule `{test.rule}` to test",
                hint or did_you_mean(test.rule, (*here, *rules)),
            )  # fmt: skip
            continue
        inferrer.findings.rule = name
        work = _TestCheck(unit, inferrer, rules[name], known)
        for statement in test.statements:
            work.statement(statement)
        inferrer.findings.rule = None
        out.append(CheckedTest(name, test, unit.path))
    return tuple(out)


def _imported(ruleset: RuleSet, names: Collection[str]) -> str | None:
    """Say where a rule stands that an import does not bring."""
    for unit in ruleset.units.values():
        for rule in unit.declared(Rule):
            if not unit.is_root and f"{unit.pack}.{rule.name}" in names:
                return f"it is in `{unit.path}`, and `import` takes no rules: give that file too"
    return None


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
        for name, place, expr in at.fields.named:
            if name.startswith("@"):
                self._attribute(name, place, expr, at.type)
                continue
            found = view.find((name,))
            if found.wrong is not None:
                self.add("SL0705", place, f"`{at.type}` has no field `{name}`",
                         did_you_mean(name, found.near))  # fmt: skip
            else:
                self._value(name, expr, found.type, at.type)

    def _attribute(self, name: str, place: Span, expr: Expr, owner: str) -> None:
        of_matches = MATCH_ATTRIBUTES if owner.startswith("match.") else {}
        if name in of_matches:
            self._value(name, expr, of_matches[name], owner)
        elif name not in ATTRIBUTES:
            what = f"`{owner}` has" if of_matches else "events have"
            self.add("SL0209", place, f"{what} no attribute `{name}`",
                     did_you_mean(name, (*ATTRIBUTES, *of_matches)))  # fmt: skip

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
            self._given_function(given, given.args)
            return
        if _is_lost(self.unit, given.name):
            return
        declared = given_name(self.unit, given)
        if declared is None:
            names = [n for n, d in self.unit.names.items() if hasattr(d.decl, "name")]
            self.add("SL0704", given.span, f"`{given.name}` is no param, list or table",
                     did_you_mean(given.name, names))  # fmt: skip
        else:
            check_given(self.inferrer, declared, given.value)

    def _given_function(self, given: Given, args: tuple[Expr, ...]) -> None:
        function = self.inferrer.catalog.functions.get(given.name)
        if function is None:
            self.add("SL0704", given.span, f"there is no function `{given.name}`",
                     did_you_mean(given.name, self.inferrer.catalog.functions))  # fmt: skip
        for arg in args:
            self.inferrer.infer(arg, self.scope)
        if function is None or isinstance(given.value, ObjectLiteral | tree.ListLiteral):
            return
        value = self.inferrer.infer(given.value, self.scope)
        want = function.result
        if isinstance(want, Type) and value.type.kind not in ("null", "any"):
            if not accepts(want, towards(self.inferrer, value, want).type):
                self.add("SL0312", value.span, f"`{given.name}` gives {describe(want)}, "
                         f"not {describe(value.type)}")  # fmt: skip

    def _expect(self, expect: Expect) -> None:
        if expect.at is not None:
            self._time(expect.at)
        fields = expect.fields.named if expect.fields is not None else ()
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

    def _names(self, fields: Fields, known: set[str], what: str) -> None:
        for name, place, expr in fields:
            if name not in known and not name.startswith("@"):
                hint = did_you_mean(name, known) or "only keys and `select` names can be expected"
                self.add("SL0702", place, f"the {what} has no `{name}`", hint)
            if not isinstance(expr, ObjectLiteral):
                self.inferrer.infer(expr, self.scope)

    def _note(self, expect: Expect) -> None:
        made = {e.kind for e in self.rule.effects if isinstance(e, CheckedNote)}
        if expect.name not in made:
            hint = did_you_mean(expect.name or "", NOTE_KINDS)
            self.add("SL0702", expect.span, f"the rule makes no note `{expect.name}`", hint)

    def _mitigation(self, expect: Expect, fields: Fields) -> None:
        made = [e for e in self.rule.effects if isinstance(e, CheckedMitigate)]
        mine = [e for e in made if e.action == expect.name]
        if not mine:
            hint = did_you_mean(expect.name or "", [e.action for e in made])
            self.add("SL0702", expect.span, f"the rule has no mitigation `{expect.name}`", hint)
            return
        action = self.inferrer.catalog.actions.get(expect.name or "")
        known = {p.name for p in action.params} if action is not None else {f[0] for f in fields}
        self._names(fields, known, "mitigation")

    def _event(self, expect: Expect, fields: Fields) -> None:
        name = expect.name or ""
        own = {f"match.{self.rule.name}", f"clear.{self.rule.name}"}
        emitted = {e.type for e in self.rule.effects if isinstance(e, CheckedEmit)}
        if name not in own | emitted and name not in self.known:
            hint = did_you_mean(name, own | emitted)
            self.add("SL0702", expect.span, f"the rule makes no event `{name}`", hint)
            return
        view = schema_view((name,), self.known)
        for field, place, _ in fields:
            found = view.find((field,))
            if found.wrong is not None:
                self.add("SL0702", place, f"`{name}` has no field `{field}`",
                         did_you_mean(field, found.near))  # fmt: skip


def _is_lost(unit: Unit, name: str) -> bool:
    """True for a name whose declaration has an error, which is said there."""
    found = unit.names.get(name.rpartition(".")[2])
    is_named = found is not None and name in (found.decl.name, found.full_name)
    return found is not None and is_named and isinstance(found.decl, Lost)


def given_name(unit: Unit, given: Given) -> Declared | None:
    """Return what a `given` replaces, None when there is nothing."""
    found = unit.names.get(given.name)
    if found is None:
        pack, _, bare = given.name.rpartition(".")
        found = unit.names.get(bare)
        if found is None or found.pack != pack:
            return None
    return found if isinstance(found.decl, Param | ListDecl | TableDecl) else None


def given_values(ruleset: RuleSet, checked: CheckedTest) -> dict[str, Expr]:
    """Return what a test gives, by full name: the `given` of `check`."""
    unit = ruleset.units[checked.file]
    out: dict[str, Expr] = {}
    for statement in checked.test.statements:
        if isinstance(statement, Given) and statement.args is None:
            declared = given_name(unit, statement)
            if declared is not None:
                out[declared.full_name] = statement.value
    return out
