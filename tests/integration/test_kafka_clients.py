"""Clients of Kafka, against a broker with every listener: TLS, passwords, and what goes wrong."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from faust.transport.drivers.aiokafka import credentials_to_aiokafka_auth

from sluice.config import load_settings
from sluice.errors import ConfigError
from sluice.io import Admin, BrokerAway, BrokerSettings, client_options, reach
from sluice.shells import brokers_of
from sluice.shells.worker import credentials_of
from tests.kafka.listeners import NOWHERE, PASSWORD, USER, Security, token
from tests.kafka.shared import Served
from tests.kafka.topics import make_topics

#: Listener, protocol, mechanism.
WAYS = [
    ("SASL", "SASL_PLAINTEXT", "PLAIN"),
    ("SASL", "SASL_PLAINTEXT", "SCRAM-SHA-256"),
    ("SASL", "SASL_PLAINTEXT", "SCRAM-SHA-512"),
    ("SASL", "SASL_PLAINTEXT", "OAUTHBEARER"),
    ("TLS", "SSL", None),
    ("MUTUAL", "SSL", None),
    ("BOTH", "SASL_SSL", "PLAIN"),
    ("BOTH", "SASL_SSL", "SCRAM-SHA-512"),
    ("BOTH", "SASL_SSL", "OAUTHBEARER"),
]


@pytest.fixture
def security(kafka: Served) -> Security:
    """The listeners of the broker that ask who comes."""
    if kafka.security is None:
        pytest.skip("the broker of SLUICE_TEST_KAFKA has one listener")
    return kafka.security


def settings(
    security: Security, listener: str, protocol: str, mechanism: str | None, **changed: str
) -> BrokerSettings:
    """The settings that are right for a listener, but for what is changed."""
    right: dict[str, str] = {}
    if mechanism == "OAUTHBEARER":
        path = security.folder / "token"
        path.write_text(f"{token()}\n", "ascii")
        right |= {"mechanism": mechanism, "token_file": str(path)}
    elif "SASL" in protocol:
        right |= {"mechanism": str(mechanism), "username": USER, "password": PASSWORD}
    if "SSL" in protocol:
        right |= {"ca_file": security.file("ca")}
    if listener == "MUTUAL":
        right |= {"cert_file": security.file("client")}
    return BrokerSettings((security.address(listener),), protocol, **{**right, **changed})


async def said_and_heard(brokers: BrokerSettings, topic: str) -> bytes | None:
    """A value that went into a topic and came back, both by aiokafka."""
    options = client_options(brokers)
    async with AIOKafkaProducer(**options) as producer:
        await producer.send_and_wait(topic, b"hello")
    async with AIOKafkaConsumer(topic, auto_offset_reset="earliest", **options) as consumer:
        record = await asyncio.wait_for(consumer.getone(), 10)
        return record.value


@pytest.mark.parametrize(("listener", "protocol", "mechanism"), WAYS)
def test_every_client_gets_in(
    kafka: Served, security: Security, prefix: str, listener: str, protocol: str,
    mechanism: str | None,
) -> None:  # fmt: skip
    """The same settings serve kafka-python, aiokafka and what Faust hands to aiokafka."""
    brokers = settings(security, listener, protocol, mechanism)
    options = reach(brokers)
    make_topics(kafka.address, {prefix: 1})
    with Admin(brokers) as admin:
        assert admin.broker_count() == 1
    assert asyncio.run(said_and_heard(brokers, prefix)) == b"hello"
    by_faust = dict(credentials_to_aiokafka_auth(credentials_of(brokers)))
    for each in (by_faust, options):
        assert (each.pop("ssl_context", None) is not None) == brokers.uses_tls
        provider = each.pop("sasl_oauth_token_provider", None)
        assert (provider is not None) == (mechanism == "OAUTHBEARER")
    assert by_faust == {k: v for k, v in options.items() if k != "bootstrap_servers"}


def test_no_security_is_no_credentials(kafka: Served) -> None:
    """A plain listener needs nothing."""
    brokers = BrokerSettings((kafka.address,))
    assert credentials_of(brokers) is None
    assert reach(brokers) == {
        "bootstrap_servers": [kafka.address], "security_protocol": "PLAINTEXT",
    }  # fmt: skip


def test_settings_lead_to_the_broker(
    security: Security, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands in `sluice.toml` is what clients are made with; the password from its file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "password").write_text(f"{PASSWORD}\n", "utf-8")
    (tmp_path / "sluice.toml").write_text(
        f"""\
