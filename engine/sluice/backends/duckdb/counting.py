"""Counting: the matches of rules on single events by day and key, decided by SQL alone."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence as Ordered
from dataclasses import dataclass

from sluice.backends.duckdb.exact import ExactConditions, Inexact
from sluice.backends.duckdb.fields import TIME
from sluice.backends.duckdb.query import LakeFiles, lake_rows
from sluice.backends.duckdb.sqltext import all_of
from sluice.lang import covers
from sluice.plan import (
    Entry,
    Filter,
    Plan,
    RulePlan,
    Sequence,
    Silence,
    Step,
    atoms_of,
    made_by,
)
from sluice.plan import exprs as x

#: The day of an event, as days since 1970-01-01.
_DAY = "CAST(\"@time\" AS DATE) - DATE '1970-01-01'"


#: Of longer thresholds the stream engine caps the state.
COUNT_MAX = 1_000

#: Times come in lists of one key and so much time, that no list grows long.
_STRETCH_MS = 60_000


@dataclass(frozen=True, slots=True)
class Counting:
    """A query of rows of a day, the parts of the key, and the count of each of some rules."""

    rules: tuple[RulePlan, ...]
    sql: str


@dataclass(frozen=True, slots=True)
class Taken:
    """Files of a lake, and which of their rows are taken."""

    files: LakeFiles
    condition: str


@dataclass(frozen=True, slots=True)
class Needed:
    """What makes a match: so many events of a key within a time (None: at any time); or, where
    it `is_silence`, none for longer than that."""

    count: int
    within_ms: int | None = None
    is_silence: bool = False


@dataclass(frozen=True, slots=True)
class Folding:
    """A query for a rule whose matches follow from the times of events alone.

    Rows are the parts of the key and times in order; those of one key follow each other.
    """

    rule: RulePlan
    sql: str
    needed: Needed


@dataclass(frozen=True, slots=True)
class Counts:
    """What SQL can tell of the matches of some rules, whose names are `rules`."""

    rules: frozenset[str]
    countings: tuple[Counting, ...]
    foldings: tuple[Folding, ...]


def count_queries(
    plan: Plan, names: frozenset[str], taken: Ordered[Taken], is_by_day: bool
) -> Counts:
    """Return the queries that tell of matches of some rules as much as it takes to count them.

    `is_by_day`: it is enough to know how many there are in a day. Rules that others listen to are
    left to the stream: a count is not what those wait for.
    """
    told: set[str] = set()
    countings: list[Counting] = []
    foldings: list[Folding] = []
    plain: dict[int, list[tuple[RulePlan, str]]] = {}
    for rule in plan.rules:
        needed = None if rule.disabled or rule.name not in names else _needed(rule)
        if needed is None or not _is_alone(rule, plan):
            continue
        looked_at = [n for n, each in enumerate(taken) if _looks_at(rule, each.files)]
        try:
            tests = [_Test.of(rule, plan, taken[n].files) for n in looked_at]
            if needed != Needed(1) or rule.cooldown is not None or not is_by_day:
                pairs = [(taken[n], test) for n, test in zip(looked_at, tests, strict=True)]
                foldings += _folding(rule, needed, pairs)
                told.add(rule.name)
                continue
        except Inexact:
            continue
        told.add(rule.name)
        for n, test in zip(looked_at, tests, strict=True):
            if rule.keys:
                countings.append(Counting((rule,), _by_key(taken[n], test)))
            else:
                plain.setdefault(n, []).append((rule, test.where))
    countings += [_together(taken[n], held) for n, held in plain.items()]
    return Counts(frozenset(told), tuple(countings), tuple(foldings))


def may_be_counted(rule: RulePlan, plan: Plan) -> bool:
    """Say whether SQL counts a rule's matches where the columns of a lake have types for it."""
    return _needed(rule) is not None and _is_alone(rule, plan)


def _needed(rule: RulePlan) -> Needed | None:
    """Return what makes a match where times tell it; None for other rules."""
    if rule.having or rule.unseen or rule.until:
        return None
    if rule.cooldown is not None and rule.cooldown.per is not None:
        return None
    match rule.pattern:
        case Filter(Step(kind="one", minimum=1, maximum=1)):
            return Needed(1)
        case Silence(absent, expected=(), expected_list=None):
            return Needed(1, absent.duration_ms, True)
        case Sequence(items=(Step(kind="one") as step,), leading=None, trailing=None) as pattern:
            is_exact = step.reluctant or step.maximum == step.minimum
            if pattern.overlap != "none" or not is_exact or step.entry != Entry():
                return None
            is_late = step.atoms[0].where is not None and _looks_back(step.atoms[0].where)
            if is_late or not 1 <= step.minimum <= COUNT_MAX:
                return None
            return Needed(step.minimum, pattern.within_ms)
        case _:
            return None


