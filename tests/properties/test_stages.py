"""The stages of workers bring what one pipeline brings, however they are cut, mixed and killed."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from sluice.errors import CheckpointError, Unsupported
from sluice.model import Event
from sluice.plan import Plan
from sluice.stream import Section, Shard, to_record
from sluice.stream.stages.routing import Route
from sluice.stream.stages.touched import Touched
from tests.oracle.cluster import TOPIC, Cluster
from tests.properties.streams import ALL_KINDS, case, pipeline_of, plan_of, seeds


def _spread(
    events: list[Event], count: int, random: Random, disorder: int = 0
) -> list[list[Event]]:
    """Deal events out to partitions, as a producer does, each to one of them."""
    parts: list[list[Event]] = [[] for _ in range(count)]
    for event in sorted(events, key=lambda e: e.time + random.choice((0, 0, disorder))):
        number = random.randrange(count)
        part = parts[number]
        part.append(replace(event, source=TOPIC, partition=number, offset=len(part)))
    return parts


def _together(plan: Plan, parts: list[list[Event]], lateness: int) -> list[dict[str, Any]]:
    """What one pipeline decides that has the partitions as inputs."""
    pipeline = pipeline_of(plan, lateness)
    for number in range(len(parts)):
        pipeline.open(TOPIC, number)
    for part in parts:
        pipeline.feed(part, TOPIC)
    for number in range(len(parts)):
        pipeline.end(TOPIC, number)
    times = [event.time for part in parts for event in part]
    pipeline.advance(2 * max(times, default=0) + 1)
    return [to_record(record) for record in pipeline.drain()]


def _sorted(records: list[dict[str, Any]]) -> list[str]:
    return sorted(repr(r) for r in records if r["kind"] != "late")


def _check(kind: str, seed: int, crash: float) -> None:
    found = case(kind, seed)
    if found is None:
        return
    text, events = found
    plan, random = plan_of(text), Random(f"{kind} {seed}")
    lateness = random.choice((0, 0, 5_000))
    parts = _spread(events, random.randint(1, 4), random, lateness)
    try:
        cluster = Cluster(plan, parts, seed, random.randint(1, 4), lateness)
    except Unsupported:
        return
    expected = _together(plan, parts, lateness)
    assert _sorted(cluster.run(crash)) == _sorted(expected), text


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_stages_agree_with_one_pipeline(kind: str) -> None:
    """Spread over partitions, with writers and readers that crash: the same records."""
    for seed in seeds(15):
        _check(kind, seed, 0.1)


def _differs() -> bool:
    """Whether some of the cases goes wrong."""
    for kind in ("sequence", "quantifier", "absence", "aggregate_sliding", "unseen"):
        for seed in range(40):
            try:
                _check(kind, seed, 0.3)
            except (AssertionError, CheckpointError):
                # Other records, or a shard that sees that some are lost.
                return True
    return False


def _no_duplicates_left_out(shard: Shard, section: Section, offset: int) -> None:
    source = shard.sources[section.source, section.partition]
    source.upto = -1
    _TAKE(shard, section, offset)


def _applied_again(shard: Shard, section: Section, offset: int) -> None:
    shard.applied = None
    _AGAIN(shard, section, offset)


def _never_applied_again(shard: Shard, section: Section, offset: int) -> None:
    return None


def _no_wait(shard: Shard) -> None:
    known = [s.watermark for s in shard.sources.values() if s.watermark is not None]
    for source in shard.sources.values():
        source.watermark = max(known, default=None)
    _RUN(shard)


_TAKE, _AGAIN, _RUN = Shard._take, Shard._take_again, Shard._run

_ABLATIONS: dict[str, tuple[type, str, Any]] = {
    "repeated records are taken": (Shard, "_take", _no_duplicates_left_out),
    "what was applied is applied again after a restart": (Shard, "_take_again", _applied_again),
    "what waited is lost in a restart": (Shard, "_take_again", _never_applied_again),
    "nothing waits for other sources": (Shard, "_run", _no_wait),
    "changed keys are not written": (Touched, "add", lambda touched, rank, key: None),
    "events go where no rule needs them": (Route, "of", lambda route, key: 0 if key else 1),
}


@pytest.mark.parametrize("what", _ABLATIONS)
def test_each_guard_is_needed(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without one of the guards the comparison above fails."""
    owner, name, ablated = _ABLATIONS[what]
    monkeypatch.setattr(owner, name, ablated)
    assert _differs()


_KEPT = """
rule failures {
  when login{3} where ok == false
  by user
  within 10s
}

rule gone {
  when no beat within 5s
  by host
}
"""
_OLD = f"""{_KEPT}
rule changed {{
  when login{2}
  by user
  within 10s
}}
"""
_NEW = f"""{_KEPT}
rule changed {{
  when login{4}
  by user
  within 10s
}}

rule fresh {{
  when login
  by user
  unseen host for 1h
}}
"""


_MOVED = """
rule gone { when beat then no beat within 6s by user }
"""


@pytest.mark.parametrize("seed", range(20))
def test_a_rule_that_moves_begins_anew(seed: int) -> None:
    """A rule that the new set sends to other partitions finds nothing that is not so.

    What it knew is where its events no longer come: a silence would be told that is none.
    """
    random = Random(seed)
    beats = [(1_000 * n, random.choice("abc")) for n in range(120)]
    events = [Event("beat", at, {"user": u}, id=f"e{at}") for at, u in beats]
    parts = _spread(events, 1, random)
    before = plan_of(_MOVED)
    after = plan_of(f"{_MOVED} rule again {{ when match.rules0.gone{{2}} within 1h }}")
    found = Cluster(before, parts, seed).run(0.1, after)
    told = {repr(r) for r in found if r.get("rule") == "rules0.gone"}
    right = {repr(r) for r in _together(before, parts, 0) if r.get("rule") == "rules0.gone"}
    assert told <= right
    assert told


@pytest.mark.parametrize("seed", range(20))
def test_unchanged_rules_keep_their_state_over_a_deploy(seed: int) -> None:
    """A rule set that is deployed in the middle leaves the other rules' records as they were."""
    random = Random(seed)
    events = []
    for number in range(120):
        fields: dict[str, Any] = {"user": random.choice("abc"), "host": random.choice("xy")}
        fields["ok"] = random.random() < 0.4
        type_ = random.choice(("login", "login", "beat"))
        events.append(Event(type_, 1_000 * number, fields, id=f"e{number}"))
    parts = _spread(events, 3, random)
    before, after = plan_of(_OLD), plan_of(_NEW)
    found = Cluster(before, parts, seed).run(0.1, after)
    kept = {"rules0.failures", "rules0.gone"}
    expected = [r for r in _together(before, parts, 0) if r.get("rule") in kept]
    assert expected
    assert _sorted([r for r in found if r.get("rule") in kept]) == _sorted(expected)
    assert any(r.get("rule") == "rules0.fresh" for r in found)
