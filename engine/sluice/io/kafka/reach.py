"""Find out whether brokers can be reached, and say what is in the way.

Clients try again for long, and end by saying that there is no connection. Here one attempt is made
at each address, and its failure named.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Iterator, Mapping
from typing import Any

from aiokafka.conn import AIOKafkaConnection, create_conn
from aiokafka.errors import (
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

from sluice.io.kafka.broker_settings import BrokerSettings
from sluice.io.kafka.clients import client_options

#: How long one attempt may take; all addresses are tried at the same time.
REACH_MS_MAX = 4_000

#: The logger of the client. What it says is said here, once and in one sentence.
CLIENT_LOGGER = "aiokafka"


class BrokerAway(ConnectionError):
    """No broker can be used: none answers, or it refuses us. The message says which and why."""


def reach(brokers: BrokerSettings) -> dict[str, Any]:
    """Return the options of clients for brokers that answer; BrokerAway says why none does.

    ConfigError names a setting whose file cannot be used.
    """
    return asyncio.run(reached(brokers))


async def reached(brokers: BrokerSettings) -> dict[str, Any]:
    """Return what `reach` does, within an event loop."""
    options = client_options(brokers)
    with quiet_client():
        tried = await asyncio.gather(*(_try(each, brokers, options) for each in brokers.addresses))
    if all(tried):
        raise BrokerAway("; ".join(dict.fromkeys(filter(None, tried))))
    return options


@contextlib.contextmanager
def quiet_client() -> Iterator[None]:
    """Let the client log nothing for a while: whoever calls it tells what went wrong."""
    logger = logging.getLogger(CLIENT_LOGGER)
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(before)


async def _try(address: str, brokers: BrokerSettings, options: Mapping[str, Any]) -> str:
    """Return why a broker cannot be used, nothing when it can."""
    try:
        connection = await _connected(address, options)
        try:
            metadata = await connection.send(MetadataRequest([]))
        finally:
            connection.close()
        named = [f"{each[1]}:{each[2]}" for each in metadata.brokers]
        if not named and brokers.shows_token:
            # The client passes over a refusal (RFC 7628, 3.2.3); then no answer is one.
            raise SaslAuthenticationFailed("token")
        if named and address not in named:
            return await _try_named(address, named, brokers, options)
    except (KafkaError, OSError, TimeoutError) as error:
        return _told(address, brokers, error)
    return ""


async def _try_named(
    address: str, named: list[str], brokers: BrokerSettings, options: Mapping[str, Any]
) -> str:
    """See whether one of the addresses that a broker gives its clients can be used."""
    why = ""
    for each in named:
        try:
            (await _connected(each, options)).close()
            return ""
        except (KafkaError, OSError, TimeoutError) as error:
            why = why or _told(each, brokers, error)
    return f"{address} answers, but sends clients to {named[0]} (advertised.listeners): {why}"


async def _connected(address: str, options: Mapping[str, Any]) -> AIOKafkaConnection:
    host, _, port = address.rpartition(":")
    given = {name: value for name, value in options.items() if name != "bootstrap_servers"}
    attempt = create_conn(host.strip("[]"), int(port), request_timeout_ms=REACH_MS_MAX, **given)
    return await asyncio.wait_for(attempt, REACH_MS_MAX / 1000)


def _told(address: str, brokers: BrokerSettings, error: BaseException) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            why = f"the broker's certificate is not trusted: {_certificate(error)}"
        case ssl.SSLError():
            reason = (error.reason or "closed").lower().replace("_", " ")
            why = f"no TLS there, or another one ({reason}); {_protocol(brokers)}"
        case socket.gaierror():
            why = "no such host"
        case SaslAuthenticationFailed():
            who = f"user '{brokers.username}' or the password"
            why = f"the broker refuses {'the token' if brokers.shows_token else who}"
        case UnsupportedSaslMechanismError():
            why = f"the broker does not take the mechanism {brokers.mechanism}"
        case IllegalSaslStateError():
            why = f"the broker asks for no password there; {_protocol(brokers)}"
        case TimeoutError():
            why = f"no answer within {REACH_MS_MAX // 1000} s"
        case ConnectionRefusedError():
            why = "no broker there (connection refused)"
        case KafkaConnectionError() | ConnectionError():
            why = f"somebody is there and hangs up; {_protocol(brokers)}"
        case OSError():
            why = error.strerror or str(error)
        case _:
            why = str(error)
    return f"{address}: {why}"


def _certificate(error: ssl.SSLCertVerificationError) -> str:
    known = {
        10: "it has expired",
        9: "it is not valid yet",
        18: "it is signed by itself; name it as kafka.security.ca_file",
        19: "nobody known has signed it; name the authority as kafka.security.ca_file",
        20: "nobody known has signed it; name the authority as kafka.security.ca_file",
    }
    return known.get(error.verify_code, error.verify_message)


def _protocol(brokers: BrokerSettings) -> str:
    own = brokers.uses_tls and brokers.cert_file is None
    more = ", or does the broker ask for a certificate (cert_file)" if own else ""
    return f"is kafka.security.protocol {brokers.protocol} the one of this port{more}?"
