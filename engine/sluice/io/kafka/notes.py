"""What is noted beside an offset: how far one was, what one had seen, what one had learned.

The note is JSON, or zlib in base 85 where that is too long. A broker keeps 4,096 bytes of it; what
does not fit is left out, the producers that were silent longest first.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sluice.codecs import read_json
from sluice.io.encode import encode_record
from sluice.io.kafka.message import Message

#: The header of a record's producer and number, with a space between.
SEQ = "sluice-seq"

NOTE_BYTES_MAX = 3_800
_PACKED = "z:"
#: How the filter stage noted its two times at first, and nothing else.
_FIRST_FORM = re.compile(r"-?[0-9]{1,19} -?[0-9]{1,19}")
#: How far a packed note may grow.
_UNPACKED_BYTES_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class Note:
    """What a sink notes beside an offset.

    `to` is how far everything is done, at the offset or behind it. `seen` holds the highest number
    of each producer, those that spoke last at the end. `codec` is what decoding had learned.
    """

    to: int = 0
    seen: Mapping[str, int] = field(default_factory=dict)
    codec: Mapping[str, Any] = field(default_factory=dict)

    def text(self) -> str:
        """Return the note as the broker keeps it."""
        seen = list(self.seen.items())
        while True:
            text = _text({"to": self.to, "seen": dict(seen), "codec": self.codec})
            if text is not None:
                return text
            if not seen:
                return Note(self.to).text()
            del seen[: len(seen) // 8 + 1]


def read_note(text: str) -> Note:
    """Read a note; an empty one where it is another's, or damaged."""
    found = _read(text)
    to, seen, codec = (found.get(name) for name in ("to", "seen", "codec"))
    return Note(
        to if isinstance(to, int) else 0,
        {k: n for k, n in seen.items() if isinstance(n, int)} if isinstance(seen, dict) else {},
        codec if isinstance(codec, dict) else {},
    )


@dataclass(frozen=True, slots=True)
class SourceNote:
    """What the filter stage notes beside an offset.

    `seen` and `first` are times: how far event time had come, and where it began; None before the
    first event. `codec` is what decoding had learned.
    """

    seen: int | None = None
    first: int | None = None
    codec: Mapping[str, Any] = field(default_factory=dict)

    @property
    def fits(self) -> bool:
        """Whether the broker keeps all of it; else it keeps the times alone."""
        return self._whole() is not None

    def text(self) -> str:
        """Return the note as the broker keeps it."""
        return self._whole() or str(_text({"seen": self.seen, "first": self.first}))

    def _whole(self) -> str | None:
        return _text({"seen": self.seen, "first": self.first, "codec": self.codec})


def read_source_note(text: str) -> SourceNote:
    """Read a note; an empty one where it is another's, or damaged."""
    if _FIRST_FORM.fullmatch(text):
        at = [int(part) for part in text.split(" ")]
        return SourceNote(at[0], at[1])
    found = _read(text)
    seen, first, codec = (found.get(name) for name in ("seen", "first", "codec"))
    is_whole = isinstance(seen, int) and isinstance(first, int)
    return SourceNote(
        seen if is_whole else None,
        first if is_whole else None,
        codec if isinstance(codec, dict) else {},
    )


def _text(record: Mapping[str, Any]) -> str | None:
    """Return a record as a broker keeps it, None when it is too long."""
    found = encode_record(record)
    if len(found) <= NOTE_BYTES_MAX:
        return found.decode().strip()
    packed = _PACKED + base64.b85encode(zlib.compress(found)).decode()
    return packed if len(packed) <= NOTE_BYTES_MAX else None


def _read(text: str) -> dict[str, Any]:
    """Return the record that `_text` has written, an empty one where there is none."""
    content = text.encode()
    if text.startswith(_PACKED):
        try:
            packed = base64.b85decode(text.removeprefix(_PACKED))
            content = zlib.decompressobj().decompress(packed, _UNPACKED_BYTES_MAX)
        except (ValueError, binascii.Error, zlib.error):
            return {}
    found = read_json(content)
    return found if isinstance(found, dict) else {}


def note_number(seen: dict[str, int], message: Message) -> bool:
    """Note the number that a producer gave a record; False when it is not above those before.

    A producer sends its records with growing numbers, and again what it does not know to have
    been taken.
    """
    for name, content in message.headers:
        if name == SEQ:
            origin, _, number = content.decode("utf-8", "replace").rpartition(" ")
            if not number.isdecimal():
                return True
            if int(number) <= seen.get(origin, -1):
                return False
            seen.pop(origin, None)  # those that spoke last stand at the end
            seen[origin] = int(number)
    return True
