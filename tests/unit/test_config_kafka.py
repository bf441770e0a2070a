"""Settings about Kafka and workers: tables in a section, secrets, what does not fit together."""

from __future__ import annotations

from pathlib import Path

import pytest

from sluice.config import load_settings
from sluice.config.kafka_sections import TopicSettings
from sluice.errors import ConfigError
from tests.commands import CommandLine

FILE = """\
[kafka]
brokers = ["kafka-1:9092", "[::1]:9093"]
prefix = "edge"

[kafka.security]
protocol = "SASL_SSL"
username = "bob"
password_file = "secrets/kafka"
ca_file = "ca.pem"

[kafka.topics."auth.events"]
codec = "json"
lateness = "30s"
partitions = 4

[kafka.topics.other]

[worker]
stages = ["lake"]
http = ""
"""
VARIABLE = "SLUICE_KAFKA__SECURITY__PASSWORD"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SLUICE_CONFIG", raising=False)


def write(text: str) -> None:
    """Write a `sluice.toml` where the tests run."""
    Path("sluice.toml").write_text(text, "utf-8")


def wrong(text: str) -> list[str]:
    """What loading a file complains about."""
    write(text)
    with pytest.raises(ConfigError) as caught:
        load_settings()
    return str(caught.value).splitlines()


def test_tables_of_a_section_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each topic has a table; paths are meant from the folder of the file."""
    write(FILE)
    Path("deeper").mkdir()
    monkeypatch.chdir("deeper")
    kafka = load_settings().settings.kafka
    above = str(Path.cwd().parent)
    assert kafka.brokers == ["kafka-1:9092", "[::1]:9093"]
    assert (kafka.security.username, kafka.security.password) == ("bob", None)
    assert kafka.security.password_file == f"{above}/secrets/kafka"
    assert kafka.security.ca_file == f"{above}/ca.pem"
    assert kafka.topics == {
        "auth.events": TopicSettings(codec="json", lateness="30s", partitions=4),
        "other": TopicSettings(),
    }


def test_values_of_tables_have_places(monkeypatch: pytest.MonkeyPatch) -> None:
    """A value of a table is shown with where it came from, what is left open is not shown."""
    write(FILE)
    monkeypatch.setenv("SLUICE_KAFKA__SECURITY__USERNAME", "eve")
    shown = {key: (value, str(origin)) for key, value, origin in load_settings().values()}
    assert shown["kafka.prefix"] == ("edge", "sluice.toml:3")
    assert shown["kafka.security.protocol"] == ("SASL_SSL", "sluice.toml:6")
    assert shown["kafka.security.username"] == ("eve", "SLUICE_KAFKA__SECURITY__USERNAME")
    assert shown["kafka.security.cert_file"] == (None, "default")
    topics = {key[13:]: value for key, value in shown.items() if key.startswith("kafka.topics.")}
    assert topics == {
        '"auth.events".codec': ("json", "sluice.toml:12"),
        '"auth.events".lateness': ("30s", "sluice.toml:13"),
        '"auth.events".partitions': (4, "sluice.toml:14"),
        "other": ({}, "sluice.toml:16"),
    }


def test_what_is_shown_can_be_read_again(sluice: CommandLine) -> None:
    """`config show` writes tables as keys with dots, which mean the same settings."""
    write(FILE)
    before = load_settings().settings
    write(sluice("config", "show").out)
    assert load_settings().settings == before


def test_an_inline_table_is_a_table_too() -> None:
    """Its values are those of the line that it stands on."""
    write('[kafka]\nsecurity = { protocol = "SSL" }\ntopics.a.codec = "json"\n')
    found = load_settings()
    assert str(found.origin("kafka.security.protocol")) == "sluice.toml:2"
    assert found.settings.kafka.topics == {"a": TopicSettings(codec="json")}


def test_a_password_comes_by_a_variable_and_is_never_shown(
    sluice: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the text, nor the JSON, nor a settings object that is printed tells it."""
    monkeypatch.setenv(VARIABLE, "0451")
    monkeypatch.setenv("SLUICE_KAFKA__SECURITY__PROTOCOL", "SASL_SSL")
    monkeypatch.setenv("SLUICE_KAFKA__SECURITY__USERNAME", "bob")
    security = load_settings().settings.kafka.security
    assert security.password is not None
    assert security.password.get_secret_value() == "0451"
    shown = [sluice("config", "show").out, sluice("config", "show", "-o", "json").out]
    assert [text for text in (*shown, repr(security)) if "0451" in text] == []
    assert f'security.password = "**********"          # {VARIABLE}' in shown[0]


