"""Hold a codec against its promises."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import Any

from sluice.codecs import Codec, CodecEntry, InputOptions, decode_all, decode_chunk, make_chunker
from sluice.errors import ConfigError
from sluice.model import Event, Rejected
from sluice.plugins import FAILED, is_plain, is_sound
from sluice.testing.kit.watched import Watched
from sluice.testing.kit.words import check_doc

_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*\Z")

#: The sizes of the blocks in which the example is read.
BLOCKS = (1, 2, 3, 7, 64, 1_000)

#: The largest beginning of a source with which it is asked how the source is split.
FRAMING_BYTES = 200

#: How many damaged records are tried, and the place that they get.
DAMAGED = 600
PLACE = ("kit", 0, 1)


def check_codec(entry: CodecEntry, settings: Mapping[str, str] | None = None) -> list[str]:
    """Return what is wrong with a codec, a sentence each.

    It decodes the example whole, in blocks of many sizes, and going on from a saved state; and
    it decodes damaged records, for which a codec has a rejection and never an exception.
    `settings` are its options, where it cannot do without.
    """
    wrong = (
        [] if _NAME.match(entry.name) else ["the name is made of other letters than a-z 0-9 _ ."]
    )
    wrong += check_doc(entry.doc)

    def make() -> Codec:
        return entry.make(dict(settings or {}), InputOptions())

    watched = Watched(entry.name)
    with watched.watching():
        try:
            made = make()
        except ConfigError as error:
            return [f"{entry.name}: it cannot be made: {error}"]
        whole = _decoded(made, entry.example, watched)
        if whole is not FAILED:
            wrong += _check_example(entry, made, whole)
            _check_blocks(entry, make, whole, watched)
            _check_framing(entry, made, watched)
            _check_state(entry, make, watched)
        for record in _damaged(entry.example):
            _try(make(), record, watched)
    return [f"{entry.name}: {each}" for each in (*wrong, *watched.findings)]


def _decoded(codec: Codec, text: bytes, watched: Watched) -> Any:
    """Return what a source becomes, `FAILED` when that does not work out."""
    return watched.call(lambda: [*decode_all(codec, text, "kit")], [], f"decoding {text!r:.60}")


def _check_example(entry: CodecEntry, codec: Codec, whole: list[Any]) -> list[str]:
    wrong = []
    if codec.name != entry.name:
        wrong.append(f"what it makes calls itself '{codec.name}'")
    if not whole:
        wrong.append("the example has no record")
    for number, each in enumerate(whole, 1):
        if isinstance(each, Rejected):
            wrong.append(f"record {number} of the example is rejected: {each.message}")
        elif not is_sound(each):
            wrong.append(f"record {number} of the example is no sound event: {each!r:.200}")
    return wrong


def _check_blocks(
    entry: CodecEntry, make: Callable[[], Codec], whole: list[Any], watched: Watched
) -> None:
    for size in BLOCKS:
        found = watched.call(lambda size=size: _in_blocks(make(), entry.example, size), [])
        if found is not FAILED and found != whole:
            watched.note("blocks", f"in blocks of {size} bytes the example becomes something else")


def _check_framing(entry: CodecEntry, codec: Codec, watched: Watched) -> None:
    """Ask how the example is split, with more and more of it; None means that it is too little."""
    whole = watched.call(codec.framing, [entry.example])
    for size in range(1, min(len(entry.example), FRAMING_BYTES) + 1):
        found = watched.call(codec.framing, [entry.example[:size]])
        if found not in (None, whole):
            watched.note("framing", f"of {size} bytes it says '{found}', of all '{whole}'")


def _in_blocks(codec: Codec, text: bytes, size: int) -> list[Any]:
    chunker = make_chunker(codec.framing(text) or "lines", "kit")
    found: list[Any] = []
    for start in range(0, len(text), size):
        found += _pieces(codec, chunker.feed(text[start : start + size]))
    return found + _pieces(codec, chunker.finish())


def _pieces(codec: Codec, cuts: list[Any]) -> list[Any]:
    found: list[Any] = []
    for cut in cuts:
        piece = cut.piece
        found += [piece] if isinstance(piece, Rejected) else decode_chunk(codec, piece, "kit")
    return found


def _check_state(entry: CodecEntry, make: Callable[[], Codec], watched: Watched) -> None:
    """Decode the records with one codec, and with another one from each record on."""
    records = _records(make(), entry.example)
    first = make()
    wanted = [watched.call(first.decode, [record, PLACE]) for record in records]
    for cut in range(len(records) + 1):
        before, after = make(), make()
        for record in records[:cut]:
            watched.call(before.decode, [record, PLACE])
        state = watched.call(before.state, [])
        if not is_plain(state):
            watched.note("plain", "its state is no plain data")
            return
        watched.call(after.restore, [state])
        found = [watched.call(after.decode, [record, PLACE]) for record in records[cut:]]
        if found != wanted[cut:]:
            watched.note("state", f"after `restore` record {cut + 1} becomes something else")


def _records(codec: Codec, text: bytes) -> list[bytes]:
    chunker = make_chunker(codec.framing(text) or "lines", "kit")
    pieces = [cut.piece for cut in (*chunker.feed(text), *chunker.finish())]
    return [
        line
        for piece in pieces
        if not isinstance(piece, Rejected)
        for line in piece.data.splitlines()
    ]


def _damaged(example: bytes) -> Iterator[bytes]:
    """Yield records of the example with pieces cut out, changed, doubled; and mere noise."""
    random = Random(0)
    records = example.splitlines() or [b""]
    yield from (b"", b" ", b"\x00", b"\xff\xfe", b"{", b"[" * 2_000, b"9" * 400)
    for _ in range(DAMAGED):
        record = bytearray(random.choice(records))
        for _ in range(random.randint(1, 4)):
            at = random.randint(0, len(record))
            match random.randrange(4):
                case 0:
                    del record[at : at + random.randint(1, 20)]
                case 1:
                    record[at:at] = random.randbytes(random.randint(1, 4))
                case 2:
                    record[at : at + 1] = random.choice((b"\x00", b'"', b"\\", b"=", b"\xff", b"-"))
                case _:
                    record += record[:at]
        yield bytes(record)


def _try(codec: Codec, record: bytes, watched: Watched) -> None:
    found = watched.call(codec.decode, [record, PLACE], f"decoding {record!r:.60}")
    if found is None or found is FAILED:
        return
    for each in found if isinstance(found, list) else [found]:
        if not is_sound(each):
            watched.note("value", f"{record!r:.60} becomes {each!r:.80}: no event, no rejection")
        elif (each.source, each.partition, each.offset) != PLACE:
            kind = "event" if isinstance(each, Event) else "rejection"
            watched.note(
                "place", f"the {kind} of {record!r:.60} has another place than it was given"
            )
