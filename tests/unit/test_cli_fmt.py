"""`sluice fmt --check --diff`: what it prints, what it leaves alone, its exit codes."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path

import pytest

from tests.commands import CommandLine, write

UGLY = "rule   a{when b   by user}\n"
FINE = "rule a {\n  when  b\n  by    user\n}\n"


def stdin(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Let the next command read this."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))


def patched(text: str, diff: str) -> str:
    """Apply the unified diff of one file, as `patch` does."""
    old, new, at = text.split("\n"), list[str](), 0
    lines = diff.split("\n")[2:-1]
    is_ended = True
    for number, line in enumerate(lines):
        found = re.fullmatch(r"@@ -(\d+)(?:,(\d+))? \+\d+(?:,\d+)? @@", line)
        if found is not None:
            start = int(found[1]) - (found[2] != "0")
            new += old[at:start]
            at = start
        elif line.startswith("\\"):
            is_ended = is_ended and lines[number - 1][0] == "-"
        else:
            if line[0] != "+":
                assert old[at] == line[1:]
                at += 1
            if line[0] != "-":
                new.append(line[1:])
    rest = old[at:]
    if rest in ([], [""]):
        return "\n".join(new) + "\n" * is_ended
    return "\n".join([*new, *rest])


@pytest.mark.parametrize(
    "text",
    [
        UGLY,
        UGLY.rstrip("\n"),
        UGLY.replace("\n", "\r\n"),
        f"{UGLY}\n\n\n",
        f'{FINE}\nrule b "x\u2028y\u0085z\x0b" {{when c}}\n\n{FINE.replace("a {", "c {")}',
        f"{FINE * 0}# only a comment",
    ],
)
def test_a_diff_can_be_applied(sluice: CommandLine, text: str) -> None:
    """Applied to the file it gives what `fmt` writes, whatever ends the lines."""
    path = write("a.sluice", text)
    said = sluice("fmt", "--diff", path)
    assert (said.code, said.err) == (1, "")
    assert said.out.startswith(f"--- {path}\tas written\n+++ {path}\tformatted\n@@ ")
    assert Path(path).read_bytes().decode() == text
    assert sluice("fmt", path).code == 0
    assert patched(text, said.out) == Path(path).read_bytes().decode()


@pytest.mark.parametrize("options", [["--check"], ["--diff"], ["--check", "--diff"]])
def test_nothing_is_written_and_one_is_returned(sluice: CommandLine, options: list[str]) -> None:
    """In a folder too: with a change exit 1, without one nothing is said and exit 0."""
    ugly, fine = write("rules/sub/ugly.sluice", UGLY), write("rules/fine.sluice", FINE)
    said = sluice("fmt", *options, "rules")
    assert (said.code, said.err) == (1, "")
    assert ("+  when  b\n" in said.out) == ("--diff" in options)
    assert (said.out == f"would change {ugly}\n") == (options == ["--check"])
    assert "fine" not in said.out
    assert Path(ugly).read_text("utf-8") == UGLY
    again = sluice("fmt", *options, fine)
    assert (again.code, again.out, again.err) == (0, "", "")


def test_as_json(sluice: CommandLine) -> None:
    """`ok` is what the exit code says; the diff comes with `--diff` alone."""
    path = write("a.sluice", UGLY)
    diff = sluice("fmt", "--diff", path).out
    for options, expected in (
        (["--check"], {"ok": False, "changed": [path]}),
        (["--diff"], {"ok": False, "changed": [path], "diff": diff}),
        ([], {"ok": True, "changed": [path]}),
        (["--check"], {"ok": True, "changed": []}),
    ):
        said = sluice("fmt", *options, path, "-o", "json")
        assert json.loads(said.out) == expected
        assert said.code == (not expected["ok"])


def test_stdin(sluice: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """`-` prints the formatted text, or with the options says what would change."""
    for options, code, begin in (
        ([], 0, FINE), (["--check"], 1, ""), (["--diff"], 1, "--- <stdin>\t"),
        (["--check", "--diff"], 1, "--- <stdin>\t"),
    ):  # fmt: skip
        stdin(monkeypatch, UGLY)
        said = sluice("fmt", "-", *options)
        assert (said.code, said.out[: len(begin)]) == (code, begin)
        assert bool(said.out) == bool(begin)
        stdin(monkeypatch, FINE)
        said = sluice("fmt", "-", *options)
        assert (said.code, said.out) == (0, "" if options else FINE)
    stdin(monkeypatch, "rule a { when b{2} wihtin 10m }\n")
    said = sluice("fmt", "-", "--check")
    assert (said.code, said.out) == (78, "")
    assert "SL0108" in said.err


def test_stdin_stands_alone(sluice: CommandLine) -> None:
    """`-` beside files is wrong usage, and no file is touched."""
    path = write("a.sluice", UGLY)
    said = sluice("fmt", "-", path)
    assert (said.code, said.out) == (2, "")
    assert "`-` stands alone" in said.err
    assert Path(path).read_text("utf-8") == UGLY


def test_a_broken_file_hides_no_diff(sluice: CommandLine) -> None:
    """The diff of the others is shown, the broken one told; exit 78."""
    write("rules/bad.sluice", "rule a { when b{2} wihtin 10m }\n")
    ugly = write("rules/ugly.sluice", UGLY)
    said = sluice("fmt", "--check", "--diff")
    assert (said.code, said.out.startswith(f"--- {ugly}\t")) == (78, True)
    assert "SL0108" in said.err
