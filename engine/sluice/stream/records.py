"""Records: what was decided, as the JSON objects of the output contract."""

from __future__ import annotations

from typing import Any

from sluice.model import Event, Rejected
from sluice.stream.notices import Extracted, Notice
from sluice.stream.report import Record
from sluice.timing import format_instant


def event_object(event: Event) -> dict[str, Any]:
    """Return a whole event as a JSON object that can be read again."""
    own = {
        "@type": event.type, "@time": format_instant(event.time), "@id": event.id,
        "@source": event.source or None, "@subject": event.subject, "@zone": event.zone,
        "@key": event.key,
    }  # fmt: skip
    return {name: value for name, value in own.items() if value is not None} | event.fields


def to_record(decided: Record | Rejected | Notice) -> dict[str, Any]:
    """Return the JSON record of what a pipeline decided."""
    if isinstance(decided, Extracted):
        return {"kind": "extracted", "event": event_object(decided.event)}
    if isinstance(decided, Event):
        return {"kind": "event", "event": event_object(decided)}
    if isinstance(decided, Rejected):
        return {
            "kind": "rejected", "source": decided.source, "partition": decided.partition,
            "offset": decided.offset, "reason": decided.reason, "message": decided.message,
            "data": decided.data,
        }  # fmt: skip
    return decided.record()
