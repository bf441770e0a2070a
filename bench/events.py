"""Write the events of the measurements: one JSON object a line, the same bytes for the same seed.

A fleet of hosts, users and addresses at a thousand events a second: requests, metrics,
connections, logins, heartbeats and writes of files. Some addresses guess passwords, some hosts
fall silent for a while. `type` is the type, `ts` the time in milliseconds since 1970.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Any

import orjson

SEED = 20260214
START_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z
USERS, ADDRESSES, HOSTS = 10_000, 5_000, 500
ATTACKERS, SILENCES = 60, 120
#: A start-up is measured over this many events at least.
START_UP_EVENTS = 300

ENVIRONMENTS = ("prod", "prod", "prod", "test", "dev")
REGIONS = ("eu-central-1", "eu-south-2", "us-east-2", "us-west-1", "sa-east-1")
TEAMS = ("api", "billing", "edge", "infra", "login", "mail", "search", "shop")
PORTS = (22, 53, 80, 443, 443, 443, 3306, 5432, 8080, 4444)
_NETS = ("10.1", "10.20", "172.18", "192.168", "198.51")


@dataclass(frozen=True)
class Weighted:
    """Things to draw from, some more often than others; `{n}` becomes a number below 5,000."""

    weights: dict[str, float]
    names: tuple[str, ...] = field(init=False)
    sums: tuple[float, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(self.weights))
        object.__setattr__(self, "sums", tuple(accumulate(self.weights.values())))

    def draw(self, random: Random) -> str:
        """Draw one of them."""
        name = random.choices(self.names, cum_weights=self.sums)[0]
        return name.replace("{n}", str(random.randrange(5000))) if "{n}" in name else name


TYPES = Weighted({
    "http.request": 35, "host.metrics": 20, "net.conn": 15, "auth.login": 10,
    "agent.heartbeat": 10, "file.write": 10,
})  # fmt: skip
AGENTS = Weighted({
    "Mozilla/5.0 (X11; Linux x86_64) Firefox/131.0": 30,
    "Mozilla/5.0 (Macintosh; Intel) Safari/604.1": 15,
    "Mozilla/5.0 (Windows NT 11.0) Chrome/128.0": 30,
    "curl/8.9.1": 6, "python-httpx/0.27.2": 6, "Go-http-client/2.0": 5, "okhttp/5.0.0": 4,
    "sqlmap/1.8.4#stable": 1, "Nikto/2.1.6": 1, "kube-probe/1.31": 2,
})  # fmt: skip
PATHS = Weighted({
    "/": 10, "/home.html": 8, "/api/v1/users/{n}": 20, "/api/v1/orders/{n}": 14,
    "/api/v2/search": 10, "/api/v2/items/{n}": 10, "/login": 5, "/logout": 3,
    "/static/app.{n}.js": 10, "/admin/users": 1, "/admin/config/{n}": 1, "/healthz": 5,
    "/.git/HEAD": 0.5, "/xmlrpc.php": 0.5, "/files/../../etc/shadow": 0.3,
    "/api/v3/export/{n}.csv": 1.7,
})  # fmt: skip
FILES = Weighted({
    "/var/log/app-{n}.log": 35, "/home/u{n}/todo.txt": 15, "/tmp/x{n}.tmp": 20,
    "/etc/cron.d/job{n}": 1, "/usr/lib/lib{n}.so": 2, "/etc/passwd": 0.3,
    "/home/u{n}/.ssh/authorized_keys": 0.7, "/var/lib/db/{n}.sst": 20, "/opt/app/cfg/{n}.toml": 6,
})  # fmt: skip
STATUSES = Weighted({"200": 86, "304": 4, "404": 5, "403": 2, "500": 2, "503": 1})


def user_name(number: int) -> str:
    """Name a user."""
    return f"user{number:05d}"


def host_name(number: int) -> str:
    """Name a host; the sites a, b and c take turns."""
    return f"node-{number:03d}.{'abc'[number % 3]}.example.org"


def address(number: int) -> str:
    """Return an IPv4 address; neighbours in number lie in different nets."""
    rest, net = divmod(number, len(_NETS))
    return f"{_NETS[net]}.{rest % 40}.{1 + rest // 40}"


class Fleet:
    """Who there is, and who misbehaves when; `count` is how many events there will be."""

    def __init__(self, random: Random, count: int) -> None:
        self.random = random
        self.shares = tuple(accumulate(1 / (k + 10) for k in range(USERS)))
        self.homes = [random.randrange(ADDRESSES) for _ in range(USERS)]
        self.attackers = [
            (random.randrange(ADDRESSES), [random.randrange(USERS) for _ in range(3)])
            for _ in range(ATTACKERS)
        ]
        self.silences: dict[int, list[tuple[int, int]]] = {}
        for _ in range(SILENCES):
            start = random.randrange(max(1, count))
            silence = (start, start + random.randrange(12_000, 42_000))
            self.silences.setdefault(random.randrange(HOSTS), []).append(silence)
        self.turn = 0  # of the hosts that send heartbeats

    def user(self) -> int:
        """Draw a user; few of them do most of what is done."""
        return self.random.choices(range(USERS), cum_weights=self.shares)[0]

    def address_of(self, user: int) -> int:
        """Draw an address: mostly the user's own."""
        random = self.random
        return self.homes[user] if random.random() < 0.8 else random.randrange(ADDRESSES)

    def beating_host(self, at_ms: int) -> int:
        """Return the host whose heartbeat is next, those that are silent passed over."""
        while True:
            host = self.turn % HOSTS
            self.turn += 1
            if not any(first <= at_ms < end for first, end in self.silences.get(host, ())):
                return host


