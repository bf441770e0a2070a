"""Upkeep of a lake: pack, expire, check, forget, and files that do not belong there."""

from __future__ import annotations

import json
import os
import shutil
import threading
from pathlib import Path
from typing import Any

import duckdb
import pytest

from sluice.cli.app import execute
from sluice.shells import (
    OpenLake,
    compact_lake,
    expire_lake,
    forget_in_lake,
    verify_lake,
)
from tests.lakes import ask, content, run, segments, small_lake, write_lines

RULES = """\
pack p
event got { user: string }
extract got from line {
  message matches /user=(?<user>\\w+)/
}
rule often { when got by user window tumbling 1h having count() >= 2 select n = count()
  note anomaly_detected "{user} was here {n} times" }
"""
DAY = 86_400_000
NOW = 100 * DAY


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A lake of twenty days; mallory and bob come twice a day."""
    root = small_lake(tmp_path / "lake", 16)
    lines: list[str | dict[str, Any]] = [
        {"@type": "line", "@time": DAY * (80 + n // 4) + n, "message": f"user={who}", "n": n}
        for n, who in enumerate(["mallory", "bob", "mallory", "bob"] * 20)
    ]
    lines[7] = "user=mallory is no json"
    run(root, RULES, write_lines(tmp_path / "in.jsonl", lines), source="s", close=True)
    return root


def test_packing_changes_nothing_but_the_files(root: Path) -> None:
    """Every table has the same rows; one file a day and type, with columns; again: nothing."""
    before = content(root)
    done = compact_lake(str(root))
    assert done.files_after < done.files_before
    assert content(root) == before
    assert all("packed-" in name for name in segments(root))
    assert verify_lake(str(root)).findings == []
    [path] = (root / "events" / "type=got" / "day=1970-03-22").glob("*.parquet")
    assert duckdb.sql(f"SELECT user FROM '{path}'").fetchall() == [
        ("mallory",), ("bob",), ("mallory",), ("bob",),
    ]  # fmt: skip
    assert compact_lake(str(root)).folders == 0


def test_whoever_packs_may_be_ended_at_any_moment(root: Path, tmp_path: Path) -> None:
    """With a packed file that no manifest names, and with files that one has replaced, every row
    is there once; the next time cleans up."""
    before, copy = content(root), tmp_path / "copy"
    shutil.copytree(root, copy)
    compact_lake(str(root))
    for packed in root.rglob("packed-*.parquet"):  # not yet in a manifest
        shutil.copy(packed, copy / packed.relative_to(root))
    assert content(copy) == before
    for manifest in root.rglob("packed.json"):  # named, and the old files are still there
        held = json.loads(manifest.read_text())
        folder = copy / manifest.parent.relative_to(root)
        held["replaced"] = [p.name for p in folder.glob("[srx]*.parquet")]
        (folder / "packed.json").write_text(json.dumps(held))
    assert content(copy) == before
    compact_lake(str(copy))
    assert content(copy) == before
    assert segments(copy) == segments(root)


def test_readers_while_others_pack_and_write(root: Path, tmp_path: Path) -> None:
    """A reader sees all rows that were there, whatever happens around it."""
    stop, failures = threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            for _ in range(3):
                try:
                    found = ask(root, "SELECT count(*) FROM line WHERE \"@source\" = 's'")
                    break
                except duckdb.IOException:
                    continue  # a file was replaced after it was looked up: look again
            if found != [(79,)]:
                failures.append(found)

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in range(4):
        lines: list[str | dict[str, Any]] = [
            {"@type": "line", "@time": DAY * 80 + n, "message": "user=mallory"} for n in range(5)
        ]
        run(root, RULES, write_lines(tmp_path / "more.jsonl", lines), source=f"t{number}")
        compact_lake(str(root))
    stop.set()
    for thread in threads:
        thread.join()
    assert failures == []


def test_old_days_go_when_that_is_wanted(root: Path) -> None:
    """What would go is said first; days are those of events, and a size takes the oldest."""
    compact_lake(str(root))
    old = expire_lake(str(root), NOW, 10 * DAY, None, False)
    assert {each.day.isoformat() for each in old} == {f"1970-03-{day}" for day in range(22, 32)}
    assert ask(root, "SELECT count(*) FROM line") == [(79,)]
    expire_lake(str(root), NOW, 10 * DAY, None, True)
    assert ask(root, 'SELECT count(*), min("@time")::VARCHAR FROM line') == [
        (40, "1970-04-01 00:00:00.04")
    ]
    assert verify_lake(str(root)).findings == []
    size = sum(path.stat().st_size for path in root.rglob("day=*/*"))
    expire_lake(str(root), NOW, None, size // 2, True)
    assert sum(path.stat().st_size for path in root.rglob("day=*/*")) <= size // 2
    assert ask(root, "SELECT count(*) FROM line WHERE \"@time\" >= '1970-04-10'") == [(4,)]
    assert expire_lake(str(root), NOW, 1000 * DAY, None, True) == []


@pytest.mark.parametrize("is_packed", [False, True])
def test_what_carries_a_value_goes_with_all_that_came_from_it(root: Path, is_packed: bool) -> None:
    """The lines, what was extracted, matches, evidence, notes, rejects of mallory; bob stays."""
    if is_packed:
        compact_lake(str(root))
    bobs = ask(root, "SELECT * FROM got WHERE user = 'bob' ORDER BY ALL")
    found = forget_in_lake(str(root), "user", "mallory", NOW, False)
    assert found.rows == {
        "events": 80, "matches": 20, "evidence": 40, "notes": 20, "rejected": 1,
    }  # fmt: skip
    assert len(content(root)["events"]) == 158
    assert forget_in_lake(str(root), "user", "mallory", NOW, True) == found
    assert not [row for rows in content(root).values() for row in rows if "mallory" in row]
    assert not [p for p in root.rglob("*.parquet") if b"mallory" in p.read_bytes()]
    assert ask(root, "SELECT * FROM got WHERE user = 'bob' ORDER BY ALL") == bobs
    assert len(content(root)["matches"]) == 19
    assert ask(root, "SELECT field, length(value_hash), events, matches, rows FROM forgotten") == [
        ("user", 64, 80, 20, 161)
    ]
    assert verify_lake(str(root)).findings == []
    assert forget_in_lake(str(root), "user", "mallory", NOW, True).total == 0
    assert forget_in_lake(str(root), "@source", "s", NOW, True).rows["events"] == 78


def test_files_that_do_not_belong_there(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Torn, empty, foreign, of another name, a damaged manifest: each is named and left out."""
    compact_lake(str(root))
    folder = root / "events" / "type=line" / "day=1970-03-22"
    [good] = folder.glob("*.parquet")
    duckdb.sql(f"COPY (SELECT 1 AS x) TO '{folder}/s{'0' * 15}-0-000000000000.parquet'")
    (folder / "note.txt").write_text("hello")
    torn = folder / f"s{'1' * 15}-0-000000000000.parquet"
    torn.write_bytes(good.read_bytes()[:-20])
    (folder / f"s{'2' * 15}-0-000000000000.parquet").touch()
    other = root / "events" / "type=line" / "day=1970-03-23" / "packed.json"
    other.write_text("{")
    lake = OpenLake(str(root))
    assert len(lake.troubles) == 5
    assert lake.con.execute("SELECT count(*) FROM events WHERE \"@type\" = 'line'").fetchall() == [
        (79 - 3,)
    ]
    code = execute(["query", "--lake", str(root), "SELECT count(*) AS n FROM events", "-o", "csv"])
    told = capsys.readouterr()
    assert code == 74
    assert told.out == "n\n155\n"
    assert "note.txt: it is no file of the lake: left out" in told.err
    assert f"{torn.name}: it cannot be read" in told.err
    assert execute(["lake", "check", "--lake", str(root)]) == 1
    assert "something else" in capsys.readouterr().out


