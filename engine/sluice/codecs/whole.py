"""Split and decode a source whose bytes are all there."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.codecs.arrays import ArrayChunker
from sluice.codecs.codec import Codec, Framing
from sluice.codecs.lines import LINE_BYTES_MAX, Chunker, LineChunker, decode_chunk
from sluice.model import Event, Rejected


def make_chunker(framing: Framing, source: str, line_bytes_max: int = LINE_BYTES_MAX) -> Chunker:
    """Make what splits a source of this framing from its start."""
    kind = ArrayChunker if framing == "array" else LineChunker
    return kind(source, line_bytes_max=line_bytes_max)


def decode_all(
    codec: Codec, text: bytes, source: str, line_bytes_max: int = LINE_BYTES_MAX
) -> Iterator[Event | Rejected]:
    """Decode the records of a whole source, lines or one array, in order."""
    chunker = make_chunker(codec.framing(text), source, line_bytes_max)
    for cut in [*chunker.feed(text), *chunker.finish()]:
        if isinstance(cut.piece, Rejected):
            yield cut.piece
        else:
            yield from decode_chunk(codec, cut.piece, source)
