"""A broker for a bench, with a topic full of events."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from bench.events import events
from tests.kafka.broker import Broker

from .baseline import EVENTS, FOUND
from .programs import Drained
from .topics import PARTITIONS, fill, make_topics

#: So many different events there are.
DRAWN = 200_000


def repeated(count: int) -> Iterator[dict[str, Any]]:
    """Make events in order of time; to make so many of their own would take minutes."""
    drawn = list(events(min(count, DRAWN)))
    for number in range(count):
        turn, place = divmod(number, len(drawn))
        event = drawn[place]
        yield {**event, "ts": event["ts"] + turn * len(drawn)}


class Session:
    """What the measurements of one call share."""

    def __init__(self, folder: Path, count: int, rounds: int) -> None:
        self.folder, self.count, self.rounds = folder, count, rounds
        self._broker = Broker(folder / "broker")
        self._names = itertools.count(1)
        #: What stock Faust needs, measured once: ratios refer to the same run.
        self.baseline: list[Drained] = []

    @property
    def address(self) -> str:
        """Where the broker is."""
        return self._broker.address

    @property
    def broker_pid(self) -> int:
        """The id of the broker's process."""
        return self._broker.pid

    def name(self, what: str) -> str:
        """Return a name for a group and its topics that was not used before."""
        return f"{what}{next(self._names)}"

    def __enter__(self) -> Session:
        self._broker.start()
        try:
            make_topics(self.address, {EVENTS: PARTITIONS, FOUND: PARTITIONS})
            fill(self.address, EVENTS, repeated(self.count))
        except BaseException:
            self._broker.kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._broker.kill()
