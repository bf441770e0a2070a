"""What a pipeline counts of its own losses: by rule, with the cap, over a checkpoint."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from sluice.backends import BuildOptions, LineDecoder, build
from sluice.catalog import builtins
from sluice.codecs import Chunk, InputOptions, JsonCodec
from sluice.model import Event
from sluice.plan import Limits
from sluice.stream import Cap, Pipeline
from sluice.stream.mismatches import FIELDS_MAX, OTHERS
from sluice.stream.threshold import ThresholdOperator
from tests.properties.streams import plan_of

KINDS_WITH_KEYS = {
    "threshold": "rule r { when a{3} by k within 8s }",
    "linear": "rule r { when a then b by k within 8s }",
    "greedy": "rule r { when a{2,} then b by k within 8s }",
    "sequence": "rule r { when a then b by k within 8s overlap shared }",
    "sliding": "rule r { when a by k within 8s having count() >= 9 }",
    "session": "rule r { when a by k window session 8s having count() >= 9 }",
    "tumbling": "rule r { when a by k window tumbling 8s having count() >= 9 }",
    "unseen": "rule r { when a by k unseen x for 8s }",
    "cooldown": "rule r { when a by k cooldown 8s }",
}


def pipeline_of(text: str, keys_max: int = 1_000) -> Pipeline:
    """Return a pipeline of rules with a cap on keys."""
    limits = Limits(keys_per_rule_max=keys_max)
    return build(plan_of(f"pack o\n{text}"), builtins(), BuildOptions(limits=limits))


def events(seconds: list[float], **fields: Any) -> list[Event]:
    """Return events of type a, each with a key of its own."""
    return [
        Event("a", round(at * 1000), {"k": f"k{at}", "x": 1, **fields}, offset=n)
        for n, at in enumerate(seconds, 1)
    ]


@pytest.mark.parametrize("kind", KINDS_WITH_KEYS)
def test_a_cut_changes_no_sweep(kind: str) -> None:
    """Idle keys are swept at the same times, and so the same are dropped at the cap."""
    text = KINDS_WITH_KEYS[kind]
    # Swept at 0 s and then each second; the third key is idle at 11.5 s, but not at 10.9 s.
    made = events([0, 0.2, 2.7, 10.5, 10.9, 11.0, 11.4, 11.6, 12.0, 19.5, 20.0, 20.4])
    whole = pipeline_of(text, 5)
    whole.feed(made)
    whole.drain()
    for cut in range(1, len(made)):
        first, second = pipeline_of(text, 5), pipeline_of(text, 5)
        first.feed(made[:cut])
        first.drain()
        assert second.restore(first.snapshot()) == []
        assert second.snapshot() == first.snapshot(), f"cut at {cut}"
        second.feed(made[cut:])
        second.drain()
        assert second.snapshot() == whole.snapshot(), f"cut at {cut}"


def test_of_very_many_keys_some_go_at_once() -> None:
    """To make room one by one would take a walk over the dict for each key."""
    pipeline = pipeline_of("rule r { when a{2} by k within 1h }", 40_000)
    pipeline.feed(Event("a", n, {"k": n}, offset=n + 1) for n in range(40_003))
    (reporter,), (operator,) = pipeline.reporters, pipeline.operators
    assert reporter.evictions.counts == {Cap("keys_per_rule_max", "keys"): 4}
    assert isinstance(operator, ThresholdOperator)
    assert (len(operator.keys), next(iter(operator.keys.states))) == (39_999, 4)


def test_counts_survive_a_cut() -> None:
    """What was dropped, of another type or without a line of an extract is counted on."""
    text = (
        "extract e from a where x == 1 { k matches /^nothing/ }\n"
        "rule r { when a where n > 1 or x == 1 by k within 1m having count() > 9 }"
    )
    first, second = pipeline_of(text, 2), pipeline_of(text, 2)
    first.feed(events([0, 1, 2, 3], n="no"))
    second.restore(first.snapshot())
    second.feed(events([4, 5], n="no"))
    (reporter,) = second.reporters
    assert reporter.evictions.counts == {Cap("keys_per_rule_max", "keys"): 4}
    assert second.program.mismatches.counts == {"o.r": {"a.n": 6}}
    assert second.program.unfit == {"a": 6}


def test_a_changed_rule_counts_afresh() -> None:
    """Counts of a rule whose state is left out are left out, too."""
    first = pipeline_of("rule r { when a where n > 1 by k within 1m having count() > 9 }")
    second = pipeline_of("rule r { when a where n > 2 by k within 1m having count() > 9 }")
    first.feed(events([0, 1], n="no"))
    assert second.restore(first.snapshot()) == ["o.r"]
    assert second.program.mismatches.counts == {}


def test_a_held_event_is_counted_once() -> None:
    """An event that waits for older ones when a checkpoint is written counts once."""
    plan = plan_of("pack o\nrule r { when a where n > 1 select n, x }")
    made = [build(plan, builtins(), BuildOptions(lateness_ms=5_000)) for _ in range(2)]
    made[0].feed(events([0, 1], n="no"))
    made[1].restore(made[0].snapshot())
    made[1].finish()
    assert made[1].program.mismatches.counts == {"o.r": {"a.n": 2}}


def test_format_1_is_read() -> None:
    """A checkpoint without clocks and caps, as earlier versions wrote it, keeps its state."""
    text = "rule r { when a{3} by k within 1m }"
    first, second = pipeline_of(text), pipeline_of(text)
    first.feed(events([0, 1, 2], k="u")[:2])
    decoder, encoder = msgspec.msgpack.Decoder(), msgspec.msgpack.Encoder()
    old = b""
    for record in records_of(first.snapshot()):
        made = decoder.decode(record)
        if isinstance(made, dict):
            made["format"] = 1
            for name in ("budget", "unfit", "mismatches"):
                del made[name]
        elif made[0] == "rule":
            matches, suppressed = made[3][:2]
            made = [*made[:3], [matches, suppressed, 7], made[4]]
        body = encoder.encode(made)
        old += len(body).to_bytes(4, "big") + body
    assert second.restore(old) == []
    second.feed(events([0, 1, 2], k="u")[2:])
    assert [reporter.matches for reporter in second.reporters] == [1]


def records_of(text: bytes) -> list[bytes]:
    """Split a checkpoint into its records."""
    found = []
    while text:
        size = int.from_bytes(text[:4], "big")
        found.append(text[4 : 4 + size])
        text = text[4 + size :]
    return found


def test_fields_beyond_the_cap_are_counted_together() -> None:
    """Input that makes up event types cannot make the counts grow without end."""
    pipeline = pipeline_of("rule r { when any where n > 1 select n }")
    count = FIELDS_MAX + 20
    pipeline.feed(Event(f"t{n}", n, {"n": "no"}, offset=n) for n in range(count))
    held = pipeline.program.mismatches.counts["o.r"]
    assert (len(held), sum(held.values()), held[OTHERS]) == (FIELDS_MAX + 1, count, 20)


def test_lines_read_the_quick_way_are_counted() -> None:
    """A value of another type is counted whether it made a line go the long way or not."""
    odd = "rule odd { when a where u == 7 by u within 1s having count() > 1 }"
    pipeline = pipeline_of(f"rule typed {{ when a where n > 1 }}\n{odd}")
    lines = [{"@type": "a", "@time": n, "n": n, "u": n} for n in range(5)]
    lines[2]["n"], lines[3]["u"] = "no", "no"
    data = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    decoder = LineDecoder(pipeline, JsonCodec(), InputOptions(), "in.jsonl")
    decoder.feed(Chunk(data, 1, len(lines)))
    assert pipeline.program.mismatches.counts == {"o.odd": {"a.u": 1}, "o.typed": {"a.n": 1}}
