"""Narrowing: which events of a history the rules of a plan have to see.

For each rule the events that one of its steps, absences, `without` or `until` could fit; the
operators that run on these alone decide what they would decide on all events.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sluice.backends.duckdb.conditions import Conditions
from sluice.backends.duckdb.fields import TYPE, Columns
from sluice.backends.duckdb.gathering import Gathering, gathering
from sluice.backends.duckdb.patterns import regex_test
from sluice.backends.duckdb.sqltext import FALSE, TRUE, all_of, any_of, text
from sluice.catalog import Catalog
from sluice.plan import ExtractPlan, Plan, Repeat, RulePlan, Sequence, atoms_of
from sluice.plan import nodes as p

#: With more rules than these it is not looked at what lies near.
GATHERINGS_MAX = 12


@dataclass(frozen=True, slots=True)
class RuleNarrowing:
    """The SQL condition of the events that a rule has to see; None in `keep`: all of them."""

    rule: str
    keep: str | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What SQL asks of events for a whole plan.

    `fields` are the columns by top-level field, `keys` all keys on the paths in use. `keep` holds
    for every event that some rule or extract has to see; `patterns` name the types of these.
    Of these events those are needed for which `plain` holds, and those that have enough near by
    for one of the `gatherings`.
    """

    rules: tuple[RuleNarrowing, ...]
    keep: str
    fields: dict[str, str]
    keys: tuple[str, ...]
    patterns: tuple[str, ...]
    plain: str
    gatherings: tuple[Gathering, ...]

    @property
    def of_types(self) -> str:
        """The condition that an event is of a type that some rule looks at."""
        return any_of(map(_type_test, self.patterns))

    @property
    def open_rules(self) -> tuple[RuleNarrowing, ...]:
        """The rules that have to see every event."""
        return tuple(rule for rule in self.rules if rule.keep is None)


def narrowing(plan: Plan, catalog: Catalog) -> Narrowing:
    """Write what SQL can ask of events before the rules of a plan see them."""
    columns = Columns()
    conditions = Conditions(columns, plan.lists, catalog)
    active = [rule for rule in plan.rules if not rule.disabled]
    extracted = [(each.source, _extract_test(each, conditions)) for each in plan.extracts]
    tests = [test for rule in active for test in _rule_tests(rule, conditions)] + extracted
    rules = tuple(_rule_narrowing(rule, conditions) for rule in active)
    # Rules of several plans may share a name (a sweep), so they are told apart by their place.
    near = [_gathering(rule, plan, conditions) for rule in active]
    found = tuple(dict.fromkeys(each for each in near if each is not None))
    if len(found) > GATHERINGS_MAX:
        near, found = [None] * len(active), ()
    others = [rule for rule, each in zip(active, near, strict=True) if each is None]
    plain = [test for rule in others for test in _rule_tests(rule, conditions)] + extracted
    named = sorted({type_ for type_, test in tests if test != FALSE})
    return Narrowing(
        rules, _by_type(tests), dict(columns.fields), tuple(columns.keys), tuple(named),
        _by_type(plain), found,
    )  # fmt: skip


def _gathering(rule: RulePlan, plan: Plan, conditions: Conditions) -> Gathering | None:
    def write(atoms: Iterable[p.Atom], asks_all: bool = False) -> str:
        return _by_type(
            test for atom in atoms for test in _atom_tests(rule, atom, conditions, asks_all)
        )

    own = write(atoms_of(rule), _asks_immediately(rule))
    return gathering(rule, plan, conditions, own, write)


def _rule_narrowing(rule: RulePlan, conditions: Conditions) -> RuleNarrowing:
    keep = _by_type(_rule_tests(rule, conditions))
    if keep != TRUE:
        return RuleNarrowing(rule.name, keep)
    return RuleNarrowing(rule.name, None, "it looks at events of any type, whatever they hold")


def _rule_tests(rule: RulePlan, conditions: Conditions) -> Iterator[tuple[str, str]]:
    """Yield pairs of a type pattern and what events of it must fulfil for one of a rule's tests."""
    asks_all = _asks_immediately(rule)
    for atom in atoms_of(rule):
        yield from _atom_tests(rule, atom, conditions, asks_all)


def _atom_tests(
    rule: RulePlan, atom: p.Atom, conditions: Conditions, asks_all: bool
) -> Iterator[tuple[str, str]]:
    test = TRUE if asks_all else conditions.may(atom.where)
    # What has no key never correlates.
    needed = [
        part
        for key, expr in zip(rule.keys, atom.key, strict=False)
        if not key.nullable
        for part in conditions.known(expr)
    ]
    for type_ in atom.types:
        yield type_, all_of([*needed, test])


def _asks_immediately(rule: RulePlan) -> bool:
    """True when a rule has `then immediately`: then every event of its types may stand between."""
    if not isinstance(rule.pattern, Sequence):
        return False
    return any(entry.immediately for entry in _entries(rule.pattern.items))


def _entries(items: Iterable[p.Item]) -> Iterator[p.Entry]:
    for item in items:
        yield item.entry
        if isinstance(item, Repeat):
            yield from _entries(item.items)


def _extract_test(extract: ExtractPlan, conditions: Conditions) -> str:
    """Write which events of its source an extract makes something of."""
    fits = []
    for line in extract.lines:
        value = conditions.text_of(line.path)
        fits.append(TRUE if value is None else regex_test(value, line.pattern, line.flags))
    return all_of([conditions.may(extract.where), any_of(fits)])


def _by_type(tests: Iterable[tuple[str, str]]) -> str:
    """Join tests, those of one type under one look at the type."""
    grouped: dict[str, list[str]] = {}
    for type_, test in tests:
        grouped.setdefault(type_, []).append(test)
    return any_of(all_of([_type_test(t), any_of(held)]) for t, held in grouped.items())


def _type_test(pattern: str) -> str:
    if pattern == "any":
        return TRUE
    if pattern.endswith(".*"):
        return f"starts_with({TYPE}, {text(pattern[:-1])})"
    return f"{TYPE} = {text(pattern)}"
