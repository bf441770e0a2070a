"""Write `sre.jsonl`: two hours of a shop, with a fault for each rule of `rules/sre`.

    python examples/make_sre.py

One event a line, in JSON. At nine a new version of the shop comes, and a little later everything
that can go wrong does. The same seed always gives the same bytes.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

SEED = 20260316
TARGET = Path(__file__).with_name("sre.jsonl")
START = datetime(2026, 3, 16, 8, 0, tzinfo=UTC)
END_S = 125 * 60
DEPLOY_S = 60 * 60
#: While it lasts, clients try again and again.
OUTAGE_S = range(DEPLOY_S + 180, DEPLOY_S + 480)


class Stream:
    """The events so far, in any order."""

    def __init__(self) -> None:
        self.random = Random(SEED)
        self.events: list[tuple[float, int, str]] = []

    def add(self, second: float, kind: str, **fields: object) -> None:
        """Add an event that happens so many seconds after the start."""
        at = START + timedelta(seconds=second)
        event = {"@type": f"sre.{kind}", "@time": f"{at:%Y-%m-%dT%H:%M:%SZ}", **fields}
        self.events.append((second, len(self.events), json.dumps(event)))

    def text(self) -> str:
        """Return all events in the order of time, one a line."""
        return "".join(f"{line}\n" for _, _, line in sorted(self.events))


def text() -> str:
    """Return the whole sample."""
    stream = Stream()
    _requests(stream)
    _others(stream)
    _processes(stream)
    _health(stream)
    _capacity(stream)
    return stream.text()


def _requests(stream: Stream) -> None:
    """The shop has a request every seven seconds, and every two while it fails."""
    second = 3
    while second <= END_S:
        fails = second in OUTAGE_S
        bad = stream.random.randrange(100) < (40 if fails else 1)
        took = stream.random.randrange(20, 90) + (900 if bad and fails else 0)
        route = "/checkout" if fails or stream.random.randrange(3) == 0 else "/item"
        stream.add(
            second, "request", service="shop", route=route,
            status=503 if bad else 200, duration_ms=took,
        )  # fmt: skip
        second += 2 if fails else 7
    stream.add(DEPLOY_S, "deploy", service="shop", version="2.4.0")


def _others(stream: Stream) -> None:
    """Search and mail share a database with the shop; mail is not used again."""
    for service, first in (("search", DEPLOY_S + 210), ("mail", DEPLOY_S + 220)):
        for number in range(110):
            bad = number % 5 == 0
            stream.add(
                first + 2 * number, "request", service=service, route="/",
                status=500 if bad else 200, duration_ms=stream.random.randrange(10, 60),
            )  # fmt: skip
    for second in range(DEPLOY_S + 600, END_S, 300):
        stream.add(second, "request", service="search", route="/", status=200, duration_ms=31)


def _processes(stream: Stream) -> None:
    """One instance of the new version crashes; a backup hangs, the one before did not."""
    for number, wait in enumerate((0, 30, 70, 130, 230, 400)):
        second = DEPLOY_S + 60 + wait
        which = {"service": "shop", "instance": "shop-2"}
        stream.add(second, "process", phase="started", **which)
        if number < 5:
            stream.add(second + 12, "process", phase="exited", exit_code=137, **which)
    stream.add(60, "job", job="backup", run="2026-03-16", phase="started")
    stream.add(0, "job", job="report", run="2026-03-16", phase="started")
    stream.add(1500, "job", job="report", run="2026-03-16", phase="finished")


def _health(stream: Stream) -> None:
    """A database goes down and up; an instance sends no metrics for twenty minutes."""
    for second in range(0, END_S, 120):
        down = second // 120 in (10, 12, 14, 16)
        stream.add(second, "health", target="db-1", state="down" if down else "up")
        for instance in ("h1", "h2", "h3"):
            if instance != "h3" or not 1800 < second < 3000:
                stream.add(second + 1, "scrape", job="node", instance=instance)


def _capacity(stream: Stream) -> None:
    """A processor is busy for ten minutes, a disk fills up, a certificate is old."""
    for second in range(0, END_S, 60):
        busy = DEPLOY_S + 300 <= second < DEPLOY_S + 900
        used = stream.random.randrange(93, 99) if busy else stream.random.randrange(20, 45)
        stream.add(second + 2, "usage", host="h1", resource="cpu", used=used)
    for second in range(0, END_S, 600):
        stream.add(second, "disk", host="h2", mount="/var", used=44 + 3 * (second // 600))
        stream.add(second, "disk", host="h2", mount="/", used=71)
    for host, days in (("www.example.com", 9), ("api.example.com", 60)):
        expires = START + timedelta(days=days)
        stream.add(30, "certificate", host=host, expires=f"{expires:%Y-%m-%dT%H:%M:%SZ}")


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8", newline="\n")
