"""Run the stories of alerts: records of matches in, what a webhook is told out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sluice.io import AlertChoice, notifications, read_alert
from sluice.testing.datadriven import Args, run_file

FOLDER = Path(__file__).parent / "testdata" / "alerts"
STORIES = sorted(FOLDER.glob("*.txt"))


def choice(named: Mapping[str, str]) -> AlertChoice:
    """What `kinds=` and `severity_min=` choose."""
    kinds = named.get("kinds", "match,clear").split(",")
    return AlertChoice(frozenset(kinds), named.get("severity_min", "info"))


def alerts_command(args: Args, text: str) -> str:
    """Write the whole payload of each notification."""
    records = [read_alert(line.encode()) for line in text.splitlines()]
    told = notifications(records, choice(args.named))
    bodies = [json.loads(each.body("sluice")) for each in told]
    return "\n".join(json.dumps(body, indent=1) for body in bodies)


def told_command(args: Args, text: str) -> str:
    """Write a line for each notification: how far it covers the records, its group, its alerts."""
    records = [read_alert(_record(line)) for line in text.splitlines()]
    lines = []
    for each in notifications(records, choice(args.named)):
        group = " ".join(f"{name}={value}" for name, value in each.group)
        ids = " ".join(alert["fingerprint"] for alert in each.alerts)
        lines.append(f"{each.upto}: {each.status} {group}: {ids}")
    return "\n".join(lines)


def _record(line: str) -> bytes:
    """The record of `KIND RULE ID NAME=VALUE…`; the first `severity=` is that of the match."""
    if line == "-":
        return b"not a record"
    kind, rule, number, *pairs = line.split()
    key: dict[str, Any] = dict(pair.split("=") for pair in pairs)
    record = {"kind": kind, "rule": rule, "time": "1970-01-01T00:00:30.000Z", "key": key}
    if key.get("severity") in ("info", "low", "medium", "high", "critical"):
        record["severity"] = key.pop("severity")
    elif kind != "clear":
        record["severity"] = "medium"
    return json.dumps({**record, "match" if kind == "clear" else "id": number}).encode()


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_alerts(path: Path, rewrite: bool) -> None:
    """What a webhook is told is what the stories say."""
    run_file(path, {"alerts": alerts_command, "told": told_command}, rewrite)


@pytest.mark.parametrize(
    "value",
    [
        None, b"", b"[]", b"{}", b"\xff", b'{"kind":"event"}',
        b'{"kind":"match","rule":"a","key":{},"id":1,"time":"1970-01-01T00:00:30.000Z"}',
        b'{"kind":"match","rule":"a","key":{},"id":"1","time":"yesterday"}',
        b'{"kind":"match","rule":"a","key":[],"id":"1","time":"1970-01-01T00:00:30.000Z"}',
        b'{"kind":"match","rule":null,"key":{},"id":"1","time":"1970-01-01T00:00:30.000Z"}',
        b'{"kind":"clear","rule":"a","key":{},"id":"1","time":"1970-01-01T00:00:30.000Z"}',
        b'{"kind":"match","rule":"a","key":{},"id":"1","severity":"bad",'
        b'"time":"1970-01-01T00:00:30.000Z"}',
    ],
)  # fmt: skip
def test_what_is_no_alert(value: bytes | None) -> None:
    """What anybody may have written into the topic is no alert, and no error either."""
    assert read_alert(value) is None
