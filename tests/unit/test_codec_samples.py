"""The samples of `examples/formats`: every record is an event, and its rule finds something."""

from __future__ import annotations

import ipaddress
import json
import re
from pathlib import Path

import pytest

from sluice.cli.app import execute
from sluice.codecs import CODEC_NAMES, decode_all, make_codec
from sluice.model import Rejected

FORMATS = Path(__file__).parents[2] / "examples" / "formats"
NETWORKS = tuple(map(ipaddress.ip_network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")))

#: How each sample is read, how many events are in it, and the rule that finds them.
SAMPLES = {
    "shop.logfmt": ("logfmt", 4, "failing_service"),
    "payments.csv": ("csv:delimiter=semicolon,zone=Europe/Vienna", 4, "split_payment"),
    "access.log": ("weblog:extra=request_time", 6, "probing"),
    "windows.jsonl": ("windows", 4, "guessed_then_stolen"),
    "cloudtrail.json": ("cloudtrail", 2, "key_for_another"),
    "firewall.cef": ("cef", 3, "gate_opened"),
    "journal.jsonl": ("journald", 4, "crash"),
    "journal.export": ("journald", 4, "crash"),
}


def test_every_codec_but_those_with_samples_elsewhere_has_one() -> None:
    """JSON and syslog have theirs in `examples`; no file stands here without a test."""
    codecs = {codec.partition(":")[0] for codec, *_ in SAMPLES.values()}
    assert codecs == set(CODEC_NAMES) - {"json", "syslog"}
    assert {path.name for path in FORMATS.iterdir()} == {*SAMPLES, "rules.sluice"}


@pytest.mark.parametrize("name", SAMPLES)
def test_every_record_of_a_sample_is_an_event(name: str) -> None:
    """None is rejected."""
    codec, count, _ = SAMPLES[name]
    outcomes = list(decode_all(make_codec(codec), (FORMATS / name).read_bytes(), name))
    assert [outcome for outcome in outcomes if isinstance(outcome, Rejected)] == []
    assert len(outcomes) == count


@pytest.mark.parametrize("name", SAMPLES)
def test_its_rule_finds_it(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Once, and no other rule fires."""
    codec, _, rule = SAMPLES[name]
    rules = str(FORMATS / "rules.sluice")
    options = ["--sort", "-o", "json", "--show", "match"]
    code = execute(["run", "-r", rules, "--codec", codec, *options, str(FORMATS / name)])
    found = [json.loads(line)["rule"] for line in capfd.readouterr().out.splitlines()]
    assert (code, found) == (0, [f"formats.{rule}"])


def test_both_forms_of_the_journal_say_the_same() -> None:
    """But for the line that only the export format can hold as it is."""
    lines, entries = (
        [
            (
                event.time,
                event.id,
                {**event.fields, "message": event.fields["message"].split("\n")[0]},
            )
            for event in decode_all(make_codec("journald"), (FORMATS / name).read_bytes(), "j")
            if not isinstance(event, Rejected)
        ]
        for name in ("journal.jsonl", "journal.export")
    )
    assert lines == entries


def test_addresses_are_those_for_documentation() -> None:
    """No line can be mistaken for somebody's (RFC 5737)."""
    text = "".join(path.read_text("utf-8", "replace") for path in FORMATS.iterdir())
    addresses = set(map(ipaddress.ip_address, re.findall(r"\b\d+\.\d+\.\d+\.\d+\b", text)))
    assert len(addresses) > 3
    assert [a for a in addresses if not any(a in network for network in NETWORKS)] == []
