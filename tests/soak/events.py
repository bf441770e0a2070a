"""Events of a soak: the same for the same seed, by partition, in the order in which they arrive.

    python -m tests.soak.events FOLDER --events 100000 --seed 1

writes a file for each partition. Each event has an id and a millisecond of its own, since equal
times of two partitions are ordered by partition. Some come out of order, a few come late, some
partitions are silent for a while. At the end each partition gets a last event, long after all
others: by then every deadline has passed.
"""

from __future__ import annotations

import argparse
import heapq
import zlib
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import orjson

PARTITIONS = 8
#: How much later than its time an event may come; rules with state do not see what is later.
LATENESS_MS = 5_000
START_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z
#: The last event of a partition comes so long after the others.
AFTER_MS = 3_600_000

USERS, HOSTS, ADDRESSES = 1_500, 150, 400
#: This share is out of order, by less than the lateness; that share is later than it.
DISORDER, LATE = 0.03, 0.004
COUNTRIES = ("DE", "FR", "ES", "IT", "PL", "SE", "AQ", "SJ")
KINDS = {
    "auth.login": 16, "http.request": 22, "file.write": 10, "net.conn": 10, "host.metrics": 14,
    "agent.heartbeat": 14, "purchase": 5, "syslog": 4, "auth.logout": 3, "iam.reset": 2,
}  # fmt: skip
#: What only a rule of the second rule set looks at; it comes in the last part of the events.
LAST_KIND, LAST_FROM = "door.opened", 0.8


class Arrival(NamedTuple):
    """An event as it is produced: its partition and its JSON text."""

    partition: int
    line: bytes


def arrivals(count: int, seed: int) -> Iterator[Arrival]:
    """Yield the events in the order in which they arrive."""
    rng = Random(seed)
    waiting: list[tuple[int, int, Arrival]] = []
    silences = _silences(count, rng)
    for number in range(count):
        delay = _delay(rng)
        arrival = _event(number, count, rng, silences)
        # In a partition that is silent nothing else tells that such an event is late, and a rule
        # that has gone on without the partition does not see it.
        if any(p == arrival.partition and 0 < at - number <= LATENESS_MS for p, at, _ in silences):
            delay = 0
        heapq.heappush(waiting, (number + delay, number, arrival))
        while waiting and waiting[0][0] <= number:
            yield heapq.heappop(waiting)[2]
    while waiting:
        yield heapq.heappop(waiting)[2]
    for partition in range(PARTITIONS):
        at = START_MS + count + AFTER_MS + partition
        yield Arrival(partition, orjson.dumps(_attributes("soak.ended", at, f"end{partition}")))


def partition_of(user: str) -> int:
    """Return the partition of a user's events."""
    return zlib.crc32(user.encode()) % PARTITIONS


def write(folder: Path, count: int, seed: int) -> list[Path]:
    """Write a file for each partition; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"events-{partition}.jsonl" for partition in range(PARTITIONS)]
    files = [path.open("wb") for path in paths]
    for arrival in arrivals(count, seed):
        files[arrival.partition].write(arrival.line + b"\n")
    for file in files:
        file.close()
    return paths


def _silences(count: int, rng: Random) -> list[tuple[int, int, int]]:
    """Return partitions with the numbers of the events between which they are silent."""
    found = []
    for partition in (2, 5):
        start = int(count * rng.uniform(0.2, 0.6))
        found.append((partition, start, start + count // 8))
    return found


def _delay(rng: Random) -> int:
    chosen = rng.random()
    if chosen < LATE:
        return rng.randrange(2 * LATENESS_MS, 10 * LATENESS_MS)
    return rng.randrange(1, LATENESS_MS * 3 // 5) if chosen < LATE + DISORDER else 0


def _event(number: int, count: int, rng: Random, silences: list[tuple[int, int, int]]) -> Arrival:
    """Make the event of a millisecond."""
    silent = {partition for partition, start, end in silences if start <= number < end}
    user = _user(rng)
    while partition_of(user) in silent:
        user = _user(rng)
    (kind,) = rng.choices(tuple(KINDS), tuple(KINDS.values()))
    if number >= count * LAST_FROM and rng.random() < 0.01:
        kind = LAST_KIND
    event = _attributes(kind, START_MS + number, f"e{number}")
    event |= {"user": user, "host": f"host{_host(rng, number)}", **_fields(kind, user, rng)}
    return Arrival(partition_of(user), orjson.dumps(event))


def _user(rng: Random) -> str:
    """Draw a user; few of them do most of what is done."""
    return f"user{int(USERS * rng.random() ** 2)}"


def _host(rng: Random, number: int) -> int:
    """Draw a host; some are away for a while."""
    host = rng.randrange(HOSTS)
    return 0 if host % 10 == number // 20_000 % 10 else host


def _attributes(kind: str, at_ms: int, id_: str) -> dict[str, Any]:
    return {"@type": kind, "@time": at_ms, "@id": id_}


def _fields(kind: str, user: str, rng: Random) -> dict[str, Any]:
    """Return the fields of an event of a kind."""
    ip = f"10.0.{rng.randrange(4)}.{int(ADDRESSES / 4 * rng.random() ** 2)}"
    match kind:
        case "auth.login":
            outcome = "failure" if rng.random() < 0.4 else "success"
            country = rng.choices(COUNTRIES, (40, 20, 10, 10, 10, 8, 1, 1))[0]
            return {"ip": ip, "outcome": outcome, "country": country}
        case "http.request":
            path = rng.choices(("/", "/api/items", "/checkout", "/admin/users"), (40, 50, 9, 1))[0]
            status = rng.choices((200, 304, 403, 404, 500, 503), (80, 5, 5, 4, 4, 2))[0]
            return {"path": path, "status": status, "ip": ip}
        case "file.write":
            return {"path": f"/home/{user}/{rng.randrange(100)}", "bytes": rng.randrange(1_000_000)}
        case "net.conn":
            return {"port": rng.choices((443, 22, 4444), (80, 15, 5))[0], "ip": ip}
        case "host.metrics":
            return {"cpu": round(rng.betavariate(3, 2) * 100, 1)}
        case "purchase":
            return {"amount": rng.randrange(1, 500)}
        case "syslog":
            what = rng.choice(("Failed password for", "Failed password for", "Accepted key for"))
            text = "Connection closed" if rng.random() < 0.1 else f"{what} {user} from {ip}"
            return {"app": "sshd", "message": text}
        case _:
            return {}


def main() -> None:
    """Write the files."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.events", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    write(options.folder, options.events, options.seed)


if __name__ == "__main__":
    main()
