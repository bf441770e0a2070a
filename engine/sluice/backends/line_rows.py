"""Structs made for a source: lines decoded into them are rows of just what rules read."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union

import msgspec

from sluice.backends.layout import Slot
from sluice.backends.program import CompiledRules
from sluice.backends.rows import slot_field
from sluice.codecs import TIME_FIELDS, TYPE_FIELDS, InputOptions, InstantReader
from sluice.model import Row
from sluice.stream import Place
from sluice.timing import INSTANT_MAX, INSTANT_MIN

#: No JSON value fits it: a line that has such a key goes the long way.
_NEVER = Literal["\uffff"] | msgspec.UnsetType
_NAME = Annotated[str, msgspec.Meta(min_length=1)]
_INSTANT = Annotated[int, msgspec.Meta(ge=INSTANT_MIN, le=INSTANT_MAX)]

#: Attributes that the codec refuses where they are no texts, if a rule reads them.
_TEXT_ATTRIBUTES = ("@subject", "@zone", "@key")

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


class LineRows:
    """A generated struct with its decoder; `full` ones know the keys that begin with `@`."""

    def __init__(
        self, program: CompiledRules, settling: Settling, options: InputOptions, place: Place,
        full: bool,
    ) -> None:  # fmt: skip
        self._read = InstantReader(options.time_unit).read
        self._program, self._settling, self._options = program, settling, options
        self._place, self._full = place, full
        self._keeps_raw = program.keep_raw
        self._copies: list[tuple[str, str]] = []
        self._misfits: list[str] = []
        self._needs_mending = not settling.time_is_ms
        self._decoder = msgspec.json.Decoder(self.row_of(None))

    def row_of(self, type_: str | None) -> Any:
        """Return the struct of rows of a known type, or of any."""
        program = self._program
        names = (self._settling, self._options, self._place)
        builder = _StructBuilder(*names, self._full, type_, program.needs_places)
        copies = []
        for slot in program.layout.roots:
            copies += builder.slot(slot)
        if type_ is None:
            self._copies, self._misfits = copies, builder.misfits
            self._needs_mending |= bool(copies or builder.misfits)
        else:
            read = program.reads(type_)
            builder.narrow(frozenset(s.name for s in program.layout.roots if s.path[0] in read))
        if program.keep_raw:
            builder.field("raw", Any, None, _HIDDEN + "raw")
        return builder.build()

    def narrowed(self, rows: tuple[Any, ...]) -> LineRows:
        """Return a decoder of lines of known types alone: each reads only its own fields.

        A type that nobody reads is nearly skipped, and no string is made of any type.
        """
        known = copy(self)
        # With one member alone, msgspec lets a line pass that names no type.
        other = msgspec.defstruct("Other", [], tag_field=self._settling.type_key, tag=_HIDDEN)
        known._decoder = msgspec.json.Decoder(Union.__getitem__((*rows, other)))
        return known

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
        """Do what the decoder cannot: a time that is no integer of ms, fields taken twice.

        False sends the line the long way.
        """
        for slot, name in self._copies:
            setattr(row, slot, getattr(row, name))
        if any(getattr(row, name) is not None for name in self._misfits):
            return False
        if not self._settling.time_is_ms:
            time = self._read(row.written_time)
            if time is None:
                return False
            row.time = time
        return True


class _StructBuilder:
    """Collects the fields of a row struct; those with a default come last."""

    def __init__(
        self, settling: Settling, options: InputOptions, place: Place, full: bool,
        known_type: str | None, needs_places: bool,
    ) -> None:  # fmt: skip
        self._settling, self._full, self._known_type = settling, full, known_type
        self._needs_places = needs_places
        self._required: list[tuple[str, Any]] = []
        self._optional: list[tuple[str, Any, Any]] = []
        self._keys: dict[str, str] = {}
        self._fixed: dict[str, Any] = {"partition": place[1], "raw": None}
        self._taken: dict[str, str] = {}
        self._slots: set[str] = set()
        #: Attributes that are slots, too, but of another type than these ask for.
        self.misfits: list[str] = []
        self._attributes(options, place[0])

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
            if slot.kind not in ("any", self._kind_taken(key)):
                # The attribute is of another type than all rules ask for: missing for them, and
                # counted by whoever reads the whole event.
                self._fixed[name] = default
                self.misfits.append(self._taken[key])
                return []
            self.field(name, Any, default, _HIDDEN + name)
            return [(name, self._taken[key])]
        if key in self._keys.values():
            # The key sends a line the long way, so here it is always missing.
            self._fixed[name] = default
        elif key[0] == "@" and not self._full:
            self._fixed[name] = default
        else:
            if key in _TEXT_ATTRIBUTES:
                type_ = None if slot.kind == "num" else str | None
            self._slots.add(name)
            self.field(name, type_, default, key)
        return []

    def _kind_taken(self, key: str) -> str:
        is_number = key == self._settling.time_key and not self._settling.time_is_text
        return "num" if is_number else "str"

    def narrow(self, names: frozenset[str]) -> None:
        """Leave the slots out that are not among these names; they keep their default."""
        slots = self._slots - names
        self._fixed |= {name: default for name, _, default in self._optional if name in slots}
        self._optional = [field for field in self._optional if field[0] not in slots]
        self._keys = {name: key for name, key in self._keys.items() if name not in slots}

    def build(self) -> type[Any]:
        """Return the struct."""
        is_known = self._known_type is not None
        return msgspec.defstruct(
            "LineRow", [*self._required, *self._optional], rename=self._keys,
            namespace=self._fixed, gc=False, tag=self._known_type,
            tag_field=self._settling.type_key if is_known else None,
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
        elif self._known_type is not None:
            self._fixed["type"] = self._known_type
            self._taken[settling.type_key] = "type"
        else:
            self._require("type", _NAME, settling.type_key, True)
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
