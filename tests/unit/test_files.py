"""Reading files: packed, growing, rotated, truncated, damaged; and going on where one stopped."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import zstandard

from sluice.codecs import Chunk, JsonCodec
from sluice.errors import InputError
from sluice.io import (
    CHUNK_BYTES,
    END,
    STDIN,
    FileLimits,
    FileSource,
    Position,
    ReadFailure,
    Reading,
    expand_inputs,
)
from sluice.model import Rejected

LINES = [b"line %d" % n for n in range(1, 5_001)]
TEXT = b"".join(line + b"\n" for line in LINES)
SMALL = FileLimits(chunk_bytes=1_000, line_bytes_max=200)

ZSTD = zstandard.ZstdCompressor(write_checksum=True)
PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda text: text,
    "gzip": gzip.compress,
    "gzip, two members and padding": lambda text: (
        gzip.compress(text[:7_777]) + gzip.compress(text[7_777:]) + b"\0" * 100
    ),
    "zstd": ZSTD.compress,
    "zstd, two frames": lambda text: ZSTD.compress(text[:7_777]) + ZSTD.compress(text[7_777:]),
}


def numbered(pieces: list[Reading]) -> list[tuple[int, bytes]]:
    """Return number and text of each line of the chunks."""
    out: list[tuple[int, bytes]] = []
    for piece in pieces:
        if isinstance(piece, Chunk):
            lines = piece.data.removesuffix(b"\n").split(b"\n")
            out += enumerate(lines, piece.first_line)
    return out


def read_now(source: FileSource) -> list[Reading]:
    """Read until there is nothing now, or nothing more."""
    out: list[Reading] = []
    while (piece := source.read()) is not None and piece is not END:
        out.append(piece)
    return out


@pytest.mark.parametrize("packing", PACKINGS)
def test_a_file_is_read_in_chunks_of_whole_lines(tmp_path: Path, packing: str) -> None:
    """Packed or not, told by how it begins; every chunk but a torn one ends a line."""
    path = tmp_path / "a.log"
    path.write_bytes(PACKINGS[packing](TEXT + b"half"))
    source = FileSource(str(path), limits=SMALL)
    pieces = read_now(source)
    assert numbered(pieces) == list(enumerate([*LINES, b"half"], 1))
    assert [p.torn for p in pieces if isinstance(p, Chunk)][-2:] == [False, True]
    assert source.read() is END


def test_chunks_are_large_by_default(tmp_path: Path) -> None:
    """Few calls for a large file."""
    path = tmp_path / "a.log"
    path.write_bytes(TEXT * 20)
    sizes = [len(p.data) for p in read_now(FileSource(str(path))) if isinstance(p, Chunk)]
    assert all(CHUNK_BYTES // 2 < size <= CHUNK_BYTES * 2 for size in sizes[:-1])


def test_an_empty_file_is_read_to_its_end(tmp_path: Path) -> None:
    """It has no chunks; one that is blank has blank lines."""
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "blank").write_bytes(b" \n\n")
    assert FileSource(str(tmp_path / "empty")).read() is END
    assert numbered(read_now(FileSource(str(tmp_path / "blank")))) == [(1, b" "), (2, b"")]


def test_the_elements_of_an_array_come_as_lines(tmp_path: Path) -> None:
    """With the framing of the codec, also behind blank lines."""
    path = tmp_path / "a.json"
    path.write_bytes(b"\n" * 3_000 + b'[{"a":\n1},\n{"b":2}]\n')
    source = FileSource(str(path), framing=JsonCodec().framing, limits=SMALL)
    assert numbered(read_now(source)) == [(1, b'{"a":\r1}'), (2, b'\r{"b":2}')]


def test_an_over_long_line_is_rejected_and_reading_goes_on(tmp_path: Path) -> None:
    """As `size`, under the name of the source."""
    path = tmp_path / "a.log"
    path.write_bytes(b"one\n" + b"x" * 50_000 + b"\nthree\n")
    pieces = read_now(FileSource(str(path), name="web", limits=SMALL))
    assert numbered(pieces) == [(1, b"one"), (3, b"three")]
    (verdict,) = [p for p in pieces if isinstance(p, Rejected)]
    assert (verdict.source, verdict.offset, verdict.reason) == ("web", 2, "size")


@pytest.mark.parametrize("packing", ["gzip", "zstd"])
def test_a_bomb_is_read_in_bounded_pieces(tmp_path: Path, packing: str) -> None:
    """256 MiB of zeros without a line end: one rejection, and never much in memory."""
    path = tmp_path / "bomb"
    block = bytes(1024 * 1024)
    opened = gzip.open(path, "wb", 1) if packing == "gzip" else zstandard.open(path, "wb")
    with opened as file:
        for _ in range(256):
            file.write(block)
    code = (
        "import re, sys; from sluice.io import END, FileSource\n"
        "source = FileSource(sys.argv[1]); kinds = []\n"
        "while (piece := source.read()) is not END: kinds.append(piece.reason)\n"
        # The peak of this program alone: `ru_maxrss` begins with that of the parent.
        "peak = re.search(r'VmHWM:\\s+(\\d+) kB', open('/proc/self/status').read())\n"
        "print(kinds, int(peak[1]) // 1024)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    kinds, mebibytes = run.stdout.rsplit(" ", 1)
    assert kinds == "['size']"
    assert int(mebibytes) < 200


@pytest.mark.parametrize("packing", ["gzip", "zstd"])
@pytest.mark.parametrize("damage", ["cut", "changed"])
def test_a_damaged_file_gives_what_is_whole_and_then_a_failure(
    tmp_path: Path, packing: str, damage: str
) -> None:
    """The failure names the path and how far reading came."""
    text = os.urandom(400_000).hex().encode()
    text = b"\n".join(text[at : at + 99] for at in range(0, len(text), 99)) + b"\n"
    packed = bytearray(PACKINGS[packing](text))
    if damage == "cut":
        del packed[-len(packed) // 3 :]
    else:
        packed[len(packed) // 2 : len(packed) // 2 + 9] = b"\xff" * 9
    path = tmp_path / "a.log"
    path.write_bytes(packed)
    source = FileSource(str(path))
    pieces = read_now(source)
    failure = pieces.pop()
    assert isinstance(failure, ReadFailure)
    assert failure.path == str(path) and failure.message
    lines = numbered(pieces)
    assert failure.line == len(lines) + 1 == source.position.line
    assert failure.offset == sum(len(line) + 1 for _, line in lines) == source.position.offset
    assert damage == "changed" or len(lines) > 1_000
    assert source.read() is END


def test_a_file_that_goes_away_is_a_failure(tmp_path: Path) -> None:
    """Before it is opened, and when it shrinks while it is read."""
    path = tmp_path / "a.log"
    assert isinstance(FileSource(str(path)).read(), ReadFailure)
    path.write_bytes(TEXT)
    source = FileSource(str(path), limits=SMALL)
    assert isinstance(source.read(), Chunk)
    os.truncate(path, 10)
    (failure,) = read_now(source)
    assert isinstance(failure, ReadFailure)
    assert "shorter" in failure.message


@pytest.mark.parametrize("packing", ["plain", "gzip", "zstd"])
def test_stdin_is_read_packed_or_not(packing: str) -> None:
    """`-`, through a real pipe."""
    code = (
        "from sluice.io import END, FileSource, STDIN\n"
        "source = FileSource(STDIN); count = 0\n"
        "while (piece := source.read()) is not END: count += piece.data.count(b'\\n')\n"
        "print(count, source.position.line)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], input=PACKINGS[packing](TEXT), capture_output=True, check=True
    )
    assert run.stdout.split() == [b"5000", b"5001"]


def test_lines_of_a_pipe_come_as_soon_as_they_are_written(tmp_path: Path) -> None:
    """Without waiting for a full chunk; followed, an empty pipe is nothing now."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = os.open(path, os.O_RDWR)
    source = FileSource(str(path))
    os.write(writer, b"one\n")
    assert numbered([source.read()]) == [(1, b"one")]
    os.write(writer, b"two\nth")
    assert numbered([source.read()]) == [(2, b"two")]
    os.close(writer)
    assert numbered(read_now(source)) == [(3, b"th")]


