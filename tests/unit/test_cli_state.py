"""`sluice state show`: what a rule remembers, asked of a server like that of a worker."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from sluice.cli.app import execute
from sluice.io import Metrics, Probes, start_health

STATE = {"candidates": 2, "last": "2026-03-06T01:10:10.000Z", "events": [{"user": "bob\x1b[2J"}]}


def find(rule: str, key: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What the rule remembers of bob, and of port 22."""
    if rule != "auth.guessing":
        raise KeyError(rule)
    return STATE if key in ({"user": "bob"}, {"user": "bob", "port": 22}) else None


@contextmanager
def worker(find_state: Any = find) -> Iterator[str]:
    """Serve in a thread of its own; give the address."""
    probes = Probes(
        lambda: (True, ""), lambda: (True, ""), Metrics("0").page, dict, find_state
    )  # fmt: skip
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        server = asyncio.run_coroutine_threadsafe(start_health("127.0.0.1:0", probes), loop)
        yield server.result(10).address
        asyncio.run_coroutine_threadsafe(server.result().close(), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


Said = tuple[int, str, str]


def show(capsys: pytest.CaptureFixture[str], *argv: str) -> Said:
    """Run the command: its exit code, what it prints, what it says."""
    code = execute(["state", "show", *argv])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_what_is_remembered_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """The rule with its key, a line for each thing; nothing can steer the terminal."""
    with worker() as address:
        said = show(capsys, "auth.guessing", "--key", "user=bob", "--worker", address)
    assert said == (
        0,
        "auth.guessing  user=bob\n"
        "  candidates  2\n"
        "  last        2026-03-06T01:10:10.000Z\n"
        '  events      [{"user": "bob\\u001b[2J"}]\n',
        "",
    )


def test_a_key_with_a_number_is_given_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    """`22` and `"22"` are different keys: a text is written bare, the rest as JSON."""
    with worker() as address:
        text = ("auth.guessing", "--key", "user=bob", "--key", "port=22")
        whole = ("auth.guessing", "--key", "user=bob", "--key", '{"port":22}')
        assert show(capsys, *text, "--worker", address)[0] == 1
        assert show(capsys, *whole, "--worker", f"http://{address}/", "-o", "none")[0] == 0


def test_the_next_worker_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    """Each key is on one worker; who does not know which names all of them."""
    with worker() as has, worker(lambda rule, key: None) as lacks:
        key = ("auth.guessing", "--key", "user=bob")
        assert show(capsys, *key, "--worker", lacks, "--worker", has)[::2] == (0, "")
        assert show(capsys, *key, "--worker", lacks) == (
            1, "",
            f"error: http://{lacks}: auth.guessing remembers nothing of this key here\n",
        )  # fmt: skip


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_the_worker_of_the_settings_is_asked(
    host: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever stands beside a worker names none; where it listens everywhere it is here too."""
    with worker() as address:
        monkeypatch.setenv("SLUICE_WORKER__HTTP", address.replace("127.0.0.1", host))
        said = show(capsys, "auth.guessing", "--key", "user=bob", "-o", "json")
    assert (said[0], json.loads(said[1])["state"]) == (0, STATE)


def test_a_rule_that_is_not_in_force(capsys: pytest.CaptureFixture[str]) -> None:
    """The worker says that it has no such rule."""
    with worker() as address:
        said = show(capsys, "auth.nothing", "--worker", address)
    assert said == (1, "", f"error: http://{address}: no rule auth.nothing is in force here\n")


def test_nobody_answers(capsys: pytest.CaptureFixture[str]) -> None:
    """A worker that is away is a service that is away: 69."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        code, out, err = show(capsys, "auth.guessing", "--worker", address)
    assert (code, out, err) == (
        69, "", f"error: no worker answers at http://{address}: Connection refused\n"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("argv", "code", "says"),
    [
        (("--key", "bob"), 2,
         "sluice state show: Invalid value for --key: 'bob' is not NAME=TEXT"),
        (("--key", "{user:bob}"), 2,
         "sluice state show: Invalid value for --key: '{user:bob}' is no JSON"),
        (("--worker", "ftp://host"), 78,
         "error: 'ftp://host' is no worker; write http://127.0.0.1:6066"),
        (("--worker", "http://host:port"), 78,
         "error: 'http://host:port' is no worker; write http://127.0.0.1:6066"),
    ],
)  # fmt: skip
def test_wrong_usage(
    argv: tuple[str, ...], code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is wrong is named, with what to write."""
    said = show(capsys, "auth.guessing", *argv)
    assert (said[0], said[1], said[2][: len(says)]) == (code, "", says)
