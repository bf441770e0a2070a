"""Logs that were rotated more than once while nobody read them: nothing is lost in silence."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest

from sluice.cli.app import execute
from sluice.codecs import Chunk
from sluice.io import END, FileSource, Position


def lines(source: FileSource) -> list[tuple[int, str]]:
    """Number and text of each line that is there now."""
    out: list[tuple[int, str]] = []
    for _ in range(20):  # a file begins anew after None now and then
        while isinstance(piece := source.read(), Chunk):
            texts = piece.data.decode().removesuffix("\n").split("\n")
            out += enumerate(texts, piece.first_line)
        assert piece is None or piece is END
    return out


class Log:
    """A log that is rotated as logrotate does; each file is written later than the one before."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._now = 1_700_000_000

    def write(self, text: str) -> None:
        """Add lines."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(text)
        self._now += 60
        os.utime(self.path, (self._now, self._now))

    def rotate(self, suffix: str = ".1") -> Path:
        """Give the file its next name; with numbers, those that have one get the next."""
        if suffix == ".1":
            for number in range(8, 0, -1):
                older = self.path.with_name(f"{self.path.name}.{number}")
                if older.exists():
                    older.rename(self.path.with_name(f"{self.path.name}.{number + 1}"))
        return self.path.rename(self.path.with_name(self.path.name + suffix))


@pytest.fixture
def log(tmp_path: Path) -> Log:
    """An empty log."""
    return Log(tmp_path / "a.log")


def saved(log: Log) -> Position:
    """Read what is there, and return the place behind it."""
    source = FileSource(str(log.path), follow=True)
    lines(source)
    source.close()
    return source.position


@pytest.mark.parametrize(
    "names", [(".1", ".1", ".1"), ("-20260101", "-20260102", "-20260103"), (".9", ".10", ".11")]
)
def test_files_between_are_read_in_order(log: Log, names: tuple[str, str, str]) -> None:
    """Three rotations while nobody reads: the rest of the old file, two whole ones, the new one."""
    log.write("one\ntwo\n")
    place = saved(log)
    log.write("three\n")
    log.rotate(names[0])
    log.write("four\n")
    log.rotate(names[1])
    log.write("five\n")
    log.rotate(names[2])
    log.write("six\n")
    source = FileSource(str(log.path), follow=True)
    assert source.seek(place)
    assert lines(source) == [(3, "three"), (4, "four"), (5, "five"), (6, "six")]
    assert source.lost == []
    log.write("seven\n")
    assert lines(source) == [(7, "seven")]


def test_files_between_are_read_in_order_also_in_one_instant(tmp_path: Path) -> None:
    """Where clocks of file systems are coarse, the number tells which one is newer."""
    log = Log(tmp_path / "a.log")
    log.write("one\n")
    place = saved(log)
    for text in ("two\n", "three\n", "four\n"):
        log.rotate()
        log.write(text)
    for path in tmp_path.iterdir():
        os.utime(path, (1, 1))
    source = FileSource(str(log.path), follow=True)
    assert source.seek(place)
    assert lines(source) == [(2, "two"), (3, "three"), (4, "four")]


def test_two_rotations_between_two_looks_lose_nothing(log: Log) -> None:
    """So it is while somebody follows, but looks away for a moment."""
    log.write("one\n")
    source = FileSource(str(log.path), follow=True)
    assert lines(source) == [(1, "one")]
    log.rotate()
    log.write("two\n")
    log.rotate()
    log.write("three\n")
    assert lines(source) == [(2, "two"), (3, "three")]
    assert source.lost == []


def test_other_files_beside_a_log_are_none_of_its_own(log: Log) -> None:
    """Neither older ones, nor what merely begins like the log."""
    log.write("ancient\n")
    log.rotate()
    log.write("one\n")
    place = saved(log)
    log.rotate()
    for name in ("a.log.ckpt", "a.log.bak", "a.log.1.swp", "a.log2", "b.log.1", "a.log-notes"):
        log.path.with_name(name).write_text("foreign\n", "utf-8")
    log.path.with_name("a.log.5").mkdir()
    log.write("two\n")
    source = FileSource(str(log.path), follow=True)
    assert source.seek(place)
    assert lines(source) == [(2, "two")]


def test_a_packed_file_between_is_told(log: Log) -> None:
    """It cannot be followed; its name says what to read by hand."""
    log.write("one\n")
    place = saved(log)
    log.rotate()
    log.write("two\n")
    middle = log.rotate()
    packed = middle.with_name("a.log.1.gz")
    packed.write_bytes(gzip.compress(middle.read_bytes()))
    os.utime(packed, (middle.stat().st_atime, middle.stat().st_mtime))
    middle.unlink()
    log.write("three\n")
    source = FileSource(str(log.path), follow=True)
    assert source.seek(place)
    assert lines(source) == [(2, "three")]
    assert source.lost == [f"{packed} was packed before it was read"]


def test_a_deleted_file_is_told_and_those_after_it_are_read(log: Log) -> None:
    """Only one old file is kept, and there were two rotations."""
    log.write("one\ntwo\n")
    place = saved(log)
    log.write("three\n")
    log.rotate().unlink()
    log.write("four\n")
    log.rotate()
    log.write("five\n")
    source = FileSource(str(log.path), follow=True)
    assert not source.seek(place)
    assert lines(source) == [(3, "four"), (4, "five")]
    assert source.lost == [
        f"{log.path} is another file than before, and the one before is gone: "
        "what it had after line 2 is not read"
    ]


def test_a_run_says_what_it_lost(
    log: Log, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On stderr and in the counts, also without `--follow`, with the file that has the rest."""
    monkeypatch.chdir(log.path.parent)
    Path("r.sluice").write_text("rule r { when a }\n", "utf-8")
    argv = ["run", "-r", "r.sluice", "-o", "none", "--checkpoint", "c", "--stats", "s", "a.log"]
    log.write('{"@type":"a","@time":1}\n')
    assert execute(argv) == 0
    log.write('{"@type":"a","@time":2}\n')
    log.rotate()
    log.write('{"@type":"a","@time":3,"n":3}\n')
    capsys.readouterr()
    assert execute(argv) == 0
    assert (
        "warning: a.log is another file than before: it is read from its start, and what a.log.1 "
        "has after line 1 is not read; --follow reads both\n"
    ) in capsys.readouterr().err
    stats = json.loads(Path("s").read_text("utf-8"))
    assert (stats["events"], stats["lost"]) == (2, 1)
    log.rotate()
    log.write('{"@type":"a","@time":4,"other":4}\n')
    assert execute(argv) == 0
    assert "warning" not in capsys.readouterr().err, "all of the file before had been read"