def test_a_followed_pipe_ends_with_its_writers(tmp_path: Path) -> None:
    """An empty one is nothing now, a closed one is at its end."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = os.open(path, os.O_RDWR)
    source = FileSource(str(path), follow=True)
    assert source.read() is None
    os.write(writer, b"one\n")
    assert numbered([source.read()]) == [(1, b"one")]
    assert source.read() is None
    os.close(writer)
    assert source.read() is END


def test_followed_stdin_does_not_wait() -> None:
    """An empty pipe gives None; its end gives END."""
    code = (
        "import time; from sluice.io import FileSource, STDIN\n"
        "source = FileSource(STDIN, follow=True)\n"
        "print(source.read(), flush=True); input_came = None\n"
        "while input_came is None: input_came = source.read(); time.sleep(0.01)\n"
        "print(input_came.data, flush=True)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as run:
        assert run.stdin is not None and run.stdout is not None
        assert run.stdout.readline() == b"None\n"
        run.stdin.write(b"one\n")
        run.stdin.flush()
        assert run.stdout.readline() == b"b'one\\n'\n"


# Places to go on from.


@pytest.mark.parametrize("packing", PACKINGS)
def test_reading_goes_on_from_any_saved_place(tmp_path: Path, packing: str) -> None:
    """A position survives being written and read; nothing is read twice or lost."""
    path = tmp_path / "a.log"
    path.write_bytes(PACKINGS[packing](TEXT))
    whole = FileSource(str(path), limits=SMALL)
    before: list[Reading] = []
    places = [whole.position]
    while (piece := whole.read()) is not END:
        before.append(piece)
        places.append(whole.position)
    for n in {0, 1, len(places) // 2, len(places) - 1}:
        saved = msgspec.json.decode(msgspec.json.encode(places[n]), type=Position)
        source = FileSource(str(path), limits=SMALL)
        assert source.seek(saved)
        assert numbered(before[:n]) + numbered(read_now(source)) == list(enumerate(LINES, 1))


def test_reading_goes_on_within_an_array(tmp_path: Path) -> None:
    """Records keep their numbers."""
    path = tmp_path / "a.json"
    path.write_bytes(b"[" + b",\n".join(b'{"a":%d}' % n for n in range(1, 501)) + b"]\n")
    source = FileSource(str(path), framing=JsonCodec().framing, limits=SMALL)
    first = source.read()
    again = FileSource(str(path), framing=JsonCodec().framing, limits=SMALL)
    assert again.seek(source.position)
    got = [(n, line.strip()) for n, line in numbered([first, *read_now(again)])]
    assert got == [(n, b'{"a":%d}' % n) for n in range(1, 501)]


def test_another_file_of_the_same_name_is_noticed(tmp_path: Path) -> None:
    """Its first KiB differs, or it is too short; then it is read from its start."""
    path = tmp_path / "a.log"
    path.write_bytes(TEXT)
    source = FileSource(str(path), limits=SMALL)
    source.read()
    source.read()
    for other in (TEXT.replace(b"line 5", b"LINE 5"), TEXT[:1_500], b""):
        path.write_bytes(other)
        again = FileSource(str(path), limits=SMALL)
        assert not again.seek(source.position)
        lines = numbered(read_now(again))
        assert lines == list(enumerate(other.splitlines(), 1))
    path.unlink()
    assert not FileSource(str(path)).seek(source.position)


def test_a_copy_of_a_file_is_the_same_file(tmp_path: Path) -> None:
    """A file that was moved to another disk has another inode and the same content."""
    path, copy = tmp_path / "a.log", tmp_path / "b.log"
    path.write_bytes(TEXT)
    copy.write_bytes(TEXT)
    source, again = FileSource(str(path), limits=SMALL), FileSource(str(copy), limits=SMALL)
    first = source.read()
    assert again.seek(source.position)
    assert numbered([first, *read_now(again)]) == list(enumerate(LINES, 1))


# Following.


def append(path: Path, text: bytes) -> None:
    """Add to a file as a daemon does."""
    with path.open("ab") as file:
        file.write(text)


def test_a_growing_file_is_followed(tmp_path: Path) -> None:
    """From before it exists; half a line waits for its end."""
    path = tmp_path / "a.log"
    source = FileSource(str(path), follow=True, limits=SMALL)
    assert source.read() is None
    append(path, b"")
    assert source.read() is None
    append(path, b"one\ntw")
    assert numbered(read_now(source)) == [(1, b"one")]
    assert source.read() is None
    append(path, b"o\n")
    assert numbered(read_now(source)) == [(2, b"two")]
    source.close()


def test_rotation_by_rename_loses_nothing(tmp_path: Path) -> None:
    """The old file is read to its end, also what comes after the rename; numbers go on."""
    path, old = tmp_path / "a.log", tmp_path / "a.log.1"
    source = FileSource(str(path), follow=True, limits=SMALL)
    append(path, b"one\n")
    assert numbered(read_now(source)) == [(1, b"one")]
    path.rename(old)
    append(old, b"two\n")
    assert numbered(read_now(source)) == [(2, b"two")]
    append(path, b"")  # created, but the daemon still writes to the old one
    append(old, b"three\nhalf")
    assert numbered(read_now(source)) == [(3, b"three")]
    append(path, b"four\n")
    pieces = read_now(source)
    pieces += read_now(source)
    assert numbered(pieces) == [(4, b"half"), (5, b"four")]
    assert [p.torn for p in pieces if isinstance(p, Chunk)] == [True, False]
    old.unlink()
    append(path, b"five\n")
    assert numbered(read_now(source)) == [(6, b"five")]


def test_truncation_in_place_is_noticed(tmp_path: Path) -> None:
    """copytruncate: shorter than our place, or grown beyond it with another start."""
    path = tmp_path / "a.log"
    source = FileSource(str(path), follow=True, limits=SMALL)
    append(path, b"one\ntwo\nhalf")
    assert numbered(read_now(source)) == [(1, b"one"), (2, b"two")]
    os.truncate(path, 0)
    append(path, b"three\n")
    assert numbered(read_now(source)) == [(3, b"half"), (4, b"three")]
    os.truncate(path, 0)
    append(path, b"four is much longer than three was\n")
    assert numbered(read_now(source)) == [(5, b"four is much longer than three was")]


def test_an_over_long_line_keeps_its_number_through_rotation(tmp_path: Path) -> None:
    """The line that was being skipped counts."""
    path = tmp_path / "a.log"
    source = FileSource(str(path), follow=True, limits=SMALL)
    append(path, b"one\n" + b"x" * 3_000)
    read_now(source)
    path.rename(tmp_path / "a.log.1")
    append(path, b"three\n")
    assert numbered(read_now(source)) == [(3, b"three")]


def test_following_goes_on_in_a_file_that_was_renamed_meanwhile(tmp_path: Path) -> None:
    """The rest of the rotated file comes first, then the new one."""
    path = tmp_path / "a.log"
    append(path, b"one\ntwo\n")
    source = FileSource(str(path), follow=True)
    read_now(source)
    saved = source.position
    source.close()
    append(path, b"three\n")
    path.rename(tmp_path / "a.log.1")
    append(path, b"four\n")
    again = FileSource(str(path), follow=True)
    assert again.seek(saved)
    assert numbered(read_now(again)) == [(3, b"three"), (4, b"four")]


def test_following_starts_anew_when_the_old_file_is_gone(tmp_path: Path) -> None:
    """`seek` says so, and the numbers go on, so that no id is given twice."""
    path = tmp_path / "a.log"
    append(path, b"one\ntwo\n")
    source = FileSource(str(path), follow=True)
    read_now(source)
    path.write_bytes(b"three\nfour\n")
    again = FileSource(str(path), follow=True)
    assert not again.seek(source.position)
    assert numbered(read_now(again)) == [(3, b"three"), (4, b"four")]


def test_a_packed_file_cannot_be_followed(tmp_path: Path) -> None:
    """It is told rather than read as text."""
    path = tmp_path / "a.log.gz"
    path.write_bytes(gzip.compress(TEXT))
    failure = FileSource(str(path), follow=True).read()
    assert isinstance(failure, ReadFailure)
    assert "cannot be followed" in failure.message


# What the command line names.


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with some logs, as the current one."""
    for name in ("logs/b.log", "logs/a.log", "logs/deep/c.log", "logs/.hidden", "x[1].log"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"one\n")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["-"], [STDIN]),
        (["logs"], ["logs/a.log", "logs/b.log", "logs/deep/c.log"]),
        (["logs/b.log", "logs"], ["logs/b.log", "logs/a.log", "logs/deep/c.log"]),
        (["logs/*.log"], ["logs/a.log", "logs/b.log"]),
        (["logs/**/*.log"], ["logs/a.log", "logs/b.log", "logs/deep/c.log"]),
        (["x[1].log"], ["x[1].log"]),
        (["logs/[ab].log", "-"], ["logs/a.log", "logs/b.log", STDIN]),
        ([], []),
    ],
)
@pytest.mark.usefixtures("tree")
def test_names_become_files(names: list[str], expected: list[str]) -> None:
    """In the order given; directories and patterns in the order of paths; each file once."""
    assert expand_inputs(names) == expected


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("logs/aa.log", "logs/aa.log: there is no such file; did you mean logs/a.log?"),
        ("lgos/a.log", "lgos/a.log: there is no such file; did you mean logs?"),
        ("nothing", "nothing: there is no such file"),
        ("logs/*.gz", "logs/*.gz: no file fits this pattern"),
        ("empty", "empty: the directory has no files in it"),
        ("loop", "loop: cannot be read: Too many levels of symbolic links"),
    ],
)
def test_what_is_missing_or_unreadable_is_told(tree: Path, name: str, message: str) -> None:
    """With its path and the nearest name that exists."""
    (tree / "loop").symlink_to("loop")
    with pytest.raises(InputError) as caught:
        expand_inputs([name])
    assert str(caught.value) == message


@pytest.mark.usefixtures("tree")
def test_a_followed_file_may_be_missing_but_not_a_pattern() -> None:
    """It can come later."""
    assert expand_inputs(["later.log"], follow=True) == ["later.log"]
    with pytest.raises(InputError):
        expand_inputs(["later*.log"], follow=True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_told(tree: Path) -> None:
    """Before anything is processed."""
    (tree / "logs/a.log").chmod(0)
    with pytest.raises(InputError, match=r"logs/a\.log: cannot be read: Permission denied"):
        expand_inputs(["logs"])
