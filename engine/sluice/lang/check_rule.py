"""Check one rule: clauses, shape, keys, bounds, what its conditions and values mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

import sluice.lang.syntax as tree
from sluice.errors import Span
from sluice.lang import clauses as written
from sluice.lang.aggregates_used import mentions_aggregate, nodes
from sluice.lang.check_effects import check_effects
from sluice.lang.check_pattern import PatternCheck, all_steps, atoms_of
from sluice.lang.check_steps import StepCheck
from sluice.lang.checked import (
    CheckedAtom,
    CheckedCooldown,
    CheckedExpect,
    CheckedHaving,
    CheckedKey,
    CheckedPattern,
    CheckedRule,
    CheckedStep,
    CheckedUnseen,
    CheckedWindow,
)  # fmt: skip
from sluice.lang.declarations import (
    By,
    Clause,
    Cooldown,
    Except,
    ExpectKeys,
    Having,
    KeyPart,
    Meta,
    Rule,
    Select,
    Tune,
    Unseen,
    Until,
    When,
    Window,
    Within,
)  # fmt: skip
from sluice.lang.infer import Inferrer
from sluice.lang.load import Unit
from sluice.lang.scope import AliasView, Scope, did_you_mean
from sluice.lang.typed import ListRef, Typed
from sluice.lang.types import unify
from sluice.lang.views import EventView, Known, schema_view
from sluice.model import Type

C = TypeVar("C")


@dataclass(frozen=True, slots=True)
class RuleText:
    """A rule with everything written about it: its file, its pack, the tunes that name it."""

    unit: Unit
    rule: Rule
    tunes: tuple[tuple[Unit, Tune], ...] = ()

    @property
    def name(self) -> str:
        """The name from outside."""
        return f"{self.unit.pack}.{self.rule.name}"


def check_rule(text: RuleText, inferrer: Inferrer, schemas: Known) -> CheckedRule:
    """Check a rule; a rule with an error comes back `is_broken`."""
    before = inferrer.findings.error_count()
    inferrer.findings.rule = text.name
    checked = _RuleCheck(text, inferrer, schemas).run()
    inferrer.findings.rule = None
    return replace(checked, is_broken=inferrer.findings.error_count() > before)


@dataclass(slots=True)
class _RuleCheck:
    """One rule on its way through the checks."""

    text: RuleText
    inferrer: Inferrer
    schemas: Known
    steps: StepCheck = field(init=False)
    aliases: Mapping[str, AliasView] = field(default_factory=dict)

    def __post_init__(self) -> None:
        by = self.clause(By)
        keys = by.keys if by is not None else ()
        self.steps = StepCheck(self.inferrer, self.schemas, self.text.unit.path, keys)

    def clause(self, kind: type[C]) -> C | None:
        """Return the one clause of a kind."""
        found = [c for c in self.text.rule.clauses if isinstance(c, kind)]
        return found[0] if found else None

    def add(self, code: str, span: Span, message: str, hint: str | None = None) -> None:
        """Record a finding."""
        self.inferrer.findings.add(code, span, message, hint)

    def ms(self, expr: tree.Expr | None, *, zero: bool = False) -> int | None:
        """Return the milliseconds of a clause, None without one."""
        if expr is None:
            return None
        return self.inferrer.duration(expr, Scope(self.text.unit.path), zero=zero)

    def run(self) -> CheckedRule:
        """Check everything in the order in which it depends on each other."""
        rule, unit = self.text.rule, self.text.unit
        clauses_once(self.text.rule.clauses, self.add)
        meta = written.metadata(self.text.unit, rule, self.text.tunes, self.add)
        checked = CheckedRule(self.text.name, rule.title, unit.path, rule.name_span, meta=meta)
        when = self.clause(When)
        if when is None:
            self.add("SL0412", rule.name_span, f"the rule `{rule.name}` has no `when`",
                     "say what it waits for: `when TYPE where …`")  # fmt: skip
            return checked
        patterns = PatternCheck(self.steps)
        pattern = patterns.pattern(when.pattern)
        self.aliases = self._visible_aliases(patterns.aliases, pattern)
        within = self.clause(Within)
        until = self.clause(Until)
        checked = replace(
            checked, pattern=pattern, within_ms=self.ms(within.duration if within else None),
            within_span=within.span if within is not None else rule.name_span,
            until=patterns.single(until.step, "`until`") if until is not None else None,
        )  # fmt: skip
        self.steps.tell_keyless()
        checked = replace(checked, keys=self._keys(pattern), window=self._window(checked))
        self._shape(checked)
        checked = replace(checked, unseen=self._unseen(pattern), expect=self._expect(checked))
        scope = self._match_scope(checked)
        checked, scope = self._selected(checked, scope)
        checked = replace(checked, having=self._having(checked, scope), excepts=self._excepts())
        effects = check_effects(rule.clauses, self.inferrer, scope, self.schemas)
        return replace(checked, effects=effects, cooldown=self._cooldown(scope))

    # ------------------------------------------------------------ keys and names

    def _visible_aliases(
        self, aliases: Mapping[str, AliasView], pattern: CheckedPattern
    ) -> Mapping[str, AliasView]:
        """The event of a whole-pattern absence is the one after which it waits."""
        if pattern.whole is None:
            return aliases
        return {name: replace(alias, is_absent=False) for name, alias in aliases.items()}

    def _keys(self, pattern: CheckedPattern) -> tuple[CheckedKey, ...]:
        names: dict[str, Span] = {}
        out = []
        atoms = [atom for step in all_steps(pattern.items) for atom in step.atoms]
        every = atoms_of(pattern)
        atoms = atoms or every
        for place, part in enumerate(self.steps.by):
            name = part.name or last_segment(part.expr)
            if name in names:
                self.add("SL0207", part.span, f"the key `{name}` is there twice",
                         "name one of them: `other = …`")  # fmt: skip
            names[name] = part.span
            kinds = [a.key[place].type for a in atoms if place < len(a.key)]
            self._one_kind(name, part, [a.key[place].type for a in every if place < len(a.key)])
            out.append(CheckedKey(name, unify(kinds), part.nullable, part.span))
        return tuple(out)

    def _one_kind(self, name: str, part: KeyPart, kinds: list[Type]) -> None:
        sorts = {_sort(k) for k in kinds} - {"any"}
        if len(sorts) > 1:
            first, second, *_ = sorted(sorts)
            self.add("SL0301", part.span, f"the key `{name}` is {first} in one step, {second} in "
                     "another: they are never the same key")  # fmt: skip

    # ------------------------------------------------------------ shape

    def _window(self, checked: CheckedRule) -> CheckedWindow | None:
        window, within = self.clause(Window), self.clause(Within)
        having = self.clause(Having)
        if window is None:
            if within is None or having is None or not is_one_step(checked.pattern):
                return None
            if not self._judges_aggregate(having):
                return None
            return CheckedWindow("sliding", checked.within_ms or 1)
        if within is not None:
            self.add("SL0411", within.span, "a rule has `within` or `window`, not both",
                     "the size of the window is the bound")  # fmt: skip
        if not is_one_step(checked.pattern):
            self.add("SL0411", window.span, "`window` goes with one step without quantifier",
                     "count with `having count() >= …`; bound a sequence by `within`")  # fmt: skip
        return self._window_sizes(window)

    def _judges_aggregate(self, having: Having) -> bool:
        """True when `having` calls an aggregate, or names a `select` value that does."""
        select, file = self.clause(Select), self.text.unit.path
        items = select.items if select is not None else ()
        selected = {item.name: item.expr for item in items if item.name is not None}
        for part in self.steps.by:
            selected.pop(part.name or last_segment(part.expr), None)
        todo = [having.condition]
        while todo:
            expr = todo.pop()
            if mentions_aggregate(self.inferrer, expr, file):
                return True
            named = {node.name for node in nodes(expr) if isinstance(node, tree.Name)}
            todo += [selected.pop(name) for name in sorted(named & selected.keys())]
        return False

    def _window_sizes(self, window: Window) -> CheckedWindow:
        if window.kind == "last":
            count = self.inferrer.count(window.size, Scope(self.text.unit.path))
            if count == 0:
                self.add("SL0407", window.size.span, "a window holds at least one event")
            return CheckedWindow("last", count or 1)
        size = self.ms(window.size) or 1
        every = self.ms(window.every) or 0
        offset = self.ms(window.offset, zero=True) or 0
        maximum = self.ms(window.maximum)
        if window.kind == "hopping" and every > size:
            self.add("SL0517", window.span, "events between two windows are in none of them",
                     "`hopping 5m every 1m`")  # fmt: skip
        if maximum is not None and maximum < size:
            self.add("SL0408", window.span, "`max` is shorter than the gap of the session")
        return CheckedWindow(window.kind, size, every, offset, maximum)

    def _shape(self, checked: CheckedRule) -> None:
        """Check what fits together only in some shapes of rules."""
        pattern, window, having = checked.pattern, checked.window, self.clause(Having)
        overlap = checked.meta.overlap
        if overlap == "all":
            self._overlap_all(pattern)
        if overlap is not None and window is not None:
            self.add("SL0411", self._meta_span("overlap"), "`overlap` is about sequences, not "
                     "windows", "leave it out")  # fmt: skip
        if having is not None and (having.duration is not None or having.each):
            if window is None or window.kind not in ("sliding", "last"):
                what = "each" if having.each else "for"
                self.add("SL0409", having.span, f"`having … {what}` is for windows that slide",
                         "`window sliding …` or `window last …`")  # fmt: skip
        if window is None and having is not None and is_one_step(pattern):
            if self._judges_aggregate(having):
                self.add("SL0411", having.span, "an aggregate over one event",
                         "say over which time: `within 10m`, or a `window`")  # fmt: skip
        if window is not None and having is None:
            written_at = self.clause(Window)
            assert written_at is not None
            self.add("SL0411", written_at.span, "a window needs `having` to judge it",
                     "`having count() >= 5`")  # fmt: skip
        if pattern.whole is not None:
            within = self.clause(Within)
            if within is not None:
                self.add("SL0411", within.span, "an absence has its own `within`")
            if having is not None and self._judges_aggregate(having):
                self.add("SL0310", having.span, "an absence has no events to aggregate")

    def _meta_span(self, name: str) -> Span:
        """Return where a clause stands; the name of the rule when its pack says it."""
        found = [c.span for c in self.text.rule.clauses if isinstance(c, Meta) and c.name == name]
        return found[0] if found else self.text.rule.name_span

    def _overlap_all(self, pattern: CheckedPattern) -> None:
        for item in pattern.items:
            if item.minimum == 0:
                self.add("SL0404", item.span, "`overlap all` takes no optional step",
                         "write a rule with the step and one without it")  # fmt: skip
        for step in all_steps(pattern.items):
            if step.kind == "all_of":
                self.add("SL0404", step.span, "`overlap all` takes no `all of`")

    # ------------------------------------------------------------ clauses

    def _unseen(self, pattern: CheckedPattern) -> CheckedUnseen | None:
        clause = self.clause(Unseen)
        if clause is None:
            return None
        steps = all_steps(pattern.items)
        if not steps:
            self.add("SL0415", clause.span, "`unseen` tests the first step; an absence has none")
            return None
        first = steps[0]
        types = tuple(dict.fromkeys(t for atom in first.atoms for t in atom.types))
        view = schema_view(types, self.schemas)
        scope = Scope(self.text.unit.path, "event", view)
        values = tuple(self.inferrer.infer(key, scope) for key in clause.keys)
        return CheckedUnseen(values, self.ms(clause.duration) or 1, self.ms(clause.after))

    def _expect(self, checked: CheckedRule) -> CheckedExpect | None:
        clause = self.clause(ExpectKeys)
        if clause is None:
            return None
        if checked.pattern.whole is None:
            self.add("SL0410", clause.span, "`expect` arms a pattern that is one absence",
                     "`when no beat within 15s`")  # fmt: skip
        names = [key.name for key in checked.keys]
        if len(names) != 1 or last_segment(clause.key) != names[0]:
            hint = (
                f"`expect {names[0]} in …`" if len(names) == 1 else "the rule needs one key in `by`"
            )
            self.add("SL0410", clause.key.span, "`expect` names the one key of the rule", hint)
        container = self.inferrer.infer(clause.container, Scope(self.text.unit.path))
        bound = container.bound
        if isinstance(bound, ListRef):
            if bound.kind not in ("string", "int"):
                self.add("SL0410", container.span, f"keys are no list of {bound.kind}")
            entries = bound.entries or ()
            return CheckedExpect(entries, bound.name if bound.entries is None else None)
        values = [p.value for p in container.parts if p.is_literal]
        if not isinstance(container.node, tree.ListLiteral) or len(values) < len(container.parts):
            self.add("SL0410", container.span, "`expect` takes a list of constants")
        return CheckedExpect(tuple(values))

    def _match_scope(self, checked: CheckedRule) -> Scope:
        """Return what `select`, `having` and effects can name."""
        scope = Scope(
            self.text.unit.path, "match", aliases=self.aliases, can_aggregate=True,
            looked_at=self._seen(),
            keys={k.name: (i, k.type) for i, k in enumerate(checked.keys)},
        )  # fmt: skip
        pattern = checked.pattern
        if checked.window is not None:
            atoms = atoms_of(pattern)
            view = schema_view(
                tuple(dict.fromkeys(t for a in atoms for t in a.types)), self.schemas
            )
            lists = {n: replace(a, is_single=False) for n, a in self.aliases.items()}
            return replace(
                scope, place="window", aliases=lists, window=view,
                window_positions=tuple(a.position for a in atoms),
                windows_before=checked.window.kind == "tumbling",
            )  # fmt: skip
        if pattern.whole is not None:
            return replace(scope, subject=self._subject([pattern.whole.atom], True))
        steps = all_steps(pattern.items)
        if len(steps) == 1 and len(pattern.items) == 1:
            step = steps[0]
            single = step.maximum == 1 and pattern.items[0] is step and step.kind != "all_of"
            return replace(scope, subject=self._subject(list(step.atoms), single))
        return scope

    def _subject(self, atoms: list[CheckedAtom], single: bool) -> AliasView:
        types = tuple(dict.fromkeys(t for a in atoms for t in a.types))
        positions = tuple(a.position for a in atoms)
        return AliasView("", positions, schema_view(types, self.schemas), single)

    def _selected(self, checked: CheckedRule, scope: Scope) -> tuple[CheckedRule, Scope]:
        clause = self.clause(Select)
        found: list[tuple[str, Typed]] = []
        for item in clause.items if clause is not None else ():
            name = item.name or last_segment(item.expr)
            typed = self.inferrer.infer(item.expr, scope)
            if name in scope.selects:
                self.add("SL0207", item.span, f"`{name}` is selected twice", "name one of them")
                continue
            if name.startswith("@"):
                self.add("SL0207", item.span, f"`{name}` needs a name of its own",
                         f"`{name[1:]} = …`")  # fmt: skip
            names = {**scope.selects, name: (len(found), typed.type)}
            found.append((name, typed))
            scope = replace(scope, selects=names)
        return replace(checked, select=tuple(found)), scope

    def _having(self, checked: CheckedRule, scope: Scope) -> CheckedHaving | None:
        clause = self.clause(Having)
        if clause is None:
            return None
        condition = self.inferrer.condition(clause.condition, scope)
        return CheckedHaving(condition, self.ms(clause.duration), clause.each)

    def _excepts(self) -> tuple[Typed, ...]:
        view = self._seen()
        out = []
        for unit, tune in self.text.tunes:
            for clause in tune.clauses:
                if isinstance(clause, Except):
                    scope = Scope(unit.path, "event", view)
                    out.append(self.inferrer.condition(clause.condition, scope))
        return tuple(out)

    def _seen(self) -> EventView:
        """Return any event that the rule looks at."""
        return schema_view(tuple(self.steps.types), self.schemas)

    def _cooldown(self, scope: Scope) -> CheckedCooldown | None:
        found: Cooldown | None = None
        for clause in written.layers(self.text.unit, self.text.rule, self.text.tunes):
            if isinstance(clause, Cooldown):
                found = clause
        if found is None:
            return None
        per: list[int] = []
        keys: list[int] = []
        for name in found.per or ():
            if name in scope.selects:
                per.append(scope.selects[name][0])
            elif name in scope.keys:
                keys.append(list(scope.keys).index(name))
            else:
                known = (*scope.selects, *scope.keys)
                hint = did_you_mean(name, known) or "select it first"
                self.add("SL0202", found.span, f"`{name}` is neither a key nor selected", hint)
        places = None if found.per is None else tuple(per)
        return CheckedCooldown(self.ms(found.duration) or 1, places, tuple(keys))


def is_one_step(pattern: CheckedPattern) -> bool:
    """True for one event or `any of`, without quantifier and absence."""
    if len(pattern.items) != 1 or pattern.leading is not None or pattern.trailing is not None:
        return False
    item = pattern.items[0]
    plain = isinstance(item, CheckedStep) and item.kind != "all_of" and not item.entry.withouts
    return plain and item.minimum == item.maximum == 1


def last_segment(expr: tree.Expr) -> str:
    """Return the name that a bare path gives."""
    match expr:
        case tree.Name(name=name) | tree.Member(name=name):
            return name
        case tree.Index(target=target):
            return last_segment(target)
        case _:
            return "?"


def _sort(kind: Type) -> str:
    if kind.is_number:
        return "a number"
    return "text" if kind.is_text or kind.kind == "ip" else kind.kind


def clauses_once(clauses: tuple[Clause, ...], add: written.Add) -> None:
    """Say which clauses are there twice that can be there once."""
    seen: dict[str, Span] = {}
    for clause in clauses:
        name = written.once_name(clause)
        if name is None:
            continue
        if name in seen:
            add("SL0412", clause.span, f"`{name}` is there twice",
                f"the first is in line {seen[name].line}")  # fmt: skip
        seen.setdefault(name, clause.span)
