"""Lake feeds without a broker: messages made by hand, and a shelf that takes them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sluice.io import Mark, TopicPlace
from sluice.shells.lake_feed import FeedCounts, FeedRequest, FeedTopic
from sluice.shells.lake_feed.shelf import Shelf

TOPIC = "events.in"


@dataclass(frozen=True, slots=True)
class Sent:
    """A record of a topic."""

    offset: int
    value: bytes | None
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()


def sent(values: Sequence[Mapping[str, Any]], first: int = 0) -> list[Sent]:
    """Records that carry objects, without gaps."""
    return [Sent(n, json.dumps(value).encode()) for n, value in enumerate(values, first)]


def numbered(message: Sent, origin: str, number: int) -> Sent:
    """A record with the header of its producer."""
    return replace(message, headers=[("sluice-seq", f"{origin} {number}".encode())])


def request(root: Path, *topics: FeedTopic) -> FeedRequest:
    """A feed of these topics, or of one with JSON in it."""
    return FeedRequest(str(root), {}, "g", topics or (FeedTopic(TOPIC),), "out")


class Feed:
    """A feed with no group: what it has kept is at hand."""

    def __init__(self, root: Path, *topics: FeedTopic) -> None:
        self.counts = FeedCounts()
        self._request = request(root, *topics)
        self.marks: dict[TopicPlace, Mark] = {}
        self._start()

    def take(self, place: TopicPlace, messages: Sequence[Sent]) -> None:
        """Take messages, those that the group has yet to read."""
        if place not in self._open:
            self._open.add(place)
            assert self.shelf.claim([place]) == [place]
            self.shelf.open({place: self.marks.get(place, Mark(0))})
        self.shelf.take(place, messages)

    def commit(self) -> None:
        """Make everything durable and keep where the group stands."""
        self.marks |= self.shelf.flush()

    def crash(self) -> None:
        """Lose everything but what is durable, and begin again."""
        self.shelf.close()
        self._start()

    def close(self) -> None:
        """End as a feed does that is asked to."""
        self.commit()
        self.shelf.close()

    def _start(self) -> None:
        self.shelf = Shelf(self._request, self.counts)
        self.shelf.renew()
        self._open: set[TopicPlace] = set()
