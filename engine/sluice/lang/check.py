"""Check a whole rule set: `check(ruleset, catalog) -> Checked`, all findings at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from sluice.catalog import Catalog
from sluice.errors import Diagnostic
from sluice.lang.check_declared import (
    Values,
    base_types,
    check_lets,
    check_overrides,
    list_refs,
    table_entries,
    table_types,
)  # fmt: skip
from sluice.lang.check_extracts import check_extract, extract_schema
from sluice.lang.check_rule import RuleText, check_rule
from sluice.lang.check_tests import check_tests
from sluice.lang.checked import (
    Checked,
    CheckedEmit,
    CheckedExtract,
    CheckedRule,
    CheckedTest,
    ListEntries,
)  # fmt: skip
from sluice.lang.declarations import Extract, Rule, SetParam, Tune
from sluice.lang.graph import Maker, in_order, rule_maker
from sluice.lang.infer import Inferrer
from sluice.lang.lints import lint
from sluice.lang.load import (
    RuleSet,
    Unit,
    all_extracts,
    all_rules,
    all_tunes,
    blamed,
    lost_events,
    lost_rules,
)  # fmt: skip
from sluice.lang.scope import Findings, did_you_mean
from sluice.lang.syntax import Expr
from sluice.lang.types import unify
from sluice.lang.views import Known
from sluice.model import ANY, DURATION, MATCH_ATTRIBUTES, STRING, EventSchema, Field, Type


def check(
    ruleset: RuleSet, catalog: Catalog, overrides: Mapping[str, str | Expr] | None = None, *,
    given: Mapping[str, str | Expr] | None = None, silence: Collection[str] = (),
    retention_ms: int | None = None,
) -> Checked:  # fmt: skip
    """Check everything and return all findings, sorted by file, line, column, code.

    `overrides` replace params by full name (`pack.name`), as text or as an expression, and win over
    `tune … set`: who runs rules has the last word. `given` replaces params, lists and tables and
    wins over everything: it is what a test says. `silence` leaves out lints by code.
    `retention_ms` is how long events are kept, where that is known.
    """
    work = _Checking(ruleset, catalog, retention_ms)
    return work.run(overrides or {}, given or {}, silence)


@dataclass(slots=True)
class _Checking:
    """A rule set on its way through the checks."""

    ruleset: RuleSet
    catalog: Catalog
    retention_ms: int | None = None
    findings: Findings = field(default_factory=Findings)
    known: Known = field(default_factory=Known)
    values: Values = field(default_factory=dict)
    given: Values = field(default_factory=dict)
    inferrer: Inferrer = field(init=False)
    texts: dict[str, RuleText] = field(default_factory=dict)
    rules: dict[str, CheckedRule] = field(default_factory=dict)
    extracts: dict[str, tuple[Unit, Extract]] = field(default_factory=dict)
    done: dict[str, CheckedExtract] = field(default_factory=dict)
    misread: set[str] = field(default_factory=set)

    def run(
        self, overrides: Mapping[str, str | Expr], given: Mapping[str, str | Expr],
        silence: Collection[str],
    ) -> Checked:  # fmt: skip
        """Check declarations, then rules and extracts where their events come from, then tests."""
        self._syntax()
        base_types(self.ruleset, self.known, self.findings)
        self.inferrer = self._inferrer()
        self.values = check_overrides(self.inferrer, self.ruleset, overrides, False)
        self.given = check_overrides(self.inferrer, self.ruleset, given, True)
        self.inferrer.values = {**self.values, **self.given}
        self.inferrer.lists = list_refs(self.inferrer, self.ruleset)
        check_lets(self.inferrer, self.ruleset, self.known)
        self._collect()
        looped: set[str] = set()
        makers = self._makers()
        self.known.lost.update(lost_rules(self.ruleset))
        self.known.made.update(name for maker in makers for name in maker.makes)
        self.known.made.update(lost_events(self.ruleset))
        for maker in in_order(makers, self.findings, looped):
            self._check(maker)
        for name in (looped | self.misread) & self.rules.keys():
            self.rules[name] = replace(self.rules[name], is_broken=True)
        tests = check_tests(self.ruleset, self.inferrer, self.rules, self.known)
        rules = tuple(sorted(self.rules.values(), key=lambda r: (-r.priority, r.name)))
        lint(self.ruleset, rules, tests, self.inferrer, self.known, self.retention_ms)
        return self._checked(rules, tests, silence)

    def _syntax(self) -> None:
        """Take over what loading found; a rule with an error of syntax is broken."""
        for found in self.ruleset.diagnostics:
            name = blamed(self.ruleset, found) if found.severity == "error" else None
            self.findings.items.append(replace(found, rule=name))
            if name is not None:
                self.misread.add(name)

    def _inferrer(self) -> Inferrer:
        names = {path: unit.names for path, unit in self.ruleset.units.items()}
        tables = table_types(self.ruleset)
        return Inferrer(self.catalog, self.findings, names, tables=tables)

    def _collect(self) -> None:
        """Find the rules with their tunes; a name that is there twice is a finding."""
        tunes = all_tunes(self.ruleset)
        for unit, rule in all_rules(self.ruleset):
            name = f"{unit.pack}.{rule.name}"
            mine = tuple((u, t) for u, t in tunes if t.target in (name, f"{unit.pack}.*"))
            before = self.texts.get(name)
            if before is not None:
                where = f"{before.unit.path}:{before.rule.name_span.line}"
                self.findings.add("SL0604", rule.name_span, f"the rule `{name}` is there twice",
                                  f"the first is in {where}")  # fmt: skip
                continue
            self.texts[name] = RuleText(unit, rule, mine)
        for unit, tune in tunes:
            self._check_tune(unit, tune)
        for place, (unit, extract) in enumerate(all_extracts(self.ruleset)):
            self.extracts[f"extract {extract.type} #{place}"] = (unit, extract)

    def _check_tune(self, unit: Unit, tune: Tune) -> None:
        known = {*self.texts, *lost_rules(self.ruleset)}
        packs = {f"{name.rpartition('.')[0]}.*" for name in known}
        if tune.target not in known and tune.target not in packs:
            self._unknown_rule(tune, known, packs)
            return
        for clause in tune.clauses:
            if isinstance(clause, SetParam):
                for text in self.texts.values():
                    if tune in [t for _, t in text.tunes]:
                        self._set(text, clause)

    def _unknown_rule(self, tune: Tune, known: set[str], packs: set[str]) -> None:
        """Propose a rule for a rule, a pack for a pack."""
        target = tune.target
        near = [name for name in sorted(known) if name.rpartition(".")[2] == target]
        if target.endswith(".*"):
            hint = did_you_mean(target, packs)
        elif near:
            hint = f"write the full name: `{near[0]}`"
        else:
            pack = target.rpartition(".")[0]
            here = [f"`{name}`" for name in sorted(known) if name.rpartition(".")[0] == pack]
            hint = did_you_mean(target, known) or (f"there is {', '.join(here)}" if here else None)
        self.findings.add("SL0206", tune.span, f"no rule is named `{target}`", hint)

    def _set(self, text: RuleText, clause: SetParam) -> dict[str, Expr]:
        """Return what a `set` replaces for one rule."""
        declared = text.unit.names.get(clause.name.rpartition(".")[2])
        if declared is None or clause.name not in (declared.decl.name, declared.full_name):
            self.findings.add(
                "SL0211", clause.span, f"the rule `{text.name}` knows no param `{clause.name}`",
                did_you_mean(clause.name, text.unit.names),
            )  # fmt: skip
            return {}
        return check_overrides(
            self.inferrer, self.ruleset, {declared.full_name: clause.value}, False, clause.span
        )

    def _makers(self) -> list[Maker]:
        names = self.inferrer.names
        makers = [
            Maker(name, (e.source,), (e.type,), e.span) for name, (_, e) in self.extracts.items()
        ]
        for name, text in self.texts.items():
            makers.append(rule_maker(name, text.rule, text.unit.path, names))
        return makers

    def _check(self, maker: Maker) -> None:
        if maker.name in self.extracts:
            unit, extract = self.extracts[maker.name]
            if extract in [e for _, e in list(self.extracts.values())[: self._place(maker.name)]]:
                return
            found = check_extract(extract, unit.path, self.inferrer, self.known)
            self.done[maker.name] = found
            self._soften(extract_schema(found))
            return
        text = self.texts[maker.name]
        checked = check_rule(text, self._inferrer_of(text), self.known)
        self.rules[maker.name] = checked
        self._publish(checked, text.rule)

    def _place(self, name: str) -> int:
        return list(self.extracts).index(name)

    def _inferrer_of(self, text: RuleText) -> Inferrer:
        """Return an inferrer that knows what the tunes set for this rule."""
        own: dict[str, Expr] = {}
        for _, tune in text.tunes:
            for clause in tune.clauses:
                if isinstance(clause, SetParam):
                    own.update(self._set(text, clause))
        if not own:
            return self.inferrer
        inferrer = replace(self.inferrer, values={**own, **self.values, **self.given})
        inferrer.lists = list_refs(inferrer, self.ruleset)
        return inferrer

    def _publish(self, rule: CheckedRule, written: Rule) -> None:
        """Make the schemas of what a rule reports and emits."""
        keys = {k.name: Field(k.type, k.nullable) for k in rule.keys}
        fields = dict(keys)
        fields.update({name: Field(offered(typed.type), True) for name, typed in rule.select})
        fields.update({name: Field(kind) for name, kind in MATCH_ATTRIBUTES.items()})
        name = f"match.{rule.name}"
        self.known[name] = EventSchema(name, fields)
        if rule.window is not None and rule.window.kind in ("sliding", "last"):
            clear = f"clear.{rule.name}"
            extra = {"match": Field(STRING), "lasted": Field(DURATION)}
            self.known[clear] = EventSchema(clear, {**keys, **extra})
        for effect in rule.effects:
            if isinstance(effect, CheckedEmit):
                emitted = {n: Field(offered(t.type), True) for n, t in effect.fields}
                self._soften(EventSchema(effect.type, emitted))

    def _soften(self, schema: EventSchema) -> None:
        """Add what is emitted or extracted to what is known of a type that nobody declares."""
        before = self.known.get(schema.name)
        if before is not None and schema.name not in self.known.soft:
            return
        fields = dict(before.fields) if before is not None else {}
        for name, new in schema.fields.items():
            kinds = [f.type for f in (fields.get(name), new) if f is not None]
            fields[name] = Field(unify(kinds), True)
        self.known[schema.name] = EventSchema(schema.name, fields)
        self.known.soft.add(schema.name)

    def _checked(
        self, rules: tuple[CheckedRule, ...], tests: tuple[CheckedTest, ...],
        silence: Collection[str],
    ) -> Checked:  # fmt: skip
        shown: list[Diagnostic] = [
            d for d in self.findings.items if d.severity == "error" or d.code not in silence
        ]
        shown.sort(key=lambda d: (d.span.file, d.span.line, d.span.column, d.code, d.message))
        lists: dict[str, ListEntries] = dict(self.ruleset.lists)
        tables = {**self.ruleset.tables, **table_entries(self.inferrer, self.ruleset, self.given)}
        return Checked(
            tuple(shown), rules, tuple(self.done[n] for n in self.extracts if n in self.done),
            dict(self.known), lists, tables, tests,
            {path: unit.text for path, unit in self.ruleset.units.items()},
        )  # fmt: skip


def offered(kind: Type) -> Type:
    """Return the type of a field that a value of this type becomes."""
    return ANY if kind.kind in ("null", "network", "regex") else kind
