"""What becomes of a lake when runs go on, are repeated, or read something else."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from sluice.errors import ConfigError, InputError
from sluice.shells import OpenLake, compact_lake, verify_lake
from sluice.shells.lake import staging
from tests.lakes import ask, content, run, segments, small_lake, write_lines

RULES = """\
pack p
rule big { when a where n >= 5 by k note anomaly_detected "n is {n}" emit seen { n: n } }
rule many { when a by k window tumbling 10s having count() >= 2 select n = count() }
"""


def events(count: int, first: int = 0, **fields: Any) -> list[str | dict[str, Any]]:
    """Events of one second each."""
    return [
        {"@type": "a", "@time": 1000 * n, "k": f"k{n % 3}", "n": n % 7, **fields}
        for n in range(first, first + count)
    ]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return small_lake(tmp_path / "lake")


def test_segments_are_cut_by_offset_and_named_by_it(tmp_path: Path, root: Path) -> None:
    """Lines 1 to 9, 10 to 19, 20 to 25: the names do not depend on how the input came."""
    run(root, RULES, write_lines(tmp_path / "in.jsonl", events(25)))
    firsts = [name.rpartition("-")[2] for name in segments(root) if "type=a" in name]
    assert firsts == ["000000000000.parquet", "000000000010.parquet", "000000000020.parquet"]


def test_records_are_the_same_however_they_are_loaded(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three at a time, over the ends of blocks, with evidence that records do not list."""
    lines = [*events(40), *events(150, 40, m=1)]
    rules = RULES + "rule hourly { when a window tumbling 1h having count() >= 2 }\n"
    source = write_lines(tmp_path / "in.jsonl", lines)
    run(root, rules, source, close=True)
    monkeypatch.setattr(staging, "LOADED_TOGETHER", 3)
    other = small_lake(tmp_path / "other")
    run(other, rules, source, close=True)
    assert content(other) == content(root)
    files = ", ".join(f"'{path}'" for path in other.glob("matches/*/*.parquet"))
    numbers = ask(other, f'SELECT "@offset" FROM read_parquet([{files}]) ORDER BY 1')
    assert [number for (number,) in numbers] == list(range(len(content(other)["matches"])))
    [(count, listed)] = ask(
        other,
        "SELECT event_count, count(DISTINCT number) FROM matches JOIN evidence ON id = match "
        "WHERE matches.rule = 'p.hourly' GROUP BY ALL",
    )
    assert count == listed > 100


def test_a_repeated_write_changes_no_file(tmp_path: Path, root: Path) -> None:
    """The second run finds everything there, and touches nothing but the table of runs."""
    source = write_lines(tmp_path / "in.jsonl", events(25))
    run(root, RULES, source)
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*.parquet")}
    run(root, RULES, source)
    after = {path: path.stat().st_mtime_ns for path in root.rglob("*.parquet")}
    assert {path for path in after if before.get(path) != after[path]} == set(
        root.glob("runs/*/*")
    ) - set(before)


@pytest.mark.parametrize("is_packed", [False, True])
def test_a_run_that_goes_on_adds_to_its_last_segment(
    tmp_path: Path, root: Path, is_packed: bool
) -> None:
    """With a checkpoint or without, packed in between or not: as if it had been one run."""
    source = tmp_path / "in.jsonl"
    options = {"checkpoint": str(tmp_path / "run.ckpt")}
    for first in (0, 13, 14):
        write_lines(source, events(13 if first == 0 else 1, first), "a")
        run(root, RULES, source, **options)
        if is_packed:
            compact_lake(str(root))
    whole = small_lake(tmp_path / "whole")
    run(whole, RULES, source)
    assert content(root) == content(whole)
    # Without the checkpoint it begins at the first line, and other numbers are given to records.
    write_lines(source, events(4, 15), "a")
    run(root, RULES, source)
    run(whole, RULES, source)
    assert content(root) == content(whole)
    assert verify_lake(str(root)).findings == []


def test_other_events_under_the_same_name_are_refused(tmp_path: Path, root: Path) -> None:
    """Nothing is decided, nothing is lost; the message says what to do."""
    source = write_lines(tmp_path / "in.jsonl", events(25))
    run(root, RULES, source)
    before = content(root)
    for other in (events(25, 100), events(25, m=1), events(3, 1)):
        write_lines(source, other)
        with pytest.raises(ConfigError, match="--source"):
            run(root, RULES, source)
        assert content(root) == before
        assert verify_lake(str(root)).findings == []
    run(root, RULES, source, source="another")
    assert len(content(root)["events"]) > len(before["events"])


