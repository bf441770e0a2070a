"""Standard streams that are closed or hold no text: every command ends as output.md says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import sluice as package
from sluice.cli.app import execute

#: A byte in a comment that no UTF-8 text has.
NO_TEXT = b"rule a { when b } # \xff\n"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(package.__file__).parents[1]))
    Path("ok.sluice").write_text("rule a {when b}\n", "utf-8")
    Path("in.jsonl").write_text('{"@type":"b","@time":1}\n', "utf-8")


def shell(script: str, stdin: bytes = b"") -> tuple[int, str, str]:
    """Run a line of bash in which `sluice` is this one; return code, stdout and stderr."""
    defined = f'sluice() {{ {sys.executable} -m sluice "$@"; }}; {script}'
    done = subprocess.run(["bash", "-c", defined], input=stdin, capture_output=True, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.mark.parametrize(
    "command",
    [
        "version", "--help", "check -q ok.sluice", "explain ok.sluice", "config show --resolved",
        "fmt --diff ok.sluice", "fmt - < ok.sluice", "run -q -r ok.sluice in.jsonl",
        "graph -q ok.sluice", "functions -q", "check -q -o sarif ok.sluice",
    ],
)  # fmt: skip
def test_a_closed_stdout_is_a_closed_pipe(command: str) -> None:
    """`>&-`: nobody can read the answer, so it is 141 and quiet, for every command."""
    assert shell(f"sluice {command} >&-") == (141, "", "")


def test_a_command_that_prints_nothing_needs_no_stdout() -> None:
    """What goes elsewhere is done, and the exit code says so."""
    assert shell("sluice run -q -o none -r ok.sluice in.jsonl >&-") == (0, "", "")


def test_closed_stdin_is_empty_and_closed_stderr_is_quiet() -> None:
    """Neither is a bug; and no file that is opened takes the place of a closed stream."""
    assert shell("sluice run -q -r ok.sluice - <&-") == (0, "", "")
    code, out, _ = shell("sluice run -o json -r ok.sluice in.jsonl 0<&- 2>&-")
    assert (code, out.count("\n")) == (0, 1)
    assert shell("sluice run -o json -r ok.sluice in.jsonl 0<&- 1>&- 2>&-")[0] == 141
    assert Path("in.jsonl").read_text("utf-8") == '{"@type":"b","@time":1}\n'


def test_a_full_disk_is_74() -> None:
    """What cannot be written is told, with the traceback nowhere."""
    code, _, err = shell("sluice fmt --diff ok.sluice > /dev/full")
    assert (code, err) == (74, "error: No space left on device\n")


def test_fmt_leaves_what_is_no_text(capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is not UTF-8 is 78 with its name and line; others are formatted all the same."""
    Path("bad.sluice").write_bytes(b"# one\n" + NO_TEXT)
    assert execute(["fmt", "bad.sluice", "ok.sluice"]) == 78
    out, err = capsys.readouterr()
    assert "bad.sluice:2:21: error SL0601: this is not UTF-8" in err
    assert "changed ok.sluice" in out
    assert Path("bad.sluice").read_bytes() == b"# one\n" + NO_TEXT
    assert Path("ok.sluice").read_text("utf-8") == "rule a {\n  when  b\n}\n"


def test_fmt_prints_no_mended_text() -> None:
    """`fmt -` never turns bytes into U+FFFD: it says what is wrong and prints nothing."""
    code, out, err = shell("sluice fmt -", NO_TEXT)
    assert (code, out) == (78, "")
    assert "<stdin>:1:21: error SL0601: this is not UTF-8" in err
