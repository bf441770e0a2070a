"""Read CloudEvents 1.0 in their structured JSON form (JSON event format, section 3)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from sluice.codecs.codec import Place
from sluice.codecs.instants import InstantReader, time_trouble
from sluice.codecs.jsontext import Defect, read_json
from sluice.model import Event, RejectReason

#: Attributes of the specification itself; all others are extensions and become fields.
ATTRIBUTES = frozenset(
    {"specversion", "id", "source", "type", "time", "subject", "datacontenttype", "dataschema",
     "data", "data_base64"}
)  # fmt: skip


def is_cloudevent(record: Mapping[str, Any]) -> bool:
    """True for an object with `specversion`, unless it is an event as Sluice writes it.

    What `--with-events` prints has `@type`; there `specversion` is a field of the data.
    """
    return "specversion" in record and "@type" not in record


def cloudevent(
    record: Mapping[str, Any], place: Place, instants: InstantReader, strict: bool = False
) -> Event | Defect:
    """Make the event of a CloudEvent, or say why it is none.

    The id is `SOURCE ID`: a source is a URI reference and holds no space (section 3.1.1), so two
    CloudEvents share an id only if they share both.
    """
    for name in ("type", "source", "id"):
        if record.get(name).__class__ is not str or not record[name]:
            reason: RejectReason = "type" if name == "type" else "id"
            return Defect(reason, f"a CloudEvent's {name} must be a text that is not empty")
    time = record.get("time")
    at = instants.read_text(time) if isinstance(time, str) else None
    if at is None:
        return Defect("time", _time_message(time))
    subject, key = record.get("subject"), record.get("partitionkey")
    if subject is not None and subject.__class__ is not str:
        return Defect("schema", "a CloudEvent's subject must be a text")
    content = _content(record, strict)
    if isinstance(content, Defect):
        return content
    fields = {name: value for name, value in record.items() if name not in ATTRIBUTES}
    fields.update(content)
    source = record["source"]
    return Event(
        record["type"], at, fields, f"{source} {record['id']}", source, place[1], place[2], subject,
        key=key if key.__class__ is str else None,
    )  # fmt: skip


def _content(record: Mapping[str, Any], strict: bool) -> Any | Defect:
    """Return the fields that the data gives: an object's own, else `data` or `data_base64`."""
    data = record.get("data")
    if "data_base64" not in record:
        return data if data.__class__ is dict else {} if data is None else {"data": data}
    if data is not None:
        return Defect("syntax", "a CloudEvent has data or data_base64, not both")
    text = record["data_base64"]
    try:
        raw = base64.b64decode(text, validate=True)
    except (TypeError, ValueError, binascii.Error):
        return Defect("syntax", "a CloudEvent's data_base64 is not base64 (RFC 4648)")
    if not _is_json(record.get("datacontenttype")):
        return {"data_base64": text}
    data = read_json(raw, strict)
    if isinstance(data, Defect):
        return Defect(data.reason, f"in data_base64: {data.message}")
    return data if data.__class__ is dict else {"data": data}


def _time_message(time: Any) -> str:
    if time is None:
        return "a CloudEvent's time is missing"
    if not isinstance(time, str):
        return "a CloudEvent's time is no text (CloudEvents section 3.1.2)"
    return time_trouble("a CloudEvent's time", time, "ms")


def _is_json(media_type: Any) -> bool:
    """True for a JSON media type, which is also what an absent one means (section 3.1)."""
    if media_type is None:
        return True
    kind = str(media_type).partition(";")[0].strip().lower()
    return kind.endswith(("/json", "+json"))
