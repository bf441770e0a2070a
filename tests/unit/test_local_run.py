"""Local runs that go on, and inputs that are odd in ways that random ones are not."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sluice.cli.render import summary_text
from sluice.errors import ConfigError
from sluice.shells import RunRequest, RunSummary, run_local

PAIR = "pack p\nrule r { when a then b within 1m }\n"


def run(
    folder: Path, rules: str, stop: Callable[[], bool] = lambda: False, **options: Any
) -> tuple[list[dict[str, Any]], RunSummary]:
    """Run rules over the inputs of a folder; return the records and the summary."""
    (folder / "r.sluice").write_text(rules, "utf-8")
    out: list[bytes] = []
    inputs = tuple(sorted(str(path) for path in folder.glob("*.jsonl")))
    request = RunRequest((str(folder / "r.sluice"),), inputs, output="json", **options)
    summary = run_local(request, out.append, render=str, stop=stop)
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


@pytest.mark.parametrize("rules", ["pack p\n", "rule r { when a disabled }\n"])
def test_a_run_in_which_no_rule_looks_at_anything_says_so(tmp_path: Path, rules: str) -> None:
    """Nobody is to believe that somebody watches when all rules are disabled, or none is there."""
    (tmp_path / "1.jsonl").write_text('{"@type":"a","@time":1000}\n')
    warning = "no rule is in force: there is none in these files, or all are disabled"
    assert run(tmp_path, rules)[1].warnings == (warning,)
    assert run(tmp_path, PAIR)[1].warnings == ()


def test_a_time_that_ends_before_it_begins_is_refused(tmp_path: Path) -> None:
    """It would leave out every event without a word; equal ends are one instant, which is fine."""
    (tmp_path / "1.jsonl").write_text('{"@type":"a","@time":1000}\n')
    with pytest.raises(ConfigError) as raised:
        run(tmp_path, PAIR, since=1001, until=1000)
    assert str(raised.value) == (
        "--since 1970-01-01T00:00:01.001Z is after --until 1970-01-01T00:00:01.000Z: "
        "no event is between"
    )
    assert run(tmp_path, PAIR, since=1000, until=1000)[1].events == 1


@pytest.mark.parametrize("follow", [False, True])
def test_an_input_that_is_read_no_more_holds_nothing_back(tmp_path: Path, follow: bool) -> None:
    """A file a day and one checkpoint: yesterday's file ended, today's is decided as it comes."""
    day = tmp_path / "1.jsonl"
    day.write_text('{"@type":"a","@time":1000}\n{"@type":"c","@time":2000}\n')
    checkpoint = str(tmp_path / "run.checkpoint")
    assert run(tmp_path, PAIR, checkpoint=checkpoint)[0] == []
    day.unlink()
    (tmp_path / "2.jsonl").write_text('{"@type":"b","@time":5000}\n{"@type":"c","@time":6000}\n')
    until = time.monotonic() + 1
    options = {"checkpoint": checkpoint, "follow": follow}
    records, _ = run(tmp_path, PAIR, lambda: time.monotonic() > until, **options)
    assert [record["time"] for record in records] == ["1970-01-01T00:00:05.000Z"]
    assert run(tmp_path, PAIR, checkpoint=checkpoint)[0] == []


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


def test_an_input_that_ended_early_is_late_later(tmp_path: Path) -> None:
    """What it brings behind what was decided is counted by input, with the remedy that works."""
    first, second = tmp_path / "1.jsonl", tmp_path / "2.jsonl"
    first.write_text('{"@type":"a","@time":1000}\n')
    second.write_text('{"@type":"c","@time":90000}\n')
    for lateness, found in ((0, 0), (85_000, 1)):
        checkpoint = str(tmp_path / f"run.{lateness}")
        options = {"checkpoint": checkpoint, "lateness_ms": lateness}
        with_more = first.read_text() + '{"@type":"b","@time":5000}\n'
        run(tmp_path, PAIR, **options)
        before = first.read_text()
        first.write_text(with_more)
        records, summary = run(tmp_path, PAIR, **options)
        assert len(records) == found
        first.write_text(before)
        if found:
            assert summary.late == 0
            continue
        assert summary.late_inputs == {str(first): 1}
        assert (summary.late, summary.late_behind, summary.lateness_needed_ms) == (1, 1, 85_000)
        assert (
            f"1 event of {first} came too late for rules with state: it came when its input "
            "had ended or was silent while others went on; --lateness 1m25s from the first run on "
            "would have taken them"
        ) in summary_text(summary)


def test_late_events_are_counted_by_input(tmp_path: Path) -> None:
    """Of several inputs, those that are not in order are named; they are not behind others."""
    early, late = '{"@type":"a","@time":1000}\n', '{"@type":"a","@time":9000}\n'
    (tmp_path / "1.jsonl").write_text(late + early + early)
    (tmp_path / "2.jsonl").write_text(late + early)
    (tmp_path / "3.jsonl").write_text(early + late)
    _, summary = run(tmp_path, PAIR)
    names = [str(tmp_path / f"{number}.jsonl") for number in (1, 2)]
    assert summary.late_inputs == dict(zip(names, (2, 1), strict=True))
    assert (summary.late, summary.late_behind) == (3, 0)
    said = f"3 events came too late for rules with state ({names[0]} 2, {names[1]} 1): --lateness"
    assert said in summary_text(summary)


def test_a_file_that_goes_on_out_of_order_is_not_behind_others(tmp_path: Path) -> None:
    """It is late in itself, so `--sort` or a lateness helps."""
    path, checkpoint = tmp_path / "1.jsonl", str(tmp_path / "run.checkpoint")
    path.write_text('{"@type":"a","@time":9000}\n')
    run(tmp_path, PAIR, checkpoint=checkpoint)
    path.write_text(path.read_text() + '{"@type":"b","@time":1000}\n')
    _, summary = run(tmp_path, PAIR, checkpoint=checkpoint)
    assert (summary.late, summary.late_behind) == (1, 0)


@pytest.mark.parametrize(("idle_ms", "found"), [(50, 1), (3_600_000, 0)])
def test_how_long_a_silent_input_is_waited_for(tmp_path: Path, idle_ms: int, found: int) -> None:
    """A followed input holds the others back until it was silent for `idle_timeout`."""
    (tmp_path / "1.jsonl").write_text('{"@type":"a","@time":5000}\n{"@type":"b","@time":6000}\n')
    (tmp_path / "2.jsonl").write_text('{"@type":"c","@time":1000}\n')
    (tmp_path / "r.sluice").write_text(PAIR, "utf-8")
    out: list[bytes] = []
    inputs = tuple(str(tmp_path / f"{number}.jsonl") for number in (1, 2))
    request = RunRequest(
        (str(tmp_path / "r.sluice"),), inputs, output="json", follow=True, idle_timeout_ms=idle_ms
    )
    end = time.monotonic() + (20 if found else 1)
    run_local(request, out.append, render=str, stop=lambda: bool(out) or time.monotonic() > end)
    assert len(out) == found


@pytest.mark.parametrize("end", ["", "\n"])
def test_lines_keep_their_numbers_behind_a_last_line_without_end(tmp_path: Path, end: str) -> None:
    """A run that goes on gives the ids of one run; the line end that came later is no line."""
    path = tmp_path / "1.jsonl"
    lines = [f'{{"@type":"a","@time":{number}}}' for number in range(4)]
    path.write_text("\n".join(lines))
    rules = "pack p\nrule r { when a }\n"
    whole, _ = run(tmp_path, rules)
    checkpoint = str(tmp_path / "run.checkpoint")
    path.write_text("\n".join(lines[:2]) + end)
    parts, _ = run(tmp_path, rules, checkpoint=checkpoint)
    path.write_text("\n".join(lines))
    again, summary = run(tmp_path, rules, checkpoint=checkpoint)
    assert [record["id"] for record in parts + again] == [record["id"] for record in whole]
    assert summary.rejected == {}


def test_an_array_that_is_cut_behind_an_element_is_told(tmp_path: Path) -> None:
    """Its elements count, and that it has no end is a rejection."""
    (tmp_path / "1.jsonl").write_text('[{"@type":"a","@time":1},{"@type":"a","@time":2}')
    records, summary = run(tmp_path, "pack p\nrule r { when a }\n")
    assert len(records) == 2
    assert summary.rejected == {"syntax": 1}


MITIGATING = """pack p
rule r { when a  by user?  mitigate block_ip(ip, reason = why) for 1m  mitigate log(why)
         note policy_violation "{ip}" }
