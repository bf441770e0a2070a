"""Local runs that go on, and inputs that are odd in ways that random ones are not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sluice.shells import RunRequest, RunSummary, run_local

PAIR = "pack p\nrule r { when a then b within 1m }\n"


def run(folder: Path, rules: str, **options: Any) -> tuple[list[dict[str, Any]], RunSummary]:
    """Run rules over the inputs of a folder; return the records and the summary."""
    (folder / "r.sluice").write_text(rules, "utf-8")
    out: list[bytes] = []
    inputs = tuple(sorted(str(path) for path in folder.glob("*.jsonl")))
    request = RunRequest((str(folder / "r.sluice"),), inputs, output="json", **options)
    summary = run_local(request, out.append, render=str)
    return [json.loads(line) for line in b"".join(out).splitlines()], summary


def test_inputs_that_had_ended_hold_each_other_back_again(tmp_path: Path) -> None:
    """Files that grew after a run with a checkpoint are merged by time as before."""
    first, second = tmp_path / "1.jsonl", tmp_path / "2.jsonl"
    first.write_text('{"@type":"c","@time":1000}\n')
    second.write_text('{"@type":"c","@time":2000}\n')
    checkpoint = str(tmp_path / "run.checkpoint")
    assert run(tmp_path, PAIR, checkpoint=checkpoint)[0] == []
    with first.open("a") as file:
        file.write('{"@type":"b","@time":5000}\n')
    with second.open("a") as file:
        file.write('{"@type":"a","@time":4000}\n')
    records, _ = run(tmp_path, PAIR, checkpoint=checkpoint)
    assert [record["time"] for record in records] == ["1970-01-01T00:00:05.000Z"]


def test_sources_of_events_do_not_stand_for_inputs(tmp_path: Path) -> None:
    """An event may name a source of its own; inputs are merged by where they are read from."""
    (tmp_path / "1.jsonl").write_text(
        '{"@type":"a","@time":1000,"@source":"h1"}\n{"@type":"b","@time":4000,"@source":"h2"}\n'
    )
    (tmp_path / "2.jsonl").write_text('{"@type":"a","@time":3000,"@source":"h1"}\n')
    records, summary = run(tmp_path, PAIR)
    assert summary.late == 0
    assert [len(record["events"]) for record in records] == [2]


@pytest.mark.parametrize(
    "line",
    [
        '{"@type":"a","@time":1000,"n":18446744073709551616}',
        '{"@type":"a","@time":1000,"n":[18446744073709551616]}',
        '{"@type":"a","@time":1000,"n":"\\ud800"}',
        '{"@type":"a\\u0000","@time":1000}',
        '\ufeff{"@type":"a","@time":1000}',
    ],
)
def test_odd_first_lines_with_a_checkpoint(tmp_path: Path, line: str) -> None:
    """Values beyond 64 bits, lone surrogates, NUL in a type: a run ends as it should."""
    (tmp_path / "1.jsonl").write_text(line + "\n", "utf-8")
    rules = "pack p\nrule r { when a as f then b within 1m select n = f.n }\nrule s { when any }\n"
    _, summary = run(tmp_path, rules, checkpoint=str(tmp_path / "run.checkpoint"))
    assert summary.events == 1
    assert summary.failures == ()


def test_an_integer_beyond_64_bits_is_no_value_whatever_other_rules_read(tmp_path: Path) -> None:
    """An unrelated rule does not change what a rule finds."""
    (tmp_path / "1.jsonl").write_text('{"@type":"a","@time":1000,"n":9223372036854775808}\n')
    alone = "pack p\nrule r { when a where n > 5 }\n"
    assert run(tmp_path, alone)[0] == []
    assert run(tmp_path, alone + "rule s { when b select n }\n")[0] == []


def test_a_half_line_is_read_whole_when_the_rest_has_come(tmp_path: Path) -> None:
    """What ended in the middle of a line is no event yet, and none is lost."""
    path = tmp_path / "1.jsonl"
    path.write_text('{"@type":"a","@time":1000}\n{"@type":"b","@ti')
    checkpoint = str(tmp_path / "run.checkpoint")
    records, summary = run(tmp_path, PAIR, checkpoint=checkpoint)
    assert summary.rejected == {"syntax": 1}
    with path.open("a") as file:
        file.write('me":2000}\n')
    records, _ = run(tmp_path, PAIR, checkpoint=checkpoint)
    assert [record["time"] for record in records] == ["1970-01-01T00:00:02.000Z"]


def test_the_id_of_an_event_is_found_alike_on_both_ways(tmp_path: Path) -> None:
    """`@id` comes before `--id-field`; an empty name is none."""
    (tmp_path / "1.jsonl").write_text(
        '{"@type":"a","@time":1,"n":"x"}\n{"@type":"a","@time":2,"n":"x","@id":"y"}\n'
        '{"@type":"a","@time":3,"@id":""}\n{"\\u0040type":"a","@time":4,"\\u0040id":"z"}\n'
    )
    records, summary = run(tmp_path, "pack p\nrule r { when a }\n", id_field="n")
    assert [record["events"][0]["id"] for record in records] == ["x", "y", "z"]
    assert summary.rejected == {"id": 1}