[kafka]
brokers = ["{security.address("BOTH")}"]
[kafka.security]
protocol = "SASL_SSL"
username = "{USER}"
password_file = "password"
ca_file = "{security.file("ca")}"
""",
        "utf-8",
    )
    options = reach(brokers_of(load_settings().settings.kafka))
    assert options["sasl_plain_password"] == PASSWORD


def refusal(brokers: BrokerSettings) -> str:
    """Why no broker can be used: one sentence within five seconds, nothing on the log."""
    begun = time.monotonic()
    with pytest.raises(BrokerAway) as caught:
        reach(brokers)
    assert time.monotonic() - begun < 5
    text = str(caught.value)
    assert "\n" not in text and PASSWORD not in text
    return text.removeprefix(f"{brokers.addresses[0]}: ")


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_a_wrong_password_is_told(security: Security, mechanism: str) -> None:
    """The user is named, the password is not."""
    brokers = settings(security, "SASL", "SASL_PLAINTEXT", mechanism, password="guess")
    assert refusal(brokers) == "the broker refuses user 'sluice' or the password"


def test_a_token_that_is_no_good_is_told(security: Security, tmp_path: Path) -> None:
    """One that has expired, until a new one stands in the file; one that is not there."""
    brokers = settings(security, "SASL", "SASL_PLAINTEXT", "OAUTHBEARER")
    path = tmp_path / "token"
    brokers = dataclasses.replace(brokers, token_file=str(path))
    with pytest.raises(ConfigError, match=r"kafka\.security\.token_file: .*No such file"):
        reach(brokers)
    path.write_text(token(-60), "ascii")
    options = client_options(brokers)
    assert refusal(brokers) == "the broker refuses the token"
    path.write_text(token(), "ascii")
    assert reach(brokers).keys() == options.keys()
    path.write_text("\n", "ascii")
    with pytest.raises(ConfigError, match=r"token_file: .*: it is empty"):
        client_options(brokers)


@pytest.mark.parametrize(
    ("listener", "protocol", "changed", "says"),
    [
        ("EXPIRED", "SSL", {}, "the broker's certificate is not trusted: it has expired"),
        ("TLS", "SSL", {"ca_file": "stranger"},
         "the broker's certificate is not trusted: nobody known has signed it; "
         "name the authority as kafka.security.ca_file"),
        ("BOTH", "SASL_SSL", {"mechanism": "SCRAM-SHA-256"},
         "the broker does not take the mechanism SCRAM-SHA-256"),
        ("TLS", "PLAINTEXT", {}, "somebody is there and hangs up; "
         "is kafka.security.protocol PLAINTEXT the one of this port?"),
        ("SASL", "PLAINTEXT", {}, "somebody is there and hangs up; "
         "is kafka.security.protocol PLAINTEXT the one of this port?"),
        ("MUTUAL", "SSL", {"cert_file": None}, "somebody is there and hangs up; "
         "is kafka.security.protocol SSL the one of this port, "
         "or does the broker ask for a certificate (cert_file)?"),
    ],
)  # fmt: skip
def test_what_is_in_the_way_is_told(
    security: Security, listener: str, protocol: str, changed: dict[str, Any], says: str
) -> None:
    """A certificate, a mechanism or a protocol that does not fit has its own sentence."""
    right = settings(security, listener, protocol, "SCRAM-SHA-512")
    files = {
        name: file and security.file(file) for name, file in changed.items() if "_file" in name
    }
    brokers = dataclasses.replace(right, **{**changed, **files})
    assert refusal(brokers) == says


def test_a_certificate_is_for_a_name(security: Security) -> None:
    """A broker that is called by a name that its certificate does not hold is not trusted."""
    right = settings(security, "TLS", "SSL", None)
    address = right.addresses[0].replace("127.0.0.1", "localhost")
    brokers = BrokerSettings((address,), "SSL", ca_file=right.ca_file)
    assert "not valid for 'localhost'" in refusal(brokers)


@pytest.fixture
def mute() -> Iterator[str]:
    """The address of a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_nobody_there_is_told(mute: str, caplog: pytest.LogCaptureFixture) -> None:
    """A port without a broker, an unknown host and a mute server; all addresses are tried."""
    caplog.set_level(logging.DEBUG)
    assert refusal(BrokerSettings(("127.0.0.1:1",))) == "no broker there (connection refused)"
    assert refusal(BrokerSettings(("nobody.invalid:9092",))) == "no such host"
    assert refusal(BrokerSettings((mute,))) == "no answer within 4 s"
    both = refusal(BrokerSettings(("127.0.0.1:1", "127.0.0.1:2")))
    assert both.endswith("; 127.0.0.1:2: no broker there (connection refused)")
    assert [each for each in caplog.records if each.levelno >= logging.WARNING] == []


