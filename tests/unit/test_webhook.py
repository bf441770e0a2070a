"""Notifications reach a receiver, a real HTTP server that answers as it is told."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import trustme
from aiohttp import web

from sluice.errors import ConfigError
from sluice.io import Receiver, Refused, Webhook

#: Nobody waits in a test for what a receiver needs to come back.
SOON = Receiver("http://127.0.0.1:1/", pause_seconds_max=0.01)


@dataclass
class Server:
    """Answers with these statuses, one after the other, the last one for ever."""

    statuses: list[int]
    headers: dict[str, str] = field(default_factory=dict)
    delay_seconds: float = 0.0
    taken: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        """Note what came, and answer."""
        self.taken.append((await request.text(), dict(request.headers)))
        await asyncio.sleep(self.delay_seconds)
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return web.Response(status=status, text="because", headers=self.headers)


@dataclass
class Outcome:
    """What came of sending: the error, if any, and the failed attempts."""

    error: Exception | None
    failures: list[tuple[str, str]]


def deliver(
    server: Server, receiver: Receiver = SOON, tls: ssl.SSLContext | None = None
) -> Outcome:
    """Start the server, send one notification, stop it."""

    async def all_of_it() -> Outcome:
        app = web.Application()
        app.router.add_post("/hook", server.answer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        scheme = "https" if tls else "http"
        url = f"{scheme}://localhost:{runner.addresses[0][1]}/hook?token=s3cret"
        try:
            return await send(replace(receiver, url=url))
        finally:
            await runner.cleanup()

    return asyncio.run(all_of_it())


async def send(receiver: Receiver) -> Outcome:
    """Send one notification."""
    failures: list[tuple[str, str]] = []
    error: Exception | None = None
    async with Webhook(receiver, lambda *failure: failures.append(failure)) as webhook:
        try:
            await webhook.send(b'{"version":"4"}')
        except (Refused, ConnectionError) as caught:
            error = caught
    return Outcome(error, failures)


def test_a_notification_is_posted() -> None:
    """The receiver gets the document once, with the headers that it asks for."""
    server = Server([204])
    outcome = deliver(server, replace(SOON, headers={"Authorization": "Bearer abc"}))
    assert (outcome.error, outcome.failures) == (None, [])
    [(body, headers)] = server.taken
    wanted = {"Content-Type": "application/json", "Authorization": "Bearer abc"}
    assert body == '{"version":"4"}'
    assert {name: headers[name] for name in wanted} == wanted


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (500, "error"),
        (503, "error"),
        (408, "busy"),
        (429, "busy"),
        (401, "access"),
        (404, "access"),
    ],
)
def test_it_is_sent_again(status: int, reason: str) -> None:
    """A receiver that cannot take it now gets it later, and then no more."""
    server = Server([status, status, 200])
    outcome = deliver(server)
    assert outcome.error is None
    assert outcome.failures == [(reason, f"it answered {status}: because")] * 2
    assert len(server.taken) == 3


@pytest.mark.parametrize("status", [400, 413, 422, 301])
def test_a_notification_that_is_refused(status: int) -> None:
    """What the receiver will never take is not sent again; it does not go where it points to."""
    server = Server([status], headers={"Location": "/elsewhere"})
    outcome = deliver(server)
    assert isinstance(outcome.error, Refused)
    assert str(outcome.error) == f"it answered {status}: because"
    assert outcome.failures == [("refused", f"it answered {status}: because")]
    assert len(server.taken) == 1


def test_a_slow_receiver_is_not_waited_for() -> None:
    """An attempt has its time, and the next one may be quicker."""
    server = Server([200], delay_seconds=0.5)
    receiver = replace(SOON, timeout_seconds=0.05, give_up_seconds=0.2)
    outcome = deliver(server, receiver)
    assert str(outcome.error) == "the webhook was away for 0 s: no answer within 0.05 s"
    assert set(outcome.failures) == {("timeout", "no answer within 0.05 s")}
    assert len(outcome.failures) >= 2


def test_a_receiver_that_is_away_is_given_up_when_asked() -> None:
    """With a limit the sink ends; what it could not tell is not lost, since nothing was committed.

    Neither message shows the URL, which may hold a secret.
    """
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/?token=s3cret"
        outcome = asyncio.run(send(replace(SOON, url=url, give_up_seconds=0.1)))
    assert isinstance(outcome.error, ConnectionError)
    assert "s3cret" not in f"{outcome} {outcome.error} {replace(SOON, url=url)}"
    assert {reason for reason, _ in outcome.failures} == {"connection"}


def test_the_receiver_says_how_long_to_wait() -> None:
    """`Retry-After` is heeded, up to the longest pause."""
    started = time.monotonic()
    assert deliver(Server([429, 200], headers={"Retry-After": "1"}),
                   replace(SOON, pause_seconds_max=1.2)).error is None  # fmt: skip
    assert time.monotonic() - started >= 1.0
    started = time.monotonic()
    assert deliver(Server([429, 200], headers={"Retry-After": "600"})).error is None
    assert time.monotonic() - started < 1.0


def certificates(folder: Path) -> tuple[ssl.SSLContext, str]:
    """A server's certificate, and the file of the authority that made it."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    return context, str(folder / "ca.pem")


def test_tls(tmp_path: Path) -> None:
    """A receiver inside of a company is trusted by its own authority, and by no other."""
    context, ca_file = certificates(tmp_path)
    trusted = deliver(Server([200]), replace(SOON, ca_file=ca_file), context)
    stranger = deliver(Server([200]), replace(SOON, give_up_seconds=0.1), context)
    assert trusted.error is None
    assert "certificate verify failed" in str(stranger.error)


def test_an_authority_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """The setting is named."""
    with pytest.raises(ConfigError) as failed:
        Webhook(replace(SOON, ca_file=str(tmp_path / "no.pem")), lambda reason, text: None)
    expected = f"webhook.ca_file: {tmp_path / 'no.pem'}: No such file or directory"
    assert str(failed.value) == expected


@pytest.mark.parametrize("url", ["", "receiver", "ftp://receiver/", "http://", "http:///hook"])
def test_what_is_no_url_is_refused_at_the_start(url: str) -> None:
    """Nothing is sent to the dead letters because of a slip in the configuration."""
    with pytest.raises(ConfigError) as failed:
        Webhook(replace(SOON, url=url), lambda reason, text: None)
    assert str(failed.value) == "webhook.url is no URL; write https://HOST/PATH"