def test_a_shorter_repetition_takes_nothing_away(tmp_path: Path, root: Path) -> None:
    """What was read of an input once stays, when the next run reads only its beginning."""
    source = write_lines(tmp_path / "in.jsonl", events(25))
    run(root, RULES, source)
    before = ask(root, "SELECT count(*) FROM a")
    write_lines(source, events(12))
    run(root, RULES, source)
    assert ask(root, "SELECT count(*) FROM a") == before


def test_runs_of_different_rules_share_events_and_matches(tmp_path: Path, root: Path) -> None:
    """Each event and each match is there once, of which rules it was found by whichever run."""
    source = write_lines(tmp_path / "in.jsonl", events(25))
    run(root, RULES, source)
    alone = content(root)
    run(root, RULES + "rule more { when seen where n == 6 }\n", source)
    both = content(root)
    assert set(alone["events"]) == set(both["events"])
    assert set(alone["matches"]) < set(both["matches"])
    for table, identity in (("events", '"@id"'), ("matches", "id"), ("notes", "id")):
        [(rows, distinct)] = ask(root, f"SELECT count(*), count(DISTINCT {identity}) FROM {table}")
        assert rows == distinct > 0


def test_matches_that_are_not_decided_again_go(tmp_path: Path, root: Path) -> None:
    """What the end of an input seemed to decide is taken back when the input goes on."""
    source = tmp_path / "in.jsonl"
    rules = "pack p\nrule away { when a then no b within 1s by k }\n"
    late = [{"@type": "a", "@time": 1000, "k": 1}, {"@type": "c", "@time": 2000}]
    write_lines(source, late)
    options = {"checkpoint": str(tmp_path / "run.ckpt")}
    run(root, rules, source, **options)
    assert len(content(root)["matches"]) == 1
    write_lines(source, [{"@type": "b", "@time": 2000, "k": 1}], "a")
    run(root, rules, source, **options)
    assert content(root)["matches"] == []
    assert content(root)["evidence"] == []


def test_all_evidence_of_a_large_match_is_kept(tmp_path: Path, root: Path) -> None:
    """The match lists 100 events, the lake has 150, in order."""
    lines = [{"@type": "a", "@time": n, "k": 1} for n in range(150)]
    rules = """\
pack p
rule window { when a by k window tumbling 1m having count() >= 150 }
rule session { when a by k window session 1m having count() >= 150 }
rule slide { when a by k within 1m having count() >= 150 }
"""
    run(root, rules, write_lines(tmp_path / "in.jsonl", lines), source="s", close=True)
    found = ask(root, "SELECT rule, list(event ORDER BY number) FROM evidence GROUP BY rule")
    wanted = [f"s:0:{n + 1}" for n in range(150)]
    assert dict(found) == dict.fromkeys(("p.window", "p.session", "p.slide"), wanted)
    assert ask(root, "SELECT DISTINCT event_count, len(raw->'$.events[*]') FROM matches") == [
        (150, 100)
    ]


def test_extracted_emitted_late_and_rejected(tmp_path: Path, root: Path) -> None:
    """Each kind of what goes through has its place."""
    rules = """\
pack p
event got { user: string }
extract got from line { message matches /user=(?<user>\\w+)/ }
rule r { when got emit seen { who: user } }
rule s { when got as g then got within 1m }
"""
    lines: list[str | dict[str, Any]] = [
        {"@type": "line", "@time": 1000, "message": "user=bob in"},
        {"@type": "line", "@time": 5000, "message": "nothing"},
        {"@type": "line", "@time": 2000, "message": "user=eve late"},
        "no json",
    ]
    run(root, rules, write_lines(tmp_path / "in.jsonl", lines), source="s")
    assert ask(root, 'SELECT "@id", user FROM got ORDER BY 1') == [
        ("s:0:1/got", "bob"), ("s:0:3/got", "eve"),
    ]  # fmt: skip
    assert ask(root, "SELECT who FROM seen ORDER BY 1") == [("bob",), ("eve",)]
    assert ask(root, "SELECT event, type, source FROM late") == [("s:0:3", "line", "s")]
    assert ask(root, 'SELECT "offset", reason, data FROM rejected') == [(4, "syntax", "no json")]
    assert ask(root, "SELECT how, events, late, rejected FROM runs") == [("done", 3, 1, 1)]


def test_fields_that_come_later_or_change_their_type(tmp_path: Path, root: Path) -> None:
    """A new field is null in old segments; of one that changed, no value is lost."""
    lines = [*events(12), *events(12, 12, n="x", new=1), *events(3, 24, n=0.5, new=2**60)]
    run(root, RULES, write_lines(tmp_path / "in.jsonl", lines))
    for _ in range(2):
        found = ask(root, 'SELECT n, new FROM a ORDER BY "@offset"')
        assert [new for _, new in found] == [None] * 12 + [1] * 12 + [2**60] * 3
        assert [json.loads(str(n)) for n, _ in found] == [
            *(n % 7 for n in range(12)), *["x"] * 12, *[0.5] * 3,
        ]  # fmt: skip
        compact_lake(str(root))


