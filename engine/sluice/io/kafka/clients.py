"""What every client of Kafka is made with: addresses, TLS, and who we are. One mapper for all.

aiokafka and kafka-python take the options of `client_options`, Faust the credentials of
`faust_credentials`.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sluice.errors import ConfigError

#: What the messages call the settings.
SECTION = "kafka.security"

PASSWORD_BYTES_MAX = 64 * 1024


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """Where brokers are and how they are spoken to, as `[kafka]` says it.

    `addresses` are HOST:PORT, `protocol` and `mechanism` as Kafka spells them. `password` wins over
    `password_file`, whose first line counts.
    """

    addresses: tuple[str, ...]
    protocol: str = "PLAINTEXT"
    mechanism: str = "SCRAM-SHA-512"
    username: str | None = None
    password: str | None = None
    password_file: str | None = None
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None

    @property
    def uses_tls(self) -> bool:
        """Whether connections are encrypted."""
        return self.protocol in ("SSL", "SASL_SSL")

    @property
    def uses_sasl(self) -> bool:
        """Whether a user and a password are shown."""
        return self.protocol in ("SASL_PLAINTEXT", "SASL_SSL")

    def __repr__(self) -> str:
        return f"BrokerSettings({', '.join(self.addresses)}, {self.protocol})"


def client_options(brokers: BrokerSettings) -> dict[str, Any]:
    """Return the options that aiokafka and kafka-python share; files are read now.

    ConfigError names the setting whose file cannot be used.
    """
    options: dict[str, Any] = {
        "bootstrap_servers": list(brokers.addresses),
        "security_protocol": brokers.protocol,
    }
    if brokers.uses_tls:
        options["ssl_context"] = tls_context(brokers)
    if brokers.uses_sasl:
        options |= {
            "sasl_mechanism": brokers.mechanism,
            "sasl_plain_username": brokers.username,
            "sasl_plain_password": password_of(brokers),
        }
    return options


def faust_credentials(
    brokers: BrokerSettings, sasl: Callable[..., Any], tls: Callable[..., Any]
) -> Any:
    """Return the credentials of a Faust app, None for none.

    `sasl` and `tls` are `faust.SASLCredentials` and `faust.SSLCredentials`, which only shells know.
    ConfigError names the setting whose file cannot be used.
    """
    context = tls_context(brokers) if brokers.uses_tls else None
    if brokers.uses_sasl:
        return sasl(
            username=brokers.username, password=password_of(brokers), ssl_context=context,
            mechanism=brokers.mechanism,
        )  # fmt: skip
    return None if context is None else tls(context)


def password_of(brokers: BrokerSettings) -> str:
    """Return the password; ConfigError when the file with it cannot be used."""
    if brokers.password is not None:
        return brokers.password
    if brokers.password_file is None:
        raise ConfigError(f"{SECTION}: protocol {brokers.protocol} needs a password")
    found = _read("password_file", brokers.password_file).partition("\n")[0].rstrip("\r")
    if not found:
        raise _wrong("password_file", brokers.password_file, "the first line is empty")
    return found


def tls_context(brokers: BrokerSettings) -> ssl.SSLContext:
    """Return how TLS is spoken: host names are checked, only trusted certificates are taken."""
    context = ssl.create_default_context()
    if brokers.ca_file is not None:
        text = _read("ca_file", brokers.ca_file)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # trusts nobody but the file
        try:
            context.load_verify_locations(cadata=text)
        except (ssl.SSLError, ValueError):
            raise _wrong("ca_file", brokers.ca_file, "it holds no certificate (PEM)") from None
    if brokers.cert_file is not None:
        _load_own(context, brokers.cert_file, brokers.key_file)
    return context


def _load_own(context: ssl.SSLContext, cert_file: str, key_file: str | None) -> None:
    _read("cert_file", cert_file)
    if key_file is not None:
        _read("key_file", key_file)
    name, path = ("key_file", key_file) if key_file else ("cert_file", cert_file)

    def ask() -> str:  # else OpenSSL asks at the terminal, where nobody may be
        raise _wrong(name, path, "the key is encrypted; write it without a password")

    try:
        context.load_cert_chain(cert_file, key_file, ask)
    except ssl.SSLError as error:
        reason = (
            "key and certificate do not belong together"
            if error.reason == "KEY_VALUES_MISMATCH"
            else "certificate and key (PEM) cannot be read"
        )
        raise _wrong(name, path, reason) from None


def _read(name: str, path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            return file.read(PASSWORD_BYTES_MAX if name == "password_file" else -1).decode()
    except OSError as error:
        raise _wrong(name, path, f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise _wrong(name, path, "this is no text (PEM)") from None


def _wrong(name: str, path: str, reason: str) -> ConfigError:
    return ConfigError(f"{SECTION}.{name}: {path}: {reason}")