def events(count: int, seed: int = SEED) -> Iterator[dict[str, Any]]:
    """Make `count` events in the order of their times, one a millisecond."""
    random = Random(seed)
    fleet = Fleet(random, count)
    for at_ms in range(count):
        kind = TYPES.draw(random)
        event = {"type": kind, "ts": START_MS + at_ms, **_fields(kind, fleet, at_ms)}
        event["labels"] = {
            "env": random.choice(ENVIRONMENTS),
            "region": random.choice(REGIONS),
            "team": random.choice(TEAMS),
        }
        yield event


def idle_logins(count: int) -> Iterator[dict[str, Any]]:
    """Make one failed login of each of `count` addresses, one a millisecond."""
    for number in range(count):
        high, low = divmod(number, 256)
        yield {
            "type": "auth.login", "ts": START_MS + number, "user": user_name(number % USERS),
            "source_ip": f"10.{high // 256}.{high % 256}.{low}", "outcome": "failure",
        }  # fmt: skip


def write(path: Path, made: Iterator[dict[str, Any]]) -> None:
    """Write events as lines."""
    with path.open("wb") as file:
        file.writelines(orjson.dumps(event) + b"\n" for event in made)


def write_start(path: Path, source: Path) -> int:
    """Copy the first events of a file, until each type has come; return how many."""
    missing = set(TYPES.names)
    with source.open("rb") as lines, path.open("wb") as file:
        count = 0
        for count, line in enumerate(lines, 1):
            file.write(line)
            missing.discard(orjson.loads(line)["type"])
            if not missing and count >= START_UP_EVENTS:
                break
    return count


def _fields(kind: str, fleet: Fleet, at_ms: int) -> dict[str, Any]:
    match kind:
        case "http.request":
            return _request(fleet)
        case "host.metrics":
            return _metrics(fleet)
        case "net.conn":
            return _connection(fleet)
        case "auth.login":
            return _login(fleet)
        case "agent.heartbeat":
            return _heartbeat(fleet, at_ms)
        case _:
            return {**_actor(fleet), "path": FILES.draw(fleet.random), "bytes": _whole(fleet, 8e3)}


def _request(fleet: Fleet) -> dict[str, Any]:
    return {
        **_actor(fleet),
        "path": PATHS.draw(fleet.random),
        "status": int(STATUSES.draw(fleet.random)),
        "latency_ms": _latency(fleet, 120),
        "bytes": _whole(fleet, 2e4),
        "user_agent": AGENTS.draw(fleet.random),
    }


def _metrics(fleet: Fleet) -> dict[str, Any]:
    random, host = fleet.random, fleet.random.randrange(HOSTS)
    return {
        **_machine(host),
        "cpu": round(min(100.0, max(0.0, random.gauss(55, 25))), 1),
        "temp": round(random.gauss(72, 12), 1),
        "bytes": _whole(fleet, 5e8),
    }


def _connection(fleet: Fleet) -> dict[str, Any]:
    return {
        **_actor(fleet),
        "dst_port": fleet.random.choice(PORTS),
        "bytes": _whole(fleet, 5e4),
        "latency_ms": _latency(fleet, 15),
    }


def _login(fleet: Fleet) -> dict[str, Any]:
    random = fleet.random
    if random.random() < 0.3:
        source, victims = random.choice(fleet.attackers)
        user, is_success = random.choice(victims), random.random() < 0.06
    else:
        user = fleet.user()
        source, is_success = fleet.address_of(user), random.random() < 0.93
    return {
        "user": user_name(user),
        "source_ip": address(source),
        "host": host_name(random.randrange(HOSTS)),
        "outcome": "success" if is_success else "failure",
        "status": 200 if is_success else 401,
        "user_agent": AGENTS.draw(random),
        "latency_ms": _latency(fleet, 90),
    }


def _heartbeat(fleet: Fleet, at_ms: int) -> dict[str, Any]:
    machine = _machine(fleet.beating_host(at_ms))
    return {**machine, "status": 0, "latency_ms": _latency(fleet, 4)}


def _actor(fleet: Fleet) -> dict[str, Any]:
    user = fleet.user()
    return {
        "user": user_name(user),
        "source_ip": address(fleet.address_of(user)),
        "host": host_name(fleet.random.randrange(HOSTS)),
    }


def _machine(host: int) -> dict[str, Any]:
    return {"host": host_name(host), "source_ip": address(host * 7 % ADDRESSES)}


def _latency(fleet: Fleet, mean: float) -> float:
    return round(fleet.random.expovariate(1 / mean), 2)


def _whole(fleet: Fleet, mean: float) -> int:
    return int(fleet.random.expovariate(1 / mean))
