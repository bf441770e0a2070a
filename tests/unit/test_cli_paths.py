"""Paths of a run: what cannot be written, or would be written over, is refused before it starts."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import zstandard

from sluice.cli.app import execute

LINE = '{"@type":"a","@time":1000}\n'
WRITTEN = ("--output-file", "--rejected", "--checkpoint", "--stats")


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("r.sluice").write_text("rule r { when a }\n", "utf-8")
    Path("in.jsonl").write_text(LINE, "utf-8")


class Run:
    """`sluice run` in this process; `said` is what stood on stderr."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture
        self.said = ""

    def __call__(self, *argv: str) -> int:
        self._capture.readouterr()
        code = execute(["run", "-r", "r.sluice", "-o", "json", "-q", *argv])
        out, self.said = self._capture.readouterr()
        assert code == 0 or out == ""
        return code


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """The command."""
    return Run(capsys)


def files() -> dict[str, bytes]:
    """All files of the folder, with what is in them."""
    return {str(p): p.read_bytes() for p in sorted(Path(".").rglob("*")) if p.is_file()}


# ---------------------------------------------------------------- what would be written over


@pytest.mark.parametrize("way", ["name", "detour", "symlink", "hard link"])
@pytest.mark.parametrize("option", WRITTEN)
def test_an_input_is_never_written_to(run: Run, option: str, way: str) -> None:
    """By whatever name the file is called, the input stays as it is."""
    os.mkdir("sub")
    names = {
        "name": "in.jsonl", "detour": "sub/../in.jsonl", "symlink": "soft", "hard link": "hard",
    }  # fmt: skip
    os.symlink("in.jsonl", "soft")
    os.link("in.jsonl", "hard")
    before = files()
    assert run("in.jsonl", option, names[way]) == 78
    assert f"{option} {names[way]}: this is the input in.jsonl" in run.said
    assert "name another file" in run.said
    assert files() == before


