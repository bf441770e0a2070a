"""The samples are what their scripts write, and every shipped rule finds something in them."""

from __future__ import annotations

import ipaddress
import json
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent.parent
EXAMPLES = REPOSITORY / "examples"
DOCUMENTATION_NETWORKS = tuple(
    map(ipaddress.ip_network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"))
)

#: The commands of the README and of the guides, by pack.
RUNS = {
    "auth": ("--codec", "syslog:year=2026,zone=UTC", "examples/auth.log"),
    "iot": ("examples/readings.jsonl",),
}

#: What stands in the samples: matches by rule, with the key of each.
FOUND = {
    "auth": {
        "auth.distributed_guessing": ["deploy"],
        "auth.failed_logins": ["203.0.113.40", "203.0.113.9"],
        "auth.first_seen_network": ["bob"],
        "auth.guessing": ["198.51.100.23", "203.0.113.40", "203.0.113.77", "203.0.113.9"],
        "auth.guessing_then_success": ["203.0.113.77"],
        "auth.invalid_tokens": ["203.0.113.50"],
        "auth.spraying": ["198.51.100.23", "198.51.100.66"],
        "auth.user_enumeration": ["198.51.100.23"],
    },
    "iot": {
        "iot.drift": ["pump"],
        "iot.overheating": ["boiler"],
        "iot.overheating_sustained": ["boiler"],
        "iot.sensor_silence": ["roof"],
    },
}

needs_commands = pytest.mark.skipif(
    not (REPOSITORY / "engine" / "sluice" / "cli" / "run.py").exists(), reason="no `sluice run` yet"
)


@pytest.mark.parametrize("name", ["make_auth_log.py:auth.log", "make_readings.py:readings.jsonl"])
def test_a_sample_is_what_its_script_writes(name: str) -> None:
    """Who changes a script runs it: the file beside it is up to date, byte for byte."""
    script, _, sample = name.partition(":")
    written = runpy.run_path(str(EXAMPLES / script))["text"]()
    assert (EXAMPLES / sample).read_bytes() == written.encode(), f"run: python examples/{script}"


def test_the_sample_log_names_only_addresses_for_documentation() -> None:
    """No line of a sample can be mistaken for somebody's address (RFC 5737)."""
    text = (EXAMPLES / "auth.log").read_text(encoding="utf-8")
    addresses = set(map(ipaddress.ip_address, re.findall(r"\b\d+\.\d+\.\d+\.\d+\b", text)))
    assert addresses
    foreign = [a for a in addresses if not any(a in net for net in DOCUMENTATION_NETWORKS)]
    assert foreign == []


def sluice(*arguments: str) -> str:
    """Run a command in the repository and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "sluice", *arguments],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@needs_commands
@pytest.mark.parametrize("command", [("check", "--strict"), ("test",), ("fmt", "--check")])
def test_the_shipped_rules_are_in_order(command: tuple[str, ...]) -> None:
    """They have no finding, their tests pass, and they are written in the one style."""
    sluice(*command, "rules")


@needs_commands
@pytest.mark.parametrize("pack", RUNS)
def test_every_rule_finds_what_is_in_the_sample(pack: str) -> None:
    """The samples hold something for each rule, and the rules find that and nothing else."""
    shown = ("--output", "json", "--show", "match")
    found: dict[str, list[str]] = {}
    for line in sluice("run", "-r", f"rules/{pack}", *RUNS[pack], *shown).splitlines():
        match = json.loads(line)
        found.setdefault(match["rule"], []).extend(match["key"].values())
    assert {rule: sorted(keys) for rule, keys in found.items()} == FOUND[pack]