def test_a_password_in_the_file_is_refused() -> None:
    """A file is copied, committed and shown; the message does not repeat the password."""
    lines = wrong('[kafka.security]\nprotocol = "SASL_SSL"\nusername = "b"\npassword = "0451"\n')
    assert lines == [
        "sluice.toml:4: kafka.security.password: a secret does not stand here; "
        f"name its password_file, or set {VARIABLE}"
    ]


def test_wrong_values_of_tables_are_told_with_their_places() -> None:
    """A wrong name of a topic, setting or word in any table has its line and a guess."""
    text = """\
[kafka]
brokers = ["kafka-1"]
prefix = "a b"
[kafka.security]
protocol = "SASL_SS"
mechansim = "PLAIN"
[kafka.topics."auth.events"]
codex = 3
lateness = "5"
[kafka.topics."a/b"]
[worker]
stages = ["lak"]
http = "6066"
"""
    name = "letters, digits, '.', '_' and '-', 249 at most"
    assert wrong(text) == [
        "sluice.toml:2: kafka.brokers: 'kafka-1' is not HOST:PORT, such as 127.0.0.1:9092",
        f"sluice.toml:3: kafka.prefix: 'a b' cannot name a topic: {name}",
        "sluice.toml:5: kafka.security.protocol: 'SASL_SS': it must be one of PLAINTEXT, SSL, "
        "SASL_PLAINTEXT, SASL_SSL: did you mean 'SASL_SSL'?",
        "sluice.toml:6: there is no setting 'kafka.security.mechansim': did you mean 'mechanism'?",
        "sluice.toml:9: kafka.topics.auth.events.lateness: '5' is no duration; "
        "write 5s, 90m or 1h30m",
        "sluice.toml:8: there is no setting 'kafka.topics.auth.events.codex': "
        "did you mean 'codec'?",
        f"sluice.toml:10: kafka.topics.a/b: 'a/b' cannot name a topic: {name}",
        "sluice.toml:12: worker.stages: 'lak': it must be one of filter, match, lake, webhook: "
        "did you mean 'lake'?",
        "sluice.toml:13: worker.http: '6066' is not HOST:PORT, such as 127.0.0.1:9092",
    ]


@pytest.mark.parametrize(
    ("security", "says"),
    [
        ('ca_file = "ca.pem"', "ca_file is set, and protocol PLAINTEXT does not use it; "
         "set protocol to SSL or SASL_SSL"),
        ('protocol = "SSL"\nusername = "bob"', "username is set, and protocol SSL does not use it; "
         "set protocol to SASL_PLAINTEXT or SASL_SSL"),
        ('protocol = "SASL_SSL"\npassword_file = "p"', "protocol SASL_SSL needs a username"),
        ('protocol = "SASL_SSL"\nusername = "bob"', "protocol SASL_SSL needs a password; "
         f"name a password_file, or set {VARIABLE}"),
        ('protocol = "SSL"\nkey_file = "k"', "key_file is set and cert_file is not; "
         "both are needed"),
        ('protocol = "SASL_SSL"\nmechanism = "OAUTHBEARER"',
         "mechanism OAUTHBEARER needs a token_file"),
        ('protocol = "SASL_SSL"\nmechanism = "OAUTHBEARER"\ntoken_file = "t"\nusername = "bob"',
         "mechanism OAUTHBEARER shows a token, and no name or password"),
        ('protocol = "SASL_SSL"\nusername = "bob"\npassword_file = "p"\ntoken_file = "t"',
         "token_file is set, and mechanism SCRAM-SHA-512 does not use it"),
    ],
)  # fmt: skip
def test_what_does_not_fit_together_is_refused(security: str, says: str) -> None:
    """Nobody believes to be protected by a setting that is not used."""
    assert wrong(f"[kafka.security]\n{security}\n")[0].endswith(f": kafka.security: {says}")


def test_own_topics_are_no_inputs() -> None:
    """Reading what Sluice writes would go round in a ring."""
    lines = wrong('[kafka.topics."sluice.matches"]\n')
    assert lines == [
        "sluice.toml:1: kafka: topic 'sluice.matches' is one that Sluice writes "
        "(prefix 'sluice'); another prefix would do"
    ]


def test_a_variable_of_a_table_with_a_typo_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable is told, not the table."""
    monkeypatch.setenv("SLUICE_KAFKA__SECURITY__PASWORD", "0451")
    lines = wrong("")
    assert lines == [
        "SLUICE_KAFKA__SECURITY__PASWORD: there is no setting 'kafka.security.pasword': "
        "did you mean 'password'?"
    ]
