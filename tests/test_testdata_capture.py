"""Run the stories of matches that become tests.

    capture [match=1] [mask=user,ip] [rule=o.r] [all] [changed=…]
    rule r { when a then b by k within 10s }
    ~~~
    0s a k=u
    5s b k=u
    ----
    test r "captured …" { … }

The rules run over the events; the match of that number is captured, and its tests are run where
they would stand. Events are written as in the stories of running rules. Behind a second `~~~` the
rules may stand as they are at the time of the capture.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

from sluice.backends import BuildOptions, build
from sluice.catalog import builtins
from sluice.lang import Texts, check, covers, load
from sluice.model import Event, Match, event_id
from sluice.plan import Plan, lower, rewrite
from sluice.testing import Draft, NotCaptured, Wanted, capture_match, insert_tests, prove
from sluice.testing.datadriven import Args, run_file
from sluice.timing import Instant
from tests.test_testdata_stream import events_of

STORIES = sorted((Path(__file__).parent / "testdata" / "capture").glob("*.txt"))
FILE = "o.sluice"


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_capturing_matches(path: Path, rewrite: bool) -> None:
    """The tests are what the stories say, and pass where they are to stand."""
    run_file(path, {"capture": _capture}, rewrite)


def _capture(args: Args, text: str) -> str:
    rules, written, *changed = text.split("\n~~~")
    events = [event for event in events_of(written) if isinstance(event, Event)]
    catalog, now = builtins(), changed[0] if changed else rules
    match, evidence = _matches(_plan(rules), events, args.named)
    mask = frozenset(filter(None, args.named.get("mask", "").split(",")))

    def history(
        patterns: Collection[str], since: Instant | None, until: Instant | None
    ) -> Iterator[Event]:
        for event in events:
            is_between = (since is None or event.time >= since) and event.time <= (until or 0)
            if is_between and any(p == "any" or covers(p, event.type) for p in patterns):
                yield event

    wanted = Wanted(
        match, evidence, history, "it", "all" in args.words, mask, b"a secret of sixteen"
    )
    try:
        captured = capture_match(_plan(now), catalog, wanted, match.rule.rpartition(".")[2])
        new, _ = insert_tests(now, captured.text, match.rule)
        prove(Draft(FILE, new, [], Texts({})), catalog, {}, match.rule, captured.claims)
    except NotCaptured as error:
        return f"not captured: {error}"
    head = f"{captured.events} events, {captured.further} of them from before\n"
    leaks = f"leaks: {', '.join(captured.leaks)}\n" if captured.leaks else ""
    return head + leaks + captured.text


def _plan(rules: str) -> Plan:
    checked = check(load([FILE], Texts({FILE: rules})), builtins())
    assert checked.is_ok, checked.diagnostics
    return lower(checked, builtins())


def _matches(
    plan: Plan, events: list[Event], named: dict[str, str]
) -> tuple[Match, tuple[Event, ...]]:
    """Return a match that the rules report, and its events, through those of other matches."""
    options = BuildOptions(frozenset({"match"}), kept=frozenset({"match", "evidence"}))
    pipeline = build(rewrite(plan), builtins(), options)
    pipeline.feed(events)
    pipeline.finish()
    pipeline.close()
    found = [record for record in pipeline.drain() if isinstance(record, Match)]
    rule = named.get("rule", plan.rules[0].name)
    match = [m for m in found if m.rule == rule][int(named.get("match", 1)) - 1]
    by_id, made = {event_id(e): e for e in events}, {m.id: m for m in found}
    leaves: dict[str, Event] = {}

    def gather(each: Match) -> None:
        for ref in each.evidence or each.events:
            maker = ref.id.partition(":")[0]
            if maker in made:
                gather(made[maker])
            else:
                leaves[ref.id] = by_id[ref.id]

    gather(match)
    return match, tuple(sorted(leaves.values(), key=lambda e: (e.time, e.offset)))
