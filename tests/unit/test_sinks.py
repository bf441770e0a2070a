"""Writing: records as lines, each once in a file; and checkpoints that are old or new, whole."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from sluice.errors import CheckpointError
from sluice.io import (
    FileSink,
    Sink,
    StdoutSink,
    encode_record,
    read_checkpoint,
    record_id,
    write_checkpoint,
)


def match(name: str, **more: Any) -> dict[str, Any]:
    """Make a record of a match."""
    return {"kind": "match", "id": name, "rule": "a.b", **more}


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """Let no file grow beyond so many bytes, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2**63, b"9223372036854775808"),
        (2**64, b"18446744073709551616"),
        (-(2**70), b"-1180591620717411303424"),
        ([10**9_000 + 7], b"[1" + b"0" * 8_999 + b"7]"),
        (float("nan"), b"null"),
        ([float("inf"), 2**70], b"[null,1180591620717411303424]"),
        ("a\ud800b", '"a�b"'.encode()),
        ("\U0001f600\ud83d", '"\U0001f600�"'.encode()),
        ({"\udfff": 1.5}, '{"�":1.5}'.encode()),
        (True, b"true"),
        ([None, 10**20, "ü\n\u2028"], '[null,100000000000000000000,"ü\\n\u2028"]'.encode()),
    ],
)  # fmt: skip
def test_a_record_is_one_exact_line(value: Any, text: bytes) -> None:
    """Integers of any size, U+FFFD for lone surrogates, never NaN, no escapes without need."""
    assert encode_record({"v": value}) == b'{"v":' + text + b"}\n"


def test_a_record_may_be_nested_deeper_than_orjson_goes() -> None:
    """The slow writer takes over."""
    deep: Any = 1
    for _ in range(400):
        deep = [deep]
    assert encode_record({"v": deep}) == b'{"v":' + b"[" * 400 + b"1" + b"]" * 400 + b"}\n"


@pytest.mark.parametrize(
    ("record", "name"),
    [
        (match("m1"), ("match", "m1")),
        ({"kind": "note", "id": "n1", "match": "m1"}, ("note", "n1")),
        ({"kind": "mitigation", "id": "x1", "match": "m1"}, ("mitigation", "x1")),
        ({"kind": "pending", "id": "m1"}, ("pending", "m1")),
        ({"kind": "clear", "match": "m1"}, ("clear", "m1")),
        ({"kind": "event", "event": {"@id": "m1:1"}}, ("event", "m1:1")),
        ({"kind": "late", "event": {"@id": "e"}}, ("late", "e")),
        ({"kind": "late", "event": {}}, None),
        ({"kind": "rejected", "source": "a", "partition": 0, "offset": 3}, ("rejected", "a", 0, 3)),
        ({"kind": "match"}, None),
        ({"kind": "new"}, None),
        ({}, None),
    ],
)
def test_what_names_a_record(record: dict[str, Any], name: tuple[Any, ...] | None) -> None:
    """The kind, and the id of the record or of what it is about."""
    assert record_id(record) == name


def test_a_file_holds_each_record_once(tmp_path: Path) -> None:
    """Within a run and over restarts; what has no name is always written."""
    path = tmp_path / "out.jsonl"
    sink: Sink = FileSink(str(path))
    assert sink.write([match("1"), match("2"), match("1"), {"kind": "new"}, {"kind": "new"}]) == 4
    sink.flush(durable=True)
    assert sink.write([{"kind": "clear", "match": "1"}]) == 1
    sink.close()
    sink.close()
    again = FileSink(str(path))
    assert again.write([match("2"), match("3"), {"kind": "clear", "match": "1"}]) == 1
    again.close()
    lines = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    assert [line.get("id", line["kind"]) for line in lines] == [
        "1",
        "2",
        "new",
        "new",
        "clear",
        "3",
    ]


@pytest.mark.parametrize("torn", [b'{"kind":"match","id":"2","ru', b"{", b'{"kind":"m'])
def test_a_torn_last_line_is_cut(tmp_path: Path, torn: bytes) -> None:
    """A crash in the middle of a write; the record is written again."""
    path = tmp_path / "out.jsonl"
    path.write_bytes(encode_record(match("1")) + torn)
    sink = FileSink(str(path))
    assert sink.write([match("1"), match("2")]) == 1
    sink.close()
    assert path.read_bytes() == encode_record(match("1")) + encode_record(match("2"))


