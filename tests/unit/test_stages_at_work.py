"""The stages with everything but the broker: bytes in, records out, whatever the batches are."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest

from sluice.backends import RECORD_BYTES_MAX, TopicNames
from sluice.catalog import builtins
from sluice.codecs import InputOptions
from sluice.io import Metrics
from sluice.shells.stages.decoding import TopicInput
from sluice.shells.stages.filtering import Filtering, Skipped
from sluice.shells.stages.matching import Matching
from sluice.shells.stages.metered import Meter
from sluice.shells.stages.rulesets import RuleCompiler
from tests.soak.events import LATENESS_MS, PARTITIONS, write
from tests.soak.soak import RULES

TOPIC = "events"
TARGETS = 4
INPUT = TopicInput("json", InputOptions(), LATENESS_MS)


@dataclass(frozen=True)
class _Record:
    offset: int
    value: bytes | None
    key: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


class _Stages:
    """Both stages of one worker, with a list for each keyed partition."""

    def __init__(
        self, rules: Path, tells_extracted: bool = False, settings: TopicInput = INPUT
    ) -> None:
        names = TopicNames(partitions=TARGETS)
        compiler = RuleCompiler(builtins(), None, names, tells_extracted=tells_extracted)
        compiled = compiler.rules(compiler.bundle([str(rules)], {}), 1)
        self.keyed: dict[int, list[_Record]] = defaultdict(list)
        self.out: list[tuple[str, dict[str, Any], dict[str, bytes]]] = []
        self.filtering = Filtering(compiled, {TOPIC: settings}, self._send, Meter(Metrics("test")))
        self.filtering.assign({(TOPIC, n): None for n in range(PARTITIONS)})
        places = [(TOPIC, n) for n in range(PARTITIONS)]
        self.matching = Matching(
            {1: compiled}.get, places, self._send, self._write, Meter(Metrics("test"))
        )
        for target in range(TARGETS):
            self.matching.begin(target, None, None, 0, 1)

    async def _send(
        self, topic: str, partition: int, value: bytes, key: bytes | None = None, headers: Any = ()
    ) -> asyncio.Future[Any]:
        if topic == "sluice.keyed":
            log = self.keyed[partition]
            log.append(_Record(len(log), value))
        else:
            self.out.append((topic, json.loads(value), dict(headers)))
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        future.set_result(None)
        return future

    async def _write(self, topic: str, partition: int, rows: Any) -> None:
        """Keep nothing: what is kept has tests of its own."""

    async def pass_on(self) -> None:
        """Let what was gathered reach the match stage."""
        await self.filtering.flush()
        while self.filtering.is_flying:
            await self.filtering.land()
        for target in range(TARGETS):
            expected = self.matching.holdings[target].expected
            if self.keyed[target][expected:]:
                await self.matching.take(target, self.keyed[target][expected:])


def _matches(argv: list[str]) -> list[str]:
    command = [sys.executable, "-m", "sluice", "run", "-q", "-o", "json", "--show", "match", *argv]
    done = subprocess.run(command, capture_output=True, check=True)
    return sorted(json.loads(line)["id"] for line in done.stdout.splitlines())


@pytest.mark.parametrize("seed", [1, 2])
def test_all_kinds_of_rules_as_in_one_process(seed: int, tmp_path: Path) -> None:
    """Thirty rules over eight partitions, mixed in batches of any size: the same matches."""
    files = write(tmp_path, 6_000, seed)
    lines = [Path(file).read_bytes().splitlines() for file in files]
    random, stages = Random(seed), _Stages(RULES)

    async def go() -> None:
        at = [0] * len(lines)
        while waiting := [n for n in range(len(lines)) if at[n] < len(lines[n])]:
            number, size = random.choice(waiting), random.choice((1, 50, 700))
            batch = lines[number][at[number] : at[number] + size]
            records = [_Record(at[number] + n, line) for n, line in enumerate(batch)]
            stages.filtering.take((TOPIC, number), records)
            at[number] += len(batch)
            if random.random() < 0.5:
                await stages.pass_on()
        await stages.pass_on()

    asyncio.run(go())
    found = [r["id"] for _, r, _ in stages.out if r["kind"] == "match"]
    argv = ["-r", str(RULES), "--lateness", f"{LATENESS_MS}ms", *map(str, files)]
    assert len(found) > 500
    assert sorted(found) == _matches(argv)


def test_records_that_did_not_come_are_asked_for(tmp_path: Path) -> None:
    """A batch that begins above what was read is refused, one that was read is passed over."""
    (tmp_path / "r.sluice").write_text("rule r {\n  when a\n}\n", "utf-8")
    stages = _Stages(tmp_path)
    line = b'{"@type":"a","@time":1000}'

    async def go() -> None:
        take = stages.filtering.take
        take((TOPIC, 0), [_Record(0, line), _Record(1, line)])
        take((TOPIC, 0), [_Record(0, line), _Record(1, line)])
        with pytest.raises(Skipped) as skipped:
            take((TOPIC, 0), [_Record(5, line)])
        assert skipped.value.expected == 2
        # So is the one behind it, which was on its way already.
        with pytest.raises(Skipped):
            take((TOPIC, 0), [_Record(6, line)])
        take((TOPIC, 0), [_Record(1, line), _Record(2, line)])
        await stages.pass_on()

    asyncio.run(go())
    assert [r["events"][0]["id"] for _, r, _ in stages.out] == [f"{TOPIC}:0:{n}" for n in range(3)]


def test_odd_records_are_told_and_the_others_count(tmp_path: Path) -> None:
    """No JSON, no value, several lines in one record: dead letters with their place, no stop."""
    (tmp_path / "r.sluice").write_text("rule r {\n  when a\n}\n", "utf-8")
    stages = _Stages(tmp_path)
    line = b'{"@type":"a","@time":1000}'
    records = [
        _Record(0, line),
        _Record(1, b"{"),
        _Record(2, None),
        _Record(3, line + b"\n" + line),
        _Record(4, b'{"@time":1}'),
        _Record(5, line),
    ]
    arrays = [_Record(0, b"[" + line + b"," + line + b"]"), _Record(1, line)]  # fmt: skip

    async def go() -> None:
        stages.filtering.take((TOPIC, 3), records)
        stages.filtering.take((TOPIC, 4), arrays)
        await stages.pass_on()

    asyncio.run(go())
    dead = [r for topic, r, _ in stages.out if topic == "sluice.dead"]
    assert [(r["partition"], r["offset"], r["reason"]) for r in dead] == [
        (3, 1, "syntax"), (3, 4, "type"),
    ]  # fmt: skip
    assert sum(r["kind"] == "match" for _, r, _ in stages.out) == 4 + 3
    for origin in (b"events/3", b"events/4"):
        told = [h["sluice-seq"].split() for _, _, h in stages.out]
        numbers = [int(number) for name, number in told if name == origin]
        assert numbers == sorted(set(numbers)) and numbers


def test_outputs_go_on_in_the_trace_of_their_last_event(tmp_path: Path) -> None:
    """A match of two events carries the trace of the second, also over the second hop."""
    text = "rule r {\n  when a{2}\n  by user\n  within 1m\n}\n\nrule plain {\n  when b\n}\n"
    (tmp_path / "r.sluice").write_text(text, "utf-8")
    stages = _Stages(tmp_path)

    def traced(offset: int, type_: str, digit: str) -> _Record:
        parent = f"00-{digit * 32}-{'1' * 16}-01".encode()
        value = b'{"@type":"%s","@time":%d,"user":"u"}' % (type_.encode(), 1000 + offset)
        return _Record(offset, value, None, (("traceparent", parent),))

    async def go() -> None:
        records = [traced(0, "a", "a"), traced(1, "b", "b"), traced(2, "a", "c")]
        stages.filtering.take((TOPIC, 0), records)
        later = b'{"@type":"z","@time":9000}'
        for number in range(PARTITIONS):
            offset = 3 if number == 0 else 0
            stages.filtering.take((TOPIC, number), [_Record(offset, later)])
        await stages.pass_on()

    asyncio.run(go())
    traces = {r["rule"]: h["traceparent"][3:35] for _, r, h in stages.out}
    assert traces == {"r.r": b"c" * 32, "r.plain": b"b" * 32}


@pytest.mark.parametrize("tells_extracted", [False, True])
def test_extracted_events_are_told_where_they_are_wanted(
    tells_extracted: bool, tmp_path: Path
) -> None:
    """Whether or not they are, everything else has the same number."""
    text = (
        "extract login from line {\n  message matches /^in (?<user>[a-z]+)$/\n}\n\n"
        "rule r {\n  when login\n}\n\nrule plain {\n  when line\n  emit seen { n: 1 }\n}\n"
    )
    (tmp_path / "r.sluice").write_text(text, "utf-8")
    stages = _Stages(tmp_path, tells_extracted)
    lines = [b'{"@type":"line","@time":1000,"message":"in %s"}' % n for n in (b"bob", b"-", b"eve")]

    async def go() -> None:
        records = [_Record(offset, line) for offset, line in enumerate(lines)]
        stages.filtering.take((TOPIC, 0), records)
        await stages.pass_on()

    asyncio.run(go())
    told = [r["event"] for _, r, _ in stages.out if r["kind"] == "extracted"]
    wanted = [f"{TOPIC}:0:{n}/login" for n in (0, 2)] if tells_extracted else []
    assert [event["@id"] for event in told] == wanted
    assert [event["user"] for event in told] == ["bob", "eve"][: len(wanted)]
    numbers = [int(h["sluice-seq"].split()[1]) for _, r, h in stages.out if r["kind"] == "match"]
    assert len(numbers) == 5 and all(number % (1 << 16) < 4 for number in numbers)
    seen = [
        int(h["sluice-seq"].split()[1]) for topic, _, h in stages.out if topic.endswith("events")
    ]
    assert seen == sorted(set(seen)) and len(seen) == 3 + len(wanted)


CSV = [b"time,type,n", *(b"%d,row,%d" % (1000 + n, n) for n in range(6))]
SYSLOG = [
    b"Dec 31 23:59:58 web app: one", b"Dec 31 23:59:59 web app: two", b"Jan  1 00:00:01 web app: x",
    b"Jan  1 00:00:02 web app: y", b"Feb  2 00:00:02 web app: z",
]  # fmt: skip


@pytest.mark.parametrize(("codec", "lines"), [("csv", CSV), ("syslog:year=2015", SYSLOG)])
def test_who_goes_on_knows_what_decoding_has_learned(
    codec: str, lines: list[bytes], tmp_path: Path
) -> None:
    """Columns stand in the first line alone, and years in none: both are noted with offsets."""
    (tmp_path / "r.sluice").write_text("rule r {\n  when any\n}\n", "utf-8")
    records = [_Record(offset, line) for offset, line in enumerate(lines)]
    settings = TopicInput(codec, InputOptions(), 0)

    def told(cut: int) -> list[tuple[str, str]]:
        stages = _Stages(tmp_path, settings=settings)

        async def go() -> None:
            stages.filtering.take((TOPIC, 0), records[:cut])
            await stages.pass_on()
            reached = stages.filtering.commit_of((TOPIC, 0))
            assert reached is not None and reached.offset == cut
            again = _Stages(tmp_path, settings=settings)
            again.filtering.assign({(TOPIC, 0): reached})
            again.filtering.take((TOPIC, 0), records[cut:])
            await again.pass_on()
            stages.out += again.out

        asyncio.run(go())
        return [(r["kind"], r.get("time", "")) for _, r, _ in stages.out]

    whole = told(len(lines) - 1)
    assert {kind for kind, _ in whole} == {"match"}
    assert all(told(cut) == whole for cut in range(1, len(lines)))


def test_large_events_travel_in_records_of_their_own(tmp_path: Path) -> None:
    """However much comes at once, a broker takes each record; one event may fill it."""
    text = 'rule r {\n  when a{8} where blob != ""\n  by user\n  within 1m\n}\n'
    (tmp_path / "r.sluice").write_text(text, "utf-8")
    stages = _Stages(tmp_path)
    blob = base64.b64encode(Random("blob").randbytes(5_000_000)).decode()
    lines = [
        json.dumps({"@type": "a", "@time": 1000 + n, "user": "u", "blob": blob[n:]}).encode()
        for n in range(8)
    ]

    async def go() -> None:
        records = [_Record(offset, line) for offset, line in enumerate(lines)]
        stages.filtering.take((TOPIC, 0), records)
        later = b'{"@type":"z","@time":9000}'
        for number in range(PARTITIONS):
            offset = len(lines) if number == 0 else 0
            stages.filtering.take((TOPIC, number), [_Record(offset, later)])
        await stages.pass_on()

    asyncio.run(go())
    sizes = [len(record.value or b"") for log in stages.keyed.values() for record in log]
    assert len(sizes) >= 8 and max(sizes) < RECORD_BYTES_MAX / 2
    assert [(r["kind"], r["event_count"]) for _, r, _ in stages.out] == [("match", 8)]
