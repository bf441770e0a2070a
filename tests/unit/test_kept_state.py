"""The state of shards in its topic: what counts, whoever wrote it, and however it was cut off."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sluice.errors import CheckpointError
from sluice.io import Message
from sluice.model import Event
from sluice.shells.stages.kept_state import HEADER_KEY, Row, Saved, rows_of, saved_from
from tests.oracle.cluster import TOPIC, Cluster
from tests.properties.streams import plan_of

#: The state of a shard as version 0.1.0 wrote it, with the rules and the events behind it.
BEFORE = Path(__file__).parents[1] / "testdata" / "upgrade" / "state_format_1.json"

A, B = ["pack.rule", "v1", "key", "a"], ["pack.rule", "v1", "key", "b"]


@dataclass(frozen=True)
class _Record:
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


async def _each(rows: Iterable[Row]) -> AsyncIterator[Message]:
    for offset, row in enumerate(rows):
        yield _Record(offset, *row)


def _saved(rows: Iterable[Row]) -> Saved | None:
    return asyncio.run(saved_from(_each(rows)))


def _write(position: int, **states: bytes | None) -> list[Row]:
    identities = {"a": A, "b": B}
    changes = [(identities[name], content) for name, content in states.items()]
    return rows_of(changes, {"next": position}, {})


def _states(saved: Saved | None) -> dict[str, bytes]:
    assert saved is not None
    return {identity[3]: content for identity, content in saved.records}


def test_nothing_written_is_no_state() -> None:
    """A topic without a header holds nothing, whatever else is in it."""
    assert _saved([]) is None
    assert _saved(_write(5, a=b"1")[:-1]) is None


def test_the_newest_of_each_key_counts() -> None:
    """Later writes replace earlier ones, and take keys away."""
    rows = [*_write(5, a=b"1", b=b"1"), *_write(9, a=b"2", b=None)]
    saved = _saved(rows)
    assert saved is not None
    assert saved.header["next"] == 9
    assert _states(saved) == {"a": b"2"}


def test_a_write_that_was_cut_off_does_not_count() -> None:
    """Without its header the last write is left out, also where it took a key away."""
    rows = [*_write(5, a=b"1", b=b"1"), *_write(9, a=b"2", b=None)[:-1]]
    assert _states(_saved(rows)) == {"a": b"1", "b": b"1"}


def test_an_older_owner_may_write_late() -> None:
    """What a frozen worker writes after the new one is older, and changes nothing."""
    rows = [*_write(5, a=b"1"), *_write(9, a=b"2"), *_write(7, a=b"old")]
    saved = _saved(rows)
    assert saved is not None and saved.header["next"] == 9
    assert _states(saved) == {"a": b"2"}


def test_many_versions_of_a_key_are_not_kept_in_memory_for_nothing() -> None:
    """However often a key was written, the newest that a header covers is found."""
    rows: list[Row] = []
    for position in range(1, 50):
        rows += _write(position, a=str(position).encode())
    assert _states(_saved(rows)) == {"a": b"49"}


def test_a_large_state_is_written_in_parts() -> None:
    """It comes back whole; parts that it has no longer go, whoever wrote them."""
    parts: dict[bytes, int] = {}

    def written(position: int, content: bytes | None) -> list[Row]:
        return rows_of([(A, content), (B, b"b")], {"next": position}, parts, 4)

    rows = written(3, b"0123456789")
    assert [len(row[1] or b"") for row in rows[:4]] == [8 + 2, 8 + 4, 8 + 4, 8 + 2]
    saved = _saved(rows)
    assert saved is not None and saved.parts == parts and list(parts.values()) == [3]
    assert _states(saved) == {"a": b"0123456789", "b": b"b"}
    rows += written(5, b"abcdef")
    assert _states(_saved(rows)) == {"a": b"abcdef", "b": b"b"}
    # The first three records of a write that was cut off change nothing.
    cut = [*rows, *written(7, b"ABCDEFGHIJ")[:3]]
    assert _states(_saved(cut)) == {"a": b"abcdef", "b": b"b"}
    rows += written(9, b"tiny")
    saved = _saved(rows)
    assert _states(saved) == {"a": b"tiny", "b": b"b"} and saved is not None and not saved.parts
    last = {row[0]: row[1] for row in rows}
    assert sum(value is not None for value in last.values()) == 3
    rows += written(11, b"once more")
    assert (
        sum(value is None for value in {r[0]: r[1] for r in [*rows, *written(12, None)]}.values())
        == 4
    )
    del rows[-3]
    with pytest.raises(CheckpointError, match="part 3 of 3 of the state of a key is gone"):
        _saved(rows)


def test_state_of_another_format_is_refused() -> None:
    """What another version has written is not guessed at."""
    rows = [(HEADER_KEY, (1).to_bytes(8, "big") + b"\x81\xa6format\x63", ())]
    with pytest.raises(CheckpointError, match="format 99, this version reads 1"):
        _saved(rows)  # type: ignore[arg-type]


def test_state_of_the_version_before_goes_on() -> None:
    """A shard goes on from a state that was written then, and finds what one process finds."""
    kept = json.loads(BEFORE.read_text("utf-8"))
    rows: list[Row] = [
        (_bytes(key), None if value is None else _bytes(value), ()) for key, value in kept["rows"]
    ]
    saved = _saved(rows)
    assert saved is not None
    cluster = Cluster(plan_of(kept["rules"]), [_events(kept["then"])], 1, 1)
    shard = cluster.readers[0].shard
    shard.restore(saved.header, saved.records)
    assert shard.next_offset == kept["next"]
    found = _go_on(cluster)
    assert [(m["rule"], m["key"], m["event_count"]) for m in found] == [
        ("rules0.three", {"user": "ann"}, 3),
        ("rules0.gone", {"host": "web1"}, 1),
    ]


def _go_on(cluster: Cluster) -> list[dict[str, Any]]:
    """Bring a shard what came after its state."""
    from sluice.stream import Keyed, Section, to_record

    shard, writer = cluster.readers[0].shard, cluster.writers[0]
    writer.inlet.feed(writer.events)
    entries = writer.inlet.harvest.entries[0]
    last = writer.events[-1]
    mark = writer.inlet.mark
    section = Section(TOPIC, 0, -1, last.offset, *mark, 0, False, entries)
    shard.take(shard.next_offset, Keyed(0, [section]))
    return [to_record(record) for _, record in shard.drain()]


def _events(told: list[dict[str, Any]]) -> list[Event]:
    return [Event(**each) for each in told]


def _bytes(text: str) -> bytes:
    return base64.b64decode(text)
