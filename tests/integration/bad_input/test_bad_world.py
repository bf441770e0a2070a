"""Files that change, pipes that close, disks that are full, signals."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import time
from pathlib import Path

from tests.integration.bad_input.running import LINE, PAIR, Done, Run, command, write


def test_input_that_becomes_shorter() -> None:
    """A file that is cut while it is read is 74; what was read before is there."""
    write("in.jsonl", LINE * 400_000)
    with open("out.jsonl", "wb") as out:
        process = subprocess.Popen(command("in.jsonl"), stdout=out, stderr=subprocess.PIPE)
        end = time.monotonic() + 30
        while not Path("out.jsonl").stat().st_size and time.monotonic() < end:
            time.sleep(0.01)
        os.truncate("in.jsonl", 0)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 74
    assert b"in.jsonl, line " in err and b"shorter" in err
    found = [json.loads(line) for line in Path("out.jsonl").read_text("utf-8").splitlines()]
    assert found and b"%d matches" % len(found) in err.replace(b",", b"")


def test_pipe_whose_writer_goes_away() -> None:
    """What came counts, the half line is rejected."""
    os.mkfifo("pipe")
    argv = command("pipe", "--show", "match,rejected")
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with open("pipe", "wb") as pipe:
        pipe.write(LINE.encode() * 3 + LINE.encode()[:9])
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert Done(0, out.decode(), "").kinds == ["match"] * 3 + ["syntax 4"]
    assert b"1 input rejected" in err


def test_input_that_disappears_from_a_folder() -> None:
    """A file of a folder that is gone when its turn comes is 74; the others count."""
    os.mkdir("in")
    os.mkfifo("in/1")
    write("in/2", LINE)
    process = subprocess.Popen(command("in"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    pipe = open("in/1", "wb")  # both ends are open now, so the inputs are known
    os.unlink("in/2")
    with pipe:
        pipe.write(LINE.encode() * 2)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 74
    assert b"in/2" in err and b"No such file" in err
    assert Done(0, out.decode(), "").kinds == ["match", "match"]


def test_closed_pipe() -> None:
    """`| head -1` ends the run with 141, quietly."""
    write("in.jsonl", LINE * 50_000)
    process = subprocess.Popen(
        command("in.jsonl"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
    )
    assert process.stdout is not None and process.stdout.read(10) == b'{"kind":"m'
    process.stdout.close()
    assert process.stderr is not None
    err = process.stderr.read()
    process.stderr.close()
    assert (process.wait(30), err) == (141, b"")


def _no_room() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def test_disk_full_while_a_checkpoint_is_written() -> None:
    """74 with the name of the file; the old checkpoint stays, and the next run goes on from it."""
    write("r.sluice", PAIR)
    argv = command("in.jsonl", "--checkpoint", "run.ckpt", "-q")
    assert subprocess.run(argv, capture_output=True, check=False).returncode == 0
    before = Path("run.ckpt").read_bytes()
    with open("in.jsonl", "a", encoding="utf-8") as file:
        file.write(LINE.replace('"a"', '"b"'))
    done = subprocess.run(argv, capture_output=True, check=False, preexec_fn=_no_room)
    assert done.returncode == 74
    assert b"run.ckpt: File too large" in done.stderr
    assert Path("run.ckpt").read_bytes() == before
    assert not Path("run.ckpt.new").exists()
    done = subprocess.run(argv, capture_output=True, check=False)
    assert (done.returncode, Done(0, done.stdout.decode(), "").kinds) == (0, ["match"])


def test_disk_full_while_records_are_written() -> None:
    """An output file that cannot grow is 74, and the checkpoint does not run ahead of it."""
    argv = command("in.jsonl", "--checkpoint", "run.ckpt", "--output-file", "out.jsonl", "-q")
    done = subprocess.run(argv, capture_output=True, check=False, preexec_fn=_no_room)
    assert done.returncode == 74
    assert b"out.jsonl: File too large" in done.stderr
    assert not Path("run.ckpt").exists()
    assert Path("out.jsonl").read_bytes() == b""
    assert subprocess.run(argv, capture_output=True, check=False).returncode == 0
    assert Path("out.jsonl").read_bytes().count(b"\n") == 1


def test_output_that_nobody_can_write(run: Run) -> None:
    """A folder that is not there is 78 before anything is processed."""
    for option in ("--output-file", "--rejected"):
        done = run(option, "no/such.jsonl")
        assert (done.code, done.out) == (78, "")
        assert f"{option} no/such.jsonl: there is no directory no" in done.err


def test_signal_while_nothing_comes() -> None:
    """A run that waits for input ends cleanly at SIGTERM, with what it had read."""
    with open("err.txt", "wb") as err:
        process = subprocess.Popen(
            command("-", "--follow"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=err
        )
    assert process.stdin is not None and process.stdout is not None
    with process.stdin, process.stdout:
        process.stdin.write(LINE.encode())
        process.stdin.flush()
        assert process.stdout.readline().startswith(b'{"kind":"match"')
        process.terminate()
        assert process.wait(30) == 143
    assert "stopped after 1 event" in Path("err.txt").read_text("utf-8")
