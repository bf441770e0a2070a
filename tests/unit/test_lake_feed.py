"""What of topics comes into a lake, and that it comes once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sluice.errors import ConfigError
from sluice.io import Mark
from sluice.shells import verify_lake
from sluice.shells.lake_feed import FeedTopic
from tests.kafka.feeds import TOPIC, Feed, Sent, numbered, sent
from tests.lakes import ask, content, run, segments, small_lake, write_lines

RULES = """\
pack p
rule big { when a where n >= 5 by k note anomaly_detected "n is {n}" emit seen { n: n } }
rule many { when a by k window tumbling 10s having count() >= 2 select n = count() }
rule deed { when a where n == 6 by k mitigate slack(k, "six") }
"""


def events(count: int, first: int = 0, **fields: Any) -> list[dict[str, Any]]:
    """Events of one second each, with ids of their own."""
    return [
        {"@type": "a", "@time": 1000 * n, "@id": f"e{n}", "k": f"k{n % 3}", "n": n % 7, **fields}
        for n in range(first, first + count)
    ]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return small_lake(tmp_path / "lake")


def outputs(tmp_path: Path, rules: str, lines: list[Any], *show: str) -> list[dict[str, Any]]:
    """What a run without a lake prints."""
    source = write_lines(tmp_path / "plain.jsonl", lines)
    out = tmp_path / "out.jsonl"
    out.unlink(missing_ok=True)
    run(tmp_path / "ignored", rules, source, lake=None, output_file=str(out), show=frozenset(show))
    return [json.loads(line) for line in out.read_text("utf-8").splitlines()]


def test_events_are_those_of_a_run(tmp_path: Path, root: Path) -> None:
    """Type, time, id, attributes and text agree with `run --lake` over the same lines; the place
    is the topic's."""
    lines = [
        {"@type": "a", "@time": 5, "n": 1.50},
        {"@type": "b", "@time": "2024-05-01T00:00:00Z", "@id": "x", "@subject": "s", "n": 2},
        {"specversion": "1.0", "type": "c", "source": "/s", "id": "9",
         "time": "2024-05-02T00:00:00Z", "data": {"n": 3}},
        {"@type": "a", "@time": 6, "@source": "elsewhere", "ä": "\u2028"},
    ]  # fmt: skip
    source = write_lines(tmp_path / "in.jsonl", list(lines))
    run(small_lake(tmp_path / "whole"), RULES, source, source=TOPIC)
    feed = Feed(root)
    feed.take((TOPIC, 0), sent(lines, 1))
    feed.close()
    columns = (
        '"@id", "@type", "@time", "@source", "@partition", "@offset", "@subject", raw::VARCHAR'
    )
    query = f'SELECT {columns} FROM events ORDER BY "@offset"'
    assert ask(root, query) == ask(tmp_path / "whole", query)


def test_segments_are_named_by_partition_and_block(root: Path) -> None:
    """Offsets 7 to 9, 10 to 19, 20: three segments of partition 3, and the place of each event."""
    feed = Feed(root)
    feed.marks[TOPIC, 3] = Mark(7)
    feed.take((TOPIC, 3), sent(events(14), 7))
    feed.close()
    names = [name.rpartition("/")[2] for name in segments(root)]
    assert [name[16:] for name in names] == [f"-3-{first:012d}.parquet" for first in (0, 10, 20)]
    assert ask(root, 'SELECT min("@offset"), max("@offset"), min("@partition") FROM events') == [
        (7, 20, 3)
    ]


@pytest.mark.parametrize(
    ("value", "headers", "expected"),
    [
        (b'{"@type":"a",\n "@time":1}', (), [("a", None)]),
        (b'{"@type":"a","@time":1}\n{"@type":"b","@time":2}\n', (), [("a", None), ("b", "2")]),
        (b'[{"@type":"a","@time":1},{"@type":"b","@time":2}]', (), [("a", None), ("b", "2")]),
        (b'{"n": 1}', (("ce_specversion", b"1.0"), ("ce_type", b"c"), ("ce_source", b"/s"),
         ("ce_id", b"1"), ("ce_time", b"2024-05-01T00:00:00Z")), [("c", "/s 1")]),
        (b"", (), []), (b"no json", (), []), (None, (), []),
    ],
    ids=["pretty", "lines", "array", "binary CloudEvent", "blank", "broken", "deleted"],
)  # fmt: skip
def test_messages_of_every_form(
    root: Path, value: bytes | None, headers: Any, expected: list[tuple[str, str | None]]
) -> None:
    """A message may hold several events; of these each has an identity of its own."""
    feed = Feed(root)
    around = sent(events(3))
    feed.take((TOPIC, 0), [around[0], Sent(1, value, None, headers), around[2]])
    feed.close()
    found = ask(root, 'SELECT "@type", "@id" FROM events WHERE "@offset" = 1 ORDER BY 1')
    told = {None: f"{TOPIC}:0:1", "2": f"{TOPIC}:0:1/2"}
    assert found == [(type_, told.get(id_, id_)) for type_, id_ in expected]
    assert ask(root, 'SELECT count(*) FROM events WHERE "@offset" <> 1') == [(2,)]


def test_a_codec_of_text(root: Path) -> None:
    """A topic whose messages are lines of logfmt, one of which is none."""
    feed = Feed(root, FeedTopic(TOPIC, "logfmt"))
    lines = [b"type=a time=2024-05-01T00:00:00Z user=bob", b"\xff", b"type=b ts=1714521600000 n=1"]
    feed.take((TOPIC, 0), [Sent(n, line) for n, line in enumerate(lines)])
    feed.close()
    assert ask(root, 'SELECT "@type", "@offset", raw->>\'user\' FROM events') == [("a", 0, "bob")]


