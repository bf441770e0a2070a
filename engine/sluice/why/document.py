"""The answer as a JSON document; keys and their order are those of the output contract."""

from __future__ import annotations

from typing import Any

from sluice.timing import Instant, format_instant
from sluice.why.explanation import (
    Candidate,
    Explanation,
    Fired,
    Measure,
    Moment,
    Obstacle,
    Rejection,
)  # fmt: skip

#: Kinds of obstacle whose two sides are durations.
_DURATIONS = frozenset(
    {"within", "gap", "absence", "leading", "unseen", "learning", "for", "window"}
)


def document(explanation: Explanation) -> dict[str, Any]:
    """Return the JSON document of `sluice why`."""
    each = explanation
    return {
        "ok": each.problem is None,
        "rule": each.rule,
        "title": each.title,
        "disabled": each.is_disabled,
        "key": None if each.asked.key is None else dict(each.asked.key),
        "at": _time(each.asked.at),
        "events": each.events,
        "first": _time(each.first),
        "last": _time(each.last),
        "types": dict(each.types),
        "other_types": dict(each.other_types),
        "entered": each.entered,
        "fired_count": each.fired_count,
        "fired": [_fired(f) for f in each.fired],
        "suppressed_count": each.suppressed_count,
        "suppressed": [_suppressed(f) for f in each.suppressed],
        "pending_count": each.pending_count,
        "pending": [_fired(f) for f in each.pending],
        "nearest": [_candidate(c) for c in each.nearest],
        "rejected_by": [_rejection(r) for r in each.rejected_by],
        "late": each.late,
        "remarks": list(each.remarks),
        "problem": None if each.problem is None else each.problem.text,
    }


def _fired(fired: Fired) -> dict[str, Any]:
    return {
        "id": fired.id, "key": dict(fired.key), "time": _time(fired.time),
        "start": _time(fired.start), "end": _time(fired.end), "select": dict(fired.select),
        "event_count": fired.event_count, "events": [_moment(m) for m in fired.moments],
        "measures": [_measure(m) for m in fired.measures],
    }  # fmt: skip


def _suppressed(fired: Fired) -> dict[str, Any]:
    until = _time(fired.suppressed_until)
    return {**_fired(fired), "suppressed_by": fired.suppressed_by, "suppressed_until": until}


def _candidate(candidate: Candidate) -> dict[str, Any]:
    return {
        "kind": candidate.kind, "key": dict(candidate.key), "start": _time(candidate.start),
        "end": _time(candidate.end), "reached": candidate.reached, "of": candidate.of,
        "summary": candidate.summary, "event_count": candidate.event_count,
        "events": [_moment(m) for m in candidate.moments],
        "measures": [_measure(m) for m in candidate.measures],
        "obstacles": [_obstacle(o) for o in candidate.obstacles],
    }  # fmt: skip


def _moment(moment: Moment) -> dict[str, Any]:
    return {
        "time": _time(moment.time), "id": moment.id, "type": moment.type, "step": moment.step,
        "alias": moment.alias, "position": moment.position, "taken": moment.is_taken,
        "values": dict(moment.values),
    }  # fmt: skip


def _measure(measure: Measure) -> dict[str, Any]:
    return {
        "condition": measure.text, "value": measure.value, "asked": measure.asked,
        "holds": measure.holds,
    }  # fmt: skip


def _obstacle(obstacle: Obstacle) -> dict[str, Any]:
    is_duration = obstacle.kind in _DURATIONS
    return {
        "kind": obstacle.kind, "text": obstacle.text, "remedy": obstacle.remedy,
        "enough": obstacle.is_enough, "time": _time(obstacle.time), "event": obstacle.event,
        "asked_ms": obstacle.asked if is_duration else None,
        "found_ms": obstacle.found if is_duration else None,
        "asked": None if is_duration or obstacle.kind == "ended" else obstacle.asked,
        "found": None if is_duration or obstacle.kind == "ended" else obstacle.found,
    }  # fmt: skip


def _rejection(rejection: Rejection) -> dict[str, Any]:
    sample = rejection.sample
    return {
        "step": rejection.step, "condition": rejection.condition, "false": rejection.false,
        "unknown": rejection.unknown, "alone": rejection.alone, "first": _time(rejection.first),
        "last": _time(rejection.last), "because": rejection.because,
        "example": {
            "time": _time(sample.time), "id": sample.id, "values": dict(sample.values),
        },
    }  # fmt: skip


def _time(instant: Instant | None) -> str | None:
    return None if instant is None else format_instant(instant)
