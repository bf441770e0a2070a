"""What a worker answers to probes, asked by a real client over a real socket."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from sluice.errors import ConfigError
from sluice.io import Metrics, Probes, Progress, start_health

KEY = {"user": "bob"}


@dataclass
class Worker:
    """What a worker knows about itself."""

    metrics: Metrics = field(default_factory=lambda: Metrics("0.1.0"))
    live: tuple[bool, str] = (True, "nothing waits")
    ready: tuple[bool, str] = (False, "restoring 3 of 8 partitions")
    state: Mapping[str, Any] = field(default_factory=lambda: {"candidates": 2})

    def find(self, rule: str, key: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The state of the one key of the one rule."""
        if rule != "auth.guessing":
            raise KeyError(rule)
        return self.state if key == KEY else None

    def probes(self) -> Probes:
        """What the server asks."""
        versions = {"version": "0.1.0", "rule_set": "9c1e04b7aa310f52"}
        return Probes(
            lambda: self.live, lambda: self.ready, self.metrics.page, lambda: versions, self.find
        )


def ask(
    worker: Worker, path: str, *, headers: Mapping[str, str] | None = None, **params: str
) -> tuple[int, str, str]:
    """Start a server, ask once, stop it: the status, the content type, the text."""

    async def all_of_it() -> tuple[int, str, str]:
        server = await start_health("127.0.0.1:0", worker.probes())
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.get(
                    f"http://{server.address}{path}", params=params, headers=headers
                ) as answer,
            ):
                return answer.status, answer.headers["Content-Type"], await answer.text()
        finally:
            await server.close()

    return asyncio.run(all_of_it())


def test_alive_and_ready_say_why() -> None:
    """A probe gets 200 or 503, and a person the reason."""
    worker = Worker()
    assert ask(worker, "/livez")[::2] == (200, "nothing waits\n")
    assert ask(worker, "/readyz")[::2] == (503, "restoring 3 of 8 partitions\n")
    worker.live, worker.ready = (False, "stuck"), (True, "8 partitions")
    assert ask(worker, "/livez")[::2] == (503, "stuck\n")
    assert ask(worker, "/readyz")[::2] == (200, "8 partitions\n")


def test_metrics_are_scraped() -> None:
    """What was counted is on the page, in the form that the scraper asks for."""
    worker = Worker()
    worker.metrics.matches.labels(rule="auth.guessing").inc(2)
    status, content_type, text = ask(worker, "/metrics")
    assert (status, content_type) == (200, "text/plain; version=0.0.4; charset=utf-8")
    found = {f.name: f.samples for f in text_string_to_metric_families(text)}
    assert [(s.labels, s.value) for s in found["sluice_matches"]] == [
        ({"rule": "auth.guessing"}, 2)
    ]
    wanted = {"Accept": "application/openmetrics-text; version=1.0.0"}
    assert ask(worker, "/metrics", headers=wanted)[2].endswith("# EOF\n")


def test_the_version_names_the_rules_in_force() -> None:
    """Whoever has many workers can ask each which rules it runs."""
    assert ask(Worker(), "/version") == (
        200, "application/json", '{"version":"0.1.0","rule_set":"9c1e04b7aa310f52"}\n',
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "key", "status", "text"),
    [
        ("auth.guessing", '{"user":"bob"}', 200,
         '{"rule":"auth.guessing","key":{"user":"bob"},"state":{"candidates":2}}\n'),
        ("auth.guessing", '{"user":"eve"}', 404,
         '{"error":"auth.guessing remembers nothing of this key here"}\n'),
        ("auth.nothing", "{}", 404, '{"error":"no rule auth.nothing is in force here"}\n'),
        ("auth.guessing", "bob", 400,
         '{"error":"key must be a JSON object, such as {\\"user\\":\\"bob\\"}"}\n'),
        ("auth.guessing", "[1]", 400,
         '{"error":"key must be a JSON object, such as {\\"user\\":\\"bob\\"}"}\n'),
    ],
)  # fmt: skip
def test_state_of_a_key(rule: str, key: str, status: int, text: str) -> None:
    """State is found by rule and key; what is not there is said."""
    assert ask(Worker(), f"/state/{rule}", key=key)[::2] == (status, text)


def test_state_is_not_for_pages_of_others() -> None:
    """A name that somebody pointed at this machine does not get what events hold."""
    headers = {"Host": "evil.example:80"}
    status, _, text = ask(Worker(), "/state/auth.guessing", headers=headers, key='{"user":"bob"}')
    assert (status, text) == (
        403, '{"error":"state is shown only on the worker\'s own machine"}\n'
    )  # fmt: skip


def test_an_unknown_path_is_not_found() -> None:
    """There is nothing else, and nothing that changes anything."""
    assert ask(Worker(), "/")[0] == 404


@pytest.mark.parametrize("address", ["", "6066", "127.0.0.1", "127.0.0.1:http", "a:1/x", "a:99999"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    """The setting is named, with an example."""
    with pytest.raises(ConfigError) as failed:
        asyncio.run(start_health(address, Worker().probes()))
    expected = f"worker.http: '{address}' is not HOST:PORT, such as 127.0.0.1:6066"
    assert str(failed.value) == expected


def test_a_taken_address_is_refused() -> None:
    """The second worker of a machine hears that it needs another port."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ConfigError, match=f"worker.http: cannot listen on {address}: "):
            asyncio.run(start_health(address, Worker().probes()))


def test_ipv6() -> None:
    """An address in brackets is one of IPv6."""
    try:
        with socket.socket(socket.AF_INET6) as trial:
            trial.bind(("::1", 0))
    except OSError as error:
        pytest.skip(f"this machine has no IPv6: {error}")

    async def address() -> str:
        server = await start_health("[::1]:0", Worker().probes())
        await server.close()
        return server.address

    assert asyncio.run(address()).startswith("[::1]:")


def test_a_worker_without_work_is_alive() -> None:
    """Hours without a record are no fault, and the first one has its time."""
    progress = Progress(30, now=0)
    assert progress.verdict(7200) == (True, "nothing waits")
    progress.see_lag(5, 7200)
    assert progress.verdict(7230) == (True, "5 records wait")
    assert progress.verdict(7231) == (
        False, "5 records wait, and none was acknowledged for 31 s"
    )  # fmt: skip


def test_a_worker_that_gets_on_is_alive() -> None:
    """However many records wait, acknowledgements show that it gets on."""
    progress = Progress(30, now=0)
    for now in range(0, 600, 20):
        progress.see_lag(10_000, now)
        progress.acknowledge(now)
    assert progress.verdict(609) == (True, "10000 records wait")
    assert progress.verdict(611)[0] is False
    progress.see_lag(0, 612)
    assert progress.verdict(10_000) == (True, "nothing waits")
