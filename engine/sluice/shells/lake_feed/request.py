"""What a lake feed is asked to do, and what it has done: plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sluice.codecs import InputOptions

#: What each of Sluice's own topics holds, by the last part of its name: a table of the lake.
TABLE_OF_TOPIC = {
    "matches": "matches", "notes": "notes", "mitigations": "mitigations", "late": "late",
    "dead": "rejected", "events": "events",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FeedTopic:
    """A topic that events come in by, and how they are read."""

    name: str
    codec: str = "json"
    options: InputOptions = field(default_factory=InputOptions)


@dataclass(frozen=True, slots=True)
class FeedRequest:
    """Which topics go into which lake.

    `root` is the lake's directory, made where there is none. `connection` is what clients are made
    with, `group` the consumer group of the feeds, `prefix` begins the names of Sluice's own
    topics. Readers see what has come after `shown_seconds`.
    """

    root: str
    connection: Mapping[str, Any]
    group: str
    topics: tuple[FeedTopic, ...]
    prefix: str = "sluice"
    shown_seconds: float = 5.0
    session_timeout_ms: int = 10_000

    @property
    def own_topics(self) -> dict[str, str]:
        """The tables of Sluice's own topics by their names."""
        return {f"{self.prefix}.{each}": table for each, table in TABLE_OF_TOPIC.items()}


@dataclass(slots=True)
class FeedCounts:
    """What a feed has done since it began.

    `repeated` records had been seen before, `strange` ones were no records of Sluice.
    """

    records: int = 0
    repeated: int = 0
    strange: int = 0
    segments: int = 0
    segment_bytes: int = 0
    write_failures: int = 0