def test_a_broker_that_sends_clients_away_is_told(security: Security) -> None:
    """The commonest slip with containers: the broker answers, and names an address of its own."""
    assert refusal(BrokerSettings((security.address("AWAY"),))) == (
        f"{security.address('AWAY')} answers, but sends clients to {NOWHERE} "
        f"(advertised.listeners): {NOWHERE}: no broker there (connection refused)"
    )


def test_one_broker_of_several_is_enough(kafka: Served) -> None:
    """Others may be down."""
    assert reach(BrokerSettings(("127.0.0.1:1", kafka.address)))


def test_files_that_cannot_be_used_are_told(security: Security, tmp_path: Path) -> None:
    """Each file is named by its setting; nothing asks at the terminal."""

    def told(**files: str) -> str:
        brokers = settings(security, "TLS", "SSL", None, **files)
        with pytest.raises(ConfigError) as caught:
            client_options(brokers)
        return str(caught.value).replace(str(security.folder), "KEYS")

    empty = tmp_path / "empty"
    empty.write_text("\n", "utf-8")
    section = "kafka.security."
    assert told(ca_file="/nope").startswith(f"{section}ca_file: /nope: cannot be read: No such")
    assert told(ca_file=str(empty)) == (
        f"{section}ca_file: {empty}: it holds no certificate (PEM)"
    )  # fmt: skip
    assert told(cert_file=security.file("client"), key_file=security.file("good")) == (
        f"{section}key_file: KEYS/good.pem: key and certificate do not belong together"
    )
    assert told(cert_file=security.file("ca")) == (
        f"{section}cert_file: KEYS/ca.pem: certificate and key (PEM) cannot be read"
    )
    assert told(cert_file=security.file("client"), key_file=security.file("locked")) == (
        f"{section}key_file: KEYS/locked.pem: the key is encrypted; write it without a password"
    )
    brokers = BrokerSettings(("a:1",), "SASL_SSL", username="bob", password_file=str(empty))
    with pytest.raises(ConfigError, match=r"password_file: .*: the first line is empty"):
        client_options(brokers)


def test_settings_do_not_tell_the_password() -> None:
    """Not even to who prints them."""
    brokers = BrokerSettings(("a:1",), "SASL_SSL", username="bob", password="0451")
    assert repr(brokers) == "BrokerSettings(a:1, SASL_SSL)"
