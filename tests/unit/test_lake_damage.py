"""A lake with files that are not as they were written: what each command says, and how it ends."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from sluice.cli.app import execute
from sluice.io import sync_path
from sluice.shells.lake import segments
from tests.lakes import content, run, small_lake, write_lines

RULES = "pack p\nrule big { when auth.login where n >= 8 by user select n }\n"

Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A lake of thirty logins and one probe."""
    lines: list[str | dict[str, object]] = [
        {"@type": "auth.login", "@time": 1_000 * n, "n": n, "user": f"user {n}"} for n in range(30)
    ]
    lines.append({"@type": "probe", "@time": 40_000})
    run(small_lake(tmp_path / "lake", 100), RULES, write_lines(tmp_path / "in.jsonl", lines))
    return tmp_path / "lake"


@pytest.fixture
def say(root: Path, capsys: pytest.CaptureFixture[str]) -> Say:
    """Run a command on the lake; return exit code, stdout and stderr."""

    def call(*argv: str) -> tuple[int, str, str]:
        capsys.readouterr()
        return (execute([*argv, "--lake", str(root)]), *capsys.readouterr())

    return call


def logins(root: Path) -> Path:
    """The only file of logins."""
    [path] = (root / "events" / "type=auth.login").rglob("*.parquet")
    return path


def damage(path: Path) -> None:
    """Overwrite a page, and leave what the file says about its pages."""
    held = bytearray(path.read_bytes())
    held[100:400] = b"\xff" * 300
    path.write_bytes(held)


def test_a_type_without_a_file_that_can_be_read(root: Path, say: Say) -> None:
    """It is named where it is asked for; other questions are answered, and both end with 74."""
    os.truncate(logins(root), 500)
    code, out, err = say("query", "SELECT count(*) FROM auth_login")
    assert (code, out) == (74, "")
    assert "it cannot be read: No magic bytes found at end: left out\n" in err
    assert err.endswith("error: no file of auth.login can be read\n")
    assert say("query", "-o", "csv", "SELECT count(*) AS n FROM events")[:2] == (74, "n\n1\n")
    assert "auth_login" not in say("query", "SHOW TABLES")[1]


def test_a_run_does_not_build_on_a_torn_segment(root: Path, tmp_path: Path) -> None:
    """What the segment held besides would be gone; without it everything is written anew."""
    before = content(root)
    path = logins(root)
    os.truncate(path, 500)
    done = run(root, RULES, tmp_path / "in.jsonl")
    [told] = done.failures
    assert told.startswith(f"{root}: {path} is damaged")
    assert told.endswith("nothing after it was written")
    path.unlink()
    assert run(root, RULES, tmp_path / "in.jsonl").failures == ()
    assert content(root) == before


@pytest.mark.parametrize(
    "command",
    [
        ("query", "SELECT sum(hash(COLUMNS(*))) FROM auth_login"),
        ("lake", "compact"),
        ("lake", "forget", "user=user 3"),
    ],
)
def test_a_damaged_page_is_a_failure_of_the_file(
    root: Path, say: Say, command: tuple[str, ...]
) -> None:
    """It is neither wrong SQL nor a bug, and the message says how to find the file."""
    damage(logins(root))
    code, out, err = say(*command)
    assert (code, out) == (74, "")
    assert "a file of the lake is damaged" in err
    assert "`sluice lake check` names it" in err
    code, out, _ = say("lake", "check")
    assert code == 1
    assert logins(root).name in out


def test_a_run_over_a_damaged_page_fails(root: Path, tmp_path: Path) -> None:
    """Rows cannot be compared with those that are there."""
    damage(logins(root))
    [told] = run(root, RULES, tmp_path / "in.jsonl").failures
    assert "a file of the lake is damaged" in told


def test_nothing_of_a_flush_that_fails_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk refuses one of the segments: none is put in its place, and none is left beside."""
    seen: list[str] = []

    def refuse(path: str) -> None:
        seen.append(path)
        if "type=probe" in path:
            raise OSError(28, "No space left on device")
        sync_path(path)

    monkeypatch.setattr(segments, "sync_path", refuse)
    source = write_lines(tmp_path / "in.jsonl", [
        {"@type": "auth.login", "@time": 0, "n": 9, "user": "u"}, {"@type": "probe", "@time": 1},
    ])  # fmt: skip
    root = small_lake(tmp_path / "lake")
    [told] = run(root, RULES, source).failures
    assert told == f"{root}: No space left on device; nothing after it was written"
    assert any("auth.login" in path for path in seen)
    names = [path.relative_to(root).parts[0] for path in root.rglob("*.parquet*")]
    assert names == ["runs"]
    monkeypatch.undo()
    assert run(root, RULES, source).failures == ()
    assert len(content(root)["events"]) == 2


def test_a_lake_of_a_newer_version_need_not_look_like_ours(root: Path, say: Say) -> None:
    """What its head says besides the version does not matter."""
    (root / "lake.json").write_text(json.dumps({"format": 7}), "utf-8")
    code, _, err = say("query", "SELECT 1")
    assert code == 78
    assert "written by a newer version (format 7" in err


def test_a_folder_that_is_no_lake_is_not_offered_to_a_run(root: Path, say: Say) -> None:
    """A run would refuse it, for it is not empty."""
    (root / "lake.json").unlink()
    code, _, err = say("query", "SELECT 1")
    assert (code, err) == (
        66, f"error: {root} is no lake: it has no lake.json; name another directory\n",
    )  # fmt: skip
