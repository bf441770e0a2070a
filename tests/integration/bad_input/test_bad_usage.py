"""Checkpoints, options and settings that cannot be used."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from sluice.cli.app import execute
from tests.integration.bad_input.running import LINE, PAIR, RULE, Run, write


def test_checkpoint_of_another_version(run: Run) -> None:
    """78 with both versions and the way out; nothing is processed, the file stays."""
    assert run("--checkpoint", "run.ckpt").code == 0
    saved = msgspec.msgpack.decode(Path("run.ckpt").read_bytes())
    write("other.ckpt", msgspec.msgpack.encode(saved | {"format": 99}))
    done = run("--checkpoint", "other.ckpt")
    assert (done.code, done.out) == (78, "")
    assert "other.ckpt was written by another version (format 99, this one reads" in done.err
    assert "remove it to start anew" in done.err


def test_checkpoint_that_is_damaged(run: Run) -> None:
    """So are a file that is cut short, a foreign one, an empty one; a folder says so."""
    assert run("--checkpoint", "run.ckpt").code == 0
    saved = Path("run.ckpt").read_bytes()
    for content in (saved[:-1], saved[: len(saved) // 2], b"", b"hello", b"\xff" * 100):
        write("bad.ckpt", content)
        done = run("--checkpoint", "bad.ckpt")
        assert (done.code, done.out) == (78, "")
        assert "bad.ckpt is no checkpoint, or is damaged" in done.err
        assert Path("bad.ckpt").read_bytes() == content
    os.mkdir("folder")
    assert run("--checkpoint", "folder").code == 78


def test_checkpoint_of_other_rules(run: Run) -> None:
    """State of a rule that changed is left out with a warning; the input goes on where it was."""
    write("r.sluice", PAIR)
    assert run("--checkpoint", "run.ckpt").code == 0
    write("r.sluice", PAIR.replace("1m", "2m"))
    with open("in.jsonl", "a", encoding="utf-8") as file:
        file.write(LINE.replace('"a"', '"b"'))
    done = run("--checkpoint", "run.ckpt")
    assert (done.code, done.out) == (0, "")
    assert "rule r.r changed or is gone" in done.err and "read 2 events" in done.err


USAGE = {
    "option": (["--folow"], "there is no option --folow, did you mean --follow?"),
    "value": (["--show", "mtch"], "did you mean 'match'?"),
    "duration": (["--lateness", "soon"], "'soon' is no duration; write 5s, 90m or 1h30m"),
    "form": (["--output", "xml"], "it must be one of text, json, none"),
    "time": (["--since", "tomorrow"], "'tomorrow' is no time; write 2026-01-05"),
}


@pytest.mark.parametrize("name", USAGE)
def test_wrong_usage(name: str, run: Run) -> None:
    """2, and one line with what may have been meant and where there is help."""
    argv, said = USAGE[name]
    done = run(*argv)
    assert (done.code, done.out) == (2, "")
    assert said in done.err and "--help" in done.err
    assert done.err.count("\n") == 1


def test_unknown_command(capsys: pytest.CaptureFixture[str]) -> None:
    """So it is with a command that is none."""
    assert execute(["rnu"]) == 2
    assert "did you mean 'run'?" in capsys.readouterr().err


def test_missing_input(run: Run) -> None:
    """66 with the nearest name, before anything is processed, also when others are there."""
    done = run("in.jsno")
    assert (done.code, done.out) == (66, "")
    assert "in.jsno: there is no such file; did you mean in.jsonl?" in done.err
    os.mkdir("empty")
    assert run("empty").code == 66
    assert run("*.nothing").code == 66


def test_missing_rules(run: Run) -> None:
    """78 with the nearest name."""
    done = run(rules="r.sluic")
    assert (done.code, done.out) == (78, "")
    assert "r.sluic" in done.err and "did you mean r.sluice?" in done.err


CONFIGS = {
    "setting": ('[run]\nlatness = "5s"\n', "sluice.toml:2", "did you mean 'lateness'?"),
    "section": ("[rnu]\n", "sluice.toml:1", "did you mean 'run'?"),
    "value": ('[run]\nlateness = "soon"\n', "sluice.toml:2", "write 5s, 90m or 1h30m"),
    "syntax": ("[run\n", "sluice.toml: line 1", "Expected ']'"),
    "type": ("[run]\nfollow = 3\n", "sluice.toml:2", "follow"),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_bad_configuration(name: str, run: Run) -> None:
    """78 with file, line and remedy."""
    text, place, said = CONFIGS[name]
    write("sluice.toml", text)
    done = run()
    assert (done.code, done.out) == (78, "")
    assert place in done.err and said in done.err
    assert "Traceback" not in done.err


def test_unknown_param(run: Run) -> None:
    """`--set` of what is no param is 78 and names it."""
    write("r.sluice", "param limit = 3\n" + RULE)
    done = run("--set", "r.limt=4")
    assert (done.code, done.out) == (78, "")
    assert "there is no param `r.limt`" in done.err
