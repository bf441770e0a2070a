"""Run the webhook: tell a receiver of matches as they come, each once, as far as HTTP allows."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence

from sluice.io import (
    SEQ,
    GroupReader,
    Mark,
    Message,
    Metrics,
    Note,
    Notification,
    Refused,
    TopicPlace,
    TopicWriter,
    Webhook,
    encode_record,
    note_number,
    notifications,
    read_alert,
    read_note,
)
from sluice.model import trace_headers, trace_of
from sluice.shells.webhook_settings import WebhookRequest

log = logging.getLogger("sluice.webhook")

STAGE = "webhook"
#: How long is waited for records before something else is looked at.
READ_SECONDS = 0.2
#: How many records are taken at once.
RECORDS_MAX = 500
#: How long what is under way may take when partitions go or the program ends.
LET_GO_SECONDS = 3.0
#: Of a record that was refused so much is kept.
DATA_CHARS_MAX = 4_096
#: A receiver that is away is told of so often.
WARNING_SECONDS = 30.0


class _Position:
    """How far a partition was told: the next offset, and the highest number of each producer."""

    def __init__(self, mark: Mark) -> None:
        self.next = mark.offset
        self._seen = dict(read_note(mark.note).seen)

    def mark(self) -> Mark:
        return Mark(self.next, Note(self.next, self._seen).text())

    def fresh(self, messages: Sequence[Message]) -> list[bool]:
        """Say of each message whether it is told for the first time; nothing is noted yet."""
        seen = dict(self._seen)
        return [note_number(seen, each) for each in messages]

    def pass_by(self, messages: Sequence[Message]) -> None:
        """Note that these were told, or need not be."""
        for each in messages:
            note_number(self._seen, each)
            self.next = each.offset + 1


class WebhookFeed:
    """Tells a receiver what is found; several feeds of a group share the partitions.

    Each partition is told in its order; a receiver that is away holds it back, and nothing is lost.
    """

    def __init__(self, request: WebhookRequest, metrics: Metrics) -> None:
        self._request, self._metrics = request, metrics
        self._reader = GroupReader(
            request.connection, request.group, request.topics, self._lose,
            request.session_timeout_ms,
        )  # fmt: skip
        self._letters = TopicWriter(request.connection)
        self._webhook = Webhook(request.receiver, self._fail)
        self._positions: dict[TopicPlace, _Position] = {}
        self._kept: dict[TopicPlace, Mark] = {}
        self._tasks: dict[TopicPlace, asyncio.Task[None]] = {}
        self._warned_at = float("-inf")

    async def run(self, stop: asyncio.Event) -> None:
        """Tell what comes until `stop` is set; ConnectionError when the receiver is given up."""
        try:
            await self._letters.start()
            await self._reader.start()
            async with self._webhook:
                try:
                    while not stop.is_set():
                        await self._step()
                finally:
                    await self._lose()
        finally:
            await self._reader.stop()
            await self._letters.stop()

    @property
    def lag(self) -> dict[TopicPlace, int]:
        """How many records of each partition are still to be told, where that is known."""
        behind = {
            place: self._reader.behind(place, position.next)
            for place, position in self._positions.items()
        }
        return {place: count for place, count in behind.items() if count is not None}

    async def _step(self) -> None:
        await self._begin()
        batch = await self._reader.read(READ_SECONDS, RECORDS_MAX)
        for place, messages in batch.items():
            if place in self._positions and place not in self._tasks:
                self._reader.pause([place])
                self._tasks[place] = asyncio.create_task(self._tell_all(place, messages))
        self._resume()
        await self._commit()
        for (topic, partition), count in self.lag.items():
            self._metrics.lag.labels(STAGE, topic, partition).set(count)

    # ------------------------------------------------------------ partitions

    async def _begin(self) -> None:
        """Begin the partitions that were given."""
        generation = self._reader.generation
        wanted = sorted(self._reader.given - self._positions.keys())
        marks = await self._reader.marks(wanted) if wanted else {}
        new = [place for place, mark in (marks or {}).items() if not mark.note]
        ends = await self._reader.ends(new) if new and self._request.begin == "end" else {}
        if marks is None or ends is None or generation != self._reader.generation:
            return
        for place, mark in marks.items():
            position = _Position(Mark(ends[place]) if place in ends else mark)
            if self._reader.begin(place, position.next):
                self._positions[place] = position

    def _resume(self) -> None:
        """Read on where everything was told; an error of telling is raised here."""
        for place, task in list(self._tasks.items()):
            if task.done():
                del self._tasks[place]
                task.result()
                self._reader.begin(place, self._positions[place].next)

    async def _lose(self) -> None:
        """Finish what is under way, keep where that stands, and let go of all partitions."""
        tasks = list(self._tasks.values())
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=LET_GO_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        await self._commit()
        for topic, partition in self._positions:
            self._metrics.forget_partition(STAGE, topic, partition)
        self._tasks.clear()
        self._positions.clear()
        self._kept.clear()

    async def _commit(self) -> None:
        marks = {place: position.mark() for place, position in self._positions.items()}
        fresh = {place: mark for place, mark in marks.items() if self._kept.get(place) != mark}
        if fresh and await self._reader.commit(fresh):
            self._kept |= fresh

    # ------------------------------------------------------------ telling

    async def _tell_all(self, place: TopicPlace, messages: Sequence[Message]) -> None:
        """Tell the messages of a partition in their order, and note each as soon as it is told."""
        position = self._positions[place]
        fresh = position.fresh(messages)
        records = [
            read_alert(m.value) if new else None for m, new in zip(messages, fresh, strict=True)
        ]
        done = 0
        for each in notifications(records, self._request.choice):
            await self._tell(place, messages[each.upto - 1], each)
            position.pass_by(messages[done : each.upto])
            done = each.upto
        position.pass_by(messages[done:])

    async def _tell(self, place: TopicPlace, last: Message, told: Notification) -> None:
        """Send one notification; what the receiver refuses goes to the dead letters."""
        begun = time.monotonic()
        fingerprint = told.alerts[-1]["fingerprint"]
        trace = trace_headers(trace_of(last.headers), f"webhook/{fingerprint}")
        headers = {name: value.decode("latin-1") for name, value in trace}
        try:
            await self._webhook.send(told.body(self._request.choice.receiver), headers)
            self._metrics.webhook_sends.inc()
        except Refused as refused:
            await self._bury(place, last, told, str(refused))
        self._metrics.webhook_seconds.observe(time.monotonic() - begun)

    async def _bury(self, place: TopicPlace, last: Message, told: Notification, why: str) -> None:
        topic, partition = place
        log.error("%s/%d at %d: refused by the webhook: %s", topic, partition, last.offset, why)
        data = told.body(self._request.choice.receiver).decode()
        record = {
            "kind": "rejected", "source": topic, "partition": partition, "offset": last.offset,
            "reason": "webhook", "message": why, "data": data[:DATA_CHARS_MAX],
        }  # fmt: skip
        number = f"webhook/{topic}/{partition} {last.offset}"
        headers = [(SEQ, number.encode()), ("sluice-kind", b"rejected")]
        letters = f"{self._request.prefix}.dead"
        value = encode_record(record).rstrip()
        await (await self._letters.send(letters, partition, value, last.key, headers))
        self._metrics.dead_letters.labels(reason="webhook").inc()

    def _fail(self, reason: str, text: str) -> None:
        self._metrics.webhook_failures.labels(reason=reason).inc()
        now = time.monotonic()
        if reason != "refused" and now - self._warned_at >= WARNING_SECONDS:
            self._warned_at = now
            log.warning("the webhook does not take notifications, which wait: %s", text)