@pytest.mark.parametrize("rest", [b"somebody's notes", b'{"kind":"match","id":"1"}', b"{}"])
def test_what_somebody_else_wrote_is_never_cut(tmp_path: Path, rest: bytes) -> None:
    """A last line without an end that is no torn record gets one."""
    path = tmp_path / "out.jsonl"
    path.write_bytes(b"not json\n" + rest)
    sink = FileSink(str(path))
    sink.write([match("1"), match("2")])
    sink.close()
    expected = [] if b"match" in rest else [encode_record(match("1"))]
    lines = [b"not json\n", rest + b"\n", *expected, encode_record(match("2"))]
    assert path.read_bytes() == b"".join(lines)


def test_a_full_disk_passes_on_and_leaves_whole_lines(tmp_path: Path) -> None:
    """What was not written is kept for a later flush."""
    path = tmp_path / "out.jsonl"
    sink = FileSink(str(path))
    sink.write([match("1")])
    sink.flush()
    sink.write(match(str(n), tags=["x" * 100]) for n in range(2, 50))
    with room_for(1_000), pytest.raises(OSError, match="File too large"):
        sink.flush()
    assert path.read_bytes() == encode_record(match("1"))
    sink.close()
    ids = [orjson.loads(line)["id"] for line in path.read_bytes().splitlines()]
    assert ids == [str(n) for n in range(1, 50)]


def test_stdout_that_is_a_pipe_gets_each_line_at_once() -> None:
    """Nobody waits for a buffer to fill."""
    reader, writer = os.pipe()
    sink = StdoutSink(writer)
    assert sink.write([match("1")]) == 1
    assert os.read(reader, 1_000) == encode_record(match("1"))
    os.close(reader)
    with pytest.raises(BrokenPipeError):
        sink.write([match("2")])
    os.close(writer)


def test_stdout_that_is_a_file_is_written_in_blocks(tmp_path: Path) -> None:
    """And whole after a flush, which may be durable."""
    with (tmp_path / "out").open("wb") as file:
        sink = StdoutSink(file.fileno())
        sink.write([match("1")])
        assert (tmp_path / "out").read_bytes() == b""
        sink.flush(durable=True)
        sink.write([match("1")])
        sink.close()
    assert (tmp_path / "out").read_bytes() == encode_record(match("1")) * 2


def test_a_slow_reader_is_waited_for() -> None:
    """A pipe that does not block, and is full."""
    code = (
        "import os; from sluice.io import StdoutSink\n"
        "os.set_blocking(1, False); sink = StdoutSink()\n"
        "sink.write({'kind': 'match', 'id': 'x' * 50_000} for _ in range(20))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert run.stdout == encode_record({"kind": "match", "id": "x" * 50_000}) * 20


def test_a_device_can_be_written_to() -> None:
    """It has no lines to read and nothing to sync."""
    sink = FileSink(os.devnull)
    assert sink.write([match("1")]) == 1
    sink.flush(durable=True)
    sink.close()


def test_a_checkpoint_is_read_as_it_was_written(tmp_path: Path) -> None:
    """None before there is one; the newest after."""
    path = str(tmp_path / "state")
    assert read_checkpoint(path) is None
    for content in (b"one", b"", b"x" * 100_000):
        write_checkpoint(path, content)
        assert read_checkpoint(path) == content
    assert os.listdir(tmp_path) == ["state"]


def test_a_full_disk_leaves_the_old_checkpoint(tmp_path: Path) -> None:
    """And nothing beside it."""
    path = str(tmp_path / "state")
    write_checkpoint(path, b"old")
    with room_for(1_000), pytest.raises(OSError, match="File too large"):
        write_checkpoint(path, b"x" * 2_000)
    assert read_checkpoint(path) == b"old"
    assert os.listdir(tmp_path) == ["state"]
    write_checkpoint(path, b"new")
    assert read_checkpoint(path) == b"new"


def test_a_leftover_of_a_crash_is_in_nobodys_way(tmp_path: Path) -> None:
    """Half a checkpoint beside the old one, from before the rename."""
    path = tmp_path / "state"
    write_checkpoint(str(path), b"old")
    (tmp_path / "state.new").write_bytes(b"ha")
    assert read_checkpoint(str(path)) == b"old"
    write_checkpoint(str(path), b"new")
    assert os.listdir(tmp_path) == ["state"]


def test_a_checkpoint_that_cannot_be_read_is_no_missing_one(tmp_path: Path) -> None:
    """Starting from nothing instead would do everything twice."""
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_checkpoint(str(tmp_path))
