"""Post notifications to a receiver: tried again while it is away, given up when it says no."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from urllib.parse import urlsplit

import aiohttp
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    stop_after_delay,
    stop_never,
    wait_exponential_jitter,
)

from sluice.errors import ConfigError, SluiceError

#: The first pause, what each next one is multiplied with, and what is added by chance at most.
PAUSE_SECONDS, PAUSE_FACTOR, JITTER_SECONDS_MAX = 1.0, 2.0, 0.5

#: Answers of a receiver that may be another one later (RFC 9110, 15.5.9 and RFC 6585, 4).
_LATER = frozenset({408, 425, 429})
#: These say that the URL or the password is wrong, so of every notification: somebody mends it,
#: and none is lost meanwhile.
_ACCESS = frozenset({401, 403, 404, 405, 407})
_ANSWER_CHARS_MAX = 200


@dataclass(frozen=True, slots=True)
class Receiver:
    """Who is told, and how much patience there is.

    `give_up_seconds` 0: none is given up. The URL and the headers may hold secrets.
    """

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    ca_file: str | None = None
    timeout_seconds: float = 10.0
    pause_seconds_max: float = 30.0
    give_up_seconds: float = 0.0


class Refused(SluiceError):
    """The receiver will not take this notification, however often it is sent."""


class _Away(Exception):
    """The receiver may take it later; `reason` is one word for the metric."""

    def __init__(self, reason: str, message: str, pause_seconds: float = 0.0) -> None:
        super().__init__(message)
        self.reason, self.pause_seconds = reason, pause_seconds


class Webhook:
    """A connection to a receiver; ConfigError when it cannot be one.

    `on_failure` is told the reason and text of each failed attempt. Reasons are `connection`,
    `timeout`, `error` (5xx), `busy` (429 and the like), `access` (401, 404 and the like) and
    `refused`.
    """

    def __init__(self, receiver: Receiver, on_failure: Callable[[str, str], None]) -> None:
        self._receiver, self._on_failure = receiver, on_failure
        self._session: aiohttp.ClientSession | None = None
        self._tls = _tls(receiver.ca_file)
        parts = urlsplit(receiver.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError("webhook.url is no URL; write https://HOST/PATH")

    async def __aenter__(self) -> Webhook:
        timeout = aiohttp.ClientTimeout(total=self._receiver.timeout_seconds)
        self._session = aiohttp.ClientSession(timeout=timeout, headers=self._receiver.headers)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        assert self._session is not None
        await self._session.close()

    async def send(self, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Post a JSON document until the receiver has taken it.

        Refused when it never will; ConnectionError when it was away for `give_up_seconds`.
        """
        patience = self._receiver.give_up_seconds
        attempts = AsyncRetrying(
            retry=retry_if_exception_type(_Away),
            wait=self._pause,
            stop=stop_after_delay(patience) if patience else stop_never,
            reraise=True,
        )
        try:
            await attempts(self._post, body, headers or {})
        except _Away as error:
            message = f"the webhook was away for {patience:.0f} s: {error}"
            raise ConnectionError(message) from None

    def _pause(self, state: RetryCallState) -> float:
        """Return the seconds until the next attempt: what the receiver asked for, else longer
        each time."""
        assert state.outcome is not None
        error = state.outcome.exception()
        asked = error.pause_seconds if isinstance(error, _Away) else 0.0
        longest = self._receiver.pause_seconds_max
        usual = wait_exponential_jitter(
            PAUSE_SECONDS, longest, PAUSE_FACTOR, JITTER_SECONDS_MAX
        )(state)  # fmt: skip
        return min(longest, max(asked, usual))

    async def _post(self, body: bytes, headers: Mapping[str, str]) -> None:
        try:
            await self._attempt(body, {"Content-Type": "application/json", **headers})
        except _Away as error:
            self._on_failure(error.reason, str(error))
            raise
        except Refused as error:
            self._on_failure("refused", str(error))
            raise

    async def _attempt(self, body: bytes, headers: Mapping[str, str]) -> None:
        assert self._session is not None
        try:
            async with self._session.post(
                self._receiver.url, data=body, headers=headers, ssl=self._tls, allow_redirects=False
            ) as answer:
                if answer.status < 300:
                    return
                said = (await answer.content.read(_ANSWER_CHARS_MAX)).decode("utf-8", "replace")
                _judge(answer.status, f"it answered {answer.status}: {said.strip()}", answer)
        except TimeoutError:
            seconds = self._receiver.timeout_seconds
            raise _Away("timeout", f"no answer within {seconds:g} s") from None
        except aiohttp.ClientError as error:
            # What aiohttp says may hold the URL, and that a secret.
            why = getattr(error, "strerror", None) or type(error).__name__
            raise _Away("connection", f"cannot reach it: {why}") from None


def _judge(status: int, message: str, answer: aiohttp.ClientResponse) -> None:
    if status >= 500:
        raise _Away("error", message, _asked(answer))
    if status in _LATER:
        raise _Away("busy", message, _asked(answer))
    if status in _ACCESS:
        raise _Away("access", message)
    raise Refused(message)


def _asked(answer: aiohttp.ClientResponse) -> float:
    """Return how many seconds the receiver asks to wait; 0 when it says none, or a date."""
    seconds = answer.headers.get("Retry-After", "")
    return float(seconds) if seconds.isdecimal() else 0.0


def _tls(ca_file: str | None) -> ssl.SSLContext | bool:
    if ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"webhook.ca_file: {ca_file}: {error.strerror or error}") from error
