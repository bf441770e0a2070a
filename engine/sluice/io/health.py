"""Tell orchestrators and people how a worker is, over HTTP: alive, ready, metrics, state."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson
from aiohttp import web

from sluice.errors import ConfigError
from sluice.io.encode import encode_record

Verdict = tuple[bool, str]
#: What a rule remembers of a key, as JSON can hold it; None: nothing.
FindState = Callable[[str, Mapping[str, Any]], Mapping[str, Any] | None]

#: Requests of probes and people are small and answered at once.
SHUTDOWN_SECONDS_MAX = 1.0

_Answer = Callable[[web.Request], Awaitable[web.Response]]


@dataclass(frozen=True, slots=True)
class Probes:
    """What the server asks; each is called in the event loop and must return at once.

    `is_live` and `is_ready` return the answer and why. `page` takes the header `Accept` and returns
    the metrics with their content type. `find_state` raises KeyError for a rule that is not in
    force.
    """

    is_live: Callable[[], Verdict]
    is_ready: Callable[[], Verdict]
    page: Callable[[str], tuple[bytes, str]]
    versions: Callable[[], Mapping[str, Any]]
    find_state: FindState


class Progress:
    """Judges whether a worker gets on: records that wait must be acknowledged sooner or later.

    Instants are seconds of a clock that never goes back.
    """

    def __init__(self, stuck_seconds_max: float, now: float) -> None:
        self._stuck_seconds_max = stuck_seconds_max
        self._since = now
        self._lag = 0

    def acknowledge(self, now: float) -> None:
        """Note that a batch was acknowledged, or that partitions came or went."""
        self._since = now

    def see_lag(self, records: int, now: float) -> None:
        """Note how many records wait, over all partitions; waiting begins with the first."""
        if not self._lag:
            self._since = max(self._since, now)
        self._lag = records

    def verdict(self, now: float) -> Verdict:
        """Say whether the worker gets on, and why."""
        waited = now - self._since
        if self._lag and waited > self._stuck_seconds_max:
            return False, f"{self._lag} records wait, and none was acknowledged for {waited:.0f} s"
        return True, f"{self._lag} records wait" if self._lag else "nothing waits"


class HealthServer:
    """An HTTP server for probes; use `start_health` to get one that listens."""

    def __init__(self, runner: web.AppRunner, address: str) -> None:
        self._runner = runner
        #: `HOST:PORT` with the port that was taken.
        self.address = address

    async def close(self) -> None:
        """Stop listening and let the address go."""
        await self._runner.cleanup()


async def start_health(address: str, probes: Probes) -> HealthServer:
    """Listen on `HOST:PORT` (port 0: any free one) and answer /livez /readyz /metrics /version.

    `/state/RULE?key=JSON` shows what rules remember, to callers on the same machine only.
    ConfigError when the address is none or is taken.
    """
    host, port = _parts(address)
    app = web.Application()
    app.add_routes([
        web.get("/livez", _verdict_of(probes.is_live)),
        web.get("/readyz", _verdict_of(probes.is_ready)),
        web.get("/metrics", _metrics_of(probes.page)),
        web.get("/version", _versions_of(probes.versions)),
        web.get("/state/{rule}", _state_of(probes.find_state)),
    ])  # fmt: skip
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS_MAX)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        await runner.cleanup()
        raise ConfigError(f"worker.http: cannot listen on {address}: {error.strerror}") from error
    taken = runner.addresses[0][1]
    return HealthServer(runner, f"[{host}]:{taken}" if ":" in host else f"{host}:{taken}")


def _parts(address: str) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{address}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or port is None or parts.path:
        raise ConfigError(f"worker.http: '{address}' is not HOST:PORT, such as 127.0.0.1:6066")
    return host, port


def _verdict_of(ask: Callable[[], Verdict]) -> _Answer:
    async def answer(request: web.Request) -> web.Response:
        is_good, why = ask()
        return web.Response(status=200 if is_good else 503, text=f"{why}\n")

    return answer


def _metrics_of(page: Callable[[str], tuple[bytes, str]]) -> _Answer:
    async def answer(request: web.Request) -> web.Response:
        body, content_type = page(request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})

    return answer


def _versions_of(versions: Callable[[], Mapping[str, Any]]) -> _Answer:
    async def answer(request: web.Request) -> web.Response:
        return _json(200, versions())

    return answer


def _state_of(find: FindState) -> _Answer:
    async def answer(request: web.Request) -> web.Response:
        # State holds values of events: nobody else may read them, nor a page in a browser here.
        if not (_is_local(request.remote) and _is_local(urlsplit(f"//{request.host}").hostname)):
            return _json(403, {"error": "state is shown only on the worker's own machine"})
        rule = request.match_info["rule"]
        try:
            key = orjson.loads(request.query.get("key", "{}"))
        except orjson.JSONDecodeError:
            key = None
        if not isinstance(key, dict):
            return _json(400, {"error": 'key must be a JSON object, such as {"user":"bob"}'})
        try:
            state = find(rule, key)
        except KeyError:
            return _json(404, {"error": f"no rule {rule} is in force here"})
        if state is None:
            return _json(404, {"error": f"{rule} remembers nothing of this key here"})
        return _json(200, {"rule": rule, "key": key, "state": state})

    return answer


def _is_local(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def _json(status: int, document: Mapping[str, Any]) -> web.Response:
    body = encode_record(document)
    return web.Response(status=status, body=body, content_type="application/json")
