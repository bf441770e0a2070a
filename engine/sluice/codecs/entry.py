"""A codec that is no part of Sluice, as an entry with its docs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sluice.codecs.codec import Codec, CodecOptions, InputOptions


@dataclass(frozen=True, slots=True)
class CodecEntry:
    """A codec by the name that `--codec` takes.

    `make` gets the options of the codec as written and what the user says about the input; it
    raises ConfigError for a wrong value. `options` are the names that it knows. `example` is a
    source of some records, all of which become events.
    """

    name: str
    doc: str
    make: Callable[[CodecOptions, InputOptions], Codec]
    example: bytes
    options: tuple[str, ...] = ()