def test_check_finds_what_is_in_the_wrong_place(root: Path, tmp_path: Path) -> None:
    """A segment under another name, in another day, twice, with a damaged page."""
    assert verify_lake(str(root)).findings == []
    first, *_ = sorted((root / "events" / "type=got").rglob("x*.parquet"))
    stream = first.name[:18]
    shutil.copy(first, first.with_name(f"{stream}-000000000160.parquet"))
    found = verify_lake(str(root)).findings
    assert any("rows are of another segment" in each for each in found)
    assert any("rows of it are in" in each for each in found)
    os.unlink(first.with_name(f"{stream}-000000000160.parquet"))
    shutil.move(first, root / "events/type=got/day=1970-04-09" / first.name)
    assert any("rows are of another day" in e for e in verify_lake(str(root)).findings)
    target = root / "matches" / "day=1970-03-22"
    [match] = target.glob("*.parquet")
    damaged = bytearray(match.read_bytes())
    damaged[200:260] = b"\xff" * 60
    match.write_bytes(damaged)
    assert any("it cannot be read" in each for each in verify_lake(str(root)).findings)


def test_commands_say_what_they_do(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Wrong usage is 2, a lake that is not there 66; nothing goes without --yes."""
    lake = ["--lake", str(root)]
    assert execute(["lake", "expire", *lake]) == 2
    assert execute(["lake", "expire", *lake, "--older-than", "ten days"]) == 2
    assert execute(["lake", "expire", *lake, "--max-size", "much"]) == 2
    assert execute(["lake", "forget", *lake, "user"]) == 2
    assert execute(["lake", "compact"]) == 2
    assert execute(["lake", "check", "--lake", str(root / "nowhere")]) == 66
    capsys.readouterr()
    assert execute(["lake", "forget", *lake, "user=mallory"]) == 0
    assert "161 rows would go; --yes takes them away" in capsys.readouterr().out
    assert execute(["lake", "expire", *lake, "--max-size", "0KB", "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["done"] is False
    assert execute(["lake", "compact", *lake, "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["busy"] == 0
    assert execute(["lake", "check", *lake, "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["findings"] == []
