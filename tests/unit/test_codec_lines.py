"""Splitting bytes into lines and arrays into elements, with a limit and places to go on from."""

from __future__ import annotations

import pytest

from sluice.codecs import (
    ArrayChunker,
    Chunk,
    Chunker,
    Cut,
    Framing,
    LineChunker,
    decode_chunk,
    make_chunker,
    make_codec,
    resume_chunker,
)
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
    assert chunker.finish() == [Cut(Chunk(b"two", 2, 1, torn=True), 7, 3, "lines:torn")]
    assert chunker.finish() == []


@pytest.mark.parametrize(
    ("line", "reason"),
    [(b'{"a":"\xff"}', "encoding"), (b'{"a":"\xff', "encoding"), (b'{"a":"\xc3', "syntax"),
     (b'{"a":1', "syntax")],
)  # fmt: skip
def test_why_a_torn_line_cannot_be_read(line: bytes, reason: str) -> None:
    """Bytes that are no UTF-8 are so with and without a line end; a letter cut off is torn."""
    (outcome,) = decode_chunk(make_codec(), Chunk(line, 1, 1, torn=True), "a")
    assert isinstance(outcome, Rejected)
    is_torn = outcome.message.startswith("the input ends in the middle of a line: ")
    assert (outcome.reason, is_torn) == (reason, reason == "syntax")


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
        ("records", b'\n{"Records":[{}, "' + b"x" * 50 + b'", []]}{"Records":[]} {"Records":[1]} '),
        ("records", b'{"Records":[1,2]}x'),
        ("records", b'{"Records":[1,2]'),
        ("csv-comma", b'a,"b\n""c"\n' + b"x" * 50 + b'\n\n"d"\n5",\n"e\nf'),
        ("entries", b"A=1\n\nB\n\3\0\0\0\0\0\0\0\n\n\n\nc\n\n\nA=" + b"x" * 50 + b"\n\nA=2\n\nA"),
    ],
)
def test_splitting_goes_on_from_any_cut(framing: Framing, text: bytes) -> None:
    """Made anew from a cut, a chunker gives the rest, with the same numbers."""

    def made(cut: Cut | None = None) -> Chunker:
        if cut is None:
            return make_chunker(framing, "a", 20)
        return resume_chunker("a", cut.offset, cut.line, cut.mark, 20)

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


@pytest.mark.parametrize("size", [1, 2, 100])
def test_an_array_without_an_end_is_told(size: int) -> None:
    """Its last element counts if it is whole, and that the rest is missing is a rejection."""

    def split(text: bytes) -> list[tuple[int, bytes | str]]:
        blocks = [text[at : at + size] for at in range(0, len(text), size)]
        return pieces(ArrayChunker("a"), *blocks)

    one, two = (1, b'{"a":[1]}'), (2, b'{"b":"]"}')
    assert split(b'[{"a":[1]},{"b":"]"}') == [one, two, (3, "syntax")]
    assert split(b'[{"a":[1]},{"b":"]"}\n') == [one, two, (3, "syntax")]
    assert split(b'[{"a":[1]},') == [one, (2, "syntax")]
    assert split(b'[{"a":[1]},{"b":"]"') == [one, (2, b'{"b":"]"')]
    assert split(b'[{"a":[1]},{"b":"]') == [one, (2, b'{"b":"]')]
    assert split(b"[") == [(1, "syntax")]


@pytest.mark.parametrize("size", [1, 2, 100])
@pytest.mark.parametrize(
    ("rest", "found"),
    [
        (b"\nthree", [(3, b"three")]), (b"\r\nthree", [(3, b"three")]), (b"", []), (b"\n", []),
        (b"\n\nfour\n", [(3, b""), (4, b"four")]), (b"x\nthree\n", [(2, "syntax"), (3, b"three")]),
        (b"x", [(2, "syntax")]),
    ],
)  # fmt: skip
def test_a_last_line_that_goes_on(size: int, rest: bytes, found: list[object]) -> None:
    """A line that had no end when it was read keeps its number, and its rest is no line."""
    first = LineChunker("a")
    first.feed(b"one\ntwo")
    (cut,) = first.finish()
    again = LineChunker("a", cut.offset, cut.line, cut.mark)
    blocks = [rest[at : at + size] for at in range(0, len(rest), size)]
    assert pieces(again, *blocks) == found


def test_what_is_no_array_is_refused_once() -> None:
    """A chunker that was chosen wrongly says so."""
    assert pieces(make_chunker("array", "a"), b" {}\n{}\n", b"{}") == [(1, "syntax")]
    assert pieces(make_chunker("array", "a"), b"  \n") == []
