"""Ask a worker that runs, over HTTP, what one of its rules remembers of a key."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import orjson

from sluice.errors import ConfigError, SluiceError
from sluice.io.encode import encode_record

ANSWER_SECONDS_MAX = 10.0
_REASON_CHARS_MAX = 200


class NotFound(SluiceError):
    """The worker has no such rule, or nothing of this key; the message is the worker's."""


def ask_state(worker: str, rule: str, key: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the answer of a worker at `http://HOST:PORT`: `rule`, `key` and `state`.

    ConfigError for what is no such address, NotFound, ConnectionError when nobody answers there.
    """
    query = urlencode({"key": encode_record(key).decode().rstrip("\n")})
    return _asked(_root(worker), f"/state/{quote(rule, safe='')}?{query}")


def ask_version(worker: str) -> Mapping[str, Any]:
    """Return what a worker says that it is: `version`, `rules` and `rules_number`.

    ConfigError for what is no address, ConnectionError when nobody answers there.
    """
    return _asked(_root(worker), "/version")


def _asked(root: str, path: str) -> Mapping[str, Any]:
    # A worker is asked directly: a proxy would not be on its machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{root}{path}", timeout=ANSWER_SECONDS_MAX) as answer:
            return _document(answer.read(), root)
    except urllib.error.HTTPError as error:
        reason = str(_document(error.read(), root).get("error", error.reason))
        kind = NotFound if error.code == 404 else SluiceError
        raise kind(f"{root}: {reason}") from None
    except urllib.error.URLError as error:
        why = getattr(error.reason, "strerror", None) or error.reason
        raise ConnectionError(f"no worker answers at {root}: {why}") from None
    except TimeoutError:
        seconds = f"{ANSWER_SECONDS_MAX:.0f}"
        raise ConnectionError(f"{root} did not answer within {seconds} seconds") from None


def _root(worker: str) -> str:
    address = worker if "://" in worker else f"http://{worker}"
    try:
        parts = urlsplit(address)
        is_whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_whole = False
    if not is_whole:
        raise ConfigError(f"'{worker}' is no worker; write http://127.0.0.1:6066")
    return f"{parts.scheme}://{parts.netloc}"


def _document(body: bytes, root: str) -> Mapping[str, Any]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        said = body[:_REASON_CHARS_MAX].decode("utf-8", "replace").strip()
        raise ConnectionError(f"what answers at {root} is no worker of Sluice: {said!r}")
    return document
