"""The pack `web` over its sample: each rule finds its fault, and counting by hand agrees."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from collections import defaultdict
from datetime import datetime, timedelta
from functools import cache
from ipaddress import ip_address, ip_network
from pathlib import Path
from statistics import quantiles
from typing import Any, NamedTuple

REPOSITORY = Path(__file__).parent.parent.parent
EXAMPLES = REPOSITORY / "examples"
LOG = EXAMPLES / "access.log"

#: What stands in the sample: each rule matches once, for this key, at this time of the morning.
FOUND = {
    "web.bot": (["198.51.100.80"], "09:44:57"),
    "web.broken_requests": (["203.0.113.7"], "09:22:24"),
    "web.credential_stuffing": (["/login"], "10:04:05"),
    "web.error_burst": (["-"], "10:32:00"),
    "web.login_after_guessing": (["203.0.113.40"], "10:11:45"),
    "web.new_admin_client": ([], "10:11:50"),
    "web.path_sweep": (["203.0.113.7"], "09:21:27"),
    "web.path_traversal": (["203.0.113.7"], "09:22:12"),
    "web.scanner": (["203.0.113.7"], "09:20:00"),
    "web.secret_served": (["/.git/config"], "09:22:10"),
    "web.slow_endpoint": (["/search"], "10:25:00"),
    "web.sql_injection": (["198.51.100.23"], "09:30:20"),
    "web.web_shell": (["203.0.113.40"], "10:12:41"),
}


class Line(NamedTuple):
    """What one line of the log says."""

    at: datetime
    host: str
    request: str
    path: str
    status: int
    seconds: float


@cache
def matches() -> list[dict[str, Any]]:
    """What the command of the guide finds."""
    done = subprocess.run(
        [
            sys.executable, "-m", "sluice", "run", "-r", "rules/web",
            "--codec", "weblog:extra=request_time", "examples/access.log",
            "--output", "json", "--show", "match",
        ],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def when(rule: str) -> datetime:
    """When a rule has matched."""
    (found,) = (match["time"] for match in matches() if match["rule"] == rule)
    return datetime.fromisoformat(found)


@cache
def lines() -> tuple[Line, ...]:
    """Cut the log by hand, with no regular expression: the other way to the same numbers."""
    found = []
    for text in LOG.read_text("utf-8").splitlines():
        head, request, numbers, *_, seconds = text.split('"')
        host, _, _, stamp, zone = head.split()
        at = datetime.strptime(f"{stamp} {zone}", "[%d/%b/%Y:%H:%M:%S %z]")
        path = request.split()[1].partition("?")[0] if " " in request else ""
        found.append(Line(at, host, request, path, int(numbers.split()[0]), float(seconds)))
    return tuple(found)


def test_the_sample_is_what_its_script_writes() -> None:
    """Who changes the script runs it: the file beside it is up to date, byte for byte."""
    written = runpy.run_path(str(EXAMPLES / "make_access_log.py"))["text"]()
    assert LOG.read_bytes() == written.encode(), "run: python examples/make_access_log.py"


def test_the_sample_names_only_addresses_for_documentation() -> None:
    """Nobody is accused in the sample: RFC 5737 sets these networks aside."""
    networks = [ip_network(n) for n in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")]
    hosts = {ip_address(line.host) for line in lines()}
    assert [host for host in hosts if not any(host in network for network in networks)] == []


def test_every_rule_finds_what_is_in_the_sample() -> None:
    """Each rule of the pack matches once, for whom the script has made it up, and then."""
    found = {
        match["rule"]: (list(match["key"].values()), match["time"][11:19]) for match in matches()
    }
    assert found == FOUND
    assert len(matches()) == len(FOUND)


def test_the_sweep_counted_by_hand() -> None:
    """The thirtieth path that is not there, for one address within five minutes."""
    seen: dict[str, list[Line]] = defaultdict(list)
    for line in lines():
        if line.status == 404:
            seen[line.host].append(line)
            recent = {x.path for x in seen[line.host] if line.at - x.at <= timedelta(minutes=5)}
            if len(recent) == 30:
                assert when("web.path_sweep") == line.at
                return
    raise AssertionError("there is no sweep in the sample")


def test_the_failing_server_counted_by_hand() -> None:
    """The first instant at which one in ten of fifty requests within five minutes has failed."""
    recent: list[Line] = []
    for line in lines():
        recent = [x for x in [*recent, line] if line.at - x.at <= timedelta(minutes=5)]
        failed = sum(x.status >= 500 for x in recent)
        if len(recent) >= 50 and failed >= 0.1 * len(recent):
            assert when("web.error_burst") == line.at
            return
    raise AssertionError("the server never fails in the sample")


def test_the_slow_path_counted_by_hand() -> None:
    """The slowest twentieth, by another way to the percentile, of each five minutes of a path."""
    spans: dict[tuple[int, str], list[float]] = defaultdict(list)
    for line in lines():
        spans[int(line.at.timestamp()) // 300, line.path].append(line.seconds)
    slow = []
    for (span, path), seconds in spans.items():
        if path and len(seconds) >= 20 and quantiles(seconds, n=20, method="inclusive")[-1] > 1.0:
            slow.append((path, datetime.fromtimestamp(300 * (span + 1), tz=lines()[0].at.tzinfo)))
    assert slow == [("/search", when("web.slow_endpoint"))]
