"""What every client of Kafka is made with: addresses, TLS, and who we are. One mapper for all.

aiokafka and kafka-python take the options of `client_options`, Faust the credentials of
`faust_credentials`.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiokafka.abc import AbstractTokenProvider
from aiokafka.errors import SaslAuthenticationFailed

from sluice.errors import ConfigError
from sluice.io.kafka.broker_settings import BrokerSettings

#: What the messages call the settings.
SECTION = "kafka.security"

PASSWORD_BYTES_MAX = 64 * 1024
_SHORT = ("password_file", "token_file")


class FileToken(AbstractTokenProvider):  # type: ignore[misc]  # aiokafka has no types
    """Shows the token that stands in a file now: whoever writes it there renews it."""

    def __init__(self, path: str) -> None:
        self.path = path

    async def token(self) -> str:
        """Return the token; what a client can live with when it is not there for a moment."""
        try:
            return token_in(self.path)
        except ConfigError as error:
            raise SaslAuthenticationFailed(str(error)) from error


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
        options["sasl_mechanism"] = brokers.mechanism
    if brokers.shows_token:
        options["sasl_oauth_token_provider"] = FileToken(token_file_of(brokers))
    elif brokers.uses_sasl:
        options["sasl_plain_username"] = brokers.username
        options["sasl_plain_password"] = password_of(brokers)
    return options


def faust_credentials(
    brokers: BrokerSettings, sasl: Callable[..., Any], tls: Callable[..., Any],
    oauth: Callable[..., Any],
) -> Any:  # fmt: skip
    """Return the credentials of a Faust app, None for none.

    `sasl`, `tls` and `oauth` are `faust.SASLCredentials`, `faust.SSLCredentials` and
    `faust.auth.OAuthCredentials`, which only shells know.
    ConfigError names the setting whose file cannot be used.
    """
    context = tls_context(brokers) if brokers.uses_tls else None
    if brokers.shows_token:
        return oauth(oauth_cb=FileToken(token_file_of(brokers)), ssl_context=context)
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


def token_file_of(brokers: BrokerSettings) -> str:
    """Return where the token is; ConfigError when there is none."""
    if brokers.token_file is None:
        raise ConfigError(f"{SECTION}: mechanism {brokers.mechanism} needs a token_file")
    token_in(brokers.token_file)
    return brokers.token_file


def token_in(path: str) -> str:
    """Return the token in a file; ConfigError when it cannot be used."""
    found = _read("token_file", path).strip()
    if not found:
        raise _wrong("token_file", path, "it is empty")
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
            return file.read(PASSWORD_BYTES_MAX if name in _SHORT else -1).decode()
    except OSError as error:
        raise _wrong(name, path, f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise _wrong(name, path, "this is no text (PEM)") from None


def _wrong(name: str, path: str, reason: str) -> ConfigError:
    return ConfigError(f"{SECTION}.{name}: {path}: {reason}")
