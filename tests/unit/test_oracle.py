"""The oracle itself, against the tables of the language page, typed in by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.oracle import spec
from tests.oracle.aggregates import aggregate
from tests.oracle.naive import run
from tests.oracle.shorthand import (
    S,
    absent,
    branches,
    counting,
    decided,
    rule,
    said,
    sliding,
    step,
    stream,
    with_fields,
)
from tests.oracle.spec import (
    Agg,
    AliasRef,
    Atom,
    Cmp,
    Cooldown,
    Field,
    Group,
    Having,
    Head,
    Key,
    Lit,
    Quantifier,
    Unseen,
    Window,
)

# --- 4.4, the table of twelve events --------------------------------------------------

TWELVE = "A B C B A D E F D B G D"


@pytest.mark.parametrize(
    ("overlap", "expected"),
    [
        ("none", "B1D1 B3D3"),
        ("shared", "B1D1 B2D1 B3D3"),
        ("latest", "B2D1 B3D3"),
        ("all", "B1D1 B2D1 B1D2 B2D2 B1D3 B2D3 B3D3"),
    ],
)
def test_overlap_on_twelve_events(overlap: Any, expected: str) -> None:
    """Each mode finds the matches of the table, in its order."""
    found = run([rule(step("B"), step("D"), overlap=overlap)], stream(TWELVE))
    assert " ".join("".join(i for i, _ in r.events) for r in found) == expected


# --- 4.5, the table of windows --------------------------------------------------------


@pytest.mark.parametrize(
    ("window", "text", "expected"),
    [
        (sliding(2), "F@0 F@1 F@3 F@4", ["match 1: F1 F2", "clear 2", "match 3: F2 F3",
                                         "clear 3", "match 4: F3 F4"]),
        (Window("last", count=2), "F@0 F@9 F@90", ["match 9: F1 F2"]),
        (Window("tumbling", 10 * S), "F@0 F@9.999 F@10 F@20 F@29 F@30",
         ["match 10: F1 F2", "match 30: F4 F5"]),
        (Window("tumbling", 10 * S, offset_ms=5 * S), "F@0 F@4 F@5 F@14 F@15",
         ["match 5: F1 F2", "match 15: F3 F4"]),
        (Window("hopping", 10 * S, 5 * S), "F@1 F@6 F@16",
         ["match 10: F1 F2"]),
        (Window("session", 3 * S), "F@0 F@3 F@6.001 F@7 F@20",
         ["match 6: F1 F2", "match 10: F3 F4"]),
        (Window("session", 3 * S, max_ms=5 * S), "F@0 F@3 F@5 F@6 F@8 F@20",
         ["match 5: F1 F2 F3", "match 11: F4 F5"]),
    ],
)  # fmt: skip
def test_windows(window: Window, text: str, expected: list[str]) -> None:
    """Each window holds, and is judged, as the table says."""
    assert decided(counting(">=", 2, window), text) == expected


@pytest.mark.parametrize(
    ("window", "bounds"),
    [
        (Window("tumbling", 10 * S), (10, 20)),
        (Window("hopping", 10 * S, 10 * S), (10, 20)),
        (Window("session", 3 * S), (12, 14)),
        (sliding(10), (12, 14)),
        (Window("last", count=2), (12, 14)),
    ],
)
def test_bounds_of_windows(window: Window, bounds: tuple[int, int]) -> None:
    """`start` and `end`: bounds where the window is fixed, else first and last event."""
    record = run([counting(">=", 2, window)], stream("F@12 F@14 X@40"))[0]
    assert (record.start, record.end) == (bounds[0] * S, bounds[1] * S)
    assert record.events == [("F1", 0), ("F2", 0)]


def test_each_is_a_match_at_every_event() -> None:
    """`each`: at every event while true, no edge."""
    subject = counting(">=", 2, Window("last", count=3), each=True)
    assert decided(subject, "F@0 F@1 F@2") == ["match 1: F1 F2", "match 2: F1 F2 F3"]


def test_baseline_waits_for_its_windows() -> None:
    """Unknown until the key is n windows old; an empty window counts 0."""
    past = spec.Past("baseline", Agg("count"), 2)
    having = Having(Cmp(">", Agg("count"), past))
    window = Window("tumbling", 10 * S)
    subject = rule(step("F"), window=window, having=having, select=(("b", past),))
    found = run([subject], stream("F@0 F@10 F@11 F@30 F@31 X@40"))
    assert [(r.time, r.select["b"]) for r in found] == [(40 * S, 1)]


def test_median_uses_type_7() -> None:
    """Percentiles interpolate between closest ranks."""
    assert aggregate("percentile", [1, 2, 3, 4], 95) == pytest.approx(3.85)
    assert aggregate("median", [4, 1, 2]) == 2


# --- 11, row by row -------------------------------------------------------------------


def test_without_stands_before_its_step() -> None:
    """R may lie between F and F, unless F forbids it too."""
    subject = rule(step("F", 3, -1), step("S", withouts=(Head("R"),)))
    assert decided(subject, "F F F R S") == []
    assert decided(subject, "F F F R F S") == ["match 5: F1 F2 F3 F4 S1"]
    both = rule(step("F", 3, -1, withouts=(Head("R"),)), step("S", withouts=(Head("R"),)))
    assert decided(both, "F F F R F S") == []


def test_trailing_quantifier_waits_unless_reluctant() -> None:
    """One match of 3 F at 3 s; reluctant two, at 1 s and at 4 s."""
    text = "F@0 F@1 F@3 F@4"
    greedy = rule(step("F", 2, -1), within_ms=3 * S)
    assert decided(greedy, text) == ["match 3: F1 F2 F3"]
    reluctant = rule(step("F", 2, -1, reluctant=True), within_ms=3 * S)
    assert decided(reluctant, text) == ["match 1: F1 F2", "match 4: F3 F4"]


@pytest.mark.parametrize(
    ("overlap", "text", "expected"),
    [
        ("none", "A@0 A@10 B@15", []),
        ("none", "A@0 A@10 B@16", ["match 15: A1"]),
        ("none", "A@0 A@10 X@99", ["match 15: A1"]),
        ("shared", "A@0 A@10 X@99", ["match 15: A1", "match 25: A2"]),
        ("latest", "A@0 A@10 X@99", ["match 25: A2"]),
        ("shared", "A@0 A@10 X@12", ["pending 15: A1", "pending 25: A2"]),
        ("latest", "A@0 A@10 X@12", ["pending 25: A2"]),
        ("none", "A@0 A@10 X@12", ["pending 15: A1"]),
        ("none", "A@0 X@15", ["match 15: A1"]),
    ],
)
def test_absence(overlap: Any, text: str, expected: list[str]) -> None:
    """b ends all that wait; the deadline acts after every event of its instant."""
    assert decided(rule(step("A"), trail=absent("B", 15), overlap=overlap), text) == expected


def test_absence_ends_at_its_deadline() -> None:
    """output.md 2: for an absence `end` is the deadline."""
    record = run([rule(step("A"), trail=absent("B", 15))], stream("A@1 X@99"))[0]
    assert (record.start, record.end, record.time) == (S, 16 * S, 16 * S)


def test_within_is_inclusive() -> None:
    """B at 10 s matches, at 10.001 s it does not; the wait of an absence is not covered."""
    subject = rule(step("A"), step("B"), within_ms=10 * S)
    assert decided(subject, "A@0 B@10") == ["match 10: A1 B1"]
    assert decided(subject, "A@0 B@10.001") == []
    waiting = rule(step("A"), step("B"), trail=absent("C", 15), within_ms=10 * S)
    assert decided(waiting, "A@0 B@10 X@99") == ["match 25: A1 B1"]


def test_count_within_ten_seconds() -> None:
    """Matches at 1 s and 11 s, clear at 10 s and 11 s."""
    expected = ["match 1: F1 F2", "clear 10", "match 11: F2 F3", "clear 11"]
    assert decided(counting(">=", 2, sliding(10)), "F@0 F@1 F@11 X@11") == expected


def test_steps_that_may_be_empty_are_tried_in_order() -> None:
    """An event fits B and C: it is B."""
    subject = rule(step("A"), step("any", 0, 1), step("C"), within_ms=9 * S)
    assert decided(subject, "A C C") == ["match 2: A1 C1 C2"]
    assert run([subject], stream("A C C"))[0].events == [("A1", 0), ("C1", 1), ("C2", 2)]


def test_wait_runs_from_the_last_event_taken() -> None:
    """A further F joins and starts the wait again."""
    subject = rule(step("F", 2, -1), trail=absent("B", 5))
    assert decided(subject, "F@0 F@1 F@4 X@99") == ["match 9: F1 F2 F3"]


def test_trailing_group_drops_an_incomplete_iteration() -> None:
    """Final when it can take no more, without the iteration that is not complete."""
    subject = rule(step("A"), Group((step("B"), step("C")), Quantifier(1, 3)), within_ms=9 * S)
    assert decided(subject, "A B C B X@20") == ["match 9: A1 B1 C1"]
    assert decided(subject, "A B C B C B C X") == ["match 6: A1 B1 C1 B2 C2 B3 C3"]


@pytest.mark.parametrize(
    ("last", "until", "closing"),
    [
        (step("B", 1, -1), Head("U"), "U"),
        (step("B", 1, -1, withouts=(Head("U"),)), None, "U"),
        (step("B", 1, -1, is_immediate=True), None, "A"),
    ],
)
def test_closing_event_gives_the_time(last: Atom, until: Head | None, closing: str) -> None:
    """A trailing step that is closed has the time of the closing event, the end of its last."""
    subject = rule(step("A"), last, until=until, within_ms=20 * S)
    record = run([subject], stream(f"A@0 B@1 {closing}@3 B@4"))[0]
    assert (said([record]), record.end) == (["match 3: A1 B1"], S)


def test_window_without_events_is_not_judged() -> None:
    """`count() < 2` is no longer true when nothing is left, so it clears and re-arms."""
    subject = counting("<", 2, sliding(5))
    assert decided(subject, "F@0 F@9 X@20") == [
        "match 0: F1", "clear 5", "match 9: F2", "clear 14",
    ]  # fmt: skip


def test_expiries_of_one_millisecond_are_judged_once() -> None:
    """Three events, two leave at once: `== 2` never holds on the way down, only on the way up."""
    subject = counting("==", 2, sliding(5))
    assert decided(subject, "F@0 F@0 F@1 X@20") == ["match 0: F1 F2", "clear 1"]


def test_for_acts_before_expiry() -> None:
    """A match at 10 s: the window holds F@0 up to and including 10 s."""
    subject = counting(">=", 2, sliding(10), for_ms=7 * S)
    assert decided(subject, "F@0 F@3 X@20") == ["match 10: F1 F2", "clear 10"]


def test_until_leaves_open_windows_unjudged() -> None:
    """The events so far vanish; a session ends; a sliding window clears."""
    until = Head("U")
    tumbling = counting(">=", 1, Window("tumbling", 10 * S), until=until)
    assert decided(tumbling, "F@0 U@1 F@2 F@10 U@11 X@30") == ["match 10: F2"]
    session = counting(">=", 1, Window("session", 3 * S), until=until)
    assert decided(session, "F@0 U@1 F@2 X@30") == ["match 5: F2"]
    moving = counting(">=", 2, sliding(10), until=until)
    assert decided(moving, "F@0 F@1 U@2 F@3 F@4") == ["match 1: F1 F2", "clear 2", "match 4: F3 F4"]


def test_event_without_its_key_is_no_match() -> None:
    """`by user`, one plain step: missing and null never correlate."""
    events = with_fields(stream("A A A"), {}, {"u": None}, {"u": "x"})
    assert said(run([rule(step("A"), by=(Key("u"),))], events)) == ["match 2: A3"]


def test_latest_keeps_candidates_of_other_counts() -> None:
    """Two matches, of 3 F and of 2 F."""
    subject = rule(step("F", 2, -1), within_ms=9 * S, overlap="latest")
    assert decided(subject, "F@0 F@1 F@2 X@50") == ["match 9: F1 F2 F3", "match 10: F2 F3"]


def test_expect_arms_from_the_first_event() -> None:
    """A key that never came: no events, `start` when it was armed."""
    subject = rule(whole=absent("B", 15), by=(Key("h"),), expect=("u", "w"))
    events = with_fields(stream("X@2 B@5 X@40"), {}, {"h": "u"}, {})
    found = run([subject], events)
    assert said(found) == ["match 17", "match 20: B1"]
    assert [(r.key["h"], r.start, r.end) for r in found] == [
        ("w", 2 * S, 17 * S), ("u", 5 * S, 20 * S),
    ]  # fmt: skip


def test_whole_absence_fires_once_and_rearms() -> None:
    """Each b starts the wait again; after it fired the next b re-arms."""
    subject = rule(whole=absent("B", 5))
    assert decided(subject, "B@0 B@4 X@30 B@31 X@40") == ["match 9: B2", "match 36: B3"]


def test_match_then_its_emits_then_the_next_match() -> None:
    """One event, two matches of a rule: match, its emits; next match, its emits."""
    emits = (spec.Emit("e.p", ()), spec.Emit("e.q", ()))
    below = rule(step("A"), step("B"), overlap="shared", emits=emits)
    heads = tuple(Head(t) for t in ("match.o.r0", "e.p", "e.q"))
    above = replace(rule(Atom("any of", heads)), name="r1")
    found = run([below, above], stream("A A B"))
    assert [r.events[0][1] for r in found if r.rule == "o.r1"] == [0, 1, 2, 0, 1, 2]


def test_event_that_fits_step_and_absence_ends_the_wait() -> None:
    """b ends the wait; `having` is decided at the deadline."""
    subject = rule(step("any", 2, -1), trail=absent("B", 5))
    # A1 A2 waits and ends with B1; A2 does not wait yet, so B1 joins it.
    assert decided(subject, "A@0 A@1 B@2 X@3 X@20") == ["match 8: A2 B1 X1"]
    having = Having(Cmp(">=", Agg("count", alias="f"), Lit(3)))
    waiting = rule(step("F", 2, -1, alias="f"), trail=absent("B", 5), having=having)
    assert decided(waiting, "F@0 F@1 F@2 X@20") == ["match 7: F1 F2 F3"]
    assert decided(waiting, "F@0 F@1 X@20") == []


def test_wait_after_a_group_runs_from_its_last_complete_iteration() -> None:
    """An iteration that has begun does not start the wait again."""
    group = Group((step("A"), step("B")), Quantifier(1, 3))
    subject = rule(group, trail=absent("X", 5))
    assert decided(subject, "A@0 B@1 A@3 Y@30") == ["match 6: A1 B1"]


def test_gap_holds_before_every_event_of_a_step_or_group() -> None:
    """Gap, `without`, `immediately`: between each event and the one before it in the match."""
    gap = rule(step("A"), step("B", 2, gap_ms=2 * S, high=2))
    assert decided(gap, "A@0 B@2 B@4") == ["match 4: A1 B1 B2"]
    assert decided(gap, "A@0 B@2 B@5") == []
    group = rule(step("A"), Group((step("B"), step("C")), withouts=(Head("R"),)))
    assert decided(group, "A B R C") == []
    tight = rule(step("A"), step("B", 2, 2, is_immediate=True), trail=absent("Z", 1))
    assert decided(tight, "A B A B X@20") == []
    assert decided(tight, "A B Y B X@20") == ["match 4: A1 B1 B2"]


def test_latest_tells_iterations_apart() -> None:
    """The iteration belongs to the same step and count."""
    group = Group((step("A"), step("B")), Quantifier(2, 2))
    subject = rule(group, step("C"), overlap="latest")
    assert decided(subject, "A B A B A B C") == ["match 6: A2 B2 A3 B3 C1"]
    assert decided(subject, "A B A B C") == ["match 4: A1 B1 A2 B2 C1"]


def test_all_of_takes_one_of_each_in_any_order() -> None:
    """An event fills the first open branch it fits."""
    subject = rule(branches("all of", "A", "B", "any"), step("Z"))
    found = run([subject], stream("B B A Z"))
    assert found[0].events == [("B1", 1), ("B2", 2), ("A1", 0), ("Z1", 3)]


def test_refused_events_refresh_unseen() -> None:
    """An event that the leading absence refuses refreshes too."""
    subject = rule(step("A"), lead=absent("C", 1), unseen=Unseen(("v",), 5 * S))
    assert decided(subject, "A@0") == []
    events = stream("C@0 A@1 A@6 A@12", v=1)
    assert said(run([subject], events)) == ["match 12: A3"]


def test_own_alias_is_what_was_taken_so_far() -> None:
    """Inside its own `where`; a skipped step is missing."""
    empty = Cmp("==", Agg("count", alias="f"), Lit(0))
    rising = spec.Or((empty, Cmp(">", Field("n"), AliasRef("f", "n", "last"))))
    subject = rule(step("F", 3, 3, where=rising, alias="f"))
    events = with_fields(stream("F F F F"), {"n": 2}, {"n": 1}, {"n": 3}, {"n": 4})
    assert said(run([subject], events)) == ["match 3: F1 F3 F4"]
    skipped = (("x", AliasRef("b", "n", "first")), ("n", Agg("count", alias="b")))
    optional = rule(step("A"), step("B", 0, 1, alias="b"), step("C"), select=skipped)
    assert run([optional], stream("A C"))[0].select == {"x": None, "n": 0}


def test_keys() -> None:
    """`1` and `1.0` are one key, `1` and `"1"` two; `by a?` puts missing and null together."""
    rows: list[dict[str, Any]] = [{"k": 1}, {"k": "1"}, {}, {"k": True}, {"k": 1.0}, {"k": None}]
    events = with_fields(stream("A A A A A A"), *rows)
    subject = rule(step("A", 2, 2), by=(Key("k", True),))
    assert said(run([subject], events)) == ["match 4: A1 A5", "match 5: A3 A6"]


def test_keys_are_ordered_by_type_then_value() -> None:
    """4.3.7: null < bool < number < string where time decides."""
    rows: list[dict[str, Any]] = [
        {"k": "a"},
        {"k": 10},
        {"k": True},
        {},
        {"k": 9.5},
        {"k": False},
        {},
    ]
    events = with_fields(stream("A@0 A@0 A@0 A@0 A@0 A@0 X@9"), *rows)
    subject = rule(step("A"), trail=absent("B", 5), by=(Key("k", True),))
    shown = [r.key["k"] for r in run([subject], events)]
    assert shown == [None, False, True, 9.5, 10, "a"]


def test_unseen() -> None:
    """More than D old, or none; each event refreshes; missing is never unseen; learning."""
    subject = rule(step("A"), unseen=Unseen(("v",), 5 * S))
    events = stream("A@0 A@5 A@10.001", v=1) + stream("Q@11")
    assert said(run([subject], events)) == ["match 0: A1", "match 10.001: A3"]
    learning = rule(step("A"), unseen=Unseen(("v",), 50 * S, 4 * S))
    rows: list[dict[str, Any]] = [{"v": 1}, {"v": 2}, {"v": 3}, {"v": 3}, {"v": None}]
    events = with_fields(stream("A@0 A@3 A@4 A@5 A@6"), *rows)
    assert said(run([learning], events)) == ["match 4: A3"]


def test_unseen_decides_what_starts_or_enters() -> None:
    """In a sequence it starts candidates only, in an aggregate rule it lets events enter."""
    first = rule(step("F", 2, 2), unseen=Unseen(("v",), 50 * S))
    assert said(run([first], stream("F F F", v=1))) == ["match 1: F1 F2"]
    window = counting(">=", 1, Window("last", count=9), each=True, unseen=Unseen(("v",), 50 * S))
    assert said(run([window], stream("F F F", v=1))) == ["match 0: F1"]


# --- sections 3 and 4, what the rows take for granted ---------------------------------


def test_cooldown_counts_what_it_swallows() -> None:
    """None with a time < t + D is reported; the next names how many."""
    found = run([rule(step("A"), cooldown=Cooldown(5 * S))], stream("A@0 A@1 A@4.999 A@5"))
    assert [(r.time, r.suppressed) for r in found] == [(0, 0), (5 * S, 2)]


def test_suppressed_match_brings_no_clear() -> None:
    """4.5: `clear` says so if the match was reported."""
    subject = counting(">=", 2, sliding(2), cooldown=Cooldown(60 * S))
    assert decided(subject, "F@0 F@1 F@3 F@4 X@9") == ["match 1: F1 F2", "clear 2"]


def test_leading_absence_is_inclusive() -> None:
    """b with no c of the key before it in the D up to it."""
    subject = rule(step("B"), lead=absent("C", 5))
    assert decided(subject, "C@0 B@5 B@5.001 C@6 B@6 B@20") == ["match 5.001: B2", "match 20: B4"]


def test_having_of_the_last_step_is_part_of_fits() -> None:
    """An event with which it does not hold is as one that does not fit."""
    having = Having(Cmp("!=", AliasRef("g", "n"), AliasRef("f", "n")))
    subject = rule(step("A", alias="f"), step("B", alias="g"), having=having)
    events = with_fields(stream("A B B"), {"n": 1}, {"n": 1}, {"n": 2})
    assert said(run([subject], events)) == ["match 2: A1 B2"]


def test_close_turns_pending_into_matches() -> None:
    """4.3.8: exactly what `--close` reports as matches is pending without it."""
    subject = rule(step("A"), trail=absent("B", 15))
    assert decided(subject, "A@0", close=True) == ["match 15: A1"]


def test_rules_hear_each_other_by_priority_then_name() -> None:
    """4.3.7: a match meets the rules before the next input event."""
    below = rule(step("A"))
    above = replace(rule(step("match.o.*"), step("B")), name="r1", priority=0.9)
    found = run([below, above], stream("A B"))
    assert [(r.rule, r.time) for r in found] == [("o.r0", 0), ("o.r1", S)]


def test_any_takes_input_only() -> None:
    """Section 3: what rules bring about is no `any`."""
    below = rule(step("A"))
    above = replace(rule(step("any")), name="r1")
    assert [r.rule for r in run([below, above], stream("A"))] == ["o.r0", "o.r1"]
