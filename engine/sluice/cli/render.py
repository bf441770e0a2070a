"""Records and summaries as text for people: pure functions from plain values to strings."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sluice.timing import DAY_MS, format_duration, format_instant

if TYPE_CHECKING:
    # A query makes texts safe too, and need not wait for the language of rules.
    from sluice.shells import Eviction, RunSummary

Record = Mapping[str, Any]

_PLAIN = re.compile(r"[\w.:/@+\-]+\Z")
#: What a terminal could take for a command, and what turns the direction of writing around.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
_TEXT_LENGTH_MAX = 2_000
#: Of how many sources the summary says which fields were taken.
_SETTLED_SHOWN = 5
#: What is later than a year was more likely written in another unit of time.
_FAR_MS = 365 * DAY_MS
#: What to do where nothing became an event, by the reason that most inputs were rejected for.
_REMEDIES = {
    "type": "say what they are with --type NAME or --type-field FIELD",
    "time": "say where their time stands with --time-field FIELD, what it counts with --time-unit",
}


def render(record: Record) -> str:
    """Return a record as one short paragraph, with its line end."""
    draw = _DRAWN.get(record["kind"], _other)
    return safe("\n".join(line.rstrip() for line in draw(record) if line.strip())) + "\n"


def safe(text: str) -> str:
    """Return the text with what could steer a terminal written as `\\u{1B}`; lines stay."""
    return _UNSAFE.sub(lambda m: m[0] if m[0] == "\n" else f"\\u{{{ord(m[0]):X}}}", text)


def shown(value: Any) -> str:
    """Return a value as short as it can be read: plain words bare, the rest as JSON."""
    if value is None:
        return "-"
    if isinstance(value, str) and _PLAIN.match(value):
        return value
    text = json.dumps(value, ensure_ascii=False)
    if len(text) > _TEXT_LENGTH_MAX:
        return text[:_TEXT_LENGTH_MAX] + "…"
    return text


def pairs(values: Record, between: str = "  ") -> str:
    """Return `name=value` of each member."""
    return between.join(f"{name}={shown(value)}" for name, value in values.items())


def _line(record: Record, *words: str | None) -> str:
    return "  ".join([record["time"], *(word for word in words if word)])


def _match(record: Record) -> list[str]:
    is_pending = record["kind"] == "pending"
    severity = f"pending {record['severity']}" if is_pending else record["severity"]
    head = _line(record, severity, record["rule"], pairs(record["key"]), _one(record["title"]))
    below = [pairs(record["select"])]
    if record["suppressed"]:
        below.append(f"{record['suppressed']} suppressed before")
    return [head, "    " + "  ".join(text for text in below if text)]


def _note(record: Record) -> list[str]:
    head = _line(record, record["severity"], record["rule"], pairs(record["key"]))
    body = [f"    {line}" for line in (record["body"] or "").splitlines()]
    return [f"{head}  note {record['note']}: {_one(record['title'])}", *body]


def _mitigation(record: Record) -> list[str]:
    head = _line(record, record["severity"], record["rule"], pairs(record["key"]))
    what = f"{record['action']}({pairs(record['args'], ', ')})"
    until = f" until {record['expires']}" if record["expires"] else ""
    return [f"{head}  mitigate {what}{until}, {record['mode']}: {record['state']}"]


def _clear(record: Record) -> list[str]:
    lasted = f"after {format_duration(record['lasted_ms'])}"
    return [_line(record, "clear", record["rule"], pairs(record["key"]), lasted)]


def _event(record: Record) -> list[str]:
    event = record["event"]
    fields = {name: value for name, value in event.items() if not name.startswith("@")}
    head = [event.get("@time", "-"), record["kind"], event.get("@type", "-"), pairs(fields)]
    if record["kind"] == "late":
        head.append(f"(the watermark was {record['watermark']})")
    return ["  ".join(text for text in head if text)]


def _rejected(record: Record) -> list[str]:
    place = f"{record['source']}:{record['offset']}"
    return [f"{place}  rejected ({record['reason']})  {_one(record['message'])}"]


def _other(record: Record) -> list[str]:
    return [pairs(record)]


def _one(text: str | None) -> str | None:
    return None if text is None else " ".join(text.split())


_DRAWN: Mapping[str, Callable[[Record], list[str]]] = {
    "match": _match, "pending": _match, "note": _note, "mitigation": _mitigation,
    "clear": _clear, "event": _event, "late": _event, "rejected": _rejected,
}  # fmt: skip


# ---------------------------------------------------------------- the summary of a run


def summary_text(summary: RunSummary) -> str:
    """Return the summary that people see at the end of a run."""
    lines = [_events_line(summary), _matches_line(summary)]
    if summary.late:
        lines.append(_late_line(summary))
    if summary.rejected:
        reasons = _counts(summary.rejected)
        lines.append(f"{_count(sum(summary.rejected.values()), 'input')} rejected: {reasons}")
        if not summary.events:
            most = max(summary.rejected, key=lambda reason: summary.rejected[reason])
            remedy = _REMEDIES.get(most, "is --codec the right one?")
            lines.append(f"no input became an event: {remedy}")
    lines += [_eviction_line(eviction) for eviction in summary.evictions]
    for rule, held in summary.incomplete.items():
        count = _count(sum(held.values()), "mitigation")
        lines.append(f"rule {rule} left out {count} for want of an argument: {_counts(held)}")
    for kind, number in summary.unextracted.items():
        lines.append(f"{_count(number, 'event')} of {kind} fitted no line of an extract")
    for rule, held in summary.mismatches.items():
        count = _count(sum(held.values()), "value")
        lines.append(f"rule {rule} met {count} of another type than it asks for: {_counts(held)}")
    if summary.zone_assumed_for is not None:
        option = f"--codec {summary.zone_assumed_for}:zone=Europe/Vienna"
        lines.append(f"times without a zone: UTC was assumed ({option} names another)")
    for each in summary.settled[:_SETTLED_SHOWN]:
        if each.type_field or each.time_field:
            took = (("type", each.type_field), ("time", each.time_field))
            fields = ", ".join(f"{what} from '{name}'" for what, name in took if name)
            lines.append(f"{each.source}: {fields}")
    return safe("\n".join(lines)) + "\n"


def _events_line(summary: RunSummary) -> str:
    stopped = "stopped after" if summary.was_stopped else "read"
    speed = ""
    if summary.seconds >= 0.1:
        fresh = summary.events - summary.resumed_events
        speed = f" ({fresh / summary.seconds:,.0f} a second)"
    span = ""
    if summary.first is not None and summary.last is not None:
        span = f", {format_instant(summary.first)} to {format_instant(summary.last)}"
    return f"{stopped} {_count(summary.events, 'event')} in {summary.seconds:.2f} s{speed}{span}"


def _matches_line(summary: RunSummary) -> str:
    found = {rule: number for rule, number in summary.matches.items() if number}
    text = _count(sum(found.values()), "match", "matches")
    if found:
        ordered = sorted(found.items(), key=lambda item: (-item[1], item[0]))
        text += f" ({_counts(dict(ordered))})"
    if summary.suppressed:
        text += f", {summary.suppressed:,} suppressed"
    if summary.pending:
        text += f", {summary.pending:,} pending (--close reports them)"
    return text


def _late_line(summary: RunSummary) -> str:
    inputs = summary.late_inputs
    of = f" of {next(iter(inputs))}" if len(inputs) == 1 else ""
    by = f" ({_counts(inputs)})" if len(inputs) > 1 else ""
    text = f"{_count(summary.late, 'event')}{of} came too late for rules with state{by}"
    if summary.lateness_needed_ms is None:
        return text
    needed = f"--lateness {format_duration(summary.lateness_needed_ms)}"
    if not summary.late_behind:
        text = f"{text}: {needed} or --sort would have taken them"
        is_far = summary.lateness_needed_ms > _FAR_MS
        return (
            f"{text}; that is more than a year: is --time-unit the right one?" if is_far else text
        )
    who = "it came when its" if summary.late == 1 else "they came when their"
    if summary.late_behind < summary.late:
        who = f"{summary.late_behind:,} of them came when their"
    return (
        f"{text}: {who} input had ended or was silent while others went on; "
        f"{needed} from the first run on would have taken them"
    )


def _eviction_line(eviction: Eviction) -> str:
    dropped = _count(eviction.count, eviction.what.removesuffix("s"))
    cap = f"{eviction.cap} = {eviction.cap_value:,}"
    return f"rule {eviction.rule} dropped {dropped} (cap {cap} in [limits])"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {number:,}" for name, number in counts.items())


def _count(number: int, noun: str, plural: str | None = None) -> str:
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