rule s { when a  call command("lock", user)  mitigate fail2ban(jail, ip) for 5m }
"""


def test_a_mitigation_that_lacks_an_argument_does_not_go_out(tmp_path: Path) -> None:
    """What it needs and is missing or null at run time is counted; all else goes on."""
    events = [
        {"ip": "192.0.2.1", "user": "bob"},
        {"ip": None, "jail": "ssh"},
        {"why": "no address"},
    ]
    lines = [
        json.dumps({"@type": "a", "@time": number, **each}) for number, each in enumerate(events)
    ]
    (tmp_path / "1.jsonl").write_text("\n".join(lines) + "\n")
    checkpoint = str(tmp_path / "run.checkpoint")
    records, summary = run(tmp_path, MITIGATING, checkpoint=checkpoint)
    found = [(r["rule"], r["action"]) for r in records if r["kind"] == "mitigation"]
    assert found == [
        ("p.r", "block_ip"), ("p.r", "log"), ("p.s", "command"), ("p.r", "log"),
        ("p.s", "command"), ("p.r", "log"), ("p.s", "command"),
    ]  # fmt: skip
    assert [r["kind"] for r in records].count("note") == 3
    assert sum(summary.matches.values()) == 6
    expected = {
        "p.r": {"block_ip(address)": 2},
        "p.s": {"fail2ban(jail)": 1, "fail2ban(jail, address)": 1, "fail2ban(address)": 1},
    }
    assert summary.incomplete == expected
    assert "rule p.r left out 2 mitigations for want of an argument: block_ip(address) 2" in (
        summary_text(summary)
    )
    _, resumed = run(tmp_path, MITIGATING, checkpoint=checkpoint)
    assert resumed.incomplete == expected


def test_what_is_held_over_a_checkpoint_is_counted_once(tmp_path: Path) -> None:
    """A rule without memory saw it before; seeing it again changes no count."""
    (tmp_path / "1.jsonl").write_text('{"@type":"a","@time":1}\n')
    rules = tmp_path / "r.sluice"
    rules.write_text("pack p\nrule r { when a mitigate block_ip(ip) }\n", "utf-8")
    for _ in range(2):
        looks = iter(range(10))
        request = RunRequest(
            (str(rules),), (str(tmp_path / "1.jsonl"),), follow=True, lateness_ms=3_600_000,
            checkpoint=str(tmp_path / "run.checkpoint"), output="json",
        )  # fmt: skip
        summary = run_local(
            request, lambda _: None, render=str, stop=lambda left=looks: next(left, None) is None
        )
        assert summary.matches == {"p.r": 1}
        assert summary.incomplete == {"p.r": {"block_ip(address)": 1}}
