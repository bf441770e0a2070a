"""Read the events of one message of a broker: its value, and what its headers say.

A message is most often one record. It may hold several: JSON lines, an array, a batch of
CloudEvents. In the binary mode of CloudEvents (Kafka protocol binding 1.0, section 3.2) the
attributes are headers `ce_…`, and the value is the data.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence

import msgspec

from sluice.codecs.codec import Codec, Place
from sluice.codecs.json import JsonCodec
from sluice.codecs.whole import decode_all
from sluice.model import Event, Rejected

Headers = Sequence[tuple[str, bytes]]

_PREFIX = "ce_"
_JSON = ("application/json", "text/json")


def decode_message(
    codec: Codec, value: bytes | None, headers: Headers, place: Place
) -> list[Event | Rejected]:
    """Return what a message holds, in order; nothing for one without a value.

    `place` is (topic, partition, offset). Of several events the first keeps the identity of its
    place, the others are `SOURCE:PARTITION:OFFSET/NUMBER` where they bring no id, from 2.
    """
    if value is None:
        return []
    if headers and isinstance(codec, JsonCodec) and is_binary(headers):
        value = structured(value, headers)
    if codec.framing(value) in ("lines", None):
        # A line may come with its end, as in a file.
        line = value.removesuffix(b"\n").removesuffix(b"\r")
        whole = _listed(codec.decode(line, place))
        # JSON may have line ends in it, so lines are looked for where the whole is no record.
        if b"\n" not in value.rstrip() or not any(isinstance(e, Rejected) for e in whole):
            return whole
    return _numbered(decode_all(codec, value, place[0]), place)


def is_binary(headers: Headers) -> bool:
    """Say whether the headers are those of a CloudEvent whose value is its data."""
    return any(name == "ce_specversion" for name, _ in headers)


def structured(value: bytes, headers: Headers) -> bytes:
    """Return a CloudEvent of the binary mode as the JSON text of the structured one."""
    said = {name: content.decode("utf-8", "replace") for name, content in headers if content}
    record = {n.removeprefix(_PREFIX): v for n, v in said.items() if n.startswith(_PREFIX)}
    kind = said.get("content-type", "application/json").partition(";")[0].strip().lower()
    if not value:
        return msgspec.json.encode(record)
    if kind in _JSON or kind.endswith("+json"):
        return b'%s,"data":%s}' % (msgspec.json.encode(record)[:-1], value)
    try:
        return msgspec.json.encode({**record, "data": value.decode()})
    except UnicodeDecodeError:
        return msgspec.json.encode({**record, "data_base64": base64.b64encode(value).decode()})


def _listed(outcome: Event | Rejected | list[Event | Rejected] | None) -> list[Event | Rejected]:
    if outcome is None:
        return []
    return outcome if isinstance(outcome, list) else [outcome]


def _numbered(found: Iterable[Event | Rejected], place: Place) -> list[Event | Rejected]:
    """Return the records of one message with its place."""
    _, partition, offset = place
    made: list[Event | Rejected] = []
    for number, each in enumerate(found, 1):
        if isinstance(each, Rejected):
            made.append(msgspec.structs.replace(each, partition=partition, offset=offset))
            continue
        each.partition, each.offset = partition, offset
        if each.id is None and number > 1:
            each.id = f"{each.source}:{partition}:{offset}/{number}"
        made.append(each)
    return made
