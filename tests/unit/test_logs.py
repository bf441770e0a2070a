"""The log of a worker: lines for people and for programs, calm, without secrets."""

from __future__ import annotations

import json
import logging
import logging.config
from collections.abc import Iterator
from typing import Any

import pytest

from sluice.io import Calm, log_config

SECRET = "s3cr:et/with=signs"
AT = 1_772_759_410.123
SHOWN = "2026-03-06T01:10:10.123Z"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    before = root.level, root.handlers[:]
    yield
    root.setLevel(before[0])
    root.handlers[:] = before[1]


class Log:
    """Writes messages at an instant, and gives what stands on stderr."""

    def __init__(self, capsys: pytest.CaptureFixture[str], form: Any, *secrets: str) -> None:
        self._capsys = capsys
        logging.config.dictConfig(log_config(form, "INFO", secrets))

    def __call__(self, message: str, *args: Any, at: float = AT, **more: Any) -> str:
        name, level = more.pop("name", "sluice.worker"), more.pop("level", logging.WARNING)
        fields, error = more.pop("fields", None), more.pop("error", None)
        record = logging.LogRecord(name, level, __file__, 1, message, args, error)
        record.created = at
        if fields is not None:
            record.fields = fields
        logger = logging.getLogger(name)
        if logger.isEnabledFor(level):
            logger.handle(record)
        return self._capsys.readouterr().err


def test_lines_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    """Each message is one JSON object, its fields beside the four that every message has."""
    log = Log(capsys, "json")
    line = log("rules %s are in force", "9c1e", fields={"rules": 12, "topic": "a\nb", "level": "x"})
    assert line.count("\n") == 1
    assert json.loads(line) == {
        "time": SHOWN, "level": "warning", "logger": "sluice.worker",
        "message": "rules 9c1e are in force", "rules": 12, "topic": "a\nb",
    }  # fmt: skip


def test_lines_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """Time, level, who, what; the text of an event is no second line."""
    line = Log(capsys, "text")("no event: %s", "x\n2026 error forged\x1b[2J", fields={"offset": 7})
    assert line == (
        f"{SHOWN} warning sluice.worker: no event: "
        "x\\u{A}2026 error forged\\u{1B}[2J  offset=7\n"
    )  # fmt: skip


@pytest.mark.parametrize("form", ["json", "text"])
def test_secrets_are_blotted_out(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A secret is shown in no message, field or traceback; too short a one blots out nothing."""
    log = Log(capsys, form, SECRET, SECRET + "-longer", "a")
    try:
        raise ValueError(f"cannot use {SECRET}")
    except ValueError as caught:
        error = (ValueError, caught, caught.__traceback__)
    line = log(f"with {SECRET}", fields={"url": f"https://u:{SECRET}-longer@host/"}, error=error)
    assert SECRET not in line
    assert "with ***" in line and "https://u:***@host/" in line and "cannot use ***" in line


def test_what_is_said_below_the_level_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """Debugging of libraries stays away."""
    assert Log(capsys, "text")("details", level=logging.DEBUG) == ""


def test_a_client_says_the_same_once_in_ten_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    """A broker that is away is a line every ten seconds, with how many were held back."""
    log = Log(capsys, "json")
    name = "aiokafka.conn"
    said = [
        log("Unable to connect to node %s", n, name=name, at=AT + n / 10) for n in range(250)
    ]  # fmt: skip
    shown = [json.loads(line) for line in said if line]
    assert [(each["message"][-3:], each.get("repeated")) for each in shown] == [
        ("e 0", None), ("100", 99), ("200", 99),
    ]  # fmt: skip
    assert log("Another thing", name=name, at=AT + 24.9) != ""
    assert log("Unable to connect to node %s", 1, name="aiokafka", at=AT + 24.9) != ""


def test_people_read_how_many_were_held_back(capsys: pytest.CaptureFixture[str]) -> None:
    """The count stands behind the message."""
    log = Log(capsys, "text")
    for tenth in range(3):
        log("away", name="kafka", at=AT + tenth / 10)
    assert log("away", name="kafka", at=AT + 60).endswith("away (and 2 more like it)\n")


def test_what_sluice_says_is_never_held_back(capsys: pytest.CaptureFixture[str]) -> None:
    """Only clients are talkative."""
    log = Log(capsys, "text")
    assert "" not in [log("late", name="sluice.worker") for _ in range(3)]


def test_memory_of_messages_is_bounded() -> None:
    """A client that puts names into its templates does not fill the memory."""
    calm = Calm()
    for number in range(5_000):
        record = logging.LogRecord("kafka", 30, __file__, 1, f"node {number}", (), None)
        assert calm.filter(record)
    assert len(calm._seen) <= 1_000


def test_a_message_that_cannot_be_filled_in_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """A mistake in a message of a library hides nothing."""
    assert "lag %d ('x',)" in Log(capsys, "text")("lag %d", "x")
