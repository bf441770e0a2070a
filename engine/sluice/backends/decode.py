"""Typed partial decoding: JSON lines become rows without ever becoming objects.

A struct is generated for each source, with a field for just what the rules read. Whatever is
unusual about a line (another attribute than the settled ones, a CloudEvent, a value of another
type) makes the typed decoder refuse it; then the codec reads that line by the full rules.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec

from sluice.backends.layout import Slot
from sluice.backends.program import CompiledRules
from sluice.backends.rows import slot_field
from sluice.codecs import (
    BOM,
    TIME_FIELDS,
    TYPE_FIELDS,
    Chunk,
    InputOptions,
    InstantReader,
    JsonCodec,
    decode_chunk,
    read_json,
)  # fmt: skip
from sluice.model import Rejected, Row
from sluice.stream import Pipeline
from sluice.timing import INSTANT_MAX, INSTANT_MIN

#: No JSON value fits it: a line that has such a key goes the long way.
_NEVER = Literal["\uffff"] | msgspec.UnsetType
_NAME = Annotated[str, msgspec.Meta(min_length=1)]
_INSTANT = Annotated[int, msgspec.Meta(ge=INSTANT_MIN, le=INSTANT_MAX)]

#: How many event types of a source are decoded as known ones, and how often one is added.
KNOWN_TYPES_MAX, REBUILDS_MAX = 200, 20

#: One in so many chunks of a source is looked at line by line while none was odd.
CHUNKS_TRUSTED = 8

#: A line that does not begin an object; the last line end of a chunk is followed by nothing.
_ODD_LINE = re.compile(rb"\n[^{]")

#: Begins the keys of struct fields that no input sets.
_HIDDEN = "\uffff"

#: What the typed decoder may raise about a line.
_REFUSALS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


@dataclass(frozen=True, slots=True)
class Settling:
    """Where a source's attributes are: keys of type (None: a fixed type), time and id."""

    type_key: str | None
    type_default: str
    time_key: str
    time_is_ms: bool
    time_is_text: bool
    id_key: str