def _looks_back(where: x.Expr) -> bool:
    return any(isinstance(node, x.AliasField | x.Agg) for node in x.walk(where))


def _is_alone(rule: RulePlan, plan: Plan) -> bool:
    """Say whether a rule looks at nothing that rules make, and nothing looks at what it makes."""
    heard = {type_ for each in plan.rules for atom in atoms_of(each) for type_ in atom.types}
    heard |= {extract.source for extract in plan.extracts}
    if any(covers(type_, made) for type_ in heard for made in made_by(rule)):
        return False
    made = {extract.type for extract in plan.extracts}
    made |= {type_ for each in plan.rules for type_ in made_by(each)}
    own = (type_ for atom in atoms_of(rule) for type_ in atom.types)
    return not any(covers(type_, each) for type_ in own for each in made)


def _looks_at(rule: RulePlan, files: LakeFiles) -> bool:
    types = (type_ for atom in atoms_of(rule) for type_ in atom.types)
    return files.type is None or any(covers(type_, files.type, False) for type_ in types)


@dataclass(frozen=True, slots=True)
class _Test:
    """What holds for the matches of a rule among the rows of files, and the parts of their key."""

    where: str
    keys: tuple[str, ...]
    kinds: tuple[str, ...]

    @staticmethod
    def of(rule: RulePlan, plan: Plan, files: LakeFiles) -> _Test:
        """Write the test of a rule; Inexact where SQL cannot promise it."""
        conditions = ExactConditions(files, plan.lists)
        atom = next(atoms_of(rule))
        parts, keys, kinds = [], [], []
        for key, expr in zip(rule.keys, atom.key, strict=True):
            if not isinstance(expr, x.Field):
                raise Inexact
            column, kind = conditions.field(expr)
            keys.append(column)
            kinds.append(kind)
            parts += [] if key.nullable else [f"{column} IS NOT NULL"]
        parts += [] if atom.where is None else [conditions.write(atom.where)]
        parts += [f"({conditions.write(each)} IS NOT TRUE)" for each in rule.excepts]
        return _Test(all_of(parts), tuple(keys), tuple(kinds))


def _by_key(taken: Taken, test: _Test) -> str:
    keys = "".join(f", {key} AS k{place}" for place, key in enumerate(test.keys))
    return (
        f"SELECT {_DAY} AS day{keys}, count(*) FROM {lake_rows(taken.files)} "
        f"WHERE {all_of([taken.condition, test.where])} GROUP BY ALL ORDER BY ALL"
    )


def _together(taken: Taken, held: Ordered[tuple[RulePlan, str]]) -> Counting:
    """Write one query for rules without a key, which all look at the same files."""
    rules = tuple(rule for rule, _ in held)
    rows = lake_rows(taken.files)
    if len(held) == 1:
        where = all_of([taken.condition, held[0][1]])
        return Counting(
            rules, f"SELECT {_DAY} AS day, count(*) FROM {rows} WHERE {where} GROUP BY day"
        )
    counts = ", ".join(f"count(*) FILTER (WHERE {test})" for _, test in held)
    return Counting(
        rules, f"SELECT {_DAY} AS day, {counts} FROM {rows} WHERE {taken.condition} GROUP BY day"
    )


def _folding(
    rule: RulePlan, needed: Needed, tests: Ordered[tuple[Taken, _Test]]
) -> Iterator[Folding]:
    """Yield the query for a rule over all its files; Inexact where keys are not of one type."""
    if len({test.kinds for _, test in tests}) > 1 or any("DOUBLE" in t.kinds for _, t in tests):
        raise Inexact
    if not tests:
        return
    parts = []
    for taken, test in tests:
        keys = "".join(f"{key} AS k{place}, " for place, key in enumerate(test.keys))
        parts.append(
            f'SELECT {keys}epoch_ms("@time") AS {TIME} FROM {lake_rows(taken.files)} '
            f"WHERE {all_of([taken.condition, test.where])}"
        )
    keys = "".join(f"k{place}, " for place in range(len(rule.keys)))
    stretch = f"{TIME} // {_STRETCH_MS}"
    sql = (
        f"SELECT {keys}list({TIME} ORDER BY {TIME}) FROM ({' UNION ALL '.join(parts)}) "
        f"GROUP BY {keys}{stretch} ORDER BY {keys}{stretch}"
    )
    yield Folding(rule, sql, needed)
