"""Split and decode a source whose bytes are all there."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sluice.codecs.arrays import ArrayChunker, RecordsChunker
from sluice.codecs.cells import FRAMING_PREFIX, CellChunker
from sluice.codecs.codec import Codec, Framing
from sluice.codecs.entries import EntryChunker
from sluice.codecs.lines import LINE_BYTES_MAX, Chunker, LineChunker, decode_chunk
from sluice.model import Event, Rejected

_KINDS: dict[str, Callable[[str, int, int, str, int], Chunker]] = {
    "lines": LineChunker, "array": ArrayChunker, "records": RecordsChunker,
    "entries": EntryChunker,
}  # fmt: skip


def make_chunker(
    framing: Framing, source: str, line_bytes_max: int = LINE_BYTES_MAX, line: int = 1
) -> Chunker:
    """Make what splits a source of this framing from its start; its records count from `line`."""
    return _kind(framing)(source, 0, line, framing, line_bytes_max)


def resume_chunker(
    source: str, offset: int, line: int, mark: str, line_bytes_max: int = LINE_BYTES_MAX
) -> Chunker:
    """Make what goes on splitting where a `Cut` says."""
    return _kind(mark.partition(":")[0])(source, offset, line, mark, line_bytes_max)


def _kind(framing: str) -> Callable[[str, int, int, str, int], Chunker]:
    if framing.startswith(FRAMING_PREFIX):
        return CellChunker
    return _KINDS[framing]


def decode_all(
    codec: Codec, text: bytes, source: str, line_bytes_max: int = LINE_BYTES_MAX
) -> Iterator[Event | Rejected]:
    """Decode the records of a whole source, lines or one array, in order."""
    chunker = make_chunker(codec.framing(text) or "lines", source, line_bytes_max)
    for cut in [*chunker.feed(text), *chunker.finish()]:
        if isinstance(cut.piece, Rejected):
            yield cut.piece
        else:
            yield from decode_chunk(codec, cut.piece, source)
