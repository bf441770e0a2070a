"""Matches of a real broker reach a real HTTP server, also when somebody is killed or away."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiokafka import AIOKafkaConsumer

from sluice.io import AlertChoice, Metrics, Receiver
from sluice.shells import WebhookFeed, WebhookRequest
from tests.kafka.shared import Served
from tests.kafka.topics import Outgoing, fill, make_topics

REPOSITORY = Path(__file__).parents[2]
WAIT_SECONDS_MAX = 60
PARENT = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

Judge = Callable[[str], int]


class Desk:
    """A receiver: notes the ids of all alerts that it takes, and answers as `judge` says."""

    def __init__(self, judge: Judge = lambda _: 200) -> None:
        self.judge = judge
        self.taken: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.attempts = 0
        self.delay_seconds = 0.0

    @contextlib.contextmanager
    def open(self, port: int = 0) -> Iterator[str]:
        """Serve in a thread of its own; give the URL."""
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        runner = web.AppRunner(self._app())

        async def start() -> int:
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", port).start()
            return int(runner.addresses[0][1])

        try:
            taken = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
            yield f"http://127.0.0.1:{taken}/hook"
        finally:
            asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    def _app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/hook", self._take)
        return app

    async def _take(self, request: web.Request) -> web.Response:
        self.attempts += 1
        body = json.loads(await request.text())
        await asyncio.sleep(self.delay_seconds)
        status = self.judge(body["alerts"][-1]["fingerprint"])
        if status == 200:
            self.taken += [f"{each['fingerprint']} {each['status']}" for each in body["alerts"]]
            self.headers.append(dict(request.headers))
        return web.Response(status=status, text="because")


def match(number: int, *, kind: str = "match", severity: str = "high", **more: Any) -> bytes:
    """A record of the topic of matches."""
    name = "match" if kind == "clear" else "id"
    record = {"kind": kind, name: f"m{number}", "rule": "auth.guessing", "version": "9c",
              "key": {"user": f"u{number}"}, "time": "2026-03-06T01:10:10.000Z",
              "severity": severity, **more}  # fmt: skip
    return json.dumps(record).encode()


def seq(origin: str, number: int) -> tuple[tuple[str, bytes], ...]:
    """The header by which a repetition is known."""
    return (("sluice-seq", f"{origin} {number}".encode()), ("sluice-kind", b"match"))


def request(kafka: Served, prefix: str, url: str, **more: Any) -> WebhookRequest:
    """A request that waits for nobody."""
    receiver = Receiver(url, pause_seconds_max=0.2, give_up_seconds=more.pop("give_up", 0.0))
    return WebhookRequest({"bootstrap_servers": kafka.address}, f"{prefix}.webhook", receiver,
                          prefix=prefix, **{"begin": "start", **more})  # fmt: skip


def tell(asked: WebhookRequest, enough: Callable[[], bool], metrics: Metrics | None = None) -> None:
    """Run a feed until there is enough."""

    async def all_of_it() -> None:
        stop = asyncio.Event()
        feed = asyncio.create_task(WebhookFeed(asked, metrics or Metrics("0")).run(stop))
        await until(enough, feed)
        stop.set()
        await feed

    asyncio.run(all_of_it())


async def until(enough: Callable[[], bool], task: asyncio.Task[None] | None = None) -> None:
    """Wait until there is enough, or the task has ended."""
    end = time.monotonic() + WAIT_SECONDS_MAX
    while not enough() and not (task is not None and task.done()):
        assert time.monotonic() < end, "it has not come"
        await asyncio.sleep(0.05)


def topics(kafka: Served, prefix: str, partitions: int = 2) -> str:
    """Make the topics that a webhook knows; give the name of that of the matches."""
    names = ("matches", "notes", "dead")
    make_topics(kafka.address, {f"{prefix}.{name}": partitions for name in names})
    return f"{prefix}.matches"


def test_each_match_is_told_once(kafka: Served, prefix: str) -> None:
    """Matches and clears come in their order; what a replay wrote again is left out.

    A second feed of the group goes on where the first stopped, and knows what was told.
    """
    topic, desk = topics(kafka, prefix, 1), Desk()
    first = [match(1), match(2), match(1), match(1, kind="clear")]
    numbers = (1, 2, 1, 3)
    fill(kafka.address, [
        Outgoing(topic, 0, each, seq("keyed/0", n))
        for each, n in zip(first, numbers, strict=True)
    ])  # fmt: skip
    with desk.open() as url:
        tell(request(kafka, prefix, url), lambda: len(desk.taken) >= 3)
        fill(kafka.address, [
            Outgoing(topic, 0, match(2), seq("keyed/0", 2)),
            Outgoing(topic, 0, match(4), seq("keyed/0", 4)),
        ])  # fmt: skip
        tell(request(kafka, prefix, url), lambda: len(desk.taken) >= 4)
    assert desk.taken == ["m1 firing", "m2 firing", "m1 resolved", "m4 firing"]


def test_what_is_chosen_is_told(kafka: Served, prefix: str) -> None:
    """Severities and kinds that nobody asked for are passed by, as is what is no record."""
    topic, desk = topics(kafka, prefix, 1), Desk()
    fill(kafka.address, [
        Outgoing(topic, 0, match(1, severity="low")),
        Outgoing(topic, 0, b"no record"),
        Outgoing(f"{prefix}.notes", 0, match(2, kind="note", note="anomaly", title="look")),
        Outgoing(topic, 0, match(3)),
    ])  # fmt: skip
    choice = AlertChoice(frozenset({"match", "note"}), "high")
    with desk.open() as url:
        tell(request(kafka, prefix, url, choice=choice), lambda: len(desk.taken) >= 2)
    assert sorted(desk.taken) == ["m2 firing", "m3 firing"]


def test_a_new_group_tells_what_comes_from_now_on(kafka: Served, prefix: str) -> None:
    """Who switches the webhook on is not flooded with the matches of a year."""
    topic, desk = topics(kafka, prefix, 1), Desk()
    fill(kafka.address, [Outgoing(topic, 0, match(1))])

    async def all_of_it(url: str) -> None:
        stop = asyncio.Event()
        feed = WebhookFeed(request(kafka, prefix, url, begin="end"), Metrics("0"))
        task = asyncio.create_task(feed.run(stop))
        await until(lambda: bool(feed.lag), task)
        await asyncio.to_thread(fill, kafka.address, [Outgoing(topic, 0, match(2))])
        await until(lambda: bool(desk.taken), task)
        stop.set()
        await task

    with desk.open() as url:
        asyncio.run(all_of_it(url))
        # The group is no longer new: what came while it was away is told.
        fill(kafka.address, [Outgoing(topic, 0, match(3))])
        tell(request(kafka, prefix, url, begin="end"), lambda: len(desk.taken) >= 2)
    assert desk.taken == ["m2 firing", "m3 firing"]


def test_what_is_refused_goes_to_the_dead_letters(kafka: Served, prefix: str) -> None:
    """One notification that the receiver cannot read does not hold the others back."""
    topic, metrics = topics(kafka, prefix, 1), Metrics("0")
    desk = Desk(lambda fingerprint: 400 if fingerprint == "m2" else 200)
    fill(kafka.address, [Outgoing(topic, 0, match(n), seq("keyed/0", n)) for n in (1, 2, 3)])
    with desk.open() as url:
        tell(request(kafka, prefix, url), lambda: len(desk.taken) >= 2, metrics)
    assert desk.taken == ["m1 firing", "m3 firing"]
    [(headers, letter)] = asyncio.run(read_all(kafka, f"{prefix}.dead", 1))
    data = json.loads(letter.pop("data"))
    assert data["alerts"][0]["fingerprint"] == "m2"
    assert letter == {
        "kind": "rejected", "source": topic, "partition": 0, "offset": 1, "reason": "webhook",
        "message": "it answered 400: because",
    }  # fmt: skip
    assert headers == {
        "sluice-seq": f"webhook/{topic}/0 1".encode(), "sluice-kind": b"rejected",
    }  # fmt: skip
    page = metrics.page()[0].decode()
    for line in (
        "sluice_webhook_sends_total 2.0",
        'sluice_webhook_failures_total{reason="refused"} 1.0',
        'sluice_dead_letters_total{reason="webhook"} 1.0',
    ):
        assert line in page.splitlines()


async def read_all(
    kafka: Served, topic: str, count: int
) -> list[tuple[dict[str, bytes], dict[str, Any]]]:
    """Headers and values of the first records of a topic."""
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=kafka.address, auto_offset_reset="earliest"
    )  # fmt: skip
    await consumer.start()
    try:
        async with asyncio.timeout(WAIT_SECONDS_MAX):
            records = [await consumer.getone() for _ in range(count)]
    finally:
        await consumer.stop()
    return [(dict(each.headers), json.loads(each.value)) for each in records]


def test_a_receiver_that_comes_back_gets_everything(kafka: Served, prefix: str) -> None:
    """While it is away nothing is lost or told out of order; the other partitions wait too, and
    the group is kept."""
    topic = topics(kafka, prefix, 2)
    desk = Desk(lambda _: 200 if desk.attempts > 12 else 503)
    fill(kafka.address, [Outgoing(topic, n % 2, match(n), seq("keyed", n)) for n in range(20)])
    with desk.open() as url:
        tell(request(kafka, prefix, url), lambda: len(desk.taken) >= 20)
    numbers = [int(each.split()[0][1:]) for each in desk.taken]
    assert [n for n in numbers if n % 2] == list(range(1, 20, 2))
    assert [n for n in numbers if not n % 2] == list(range(0, 20, 2))


def test_a_receiver_that_is_given_up_ends_the_feed(kafka: Served, prefix: str) -> None:
    """Whoever runs it hears that a service is away; the next run tells everything."""
    topic, desk = topics(kafka, prefix, 1), Desk(lambda _: 503)
    fill(kafka.address, [Outgoing(topic, 0, match(1))])
    with desk.open() as url:
        with pytest.raises(ConnectionError, match="the webhook was away for"):
            tell(request(kafka, prefix, url, give_up=0.3), lambda: False)
        desk.judge = lambda _: 200
        tell(request(kafka, prefix, url), lambda: bool(desk.taken))
    assert desk.taken == ["m1 firing"]


def test_the_trace_goes_on(kafka: Served, prefix: str) -> None:
    """A receiver that traces sees which events led to the notification."""
    topic, desk = topics(kafka, prefix, 1), Desk()
    fill(kafka.address, [Outgoing(topic, 0, match(1), (("traceparent", PARENT),))])
    with desk.open() as url:
        tell(request(kafka, prefix, url), lambda: bool(desk.taken))
    parent = desk.headers[0]["traceparent"].encode()
    assert parent[:36] == PARENT[:36] and parent != PARENT


def test_two_feeds_share_the_partitions(kafka: Served, prefix: str) -> None:
    """A feed that joins while records come takes a part; each match is told once."""
    topic, desk = topics(kafka, prefix, 4), Desk()
    desk.delay_seconds = 0.01

    async def all_of_it(url: str) -> None:
        stops = [asyncio.Event(), asyncio.Event()]
        feeds = [WebhookFeed(request(kafka, prefix, url), Metrics("0")) for _ in stops]
        first = asyncio.create_task(feeds[0].run(stops[0]))
        await until(lambda: len(desk.taken) > 20, first)
        second = asyncio.create_task(feeds[1].run(stops[1]))
        await until(lambda: len(feeds[1].lag) == 2, second)
        assert len(feeds[0].lag) <= 2
        await until(lambda: len(set(desk.taken)) >= 400)
        for stop in stops:
            stop.set()
        await asyncio.gather(first, second)

    fill(kafka.address, [Outgoing(topic, n % 4, match(n), seq(f"keyed/{n % 4}", n))
                         for n in range(400)])  # fmt: skip
    with desk.open() as url:
        asyncio.run(all_of_it(url))
    assert Counter(desk.taken) == Counter({f"m{n} firing": 1 for n in range(400)})


def test_a_killed_feed_forgets_nothing(kafka: Served, prefix: str) -> None:
    """After SIGKILL the next one tells what is missing; again only what was told last.

    HTTP cannot say whether a request was taken, so what was under way is told again: at most what
    goes out within one round, of which there are five a second.
    """
    topic, desk = topics(kafka, prefix, 2), Desk()
    desk.delay_seconds = 0.005
    fill(kafka.address, [Outgoing(topic, n % 2, match(n), seq(f"keyed/{n % 2}", n))
                         for n in range(400)])  # fmt: skip
    with desk.open() as url:
        told = {"broker": kafka.address, "url": url, "group": f"{prefix}.webhook",
                "prefix": prefix, "begin": "start", "session_timeout_ms": 2000}  # fmt: skip
        for enough in (60, 160, 400):
            argv = [sys.executable, "-m", "tests.kafka.webhook_feed", json.dumps(told)]
            feed = subprocess.Popen(argv, cwd=REPOSITORY)
            try:
                asyncio.run(until(lambda enough=enough: len(set(desk.taken)) >= enough))
            finally:
                feed.kill()
                feed.wait()
    counts = Counter(desk.taken)
    assert set(counts) == {f"m{n} firing" for n in range(400)}
    repeated = sum(counts.values()) - 400
    assert repeated <= 120, f"{repeated} were told again"
