"""The section [webhook]: what it asks for, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sluice.config import Settings, load_settings
from sluice.errors import ConfigError
from sluice.io import AlertChoice, Receiver
from sluice.shells import secrets_of, webhook_request

SECRET = "T0k3nInThePath"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SLUICE_CONFIG", raising=False)


def settings(text: str) -> Settings:
    """Settings of a file."""
    Path("sluice.toml").write_text(text, "utf-8")
    return load_settings().settings


def wrong(text: str) -> str:
    """What making a request complains about."""
    with pytest.raises(ConfigError) as caught:
        webhook_request(settings(text))
    return str(caught.value)


def test_everything_is_taken() -> None:
    """Each setting reaches the request; the group is that of the workers with `.webhook`."""
    Path("url").write_text(f"https://hooks.example/{SECRET}\n# mine\n", "utf-8")
    Path("headers").write_text("# for the gateway\nAuthorization: Bearer abc\n\nX-Team:  soc\n")
    request = webhook_request(settings("""
        [kafka]
        brokers = ["b1:9092", "b2:9092"]
        group = "soc"
        prefix = "rules"
        [webhook]
        url_file = "url"
        headers_file = "headers"
        ca_file = "ca.pem"
        kinds = ["match", "note"]
        severity_min = "high"
        receiver = "night"
        begin = "start"
        timeout = "3s"
        pause_max = "1m"
        give_up = "10m"
    """))  # fmt: skip
    assert request.receiver == Receiver(
        f"https://hooks.example/{SECRET}", {"Authorization": "Bearer abc", "X-Team": "soc"},
        str(Path("ca.pem")), 3.0, 60.0, 600.0,
    )  # fmt: skip
    assert request.choice == AlertChoice(frozenset({"match", "note"}), "high", "night")
    assert (request.group, request.begin) == ("soc.webhook", "start")
    assert request.topics == ["rules.matches", "rules.notes"]
    assert request.connection["bootstrap_servers"] == ["b1:9092", "b2:9092"]


def test_secrets_are_known_and_not_shown() -> None:
    """Neither the settings nor the request show the URL; the log is told what to blot out."""
    found = settings(f'[webhook]\nurl = "https://u:pass@hooks.example/{SECRET}?key=abc"\n')
    request = webhook_request(found)
    assert SECRET not in f"{found} {request} {load_settings().values()}"
    assert request.secrets() == [
        f"https://u:pass@hooks.example/{SECRET}?key=abc", SECRET, "key=abc", "pass",
    ]  # fmt: skip


def test_the_log_knows_all_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """The password of the broker is one, and those of the webhook where it runs."""
    monkeypatch.setenv("SLUICE_KAFKA__SECURITY__PASSWORD", "kafka-password")
    text = f"""
        [kafka.security]
        protocol = "SASL_PLAINTEXT"
        username = "u"
        [webhook]
        url = "https://hooks.example/{SECRET}"
        [worker]
        stages = ["STAGE"]
    """
    assert secrets_of(settings(text.replace("STAGE", "lake"))) == ["kafka-password"]
    both = secrets_of(settings(text.replace("STAGE", "webhook")))
    assert both == [f"https://hooks.example/{SECRET}", SECRET, "kafka-password"]


def test_a_word_is_no_secret() -> None:
    """The log can still say `webhook` where the path of the URL is `hook`."""
    request = webhook_request(settings('[webhook]\nurl = "https://hooks.example/hook"\n'))
    assert request.secrets() == ["https://hooks.example/hook"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "the stage webhook needs a receiver; set webhook.url"),
        ('[webhook]\nurl_file = "no"',
         "webhook.url_file: no: No such file or directory"),
        ('[webhook]\nurl_file = "empty"',
         "webhook.url_file: empty: the first line is empty"),
        ('[webhook]\nurl = "https://a/"\nheaders_file = "bad"',
         "webhook.headers_file: bad:2: it is not NAME: VALUE"),
        (f'[webhook]\nurl = "{SECRET}"',
         "sluice.toml:2: webhook.url: it is no URL; write https://HOST/PATH"),
        ('[webhook]\nurl = "https://a/"\nurl_file = "b"',
         "webhook: url and url_file are both set; one of them is enough"),
        ('[webhook]\nkinds = ["event"]', "sluice.toml:2: webhook.kinds: "),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(text: str, says: str) -> None:
    """The setting, where it stands, and what to write; no value that may be a secret."""
    Path("empty").write_text("\n")
    Path("bad").write_text("A: b\nnot a header " + SECRET)
    found = wrong(text)
    assert says in found
    assert SECRET not in found
