"""Read CloudTrail: records one a line, as an array, or whole files with `Records`.

The type of `CreateUser` from `iam.amazonaws.com` is `cloudtrail.iam.CreateUser`. The fields keep
their names ("CloudTrail record contents" in the AWS documentation); the id is `eventID`.
"""

from __future__ import annotations

from typing import Any

from sluice.codecs.codec import CodecOptions, InputOptions, check_options
from sluice.codecs.formats import Described, RecordCodec
from sluice.codecs.instants import InstantReader
from sluice.codecs.jsontext import Defect
from sluice.codecs.records import Own, RecordReader
from sluice.codecs.text import type_part
from sluice.timing import Instant

NAME = "cloudtrail"
DOMAIN = ".amazonaws.com"
#: `eventTime` is CloudTrail's own; `@timestamp` is what collectors make of it.
TIME_FIELDS = ("eventTime", "@timestamp")


def cloudtrail_codec(settings: CodecOptions, options: InputOptions) -> RecordCodec:
    """Make the codec `cloudtrail`; it has no options."""
    check_options(NAME, settings, ())
    instants = InstantReader(options.time_unit)

    def describe(record: dict[str, Any]) -> Described | Defect:
        id_ = record.get("eventID")
        has_id = isinstance(id_, str) and id_ != ""
        return record, Own(_type(record), _time(record, instants), id_ if has_id else None)

    reader = RecordReader(options, instants)
    return RecordCodec(NAME, describe, reader, options, has_records=True)


def _type(record: dict[str, Any]) -> str | Defect:
    source, event = record.get("eventSource"), record.get("eventName")
    for name, value in (("eventSource", source), ("eventName", event)):
        if not isinstance(value, str) or not value:
            return Defect("type", f"not a record of CloudTrail: {name} is no text")
    service = str(source).lower().removesuffix(DOMAIN)
    return f"{NAME}.{type_part(service)}.{type_part(str(event))}"


def _time(record: dict[str, Any], instants: InstantReader) -> Instant | Defect:
    for name in TIME_FIELDS:
        value = record.get(name)
        if value is not None:
            at = instants.read(value)
            return Defect("time", instants.trouble(name, value)) if at is None else at
    return Defect("time", f"no time: there is none of {', '.join(TIME_FIELDS)}")
