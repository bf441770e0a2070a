"""Laws of plans: a rewrite changes no match, a version names what decides matches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sluice.model import ANY, BOOL, FLOAT, INT, STRING
from sluice.plan import exprs as x
from sluice.plan import nodes as n
from sluice.plan.atoms import conjunction
from sluice.plan.identity import fingerprint, normal_form, version_of
from sluice.plan.rewrite import rewrite
from sluice.plan.rewrites.fold_constants import fold, fold_condition, fold_constants
from sluice.plan.rewrites.order_conditions import order_conditions
from sluice.plan.rewrites.push_filters import push_filters
from tests.oracle_expr import MISSING, Moment, equal, evaluate, is_true
from tests.plan_rules import LISTS, RULES, is_equal

# ---------------------------------------------------------------- expressions

VALUES = st.one_of(
    st.sampled_from([MISSING, None]),
    st.sampled_from([True, False, "", "a", "ab", "A", 0, 1, 2, 1.0, 2.5]),
    st.sampled_from([2**53, 2**53 + 1, 2.0**53, 2**63 - 1, -(2**63)]),
    st.lists(st.sampled_from([None, 1, 1.0, "a", True]), max_size=3),
)
CONSTANTS = st.one_of(
    st.sampled_from([0, 1, 2, -3, 2**53 + 1, 2**63 - 1, -(2**63)]).map(lambda v: x.Const(v, INT)),
    st.sampled_from([0.0, 1.0, 2.5, 1e308]).map(lambda v: x.Const(v, FLOAT)),
    st.sampled_from(["", "a", "ab", "A"]).map(lambda v: x.Const(v, STRING)),
    st.booleans().map(lambda v: x.Const(v, BOOL)),
    st.just(x.Const(None, ANY)),
)
FIELDS = st.sampled_from([x.Field(("a",)), x.Field(("b",)), x.Field(("c",))])
NUMBERS = st.sampled_from([0, 1, 2, 3, -1, 2**53 + 1]).map(lambda v: x.Const(v, INT))


def _arith(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(
        lambda op, a, b: x.Arith(op, a, b, _arith_type(op, a, b)),
        st.sampled_from(["+", "-", "*", "/"]),
        children,
        children,
    )


def _arith_type(op: str, a: x.Expr, b: x.Expr) -> Any:
    return INT if op != "/" and a.type == b.type == INT else FLOAT


SUMS = st.recursive(
    st.one_of(CONSTANTS, FIELDS, NUMBERS),
    lambda c: st.one_of(_arith(c), st.builds(lambda e: x.Neg(e, e.type), c)),
    max_leaves=4,
)
LISTED = st.lists(st.sampled_from([1, 1.0, True, "a", "A", 2]), max_size=3).map(tuple)
OPS = st.sampled_from(["==", "<", "<=", ">", ">="])
TESTS: st.SearchStrategy[Any] = st.one_of(
    st.builds(x.Cmp, OPS, SUMS, SUMS, st.booleans()),
    st.builds(x.Cmp, st.just("=="), FIELDS, CONSTANTS),
    st.builds(lambda field: x.Cmp("==", field, field), FIELDS),
    st.builds(x.InValues, st.one_of(FIELDS, CONSTANTS), LISTED),
    st.builds(x.InArray, CONSTANTS, FIELDS),
    st.builds(
        x.TextTest,
        st.sampled_from(["contains", "starts with", "ends with", "like"]),
        FIELDS,
        st.lists(CONSTANTS, min_size=1, max_size=2).map(tuple),
        st.none(),
        st.sampled_from(["any", "all"]),
    ),
    st.builds(x.Matches, FIELDS, st.just((("^a", ""), ("b$", "i")))),
    st.builds(x.Exists, SUMS),
    st.builds(x.IsNull, st.one_of(FIELDS, SUMS)),
    st.builds(x.Truth, st.one_of(FIELDS, CONSTANTS)),
    st.sampled_from([x.TRUE, x.FALSE]),
    st.just(x.Const(None, BOOL)),
)


def _composed(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(children, max_size=4).map(tuple)
    return st.one_of(
        st.builds(x.And, several),
        st.builds(x.Or, several),
        st.builds(x.Not, children),
        st.builds(lambda c: x.And((c, x.Not(c))), children),
        st.builds(x.Quantified, st.sampled_from(["any", "all"]), st.just("v"), FIELDS, children),
        st.builds(
            lambda c: x.Cmp(
                ">", x.Agg("count", "window", None, where=c, type=INT), x.Const(1, INT)
            ),
            children,
        ),
    )


CONDITIONS = st.recursive(TESTS, _composed, max_leaves=8)
EVENTS = st.fixed_dictionaries({"a": VALUES, "b": VALUES, "c": VALUES}).map(
    lambda event: {k: v for k, v in event.items() if v is not MISSING}
)
MOMENTS = st.builds(
    lambda event, window: Moment(event=event, window=[(0, e) for e in window]),
    EVENTS,
    st.lists(EVENTS, max_size=3),
)


def _is_same(a: Any, b: Any) -> bool:
    return a is b or (equal(a, b) is True and isinstance(a, bool) == isinstance(b, bool))


def _ordered(condition: x.Expr) -> x.Expr:
    step = n.Step("one", (n.Atom(0, ("a",), condition),))
    plan = order_conditions(n.Plan((n.RulePlan("t.r", n.Filter(step)),)))
    pattern = plan.rules[0].pattern
    assert isinstance(pattern, n.Filter)
    where = pattern.step.atoms[0].where
    assert where is not None
    return where


@settings(max_examples=500)
@given(st.one_of(CONDITIONS, SUMS), MOMENTS)
def test_folding_keeps_every_value(expr: x.Expr, at: Moment) -> None:
    """True, false and unknown stay what they are, wherever the expression stands."""
    assert _is_same(evaluate(expr, at), evaluate(fold(expr), at))


@settings(max_examples=500)
@given(CONDITIONS, MOMENTS)
def test_a_folded_condition_is_true_of_the_same_events(condition: x.Expr, at: Moment) -> None:
    """A whole condition may turn from unknown to false: both refuse. True is all that counts."""
    assert is_true(condition, at) == is_true(fold_condition(condition), at)


@given(CONDITIONS, MOMENTS)
def test_order_keeps_every_value(condition: x.Expr, at: Moment) -> None:
    """The order of conditions says nothing, not even of unknown."""
    assert evaluate(condition, at) == evaluate(_ordered(condition), at)


@given(CONDITIONS)
def test_folding_and_ordering_are_done_at_once(condition: x.Expr) -> None:
    """A second time changes nothing."""
    assert fold_condition(fold_condition(condition)) == fold_condition(condition)
    assert _ordered(_ordered(condition)) == _ordered(condition)


@given(CONDITIONS, CONDITIONS, MOMENTS)
def test_one_fingerprint_one_meaning(a: x.Expr, b: x.Expr, at: Moment) -> None:
    """What shares a fingerprint is never told apart by an event."""
    if fingerprint(a) == fingerprint(b):
        assert _is_same(evaluate(a, at), evaluate(b, at))


# ---------------------------------------------------------------- sequences


@dataclass(frozen=True)
class Candidate:
    """Events taken so far (by their index), by position; `place` is the step it is at."""

    taken: tuple[tuple[int, ...], ...]
    place: int


def matches(rule: n.RulePlan, events: Sequence[dict[str, Any]]) -> list[tuple[int, ...]]:
    """Say naively which events make the matches of a sequence (4.4; no times, no absences)."""
    pattern = rule.pattern
    assert isinstance(pattern, n.Sequence)
    steps = [item for item in pattern.items if isinstance(item, n.Step)]
    found: list[tuple[int, ...]] = []
    open_: list[Candidate] = []
    for index in range(len(events)):
        done, kept = _meet(rule, steps, open_, events, index)
        found += done[:1] if pattern.overlap == "none" else done
        if done and pattern.overlap == "none":
            open_ = []
            continue
        started = Candidate(((),) * len(steps), 0)
        if _fits(rule, steps, started, 0, events, index):
            kept.append(_take(started, 0, index))
        open_ = _latest(kept) if pattern.overlap == "latest" else kept
    return found


def _meet(
    rule: n.RulePlan,
    steps: list[n.Step],
    candidates: list[Candidate],
    events: Sequence[dict[str, Any]],
    index: int,
) -> tuple[list[tuple[int, ...]], list[Candidate]]:
    done, kept = [], []
    is_all = getattr(rule.pattern, "overlap", "") == "all"
    for candidate in candidates:
        place = candidate.place
        count, following = len(candidate.taken[place]), place + 1
        most = steps[place].maximum
        if count >= steps[place].minimum and _fits(
            rule, steps, candidate, following, events, index
        ):
            moved = _take(candidate, following, index)
            if is_all:
                kept.append(candidate)
            if following == len(steps) - 1:
                done.append(tuple(i for taken in moved.taken for i in taken))
            else:
                kept.append(moved)
        elif (most is None or count < most) and _fits(rule, steps, candidate, place, events, index):
            kept.append(_take(candidate, place, index))
        else:
            kept.append(candidate)
    return done, kept


def _take(candidate: Candidate, place: int, index: int) -> Candidate:
    taken = list(candidate.taken)
    taken[place] = (*taken[place], index)
    return Candidate(tuple(taken), place)


def _latest(candidates: list[Candidate]) -> list[Candidate]:
    newest = {
        (c.place, len(c.taken[c.place])): c for c in sorted(candidates, key=lambda c: c.taken)
    }
    return [c for c in candidates if newest[c.place, len(c.taken[c.place])] == c]


def _fits(
    rule: n.RulePlan,
    steps: list[n.Step],
    candidate: Candidate,
    place: int,
    events: Sequence[dict[str, Any]],
    index: int,
) -> bool:
    atom = steps[place].atoms[0]
    if events[index]["type"] not in atom.types:
        return False

    def at(taken: tuple[tuple[int, ...], ...]) -> Moment:
        lists = {p: [events[i] for i in chosen] for p, chosen in enumerate(taken)}
        return Moment(event=events[index], taken=lists)

    if not is_true(atom.where, at(candidate.taken)):
        return False
    if place < len(steps) - 1 or rule.having is None:
        return True
    return is_true(rule.having.condition, at(_take(candidate, place, index).taken))


def _part(reference: x.Expr, value: Any) -> x.Expr:
    return x.Cmp("==", reference, x.Const(value, INT))


OVERLAPS: list[n.Overlap] = ["none", "shared", "latest", "all"]


RARELY = st.sampled_from([0, 0, 0, 1])


@st.composite
def sequences(draw: st.DrawFn) -> n.RulePlan:
    """Draw a sequence of two or three steps with conditions on one or two events."""
    overlap: n.Overlap = draw(st.sampled_from(OVERLAPS))
    width = draw(st.integers(2, 3))
    values = st.integers(0, 1)

    def reference(limit: int) -> x.Expr:
        position = draw(st.integers(0, limit))
        which = draw(st.sampled_from([0, -1]))
        return x.AliasField(f"s{position}", (position,), which, (draw(st.sampled_from("xy")),))

    def part(limit: int) -> x.Expr:
        right: x.Expr = x.Const(draw(values), INT)
        if draw(st.integers(0, 3)) == 0:
            right = reference(limit)
        return x.Cmp("==", reference(limit), right)

    items = []
    for position in range(width):
        parts = [_part(x.Field(("x",)), draw(values))] * draw(RARELY)
        if position:
            parts += [part(position - 1) for _ in range(draw(RARELY))]
        kind = draw(st.sampled_from(["p", "q"]))
        atom = n.Atom(position, (kind,), conjunction(tuple(parts)), alias=f"s{position}")
        last = position == width - 1
        least = 1 if last or overlap == "all" else draw(st.sampled_from([1, 1, 2]))
        most = (
            least if last or overlap == "all" else draw(st.sampled_from([least, least + 1, None]))
        )
        items.append(n.Step("one", (atom,), least, most))
    parts = [part(width - 1) for _ in range(draw(st.integers(1, 2)))]
    having = conjunction(tuple(parts))
    return n.RulePlan(
        "t.r",
        n.Sequence(tuple(items), None, overlap),
        having=None if having is None else n.Having(having),
    )


STREAMS = st.lists(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["p", "p", "q"]), "x": st.integers(0, 1), "y": st.integers(0, 1)}
    ),
    min_size=5,
    max_size=10,
)


@pytest.mark.parametrize("change", [push_filters, fold_constants, rewrite])
@settings(max_examples=400)
@given(rule=sequences(), events=STREAMS)
def test_a_rewritten_sequence_has_the_same_matches(
    change: Callable[[n.Plan], n.Plan], rule: n.RulePlan, events: list[dict[str, Any]]
) -> None:
    """Asking a condition earlier changes no match, whatever the overlap."""
    changed = change(n.Plan((rule,))).rules[0]
    assert matches(rule, events) == matches(changed, events)


def test_pushing_where_it_is_refused_would_lose_matches() -> None:
    """The naive matcher tells the difference that the refusals are about."""
    step = n.Step("one", (n.Atom(0, ("p",), alias="f"),))
    last = n.Step("one", (n.Atom(1, ("q",)),))
    good = _part(x.AliasField("f", (0,), 0, ("x",)), 1)
    rule = n.RulePlan("t.r", n.Sequence((step, last), None, "latest"), having=n.Having(good))
    pushed = replace(step, atoms=(n.Atom(0, ("p",), _part(x.Field(("x",)), 1)),))
    wrong = replace(rule, pattern=n.Sequence((pushed, last), None, "latest"), having=None)
    events: list[dict[str, Any]] = [{"type": "p", "x": 1}, {"type": "p", "x": 0}, {"type": "q"}]
    assert [] == matches(rule, events)
    assert [(0, 2)] == matches(wrong, events)


# ---------------------------------------------------------------- versions

RULE = st.sampled_from(sorted(RULES)).map(RULES.__getitem__)

#: Changes that a running rule must survive with its state.
METADATA: dict[str, Callable[[n.RulePlan], n.RulePlan]] = {
    "name": lambda r: replace(r, name="other.name"),
    "title": lambda r: replace(r, title="another"),
    "doc": lambda r: replace(r, doc="a text"),
    "tags": lambda r: replace(r, tags=("x",)),
    "severity": lambda r: replace(r, severity="critical"),
    "status": lambda r: replace(r, status="experimental", references=("x",)),
    "disabled": lambda r: replace(r, disabled=True),
    "unbounded": lambda r: replace(r, unbounded=not r.unbounded),
    "priority": lambda r: replace(r, priority=0.9),
    "version": lambda r: replace(r, version="0" * 16),
    "select": lambda r: replace(r, select=(("n", x.Const(1, INT)),)),
    "effects": lambda r: replace(r, effects=(n.EmitEffect("a.b", ()),)),
    "cooldown": lambda r: replace(r, cooldown=n.Cooldown(1)),
    "aliases": lambda r: _with_atoms(r, lambda a: replace(a, alias="other")),
}

#: Changes that make another rule of it.
DECIDING: dict[str, Callable[[n.RulePlan], n.RulePlan]] = {
    "key name": lambda r: replace(r, keys=(n.KeyPart("other"),)),
    "no key": lambda r: replace(r, keys=(*r.keys, n.KeyPart("more"))),
    "nullable key": lambda r: replace(r, keys=(n.KeyPart("user", STRING, not _nullable(r)),)),
    "having": lambda r: replace(r, having=n.Having(is_equal("never", "written"))),
    "unseen": lambda r: replace(r, unseen=n.Unseen((x.Field(("u",)),), 1)),
    "until": lambda r: replace(r, until=n.Atom(9, ("end",))),
    "except": lambda r: replace(r, excepts=(*r.excepts, is_equal("a", "b"))),
    "types": lambda r: _with_atoms(r, lambda a: replace(a, types=(*a.types, "more"))),
    "where": lambda r: _with_atoms(r, lambda a: replace(a, where=is_equal("no", "one"))),
    "step key": lambda r: _with_atoms(r, lambda a: replace(a, key=(x.Field(("z",)),))),
    "pattern": lambda r: replace(r, pattern=n.Sequence((), 1, "all")),
}


def _nullable(rule: n.RulePlan) -> bool:
    return any(key.nullable for key in rule.keys)


def _with_atoms(rule: n.RulePlan, change: Callable[[n.Atom], n.Atom]) -> n.RulePlan:
    """Change the first test of a pattern."""
    match rule.pattern:
        case n.Filter(step=step) | n.Aggregate(step=step):
            changed = replace(step, atoms=(change(step.atoms[0]), *step.atoms[1:]))
            return replace(rule, pattern=replace(rule.pattern, step=changed))
        case n.Silence(absent=absent):
            silence = replace(rule.pattern, absent=replace(absent, atom=change(absent.atom)))
            return replace(rule, pattern=silence)
        case n.Sequence(items=(n.Step() as step, *rest)):
            first = replace(step, atoms=(change(step.atoms[0]), *step.atoms[1:]))
            return replace(rule, pattern=replace(rule.pattern, items=(first, *rest)))
        case _:
            raise AssertionError("the rules of these tests begin with a step")


@given(RULE, st.lists(st.sampled_from(sorted(METADATA)), min_size=1, max_size=5))
def test_metadata_keeps_the_version(rule: n.RulePlan, changes: list[str]) -> None:
    """State survives what does not decide a match."""
    changed = rule
    for name in changes:
        changed = METADATA[name](changed)
    assert version_of(rule, LISTS) == version_of(changed, LISTS)


@given(RULE, st.sampled_from(sorted(DECIDING)))
def test_what_decides_changes_the_version(rule: n.RulePlan, name: str) -> None:
    """A change of what decides a match is another version, or it was no change."""
    changed = DECIDING[name](rule)
    assume(changed != rule)
    assert version_of(rule, LISTS) != version_of(changed, LISTS)


@given(CONDITIONS, CONDITIONS, MOMENTS)
def test_one_version_one_meaning(a: x.Expr, b: x.Expr, at: Moment) -> None:
    """Conditions that an event tells apart give two versions."""
    one, two = (n.RulePlan("t.r", n.Filter(n.Step("one", (n.Atom(0, ("a",), c),)))) for c in (a, b))
    if not _is_same(evaluate(a, at), evaluate(b, at)):
        assert version_of(one, {}) != version_of(two, {})


def _listed(values: tuple[Any, ...], from_file: bool) -> str:
    lists = {"l": n.ListValues("string", values, from_file)}
    where = x.InValues(x.Field(("a",)), list_name="l")
    return version_of(
        n.RulePlan("t.r", n.Filter(n.Step("one", (n.Atom(0, ("a",), where),)))), lists
    )


def test_a_literal_list_is_its_values_and_a_file_its_name() -> None:
    """Reading a file again loses no state; editing a literal list makes another rule."""
    assert _listed(("a",), True) == _listed(("b",), True)
    assert _listed(("a",), False) != _listed(("b",), False)
    assert _listed(("a",), True) != _listed(("a",), False)
    where = x.InValues(x.Field(("a",)), ("a",))
    inline = n.RulePlan("t.r", n.Filter(n.Step("one", (n.Atom(0, ("a",), where),))))
    assert _listed(("a",), False) == version_of(inline, {})


def test_a_select_value_in_having_decides() -> None:
    """`select` is no part of the version, but for the values that `having` asks."""
    step = n.Step("one", (n.Atom(0, ("a",)),))
    asked = n.Having(_part(x.Selected(0), 1))
    a, b = (
        n.RulePlan("t.r", n.Filter(step), having=asked, select=(("n", x.Field((name,))),))
        for name in "ab"
    )
    assert version_of(a, {}) != version_of(b, {})


def test_defaults_and_the_order_of_fields_are_not_written() -> None:
    """A later field with a default leaves every hash as it is."""
    step = n.Step("one", (n.Atom(0, ("a",)),))
    form = normal_form(n.RulePlan("t.r", n.Filter(step)), {})
    atom = {"is": "Atom", "position": 0, "types": ["a"]}
    step_form = {"is": "Step", "kind": "one", "atoms": [atom]}
    assert form == {"form": 1, "pattern": {"is": "Filter", "step": step_form}}
