"""Whatever a feed has read and kept when it is killed: the lake is that of one left alone."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.io import TopicPlace
from sluice.shells import compact_lake
from tests.kafka.feeds import TOPIC, Feed, Sent, numbered
from tests.lakes import content, small_lake

STEPS = 40
#: What a segment holds.
BLOCK = 5

Logs = dict[TopicPlace, list[Sent]]


@settings(max_examples=8)
@given(st.integers(0, 2**32))
def test_killed_anywhere(seed: int) -> None:
    """Segments, marks and numbers of producers: a feed that comes later leaves the same lake."""
    rng, logs = Random(seed), Logs()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        feed = Feed(small_lake(folder / "killed", BLOCK))
        for _ in range(STEPS):
            step(feed, logs, rng, folder / "killed")
        for place, log in logs.items():
            feed.take(place, unread(feed, place, log))
        feed.close()
        whole = Feed(small_lake(folder / "whole", BLOCK))
        for place, log in logs.items():
            whole.take(place, log)
        whole.close()
        assert content(folder / "killed") == content(folder / "whole")


def step(feed: Feed, logs: Logs, rng: Random, root: Path) -> None:
    """Let something happen: a message is read, what was read is kept, the feed is killed."""
    match rng.choices(["event", "record", "commit", "flush", "crash", "pack"], [6, 8, 3, 1, 2, 1]):
        case ["event"]:
            place = (TOPIC, rng.randrange(2))
            event = {"@type": rng.choice("ab"), "@time": rng.randrange(3) * 86_400_000}
            read(feed, logs, place, Sent(following(logs, place, rng), json.dumps(event).encode()))
        case ["record"]:
            # A producer that was killed sends what it sent before.
            place, origin = ("out.dead", 0), rng.choice(["a/0", "b/0"])
            sent_before = sum(origin in str(each.headers) for each in logs.get(place, ()))
            number = max(0, sent_before - rng.choice([0, 0, 0, 1, 4]))
            at = following(logs, place, rng)
            record = {"kind": "rejected", "message": f"{origin} {number}", "offset": at}
            read(feed, logs, place, numbered(Sent(at, json.dumps(record).encode()), origin, number))
        case ["commit"]:
            feed.commit()
        case ["flush"]:
            feed.shelf.flush()  # durable, and killed before the group knows
        case ["crash"]:
            feed.crash()
        case ["pack"]:
            compact_lake(str(root))


def following(logs: Logs, place: TopicPlace, rng: Random) -> int:
    """Return the next offset of a partition, some time with a gap before it."""
    log = logs.get(place)
    return (log[-1].offset + 1 if log else 0) + rng.choice([0, 0, 0, 0, 1, 7])


def read(feed: Feed, logs: Logs, place: TopicPlace, message: Sent) -> None:
    """Write a message to its log, and let the feed read the log to its end."""
    log = logs.setdefault(place, [])
    log.append(message)
    feed.take(place, unread(feed, place, log))


def unread(feed: Feed, place: TopicPlace, log: list[Sent]) -> list[Sent]:
    """What the group would be given: everything from where the feed stands, or its mark."""
    mark = feed.marks.get(place)
    at = feed.shelf.reached().get(place, 0 if mark is None else mark.offset)
    return [message for message in log if message.offset >= at]