class LineDecoder:
    """Feeds the lines of one source to a pipeline, the quick way where that is the same."""

    def __init__(
        self, pipeline: Pipeline, codec: JsonCodec, options: InputOptions, source: str
    ) -> None:
        assert isinstance(pipeline.program, CompiledRules)
        self._pipeline, self._program = pipeline, pipeline.program
        self._codec, self._options = codec, options
        self._source = source
        self._plain: _Typed | None = None
        self._full: _Typed | None = None
        self._known: _Typed | None = None
        self._types: set[str] = set()
        self._rebuilds = self._chunks = 0
        self._is_suspect = False
        # Once most lines go the long way, trying the short one first is wasted.
        self.is_off = options.strict or "." in f"{options.type_field}{options.time_field}"

    def feed(self, chunk: Chunk) -> None:
        """Decode a chunk of whole lines and let the pipeline take its events."""
        if self._full is None and not self.is_off:
            self._settle(chunk)
        if self._full is None or self.is_off or chunk.torn:
            self._pipeline.feed(decode_chunk(self._codec, chunk, self._source), self._source)
            return
        # A key may be spelt with an escape, which the look for `@` would miss.
        has_marks = b"@" in chunk.data or b"\\" in chunk.data
        typed = self._full if has_marks else self._plain
        assert typed is not None
        rows = None if self._has_odd_lines(chunk) else self._rows(typed, chunk)
        if rows is None:
            self._feed_by_line(chunk, typed)
        else:
            self._pipeline.feed_rows(rows, chunk.first_line, self._source)

    def _rows(self, typed: _Typed, chunk: Chunk) -> Sequence[Row] | None:
        """Decode the lines of a chunk at once, if that is the same as one by one."""
        rows = None
        if typed is self._plain and self._known is not None:
            rows = self._known.rows(chunk.data)
        if rows is None:
            rows = typed.rows(chunk.data)
            if rows is not None and typed is self._plain:
                self._learn(rows)
        if rows is not None and len(rows) != chunk.line_count:
            # Blank lines, two objects on a line, one on two lines: the codec numbers them.
            self._is_suspect = True
            return None
        return rows

    def _has_odd_lines(self, chunk: Chunk) -> bool:
        """Look for lines that do not begin an object, which may hide that another has two.

        Looking costs as much as a sixth of decoding, so a source is trusted between samples
        until one of its chunks was odd.
        """
        self._chunks += 1
        if not self._is_suspect and self._chunks % CHUNKS_TRUSTED != 1:
            return False
        if chunk.data[:1] == b"{" and _ODD_LINE.search(chunk.data) is None:
            return False
        self._is_suspect = True
        return True

    def _learn(self, rows: Sequence[Row]) -> None:
        """Note the types that occur: known ones are decoded without making a string."""
        if self._rebuilds >= REBUILDS_MAX or not self._has_type_key:
            return
        types = {row.type for row in rows} - self._types
        if not types or len(types) + len(self._types) > KNOWN_TYPES_MAX:
            return
        self._types |= types
        self._rebuilds += 1
        names = (self._program, self._settled, self._options, self._source)
        self._known = _Typed(*names, False, tuple(sorted(self._types)))

    def _feed_by_line(self, chunk: Chunk, typed: _Typed) -> None:
        """Decode line by line: runs of plain lines quickly, each odd one by the codec."""
        lines = chunk.data.split(b"\n")
        lines.pop()
        run: list[Row] = []
        odd = 0
        for offset, line in enumerate(lines, chunk.first_line):
            row = typed.row(line)
            if row is not None:
                run.append(row)
                continue
            odd += 1
            self._pipeline.feed_rows(run, offset - len(run), self._source)
            run = []
            outcome = self._codec.decode(line.removesuffix(b"\r"), (self._source, 0, offset))
            if outcome is not None:
                found = outcome if isinstance(outcome, list) else [outcome]
                self._pipeline.feed(found, self._source)
        self._pipeline.feed_rows(run, chunk.first_line + len(lines) - len(run), self._source)
        if odd > 100 and 2 * odd > len(lines):
            self.is_off = True

    def _settle(self, chunk: Chunk) -> None:
        """Learn from the first event of the source where its attributes are."""
        for number, line in enumerate(chunk.data.split(b"\n"), chunk.first_line):
            outcome = self._codec.decode(line, (self._source, 0, number))
            if outcome is None or isinstance(outcome, list | Rejected):
                continue
            settled = self._codec.settled(self._source)
            if settled is None:
                return
            record = read_json(line.removeprefix(BOM), False)
            if not isinstance(record, dict):
                continue
            settling = self._settling(record, settled.type_field, settled.time_field)
            if settling is not None:
                self._settled, self._has_type_key = settling, settling.type_key is not None
                names = (self._program, settling, self._options, self._source)
                self._plain, self._full = _Typed(*names, False), _Typed(*names, True)
            return

    def _settling(
        self, record: dict[str, Any], type_field: str | None, time_field: str | None
    ) -> Settling | None:
        time_key = time_field or "@time"
        time = record.get(time_key)
        is_text = isinstance(time, str)
        if not is_text and not isinstance(time, int):
            return None
        type_key = type_field or ("@type" if record.get("@type") is not None else None)
        if type_key is not None and not isinstance(record.get(type_key), str):
            return None
        id_key = self._options.id_field or "@id"
        if "." in id_key:
            return None
        is_ms = not is_text and self._options.time_unit == "ms"
        return Settling(type_key, self._options.type or "", time_key, is_ms, is_text, id_key)


