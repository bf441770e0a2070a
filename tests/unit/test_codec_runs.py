"""`sluice run` over logs that are broken, that grow, and that are packed."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from sluice.cli.app import execute

AT = "2026-03-09T07:20:0"
WEB = '192.0.2.1 - - [09/Mar/2026:08:20:00 +0100] "GET /'


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    Path("r.sluice").write_text("rule r { when any select n, path }\n", "utf-8")


def run(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[Any]]:
    """Run; return the exit code, and of each record what is in it: the values, or line and why."""
    code = execute(["run", "-r", "r.sluice", "-o", "json", "--show", "match,rejected", *arguments])
    records = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    return code, [
        (r["offset"], r["reason"], r["message"])
        if r["kind"] == "rejected"
        else tuple(r["select"].values())
        for r in records
    ]


def test_a_changed_header_is_told_and_followed(capfd: pytest.CaptureFixture[str]) -> None:
    """The rows before and behind it are read; `--fail-on rejected` notices it."""
    text = f"time,n\n{AT}0Z,1\n{AT}1Z\nn,time,path\n3,{AT}2Z,/a\n"
    Path("a.csv").write_text(text, "utf-8")
    expected = [
        (1, None),
        (3, "schema", "1 cell where there are 2 columns (time, n)"),
        (4, "schema", "another header: n, time, path instead of time, n; "
                      "the rows from here are read by it"),
        (3, "/a"),
    ]  # fmt: skip
    assert run(capfd, "--codec", "csv", "a.csv") == (0, expected)
    assert run(capfd, "--codec", "csv", "--fail-on", "rejected", "a.csv")[0] == 1


def test_a_broken_quote_costs_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    """It is rejected by number and character; exit code 0, as for all that cannot be read."""
    Path("a.log").write_text(f'{WEB}a HTTP/1.1 200 5\n{WEB}b HTTP/1.1" 200 5\n', "utf-8")
    expected = [(1, "syntax", "the quote that opens at character 44 is not closed"), (None, "/b")]
    assert run(capfd, "--codec", "weblog", "a.log") == (0, expected)


def test_a_file_that_grew_goes_on_with_its_columns(capfd: pytest.CaptureFixture[str]) -> None:
    """The second run begins behind the header and knows it."""
    options = ("--codec", "csv", "--checkpoint", "c", "a.csv")
    Path("a.csv").write_text(f'time,n,path\n{AT}0Z,1,"/a\n/b"\n', "utf-8")
    assert run(capfd, *options) == (0, [(1, "/a\n/b")])
    with open("a.csv", "a", encoding="utf-8") as file:
        file.write(f'{AT}1Z,2,"/c"\n')
    assert run(capfd, *options) == (0, [(2, "/c")])


def test_an_input_that_pauses_a_run_is_not_read_again(capfd: pytest.CaptureFixture[str]) -> None:
    """A run of other inputs keeps where the checkpoint has come to in those it does not read."""
    for name, n in (("a", 1), ("b", 2)):
        Path(f"{name}.csv").write_text(f"time,n,path\n{AT}{n}Z,{n},/{name}\n", "utf-8")
    options = ("--codec", "csv", "--checkpoint", "c")
    assert run(capfd, *options, "a.csv") == (0, [(1, "/a")])
    assert run(capfd, *options, "b.csv") == (0, [(2, "/b")])
    assert run(capfd, *options, "a.csv", "b.csv") == (0, [])
    with open("a.csv", "a", encoding="utf-8") as file:
        file.write(f"{AT}3Z,3,/a\n")
    assert run(capfd, *options, "a.csv") == (0, [(3, "/a")])


@pytest.mark.parametrize("codec", ["json", "csv", "syslog", "logfmt", "journald"])
def test_a_checkpoint_of_another_codec_is_refused(
    capfd: pytest.CaptureFixture[str], codec: str
) -> None:
    """What it knows is of another format: it stays as it is, and the message says what to do."""
    Path("a.log").write_bytes(b"")
    assert run(capfd, "--codec", "weblog", "--checkpoint", "c", "a.log") == (0, [])
    before = Path("c").read_bytes()
    assert execute(["run", "-r", "r.sluice", "--codec", codec, "--checkpoint", "c", "a.log"]) == 78
    assert capfd.readouterr().err == (
        f"error: c was written by a run with the codec weblog, and this one has {codec}: "
        "take the same codec, or another file\n"
    )
    assert Path("c").read_bytes() == before


def test_a_journal_that_grew_in_the_middle_of_an_entry(capfd: pytest.CaptureFixture[str]) -> None:
    """Half an entry is rejected, and read whole by the next run."""
    entry = b"__REALTIME_TIMESTAMP=1773040800000000\nN=1\n\n"
    half = b"__REALTIME_TIMESTAMP=1773040801000000\nMESSAGE\n\x05\0\0\0\0\0\0\0a\n"
    options = ("--codec", "journald", "--checkpoint", "c", "j")
    Path("j").write_bytes(entry + half)
    code, found = run(capfd, *options)
    assert (code, found[0], found[1][:2]) == (0, (None, None), (2, "syntax"))
    with open("j", "ab") as file:
        file.write(b"\nb\n\n\n")
    assert run(capfd, *options) == (0, [(None, None)])


def test_whole_files_of_cloudtrail_are_packed(capfd: pytest.CaptureFixture[str]) -> None:
    """As the service delivers them: gzip, one object with `Records`, not in order."""
    records = [
        {"eventSource": "s3.amazonaws.com", "eventName": "X", "eventTime": f"{AT}{n}Z", "n": n}
        for n in (3, 1, 2)
    ]
    Path("a.json.gz").write_bytes(gzip.compress(json.dumps({"Records": records}).encode()))
    found = run(capfd, "--codec", "cloudtrail", "--sort", "a.json.gz")
    assert found == (0, [(1, None), (2, None), (3, None)])
