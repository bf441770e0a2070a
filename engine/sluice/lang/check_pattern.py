"""Check the pattern of a rule: places, quantifiers, groups, absences (language 4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from sluice.errors import Span
from sluice.lang.check_steps import StepCheck
from sluice.lang.checked import (
    CheckedAbsence,
    CheckedAtom,
    CheckedEntry,
    CheckedGroup,
    CheckedItem,
    CheckedPattern,
    CheckedStep,
)  # fmt: skip
from sluice.lang.scope import AliasView, Scope
from sluice.lang.syntax import (
    AllOf,
    AnyOf,
    EventHead,
    Expr,
    Group,
    Pattern,
    Quantifier,
    Step,
    Without,
)  # fmt: skip
from sluice.lang.views import EventView, schema_view


@dataclass(slots=True)
class PatternCheck:
    """Checks one pattern from left to right."""

    steps: StepCheck
    position: int = 0
    aliases: dict[str, AliasView] = field(default_factory=dict)

    def pattern(self, pattern: Pattern) -> CheckedPattern:
        """Check a whole pattern."""
        if pattern.whole is not None:
            whole = self._absence(pattern.whole.step, self._ms(pattern.whole.within))
            return CheckedPattern(whole=whole)
        leading = trailing = None
        if pattern.leading is not None:
            leading = self._absence(pattern.leading.step, self._ms(pattern.leading.within))
        items = tuple(self._item(step, single=True) for step in pattern.steps)
        if pattern.trailing is not None:
            trailing = self._absence(pattern.trailing.step, self._ms(pattern.trailing.within))
        self._ends(pattern, items)
        return CheckedPattern(items, leading, trailing)

    def single(self, step: Step, what: str) -> CheckedAtom:
        """Check a step that is one event: of `until`, of an absence."""
        self._plain(step, what)
        return self.steps.atom(step, -1, {})

    def _ms(self, duration: Expr) -> int:
        return self.steps.inferrer.duration(duration, Scope(self.steps.file))

    def _absence(self, step: Step, duration_ms: int) -> CheckedAbsence:
        self._plain(step, "an absence")
        atom = self.steps.atom(step, self._next(), dict(self.aliases))
        if step.alias is not None:
            view = schema_view(atom.types, self.steps.schemas)
            alias = AliasView(step.alias, (atom.position,), view, True, True, step.span)
            self._name(alias, step.span)
        return CheckedAbsence(atom, duration_ms)

    def _next(self) -> int:
        self.position += 1
        return self.position - 1

    def _ends(self, pattern: Pattern, items: tuple[CheckedItem, ...]) -> None:
        for step, item, place in ((pattern.steps[0], items[0], "first"),
                                  (pattern.steps[-1], items[-1], "last")):  # fmt: skip
            if _least(item) == 0:
                self.steps.add(
                    "SL0401", step.span, f"the {place} step takes at least one event",
                    "leave the step out, or let it take one: `{1,}`",
                )  # fmt: skip
            if len(items) == 1:
                break

    def _plain(self, step: Step, what: str, *, without: bool = True) -> None:
        """Refuse what a step that is one event cannot have."""
        wrong = None
        if step.quantifier is not None:
            wrong = "quantifier"
        elif isinstance(step.head, Group):
            wrong = "group"
        elif isinstance(step.head, AnyOf | AllOf):
            wrong = "`any of` or `all of`"
        elif step.withouts and without:
            wrong = "`without`"
        elif step.immediately or step.gap is not None:
            wrong = "gap"
        if wrong is not None:
            span = step.quantifier.span if step.quantifier is not None else step.span
            self.steps.add("SL0402", span, f"{what} takes no {wrong}", _PLAIN_HINT.get(wrong))

    # ------------------------------------------------------------ items

    def _item(self, step: Step, *, single: bool) -> CheckedItem:
        """Check one step; `single` is false inside a group that repeats."""
        minimum, maximum, reluctant = self._quantity(step.quantifier)
        if isinstance(step.head, Group):
            return self._group(step, step.head, (minimum, maximum, reluctant), single)
        kind: Literal["one", "any_of", "all_of"] = "one"
        if isinstance(step.head, AllOf) and step.quantifier is not None:
            self.steps.add("SL0405", step.quantifier.span, "`all of` takes no quantifier",
                           "repeat a group around it: `(all of (a, b)){2}`")  # fmt: skip
            minimum, maximum, reluctant = 1, 1, False
        single = single and maximum == 1
        if isinstance(step.head, AnyOf | AllOf):
            kind = "any_of" if isinstance(step.head, AnyOf) else "all_of"
            atoms = self._branches(step, step.head, single)
        else:
            atoms = (self._one(step, single),)
        entry = self._entry(step)
        return CheckedStep(kind, atoms, minimum, maximum, reluctant, entry, step.span)

    def _one(self, step: Step, single: bool) -> CheckedAtom:
        assert isinstance(step.head, EventHead)
        position = self._next()
        own = self._own(step, (position,), self.steps.view(step.head), single)
        atom = self.steps.atom(step, position, {**self.aliases, **own})
        self._take(own, single, step.span)
        return atom

    def _own(
        self, step: Step, positions: tuple[int, ...], view: EventView, single: bool
    ) -> dict[str, AliasView]:
        """Return the step's own alias as its `where` sees it: what was taken so far."""
        if step.alias is None:
            return {}
        taken: Literal["now", "so far"] = "now" if single else "so far"
        alias = AliasView(step.alias, positions, view, False, False, step.span, taken)
        return {step.alias: alias}

    def _take(self, own: Mapping[str, AliasView], single: bool, span: Span) -> None:
        for alias in own.values():
            self._name(replace(alias, is_single=single, taken=""), span)

    def _name(self, alias: AliasView, span: Span) -> None:
        before = self.aliases.get(alias.name)
        if before is not None:
            self.steps.add("SL0207", span, f"the alias `{alias.name}` is given twice")
            return
        self.aliases[alias.name] = alias

    def _branches(self, step: Step, head: AnyOf | AllOf, single: bool) -> tuple[CheckedAtom, ...]:
        what = "a branch of `any of`" if isinstance(head, AnyOf) else "a member of `all of`"
        start = self.position
        positions = tuple(range(start, start + len(head.branches)))
        own = self._own(step, positions, self.steps.view(head), single and isinstance(head, AnyOf))
        atoms = []
        taken: list[tuple[dict[str, AliasView], Span]] = []
        for branch in head.branches:
            self._plain(branch, what)
            position = self._next()
            branch_own: dict[str, AliasView] = {}
            if isinstance(branch.head, EventHead):
                view = self.steps.view(branch.head)
                branch_own = self._own(branch, (position,), view, single)
            seen = {**self.aliases, **own, **branch_own}
            if isinstance(head, AllOf):
                others = {n: a for names, _ in taken for n, a in names.items()}
                seen.update({n: replace(a, is_single=single, taken="") for n, a in others.items()})
            atoms.append(self.steps.atom(branch, position, seen, step))
            taken.append((branch_own, branch.span))
        for names, span in taken:
            self._take(names, single, span)
        self._take(own, single and isinstance(head, AnyOf), step.span)
        return tuple(atoms)

    def _group(
        self, step: Step, group: Group, quantity: tuple[int, int | None, bool], single: bool
    ) -> CheckedGroup:
        parts = {"as": step.alias, "on": step.on, "where": step.where}
        for word, part in parts.items():
            if part is not None:
                self.steps.add("SL0403", step.span, f"a group takes no `{word}`",
                               "say it at a step inside")  # fmt: skip
        minimum, maximum, reluctant = quantity
        inner = tuple(self._item(s, single=single and maximum == 1) for s in group.sequence)
        if all(_least(item) == 0 for item in inner):
            self.steps.add("SL0401", step.span, "a group takes at least one event",
                           "let one of its steps take at least one")  # fmt: skip
        entry = self._entry(step)
        return CheckedGroup(inner, minimum, maximum, reluctant, entry, step.span)

    def _quantity(self, quantifier: Quantifier | None) -> tuple[int, int | None, bool]:
        if quantifier is None:
            return 1, 1, False
        scope = Scope(self.steps.file)
        minimum = self.steps.inferrer.count(quantifier.minimum, scope)
        maximum = None
        if quantifier.maximum is not None:
            maximum = self.steps.inferrer.count(quantifier.maximum, scope)
            if maximum is None:
                return minimum or 1, None, quantifier.reluctant
        if minimum is None:
            return 1, maximum, quantifier.reluctant
        if maximum is not None and (maximum < minimum or maximum == 0):
            reason = "takes no event at all" if maximum == 0 else f"{minimum} is above {maximum}"
            self.steps.add("SL0407", quantifier.span, f"this quantifier is empty: {reason}")
            return 1, 1, False
        if max(minimum, maximum or 0) > QUANTITY_MAX:
            self.steps.add("SL0407", quantifier.span, f"a step takes at most {QUANTITY_MAX} events",
                           "count in a window: `having count() >= …`")  # fmt: skip
        return minimum, maximum, quantifier.reluctant

    def _entry(self, step: Step) -> CheckedEntry:
        gap = self._ms(step.gap) if step.gap is not None else None
        withouts = tuple(map(self._without, step.withouts))
        return CheckedEntry(step.immediately, gap, withouts)

    def _without(self, without: Without) -> CheckedAtom:
        step = Step(without.head, on=without.on, where=without.where, span=without.span)
        return self.steps.atom(step, -1, dict(self.aliases))


