"""Count what the stages do, for Prometheus."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Any

from sluice.io import Metrics
from sluice.model import Match, Rejected
from sluice.shells.stages.filtering import Send
from sluice.shells.stages.tally import Tally
from sluice.stream import Harvest, Place


def counted(send: Send, tally: Tally) -> Send:
    """Return what sends a record and tells the tally how that ends."""

    async def sent(topic: str, *rest: Any) -> asyncio.Future[Any]:
        future = await send(topic, *rest)

        def done(ended: asyncio.Future[Any]) -> None:
            if not ended.cancelled():
                tally.acknowledged(topic, ended.exception() is None)

        future.add_done_callback(done)
        return future

    return sent


class Meter:
    """A tally that feeds metrics; `now` gives seconds since 1970."""

    def __init__(self, metrics: Metrics, now: Callable[[], float] = time.time) -> None:
        self._metrics, self._now = metrics, now

    def filtered(self, place: Place, harvest: Harvest) -> None:
        """Count what a batch of a source partition has brought."""
        metrics, topic = self._metrics, place[0]
        metrics.batches.labels("filter").inc()
        metrics.events.labels(topic).inc(harvest.events)
        metrics.late.labels(topic).inc(harvest.late)
        for _, record in harvest.records:
            if isinstance(record, Rejected):
                metrics.rejected.labels(topic, record.reason).inc()
                metrics.dead_letters.labels(record.reason).inc()
        self._count_matches(harvest.records)

    def sent(self, events: int) -> None:
        """Count events that travel."""
        self._metrics.keyed_sent.inc(events)

    def matched(self, partition: int, events: int, decided: list[tuple[int, Any]]) -> None:
        """Count what a batch of a keyed partition has brought."""
        self._metrics.batches.labels("match").inc()
        self._metrics.keyed_received.inc(events)
        self._count_matches(decided)

    def written(self, size: int) -> None:
        """Count bytes of state."""
        self._metrics.state_written.inc(size)

    def settled(self, stage: str, seconds: float) -> None:
        """Count a batch of a stage that has become durable, and how long that took."""
        self._metrics.batch_seconds.labels(stage).observe(seconds)

    def restored(self, seconds: float) -> None:
        """Count a partition whose state was read back, and how long that took."""
        self._metrics.restore_seconds.observe(seconds)

    def acknowledged(self, topic: str, is_taken: bool) -> None:
        """Count a record that the broker has taken, or has not."""
        counter = self._metrics.sent if is_taken else self._metrics.send_failures
        counter.labels(topic).inc()

    def _count_matches(self, decided: Iterable[tuple[int, Any]]) -> None:
        for _, record in decided:
            if isinstance(record, Match) and record.kind == "match":
                self._metrics.matches.labels(record.rule).inc()
                self._metrics.match_latency.observe(max(0.0, self._now() - record.time / 1000))