def test_records_are_those_of_a_run(tmp_path: Path, root: Path) -> None:
    """Matches with their evidence, notes, mitigations, emitted and late events, rejections."""
    lines: list[Any] = [*events(40), {"@type": "a", "@time": 7, "@id": "old"}, "broken"]
    whole = small_lake(tmp_path / "whole")
    run(whole, RULES, write_lines(tmp_path / "plain.jsonl", lines))
    kinds = ("match", "clear", "note", "mitigation", "event", "late", "rejected")
    topics = {"match": "matches", "clear": "matches", "note": "notes", "rejected": "dead",
              "mitigation": "mitigations", "event": "events", "late": "late"}  # fmt: skip
    made: dict[str, list[dict[str, Any]]] = {}
    for record in outputs(tmp_path, RULES, lines, *kinds):
        made.setdefault(topics[record["kind"]], []).append(record)
    assert set(made) == set(topics.values())
    feed = Feed(root)
    for topic, records in made.items():
        feed.take((f"out.{topic}", 0), sent(records))
    feed.close()
    there, kept = content(whole), content(root)
    for table in ("matches", "evidence", "notes", "mitigations", "late", "rejected"):
        assert kept[table] == there[table], table
        assert kept[table], table
    query = 'SELECT "@id", "@time", "@source", raw::VARCHAR FROM events WHERE "@type" = \'seen\' '
    assert ask(root, query + "ORDER BY 1") == ask(whole, query + "ORDER BY 1")
    assert feed.counts.strange == 0


def test_evidence_of_a_match_that_lists_its_ends(root: Path) -> None:
    """Of a match of 103 events the first 50 and the last 50 are evidence, with their numbers."""
    listed = [{"id": f"e{n}", "type": "a", "position": 0} for n in (*range(50), *range(53, 103))]
    match = {
        "kind": "match", "id": "m", "rule": "p.r", "time": "2024-05-01T00:00:00.000Z",
        "events": listed, "event_count": 103,
    }  # fmt: skip
    feed = Feed(root)
    feed.take(("out.matches", 0), sent([match], 8))
    feed.close()
    query = "SELECT match, number, event, decided::VARCHAR FROM evidence ORDER BY number"
    at = "2024-05-01 00:00:00"
    assert ask(root, query) == [("m", int(e["id"][1:]), e["id"], at) for e in listed]


def test_repeated_records_are_left_out(root: Path) -> None:
    """By the numbers of each producer, also of those that an earlier block had, after a crash."""
    notes = [
        numbered(Sent(at, json.dumps({"kind": "rejected", "offset": at}).encode()), origin, number)
        for at, (origin, number) in enumerate(
            [("a/0", 0), ("b b/0", 7), ("a/0", 2), *[("a/0", n) for n in range(3, 11)],
             ("b b/0", 7), ("a/0", 9), ("b b/0", 8), ("a/0", 10), ("a/0", 11)]
        )
    ]  # fmt: skip
    feed = Feed(root)
    feed.take(("out.dead", 0), notes[:12])
    feed.commit()
    assert feed.marks["out.dead", 0].offset == 10
    feed.crash()
    feed.take(("out.dead", 0), notes[10:])
    feed.close()
    kept = [row[0] for row in ask(root, 'SELECT "offset" FROM rejected ORDER BY 1')]
    assert kept == [*range(11), 13, 15]


def test_what_is_no_record_of_ours_is_counted(root: Path) -> None:
    """Whatever somebody writes to the topics: nothing fails, and the rest comes."""
    feed = Feed(root)
    odd = [b"\xff", b"[]", b"{}", b'{"kind": 5}', b'{"kind": "note"}', None,
           b'{"kind": "match", "id": [], "time": "never", "events": 3}']  # fmt: skip
    feed.take(("out.matches", 0), [Sent(n, value) for n, value in enumerate(odd)])
    feed.take(("out.events", 0), [Sent(0, b'{"kind": "event", "event": {"@type": 5}}')])
    feed.take(("out.matches", 0), sent([{"kind": "match", "id": "m"}], 7))
    feed.close()
    assert feed.counts.strange == 7
    assert ("m",) in ask(root, "SELECT id FROM matches")


def test_a_topic_that_was_made_anew_is_refused(root: Path) -> None:
    """Other events at offsets that the lake has: two would share a place, and perhaps an id."""
    feed = Feed(root)
    feed.take((TOPIC, 0), sent(events(5)))
    feed.close()
    again = Feed(root)
    again.take((TOPIC, 0), sent(events(5, n=99)))
    with pytest.raises(ConfigError, match=r"has other events of 'events\.in'"):
        again.commit()
    again.shelf.close()


def test_a_repeated_read_changes_no_file(root: Path) -> None:
    """A feed that begins again at its mark writes the same, so nothing is written."""
    messages = sent(events(25))
    feed = Feed(root)
    feed.take((TOPIC, 0), messages)
    feed.commit()
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*.parquet")}
    assert feed.marks[TOPIC, 0].offset == 20
    feed.crash()
    feed.take((TOPIC, 0), messages[20:])
    feed.close()
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*.parquet")} == before
    assert verify_lake(str(root)).findings == []
    assert content(root)["events"]