#: What one key holds at most (language 4.6), so no step can take more.
QUANTITY_MAX = 10_000

_PLAIN_HINT = {
    "quantifier": "it is one event; count in the step before, or in `having`",
    "group": "name one event",
    "`any of` or `all of`": "give the alternatives a name: `let either = any of (a, b)`",
    "`without`": "put it at a step of the sequence",
    "gap": "a gap stands between two steps of a sequence",
}


def _least(item: CheckedItem) -> int:
    """Return how many events an item takes at least."""
    if isinstance(item, CheckedGroup):
        return item.minimum * sum(_least(i) for i in item.items)
    return item.minimum


def all_steps(items: tuple[CheckedItem, ...]) -> list[CheckedStep]:
    """Return the steps of a pattern, those in groups included."""
    out: list[CheckedStep] = []
    for item in items:
        out += all_steps(item.items) if isinstance(item, CheckedGroup) else [item]
    return out


def all_items(items: tuple[CheckedItem, ...]) -> list[CheckedItem]:
    """Return the items of a pattern and of its groups, parents first."""
    out: list[CheckedItem] = []
    for item in items:
        out.append(item)
        if isinstance(item, CheckedGroup):
            out += all_items(item.items)
    return out


def atoms_of(pattern: CheckedPattern) -> list[CheckedAtom]:
    """Return every atom of a pattern: steps, absences, `without`."""
    out = [a.atom for a in (pattern.leading, pattern.whole) if a is not None]
    for item in all_items(pattern.items):
        out += item.atoms if isinstance(item, CheckedStep) else ()
        out += item.entry.withouts
    if pattern.trailing is not None:
        out.append(pattern.trailing.atom)
    return out
