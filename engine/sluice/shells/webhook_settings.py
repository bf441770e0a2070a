"""What the webhook is asked to do: plain data, made of the settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from sluice.errors import ConfigError
from sluice.io import AlertChoice, Receiver, client_options
from sluice.shells.brokers import brokers_of

if TYPE_CHECKING:
    from sluice.config import Settings

#: A shorter path is a word, such as `alerts`, and holds no token.
TOKEN_CHARS_MIN = 12

#: RFC 9110, 5.6.2: of these the name of a header is made, besides letters and digits.
_NAME_MARKS = frozenset("!#$%&'*+-.^_`|~")


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """Which topics are told to whom.

    `connection` is what clients of Kafka are made with, `group` the consumer group, `prefix` begins
    the names of Sluice's own topics. `begin` says where a group begins that is new: with the
    records that come from now on (`end`), or with all that there are (`start`).
    """

    connection: Mapping[str, Any]
    group: str
    receiver: Receiver
    choice: AlertChoice = field(default_factory=AlertChoice)
    prefix: str = "sluice"
    begin: Literal["start", "end"] = "end"
    session_timeout_ms: int = 10_000

    @property
    def topics(self) -> list[str]:
        """Names of the topics that are read."""
        names = ["matches", "notes"] if "note" in self.choice.kinds else ["matches"]
        return [f"{self.prefix}.{name}" for name in names]

    def secrets(self) -> list[str]:
        """Return what the log must not show: the URL, its parts, the values of the headers."""
        parts = urlsplit(self.receiver.url)
        path = parts.path.strip("/")
        held = [self.receiver.url, path if len(path) >= TOKEN_CHARS_MIN else "", parts.query,
                parts.password or ""]  # fmt: skip
        return [each for each in [*held, *self.receiver.headers.values()] if each]


def webhook_request(settings: Settings) -> WebhookRequest:
    """Return the request that settings make; ConfigError when a file or the URL is missing."""
    own, kafka = settings.webhook, settings.kafka
    receiver = Receiver(
        _url(settings), _headers(own.headers_file), own.ca_file, own.timeout / 1000,
        own.pause_max / 1000, own.give_up / 1000,
    )  # fmt: skip
    choice = AlertChoice(frozenset(own.kinds), own.severity_min, own.receiver)
    return WebhookRequest(
        client_options(brokers_of(kafka)), f"{kafka.group}.webhook", receiver, choice,
        kafka.prefix, own.begin,
    )  # fmt: skip


def secrets_of(settings: Settings) -> list[str]:
    """Return what the log of a worker must not show; ConfigError as for the parts."""
    password = client_options(brokers_of(settings.kafka)).get("sasl_plain_password")
    told = webhook_request(settings).secrets() if "webhook" in settings.worker.stages else []
    return [*told, password] if password else told


def _url(settings: Settings) -> str:
    own = settings.webhook
    if own.url is not None:
        return own.url.get_secret_value()
    if own.url_file is None:
        raise ConfigError("the stage webhook needs a receiver; set webhook.url")
    url = _read("url_file", own.url_file).partition("\n")[0].strip()
    if not url:
        raise ConfigError(f"webhook.url_file: {own.url_file}: the first line is empty")
    return url


def _headers(path: str | None) -> dict[str, str]:
    """Read lines `NAME: VALUE`; blank ones and those that begin with # are passed by."""
    if path is None:
        return {}
    found: dict[str, str] = {}
    for number, line in enumerate(_read("headers_file", path).splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, colon, value = line.partition(":")
        is_name = all(c.isascii() and (c.isalnum() or c in _NAME_MARKS) for c in name)
        if not (colon and name and is_name and value.strip().isprintable()):
            # The line is not repeated: it may hold a secret.
            raise ConfigError(f"webhook.headers_file: {path}:{number}: it is not NAME: VALUE")
        found[name] = value.strip()
    return found


def _read(name: str, path: str) -> str:
    try:
        return Path(path).read_text("utf-8")
    except OSError as error:
        raise ConfigError(f"webhook.{name}: {path}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise ConfigError(f"webhook.{name}: {path}: it is no text") from None
