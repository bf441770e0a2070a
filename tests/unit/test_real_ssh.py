"""The rules of `rules/auth` over a real log of an SSH server under attack, against a plain count.

The log is the sample of OpenSSH logs of LogHub (2,000 lines). It is no part of this repository:
put it beside it as `../shared/data/openssh/OpenSSH_2k.log`, or name it in `SLUICE_SSH_LOG`.
`docs/guides/ssh.md` says what is in it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

REPOSITORY = Path(__file__).parent.parent.parent
BESIDE = REPOSITORY.parent / "shared" / "data" / "openssh" / "OpenSSH_2k.log"
LOG = Path(os.environ.get("SLUICE_SSH_LOG", BESIDE))
YEAR = 2015  # the log names none; a test needs some

TRIES = 5
TIME = timedelta(minutes=10)

needs_log = pytest.mark.skipif(
    not LOG.exists(),
    reason=f"NOT TESTED on real input: {LOG} is not there; SLUICE_SSH_LOG can name another place",
)
needs_run = pytest.mark.skipif(
    not (REPOSITORY / "engine" / "sluice" / "cli" / "run.py").exists(), reason="no `sluice run` yet"
)


class Failure(NamedTuple):
    """Refused passwords of one line of the log."""

    at: datetime
    address: str
    tries: int


def read_failures() -> Iterator[Failure]:
    """Cut the lines by hand, with no regular expression: the other way to the same numbers."""
    for line in LOG.read_text(encoding="utf-8").splitlines():
        head, _, message = line.partition("]: ")
        tries = 1
        if message.startswith("message repeated "):
            tries = int(message.split()[2])
            message = message[message.index("[ ") + 2 : -1]
        if not message.startswith("Failed password for "):
            continue
        who, _, _ = message.rpartition(" port ")
        _, _, address = who.rpartition(" from ")
        at = datetime.strptime(f"{YEAR} {head[:15]}", "%Y %b %d %H:%M:%S").replace(tzinfo=UTC)
        yield Failure(at, address, tries)


def count_by_hand() -> dict[str, datetime]:
    """Return the guessing addresses with the instant at which each had enough tries."""
    by_address: dict[str, list[Failure]] = defaultdict(list)
    guessing: dict[str, datetime] = {}
    for now in read_failures():
        seen = by_address[now.address]
        seen.append(now)
        recent = sum(old.tries for old in seen if now.at - old.at <= TIME)
        if recent >= TRIES:
            guessing.setdefault(now.address, now.at)
    return guessing


def run_rules(*arguments: str) -> list[dict[str, Any]]:
    """Run the rules over the log and return the records."""
    done = subprocess.run(
        [
            sys.executable, "-m", "sluice", "run", "-r", "rules/auth",
            "--codec", f"syslog:year={YEAR},zone=UTC", str(LOG), "--output", "json", *arguments,
        ],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@needs_log
def test_the_guide_counts_right() -> None:
    """520 lines speak of a failed password, and stand for 528 tries of 23 addresses."""
    lines = [line for line in LOG.read_text().splitlines() if "Failed password" in line]
    folded = [line for line in lines if "message repeated" in line]
    failures = list(read_failures())
    assert len(lines) == len(failures) == 520
    assert len(folded) == 2
    assert sum(f.tries for f in failures) == 528
    assert len({f.address for f in failures}) == 23
    assert len(count_by_hand()) == 11


@needs_log
@needs_run
def test_the_addresses_that_guess_are_reported_and_no_others() -> None:
    """Each address that a plain count finds above the threshold is reported, and none more."""
    matches = run_rules("--show", "match")
    reported: dict[str, datetime] = {}
    for match in matches:
        if match["rule"] == "auth.guessing":
            at = datetime.fromisoformat(match["time"])
            reported.setdefault(match["key"]["source_ip"], at)
    assert reported == count_by_hand()


@needs_log
@needs_run
def test_every_address_with_a_refused_password_is_seen() -> None:
    """With a threshold of one try the rule reports all addresses, so no line is lost."""
    matches = run_rules("--show", "match", "--set", "auth.guessing_tries=1")
    seen = {m["key"]["source_ip"] for m in matches if m["rule"] == "auth.guessing"}
    assert seen == {f.address for f in read_failures()}
