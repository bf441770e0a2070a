"""Splitting bytes into lines and arrays into elements, with a limit and places to go on from."""

from __future__ import annotations

import pytest

from sluice.codecs import ArrayChunker, Chunk, Chunker, Cut, LineChunker, make_chunker
from sluice.model import Rejected


def pieces(chunker: Chunker, *blocks: bytes) -> list[tuple[int, bytes | str]]:
    """Return number and text of each line, or the reason where it was rejected."""
    cuts = [cut for block in blocks for cut in chunker.feed(block)]
    out: list[tuple[int, bytes | str]] = []
    for piece, *_ in [*cuts, *chunker.finish()]:
        if isinstance(piece, Rejected):
            out.append((piece.offset, piece.reason))
        else:
            assert piece.torn or piece.data.endswith(b"\n")
            lines = piece.data.removesuffix(b"\n").split(b"\n")
            out += enumerate(lines, piece.first_line)
    return out


def test_lines_come_whole_however_the_bytes_come() -> None:
    """A line that is not complete is held back; the last needs no end."""
    assert pieces(LineChunker("a"), b"one\ntw", b"o\n", b"\nfo", b"ur") == [
        (1, b"one"), (2, b"two"), (3, b""), (4, b"four"),
    ]  # fmt: skip


def test_a_torn_line_is_marked() -> None:
    """Only the one without an end."""
    chunker = LineChunker("a")
    assert chunker.feed(b"one\ntwo") == [Cut(Chunk(b"one\n", 1, 1), 4, 2, "lines")]
    assert chunker.finish() == [Cut(Chunk(b"two", 2, 1, torn=True), 7, 3, "lines")]
    assert chunker.finish() == []


@pytest.mark.parametrize("size", [1, 2, 5, 100])
def test_a_line_that_is_too_long_is_rejected_once_and_skipped(size: int) -> None:
    """Exactly the limit is fine; numbers go on behind it; what is kept does not depend on cuts."""
    text = b"ok\n" + b"x" * 11 + b"\n" + b"y" * 10 + b"\n" + b"z" * 30 + b"\nend"
    blocks = [text[at : at + size] for at in range(0, len(text), size)]
    chunker = LineChunker("a", line_bytes_max=10)
    expected = [(1, b"ok"), (2, "size"), (3, b"y" * 10), (4, "size"), (5, b"end")]
    assert pieces(chunker, *blocks) == expected


def test_what_is_held_is_bounded() -> None:
    """A line without an end takes no more memory than the limit and a block."""
    chunker = LineChunker("a", line_bytes_max=1_000)
    cuts = [cut for _ in range(1_000) for cut in chunker.feed(b"x" * 1_000)]
    assert [cut.piece.reason for cut in cuts if isinstance(cut.piece, Rejected)] == ["size"]
    assert len(chunker._held) <= 2_000
    array = ArrayChunker("a", line_bytes_max=1_000)
    cuts = [cut for n in range(1_000) for cut in array.feed(b'["' * (n == 0) + b"x" * 1_000)]
    assert [cut.piece.reason for cut in cuts if isinstance(cut.piece, Rejected)] == ["size"]
    assert len(array._buffer) <= 2_000


@pytest.mark.parametrize("size", [1, 2, 5, 100])
def test_an_element_that_is_too_long_is_rejected_once_and_skipped(size: int) -> None:
    """Strings and brackets in it do not confuse the count."""
    text = b'[ "ok","' + b"x" * 10 + b'\\"],[",' + b"[1,[2,3],4,5],[6]," + b'{"a":"}"} ]'
    blocks = [text[at : at + size] for at in range(0, len(text), size)]
    chunker = ArrayChunker("a", line_bytes_max=10)
    expected = [(1, b' "ok"'), (2, "size"), (3, "size"), (4, b"[6]"), (5, b'{"a":"}"} ')]
    assert pieces(chunker, *blocks) == expected


@pytest.mark.parametrize(
    ("framing", "text"),
    [
        ("lines", b"one\n" + b"x" * 50 + b"\n\nthree\r\nfour"),
        ("array", b' \n[ {"a": "]"},\n[[1]] , "' + b"x" * 50 + b'\\"", {}, {"b": {"c": [1]}} ] \n'),
        ("array", b"[1, 2] x"),
        ("array", b"[1, 2"),
    ],
)
def test_splitting_goes_on_from_any_cut(framing: str, text: bytes) -> None:
    """Made anew from a cut, a chunker gives the rest, with the same numbers."""

    def made(cut: Cut | None = None) -> Chunker:
        kind = ArrayChunker if framing == "array" else LineChunker
        if cut is None:
            return kind("a", line_bytes_max=20)
        return kind("a", cut.offset, cut.line, cut.mark, 20)

    for size in (1, 3, 7, 200):
        blocks = [text[at : at + size] for at in range(0, len(text), size)]
        whole = made()
        cuts = [cut for block in blocks for cut in whole.feed(block)]
        everything = pieces(made(), *blocks)
        for n, cut in enumerate(cuts):
            before = pieces(_Replay(cuts[: n + 1]))
            assert before + pieces(made(cut), text[cut.offset :]) == everything


class _Replay:
    """Gives cuts that were made before."""

    def __init__(self, cuts: list[Cut]) -> None:
        self._cuts = cuts

    def feed(self, block: bytes) -> list[Cut]:
        return []

    def finish(self) -> list[Cut]:
        return self._cuts


def test_what_is_no_array_is_refused_once() -> None:
    """A chunker that was chosen wrongly says so."""
    assert pieces(make_chunker("array", "a"), b" {}\n{}\n", b"{}") == [(1, "syntax")]
    assert pieces(make_chunker("array", "a"), b"  \n") == []