class _Typed:
    """A generated struct with its decoder; `full` ones know the keys that begin with `@`."""

    def __init__(
        self, program: CompiledRules, settling: Settling, options: InputOptions, source: str,
        full: bool, types: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        self._read = InstantReader(options.time_unit).read
        self._is_ms = settling.time_is_ms
        self._keeps_raw = program.keep_raw
        self._copies: list[tuple[str, str]] = []
        places = program.needs_places
        builder = _StructBuilder(settling, options, source, full, types, places)
        for slot in program.layout.roots:
            self._copies += builder.slot(slot)
        if program.keep_raw:
            builder.field("raw", Any, None, _HIDDEN + "raw")
        make = builder.build()
        self._decoder = msgspec.json.Decoder(make)
        self._needs_mending = bool(self._copies) or not self._is_ms

    def rows(self, text: bytes) -> Sequence[Row] | None:
        """Decode whole lines at once; None when some line needs a closer look."""
        try:
            rows: list[Any] = self._decoder.decode_lines(text)
        except _REFUSALS:
            return None
        if self._keeps_raw:
            for row, line in zip(rows, text.split(b"\n"), strict=False):
                row.raw = line
        if self._needs_mending and not all(map(self._mend, rows)):
            return None
        return rows

    def row(self, line: bytes) -> Row | None:
        """Decode one line; None when the codec must look at it."""
        try:
            row: Any = self._decoder.decode(line)
        except _REFUSALS:
            return None
        if self._keeps_raw:
            row.raw = line
        return row if not self._needs_mending or self._mend(row) else None

    def _mend(self, row: Any) -> bool:
        """Set what the decoder cannot: a time that is no integer of ms, fields taken twice."""
        for slot, name in self._copies:
            setattr(row, slot, getattr(row, name))
        if not self._is_ms:
            time = self._read(row.written_time)
            if time is None:
                return False
            row.time = time
        return True


class _StructBuilder:
    """Collects the fields of a row struct; those with a default come last."""

    def __init__(
        self, settling: Settling, options: InputOptions, source: str, full: bool,
        types: tuple[str, ...], needs_places: bool,
    ) -> None:  # fmt: skip
        self._settling, self._full, self._types = settling, full, types
        self._needs_places = needs_places
        self._required: list[tuple[str, Any]] = []
        self._optional: list[tuple[str, Any, Any]] = []
        self._keys: dict[str, str] = {}
        self._fixed: dict[str, Any] = {"partition": 0, "raw": None}
        self._taken: dict[str, str] = {}
        self._attributes(options, source)

    def field(self, name: str, type_: Any, default: Any, key: str) -> None:
        """Add a field with a default, decoded from a key."""
        self._fixed.pop(name, None)
        self._optional.append((name, type_, default))
        self._keys[name] = key

    def slot(self, slot: Slot) -> list[tuple[str, str]]:
        """Add a slot; return what to copy when an attribute takes the same key."""
        name, type_, default = slot_field(slot)
        key = str(slot.path[0])
        if key in self._taken:
            self.field(name, Any, default, _HIDDEN + name)
            return [(name, self._taken[key])]
        if key in self._keys.values():
            # The key sends a line the long way, so here it is always missing.
            self._fixed[name] = default
        elif key[0] == "@" and not self._full:
            self._fixed[name] = default
        else:
            self.field(name, type_, default, key)
        return []

    def build(self) -> type[Any]:
        """Return the struct."""
        return msgspec.defstruct(
            "LineRow", [*self._required, *self._optional], rename=self._keys,
            namespace=self._fixed, gc=False,
        )  # fmt: skip

    def _attributes(self, options: InputOptions, source: str) -> None:
        settling = self._settling
        self._require("time", _INSTANT, settling.time_key, settling.time_is_ms)
        if not settling.time_is_ms:
            kind = str if settling.time_is_text else int
            self._required.append(("written_time", kind))
            self._keys["written_time"] = settling.time_key
            self._taken[settling.time_key] = "written_time"
        if settling.type_key is None:
            self._fixed["type"] = settling.type_default
        else:
            named: Any = _NAME
            if self._types:
                named = Literal.__getitem__(self._types)
            self._require("type", named, settling.type_key, True)
        if self._needs_places:
            self.field("offset", int, 0, _HIDDEN + "offset")
        else:
            self._fixed["offset"] = 0
        if self._full or settling.id_key != "@id":
            self.field("id", _NAME | None, None, settling.id_key)
            self._taken[settling.id_key] = "id"
        else:
            self._fixed["id"] = None
        if self._full:
            self.field("source", _NAME, source, "@source")
        else:
            self._fixed["source"] = source
        for key in self._forbidden(options):
            self.field(f"no{len(self._keys)}", _NEVER, msgspec.UNSET, key)

    def _require(self, name: str, type_: Any, key: str, is_read: bool) -> None:
        if is_read:
            self._required.append((name, type_))
            self._keys[name] = key
            self._taken[key] = name
        else:
            self.field(name, Any, 0, _HIDDEN + name)

    def _forbidden(self, options: InputOptions) -> list[str]:
        """List the keys that would have been taken before the settled ones."""
        settling = self._settling
        keys = ["specversion"]
        if self._full and settling.id_key != "@id":
            keys.append("@id")
        for settled, named, plain, attribute in (
            (settling.type_key, options.type_field, TYPE_FIELDS, "@type"),
            (settling.time_key, options.time_field, TIME_FIELDS, "@time"),
        ):
            order = [attribute, *([named] if named is not None else plain)]
            before = order[: order.index(settled)] if settled in order else order
            keys += [key for key in before if self._full or key[0] != "@"]
        return keys
