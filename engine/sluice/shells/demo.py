"""Make the events of the demonstration: one day of a small shop, in which three things go wrong."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from typing import Any

from sluice.io import encode_record
from sluice.timing import Instant, format_instant, parse_instant

#: The day that is told of; it is the same on every computer.
DAY = "2026-03-04T00:00:00Z"
#: Who draws the numbers draws the same ones.
SEED = 1
HOUR_MS, MINUTE_MS, SECOND_MS = 3_600_000, 60_000, 1_000

_USERS = ("ann", "bob", "cara", "dora", "emil", "fay")
_PATHS = ("/", "/list", "/list", "/item", "/item", "/item", "/cart", "/pay")
_WORKERS = ("mail", "stock")
#: When the three things happen.
_GUESSING, _OUTAGE, _SILENCE = 3 * HOUR_MS, 14 * HOUR_MS + 5 * MINUTE_MS, 19 * HOUR_MS
_OUTAGE_MS, _SILENCE_MS = 20 * MINUTE_MS, 12 * MINUTE_MS

Made = tuple[Instant, str, dict[str, Any]]


def demo_events(seed: int = SEED) -> Iterator[bytes]:
    """Yield the events of the day as lines of JSON, in order of time; some 20,000."""
    start = parse_instant(DAY) or 0
    draw = random.Random(seed)
    made = [*_requests(draw), *_logins(draw), *_guessing(draw), *_heartbeats()]
    made.sort(key=lambda each: each[0])
    for number, (at, type_, fields) in enumerate(made, 1):
        time = format_instant(start + at)
        yield encode_record({"@id": f"e{number}", "@time": time, "@type": type_, **fields})


def _requests(draw: random.Random) -> Iterator[Made]:
    """Yield requests: few at night, many in the evening; for twenty minutes paying fails."""
    at = 0
    while True:
        busy = 1.2 - math.cos((at / HOUR_MS - 4) / 24 * math.tau)
        at += max(1, round(draw.expovariate(busy / 5) * SECOND_MS))
        if at >= 24 * HOUR_MS:
            return
        path = draw.choice(_PATHS)
        is_out = _OUTAGE <= at < _OUTAGE + _OUTAGE_MS
        is_failing = draw.random() < (0.6 if is_out else 0.005)
        status = 503 if is_failing else 404 if draw.random() < 0.02 else 200
        yield at, "shop.request", {"path": path, "status": status, "client": _client(draw)}


def _logins(draw: random.Random) -> Iterator[Made]:
    """Yield logins of people, who mistype now and then."""
    at = 0
    while (at := at + round(draw.expovariate(1 / 180) * SECOND_MS)) < 24 * HOUR_MS:
        user, client = draw.choice(_USERS), _client(draw)
        if draw.random() < 0.1:
            yield at, "shop.login", {"user": user, "client": client, "outcome": "failure"}
            at += 6 * SECOND_MS
        yield at, "shop.login", {"user": user, "client": client, "outcome": "success"}


def _guessing(draw: random.Random) -> Iterator[Made]:
    """Yield somebody who tries passwords in the night, until one is right."""
    at = _GUESSING
    for number in range(40):
        outcome = "success" if number == 39 else "failure"
        yield at, "shop.login", {"user": "emil", "client": "203.0.113.66", "outcome": outcome}
        at += draw.randrange(3, 9) * SECOND_MS


def _heartbeats() -> Iterator[Made]:
    """Yield that the workers are alive, each minute; one of them is not, for some minutes."""
    for place, worker in enumerate(_WORKERS):
        for at in range(place * SECOND_MS, 24 * HOUR_MS, MINUTE_MS):
            if place == 0 and _SILENCE <= at < _SILENCE + _SILENCE_MS:
                continue
            yield at, "shop.heartbeat", {"worker": worker}


def _client(draw: random.Random) -> str:
    return f"198.51.100.{draw.randrange(1, 255)}"