def test_an_input_behind_a_pattern_a_folder_or_stdin_is_one_too(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an earlier run left in a folder of inputs is found, and a file that is stdin."""
    os.mkdir("logs")
    Path("logs/1.jsonl").write_text(LINE, "utf-8")
    assert run("logs", "--output-file", "logs/out.jsonl") == 0
    for given in ("logs", "logs/*.jsonl"):
        assert run(given, "--output-file", "logs/out.jsonl") == 78
        assert "this is the input logs/out.jsonl" in run.said
    before = os.dup(0)
    with open("in.jsonl", "rb") as file:
        os.dup2(file.fileno(), 0)
    try:
        assert run("-", "--output-file", "in.jsonl") == 78
    finally:
        os.dup2(before, 0)
        os.close(before)
    assert "this is the input -" in run.said


@pytest.mark.parametrize("option", WRITTEN)
def test_rules_are_never_written_to(run: Run, option: str) -> None:
    """A slip of the pen does not cost a rule file."""
    before = files()
    assert run("in.jsonl", option, "r.sluice") == 78
    assert f"{option} r.sluice: this is a file of rules" in run.said
    assert files() == before


@pytest.mark.parametrize("exists", [False, True])
@pytest.mark.parametrize("second", WRITTEN[1:])
def test_no_two_outputs_are_one_file(run: Run, second: str, exists: bool) -> None:
    """Also before the file is there, and through a link to its folder."""
    os.mkdir("out")
    os.symlink("out", "same")
    if exists:
        Path("out/x").write_text("", "utf-8")
    before = files()
    assert run("in.jsonl", "--output-file", "out/x", second, "same/x") == 78
    assert f"{second} same/x: --output-file writes to this file too" in run.said
    assert files() == before


def test_devices_are_nobodys(run: Run) -> None:
    """Two outputs may both go nowhere."""
    assert run("in.jsonl", "--rejected", "/dev/null", "--stats", "/dev/null") == 0


# ---------------------------------------------------------------- what cannot be written


@pytest.mark.parametrize("option", WRITTEN)
def test_a_folder_is_no_file(run: Run, option: str) -> None:
    """So it is said, for each output, before anything is read."""
    os.mkdir("folder")
    assert run("in.jsonl", option, "folder") == 78
    assert f"{option} folder: this is a directory; name a file" in run.said


@pytest.mark.parametrize("option", WRITTEN)
def test_a_missing_folder_is_not_made(run: Run, option: str) -> None:
    """It is named, with what to do; so is a file that stands where a folder should be."""
    before = files()
    assert run("in.jsonl", option, "no/such/x") == 78
    assert f"{option} no/such/x: there is no directory no/such; make it first" in run.said
    assert run("in.jsonl", option, "in.jsonl/x") == 78
    assert f"{option} in.jsonl/x: in.jsonl is no directory" in run.said
    assert files() == before


@contextmanager
def without_rights() -> Iterator[None]:
    """Nobody, who may write nowhere here."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(before)


@pytest.mark.parametrize("option", WRITTEN)
def test_what_may_not_be_written_is_said(run: Run, option: str, tmp_path: Path) -> None:
    """A folder or a file without the permission to write."""
    for each in (tmp_path, *tmp_path.parents):
        if each.stat().st_uid == os.getuid() and each != Path("/tmp"):
            each.chmod(0o755)
    os.mkdir("locked", 0o555)
    Path("locked/old").touch(0o444)
    before = files()
    with without_rights():
        assert run("in.jsonl", option, "locked/x") == 78
        assert f"{option} locked/x: locked cannot be written to" in run.said
        assert run("in.jsonl", option, "locked/old") == 78
        assert f"{option} locked/old: " in run.said and "cannot be written" in run.said
    assert files() == before


def test_a_checkpoint_needs_its_folder(run: Run, tmp_path: Path) -> None:
    """It is written beside and renamed: the rights of the folder count, not those of the file."""
    for each in (tmp_path, *tmp_path.parents):
        if each.stat().st_uid == os.getuid() and each != Path("/tmp"):
            each.chmod(0o755)
    assert run("in.jsonl", "--checkpoint", "saved") == 0
    os.mkdir("locked")
    os.rename("saved", "locked/saved")
    os.chmod("locked/saved", 0o666)
    os.chmod("locked", 0o555)
    with without_rights():
        assert run("in.jsonl", "--checkpoint", "locked/saved") == 78
    assert "--checkpoint locked/saved: locked cannot be written to" in run.said


@pytest.mark.parametrize("option", WRITTEN)
def test_a_minus_is_no_file(run: Run, option: str) -> None:
    """stdout carries the records and nothing else, so `-` is refused, not made a file."""
    assert run("in.jsonl", option, "-") == 78
    assert f"{option} -: stdout carries the records; name a file" in run.said
    assert not Path("-").exists()
    assert run("in.jsonl", option, "") == 78
    assert f"{option} '': name a file" in run.said


def test_stats_may_go_to_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    """The remedy that is offered works."""
    argv = ["run", "-r", "r.sluice", "-q", "-o", "none", "--stats", "/dev/stderr", "in.jsonl"]
    assert execute(argv) == 0
    assert '"events": 1' in capfd.readouterr().err


# ---------------------------------------------------------------- what cannot be followed


@pytest.mark.parametrize("packing", ["gz", "zst"])
def test_a_packed_file_is_not_followed(run: Run, packing: str) -> None:
    """It is 66 before anything is read, says why, and what to do; also in a folder."""
    text = LINE.encode()
    packed = gzip.compress(text) if packing == "gz" else zstandard.compress(text)
    name = f"in.{packing}"
    Path(name).write_bytes(packed)
    assert run("--follow", name) == 66
    assert f"{name}: a compressed file cannot be followed" in run.said
    assert "run it without --follow" in run.said
    assert run("--follow", "in.jsonl", f"*.{packing}") == 66


def test_a_checkpoint_is_a_plain_file(run: Run) -> None:
    """It is renamed into its place, and a device must not be replaced by a file."""
    os.mkfifo("pipe")
    assert run("in.jsonl", "--checkpoint", "pipe") == 78
    assert "--checkpoint pipe: it is replaced each time, so it must be a plain file" in run.said
