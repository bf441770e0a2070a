"""What every codec is: bytes of one record in, an event or a rejection out."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, Literal, Protocol

import msgspec

from sluice.errors import ConfigError
from sluice.model import Event, Rejected

#: Where a record came from: source, partition, offset.
Place = tuple[str, int, int]
Decoded = Event | Rejected | list[Event | Rejected] | None
#: How a source's bytes are split: at line ends; as the elements of one JSON array, or of the array
#: `Records` of an object; as CSV, where a quoted cell may hold line ends; as entries of a journal.
Framing = Literal[
    "lines", "array", "records", "entries",
    "csv-comma", "csv-semicolon", "csv-tab", "csv-pipe", "csv-space",
]  # fmt: skip
TimeUnit = Literal["s", "ms", "us", "ns"]
#: The options of one codec as written: `year=2015,zone=UTC`.
CodecOptions = dict[str, str]

TIME_UNITS: tuple[TimeUnit, ...] = ("s", "ms", "us", "ns")


class InputOptions(msgspec.Struct, frozen=True):
    """What the user says about an input: `--type-field … --type --time-unit --strict-input`.

    A field is named by its key, or by a dotted path where no key of that spelling is there.
    `type` is for events that bring none.
    """

    type_field: str | None = None
    time_field: str | None = None
    id_field: str | None = None
    type: str | None = None
    time_unit: TimeUnit = "ms"
    strict: bool = False


class Settled(msgspec.Struct, frozen=True):
    """The plain fields from which a source's types and times are taken; None: not settled."""

    type_field: str | None = None
    time_field: str | None = None


class Codec(Protocol):
    """Turns the bytes of a record into an event. Nothing here raises, whatever the bytes."""

    @property
    def name(self) -> str:
        """Return the name by which `--codec` chooses it."""
        ...

    def framing(self, head: bytes) -> Framing | None:
        """Return how a source is split that starts with these bytes; None: too few to tell."""
        ...

    def decode(self, line: bytes, place: Place) -> Decoded:
        """Read one record: an event, a rejection, a list of them (a batch), or None for blank."""
        ...

    def settled(self, source: str) -> Settled | None:
        """Return which plain fields this source was found to use, if that is decided."""
        ...

    def state(self) -> dict[str, Any]:
        """Return what decoding has learned (plain data), to go on in the middle of a source."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take what `state` gave; an empty mapping for nothing learned yet."""
        ...


def parse_codec(text: str) -> tuple[str, CodecOptions]:
    """Read `name:key=value,key=value`; ConfigError says what is wrong with it."""
    name, colon, rest = text.partition(":")
    options: CodecOptions = {}
    if not name.strip():
        raise ConfigError(f"codec '{text}': the name is missing; write NAME:KEY=VALUE,KEY=VALUE")
    for part in rest.split(",") if colon else ():
        key, equals, value = (s.strip() for s in part.partition("="))
        if not (key and equals and value):
            raise ConfigError(f"codec '{text}': '{part}' is not KEY=VALUE")
        if key in options:
            raise ConfigError(f"codec '{text}': option '{key}' is given twice")
        options[key] = value
    return name.strip(), options


def check_options(name: str, options: CodecOptions, known: Iterable[str]) -> None:
    """Raise ConfigError for an option that the codec does not have."""
    known = tuple(known)
    for key in options:
        if key not in known:
            has = f"it has {', '.join(known)}" if known else "it has no options"
            near = did_you_mean(key, known) or f"; {has}"
            raise ConfigError(f"codec '{name}' has no option '{key}'{near}")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `: did you mean 'x'?` for the nearest known name, or nothing."""
    near = difflib.get_close_matches(name, tuple(known), n=1, cutoff=0.6)
    return f": did you mean '{near[0]}'?" if near else ""
