"""Write matches as Alertmanager tells receivers of alerts: version 4 of its webhook payload.

https://prometheus.io/docs/alerting/latest/configuration/#webhook_config: what takes alerts of
Alertmanager takes these.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Literal

import orjson

from sluice.io.encode import encode_record, whole_text
from sluice.timing import format_instant, parse_instant

SEVERITIES = ("info", "low", "medium", "high", "critical")

#: How Alertmanager writes that an alert has not ended.
NOT_ENDED = "0001-01-01T00:00:00Z"

#: A receiver may refuse what is very long.
ALERTS_MAX = 100
TEXT_CHARS_MAX = 4_000

Status = Literal["firing", "resolved"]
Alert = dict[str, Any]
Texts = dict[str, str]

_NO_LABEL = re.compile(r"\W", re.ASCII)
_OURS = frozenset({"alertname", "rule", "severity", "kind", "note"})
_STATUS: Mapping[str, Status] = {"match": "firing", "note": "firing", "clear": "resolved"}


@dataclass(frozen=True, slots=True)
class AlertChoice:
    """Which records become alerts, and what the receiver is called."""

    kinds: frozenset[str] = frozenset({"match", "clear"})
    severity_min: str = "info"
    receiver: str = "sluice"

    def takes(self, record: Mapping[str, Any]) -> bool:
        """Say whether a record is told; a clear without a severity is that of any match."""
        severity = record.get("severity", SEVERITIES[-1])
        return record["kind"] in self.kinds and SEVERITIES.index(severity) >= SEVERITIES.index(
            self.severity_min
        )


@dataclass(frozen=True, slots=True)
class Notification:
    """Alerts of one rule and one key that have the same status, told at once.

    `upto` is how many of the records that were given it and those before it cover.
    """

    group: tuple[tuple[str, str], ...]
    status: Status
    alerts: tuple[Alert, ...]
    upto: int

    def body(self, receiver: str) -> bytes:
        """Return what is posted."""
        quoted = ", ".join(f"{name}={orjson.dumps(v).decode()}" for name, v in self.group)
        return encode_record({
            "version": "4",
            "groupKey": f"{{}}:{{{quoted}}}",
            "truncatedAlerts": 0,
            "status": self.status,
            "receiver": receiver,
            "groupLabels": dict(self.group),
            "commonLabels": _shared([each["labels"] for each in self.alerts]),
            "commonAnnotations": _shared([each["annotations"] for each in self.alerts]),
            "externalURL": "",
            "alerts": list(self.alerts),
        })  # fmt: skip


def notifications(
    records: Sequence[Mapping[str, Any] | None], choice: AlertChoice
) -> Iterator[Notification]:
    """Yield what is told of records, in their order; None stands for one that is left out.

    Records that follow each other and are of one rule, key and status are told together, so that
    whoever stops in between has told a first part of them.
    """
    held: Notification | None = None
    for upto, record in enumerate(records, 1):
        if record is None or not choice.takes(record):
            continue
        alert = alert_of(record)
        group = (("alertname", record["rule"]), *_key_labels(record).items())
        status = _STATUS[record["kind"]]
        if held is None or (held.group, held.status) != (group, status) or _is_full(held):
            if held is not None:
                yield held
            held = Notification(group, status, (alert,), upto)
        else:
            held = Notification(group, status, (*held.alerts, alert), upto)
    if held is not None:
        yield held


def read_alert(value: bytes | None) -> Mapping[str, Any] | None:
    """Read a record of a match, a clear or a note; None for anything else."""
    try:
        record = orjson.loads(value or b"")
    except orjson.JSONDecodeError:
        return None
    is_record = (
        isinstance(record, dict)
        and record.get("kind") in _STATUS
        and isinstance(record.get("rule"), str)
        and isinstance(record.get("key"), dict)
        and isinstance(_id_of(record), str)
        and parse_instant(str(record.get("time"))) is not None
        and record.get("severity", "info") in SEVERITIES
    )
    return record if is_record else None


def alert_of(record: Mapping[str, Any]) -> Alert:
    """Return the alert of a record that `read_alert` gave.

    Its fingerprint is the id of the match, so that a clear ends the alert of its match.
    """
    labels = {"alertname": record["rule"], "rule": record["rule"], "kind": record["kind"]}
    if record["kind"] == "clear":
        labels["kind"] = "match"
        begun = _earlier(record["time"], record.get("lasted_ms"))
        starts, ends = begun, record["time"]
    else:
        starts, ends = record["time"], NOT_ENDED
    labels |= {name: record[name] for name in ("severity", "note") if name in record}
    return {
        "status": _STATUS[record["kind"]],
        "labels": {**_key_labels(record), **labels},
        "annotations": _annotations(record),
        "startsAt": starts,
        "endsAt": ends,
        "generatorURL": "",
        "fingerprint": _id_of(record),
    }


def _id_of(record: Mapping[str, Any]) -> Any:
    return record.get("match" if record["kind"] == "clear" else "id")


def _key_labels(record: Mapping[str, Any]) -> Texts:
    """Return the parts of the key as labels; a name that means something else gets `key_`."""
    labels: Texts = {}
    for name, value in record["key"].items():
        label = _NO_LABEL.sub("_", name)
        if label in _OURS or not label or label[0].isdigit() or label in labels:
            label = f"key_{label}"
        labels[label] = _text(value)
    return labels


def _annotations(record: Mapping[str, Any]) -> Texts:
    title = record.get("title") or record["rule"]
    found = {"title": title, "summary": title, "description": _description(record)}
    if record["kind"] == "match":
        found["tags"] = ", ".join(record.get("tags") or ())
        found["events"] = _text(record.get("event_count", ""))
        found["version"] = _text(record.get("version", ""))
    return {name: _cut(text) for name, text in found.items() if text}


def _description(record: Mapping[str, Any]) -> str:
    """Return what a person reads first: the text of a note, else what the match selected."""
    if record["kind"] == "note":
        return record.get("body") or ""
    selected = record.get("select") or {}
    return ", ".join(f"{name}: {_text(value)}" for name, value in selected.items())


def _earlier(time: str, lasted_ms: Any) -> str:
    instant = parse_instant(time)
    assert instant is not None
    return format_instant(instant - lasted_ms) if isinstance(lasted_ms, int) else time


def _text(value: Any) -> str:
    return value if isinstance(value, str) else encode_record({"v": value})[5:-2].decode()


def _cut(text: str) -> str:
    whole = whole_text(text)
    return whole if len(whole) <= TEXT_CHARS_MAX else whole[: TEXT_CHARS_MAX - 1] + "…"


def _is_full(held: Notification) -> bool:
    return len(held.alerts) >= ALERTS_MAX


def _shared(each: Sequence[Texts]) -> Texts:
    """Return what all of them have, with the same text."""
    return reduce(lambda a, b: {k: v for k, v in a.items() if b.get(k) == v}, each)