def test_more_types_than_a_block_has_folders_for(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever invents a type for each event makes no folder for each."""
    monkeypatch.setattr("sluice.shells.lake.streams.FOLDERS_MAX", 3)
    lines = [{"@type": f"t{n}", "@time": 1000} for n in range(9)]
    run(root, RULES, write_lines(tmp_path / "in.jsonl", lines))
    assert len({name.split("/")[1] for name in segments(root)}) == 4
    assert len(ask(root, 'SELECT DISTINCT "@type" FROM events')) == 9


def test_who_else_writes_the_same_is_refused(tmp_path: Path, root: Path) -> None:
    """While a run goes on, a second one of the same input is not begun."""
    source = write_lines(tmp_path / "in.jsonl", events(8))
    (tmp_path / "r.sluice").write_text(RULES, "utf-8")
    argv = [sys.executable, "-m", "sluice", "run", "-r", str(tmp_path / "r.sluice"), str(source)]
    argv += ["--lake", str(root), "--follow", "-o", "json"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as other:
        assert other.stdout is not None and other.stdout.readline()
        with pytest.raises(ConfigError, match="another process"):
            run(root, RULES + "rule more { when b }\n", source)
        other.terminate()
    run(root, RULES, source)


def test_lakes_that_are_none(tmp_path: Path) -> None:
    """A directory with other things, a lake of a newer version, a damaged head."""
    source = write_lines(tmp_path / "in.jsonl", events(2))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "other.txt").touch()
    with pytest.raises(ConfigError, match="is no lake"):
        run(tmp_path / "full", RULES, source)
    with pytest.raises(InputError, match="is no lake"):
        OpenLake(str(tmp_path / "nowhere"))
    newer = small_lake(tmp_path / "newer")
    (newer / "lake.json").write_text('{"format":2,"segment_offsets":10,"sluice":"9"}')
    with pytest.raises(ConfigError, match="newer version"):
        run(newer, RULES, source)
    with pytest.raises(ConfigError, match="newer version"):
        OpenLake(str(newer))
    (newer / "lake.json").write_text("{")
    with pytest.raises(ConfigError, match="damaged"):
        OpenLake(str(newer))


def test_rules_that_read_other_fields_share_the_events(tmp_path: Path, root: Path) -> None:
    """Which fields are read decides how a line is decoded, and whether a broken one matters; the
    text of an event stays its line."""
    lines = [*events(8), '{"@type": "a", "@time": 9000 , "n": 1e400, "s":"\\ud800"}',
             '{"@type":"a","@time":10000,"n":"x","k":1}', *events(8, 10)]  # fmt: skip
    source = write_lines(tmp_path / "in.jsonl", lines)
    readers = ("where n > 5", 'where s == "x"', 'where k == "k1" and n < 3', "")
    for rule in readers:
        run(root, f"pack p\nrule r {{ when a {rule} }}\n", source)
    assert ask(root, "SELECT count(*), count(DISTINCT raw) FROM a") == [(18, 18)]
    alone = small_lake(tmp_path / "alone")
    run(alone, f"pack p\nrule r {{ when a {readers[-1]} }}\n", source)
    assert content(alone)["events"] == content(root)["events"]


def test_a_part_of_an_input_adds_to_what_is_there(tmp_path: Path, root: Path) -> None:
    """With --since and --until a run keeps what lies between; the rest stays as it was."""
    source = write_lines(tmp_path / "in.jsonl", events(25))
    run(root, RULES, source, since=5_000, until=12_000)
    assert ask(root, "SELECT count(*) FROM a") == [(8,)]
    run(root, RULES, source)
    run(root, RULES, source, since=20_000)
    assert ask(root, "SELECT count(*), count(DISTINCT raw) FROM a") == [(25, 25)]


def test_a_run_that_goes_on_shows_what_has_come(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader sees events of a block that is not full, without a checkpoint, while the run goes
    on."""
    monkeypatch.setattr("sluice.shells.lake.session.SHOWN_SECONDS", 0.05)
    source = write_lines(tmp_path / "in.jsonl", events(3))
    stop = threading.Event()
    thread = threading.Thread(
        target=run, args=(root, RULES, source), kwargs={"follow": True, "stop": stop.is_set}
    )
    thread.start()
    counts = []
    for number in (3, 4, 5):
        end = time.monotonic() + 30
        while not counts or counts[-1] < number:
            counts.append(len(content(root)["events"]))
            assert time.monotonic() < end
            time.sleep(0.05)
        write_lines(source, events(1, number), "a")
    stop.set()
    thread.join()
    assert ask(root, "SELECT how FROM runs") == [("stopped",)]
    assert verify_lake(str(root)).findings == []
