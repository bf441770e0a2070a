"""`sluice why`: what it prints, its JSON, its exit codes, and what it says of bad input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sluice.cli.app import execute

RULES = """\
pack auth

event auth.login { user: string   host: string?   outcome: enum("success", "failure") }

rule guessing "Password guessing" {
  when   auth.login{5} as f where outcome == "failure"
  by     user
  within 60s
}

rule quick {
  when   auth.login where outcome == "success"
  by     user, host
}

rule counted {
  when   auth.login where outcome == "failure"
  within 60s
  having count() >= 50
}
"""

KEYS = [
    "ok", "rule", "title", "disabled", "key", "at", "events", "first", "last", "types",
    "other_types", "entered", "fired_count", "fired", "suppressed_count", "suppressed",
    "pending_count", "pending", "nearest", "rejected_by", "late", "remarks", "problem",
]  # fmt: skip


def failure(second: int, user: str = "bob", **fields: Any) -> dict[str, Any]:
    """Return a failed login."""
    time = f"2026-01-05T08:{second // 60:02}:{second % 60:02}Z"
    return {"@type": "auth.login", "@time": time, "user": user, "outcome": "failure", **fields}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with rules, and logins that end twelve seconds too late."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SLUICE_CONFIG", raising=False)
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "auth.sluice").write_text(RULES, "utf-8")
    events = [failure(s) for s in (0, 10, 20, 30, 72)] + [failure(80, "alice")]
    write("logins.jsonl", events)
    return tmp_path


def write(name: str, events: list[dict[str, Any]]) -> str:
    """Write events as JSON lines."""
    Path(name).write_text("".join(json.dumps(event) + "\n" for event in events), "utf-8")
    return name


class Said:
    """What a command said, and its exit code."""

    def __init__(self, capture: pytest.CaptureFixture[str], *argv: str) -> None:
        capture.readouterr()
        self.code = execute(["why", *argv])
        self.out, self.err = capture.readouterr()


def test_text_tells_what_stopped_it(capsys: pytest.CaptureFixture[str]) -> None:
    """The nearest candidate, by how much it was late, and what would have done; exit 0."""
    said = Said(capsys, "auth.guessing", "logins.jsonl")
    assert said.code == 0
    assert said.err == ""
    lines = said.out.splitlines()
    assert lines[0] == 'auth.guessing "Password guessing" did not fire'
    assert "  stopped   the 5th of 5 f came 12s after the end of `within 1m`" in lines
    assert "  it would match with `within 1m12s`" in lines


def test_json_has_the_promised_keys(capsys: pytest.CaptureFixture[str]) -> None:
    """`ok` comes first; times are RFC 3339, durations whole milliseconds."""
    said = Said(capsys, "guessing", "--input", "logins.jsonl", "--format", "json")
    found = json.loads(said.out)
    assert list(found) == KEYS
    assert found["ok"] is True
    assert found["first"] == "2026-01-05T08:00:00.000Z"
    nearest = found["nearest"][0]
    assert (nearest["key"], nearest["reached"], nearest["of"]) == ({"user": "bob"}, 4, 5)
    obstacle = nearest["obstacles"][0]
    assert (obstacle["kind"], obstacle["asked_ms"], obstacle["found_ms"]) == (
        "within", 60_000, 72_000,
    )  # fmt: skip
    assert obstacle["enough"] is True
    assert obstacle["event"] == "logins.jsonl:0:5"


def test_a_run_and_why_name_the_same_matches(capsys: pytest.CaptureFixture[str]) -> None:
    """The ids of `why` are those of `run`."""
    write("more.jsonl", [failure(s) for s in range(0, 50, 10)])
    execute(["run", "more.jsonl", "-o", "json", "-q", "--show", "match"])
    ran = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    mine = [record["id"] for record in ran if record["rule"] == "auth.guessing"]
    said = json.loads(Said(capsys, "auth.guessing", "more.jsonl", "-o", "json").out)
    assert [each["id"] for each in said["fired"]] == mine
    assert len(mine) == 1
    assert [event["alias"] for event in said["fired"][0]["events"]] == ["f"] * 5


@pytest.mark.parametrize("key", ["bob", "user=bob"])
def test_a_key_is_named_or_its_value_given(key: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a key of one part the value will do."""
    found = json.loads(Said(capsys, "guessing", "logins.jsonl", "--key", key, "-o", "json").out)
    assert found["key"] == {"user": "bob"}
    assert [candidate["key"] for candidate in found["nearest"]] == [{"user": "bob"}] * len(
        found["nearest"]
    )


@pytest.mark.parametrize(
    ("argv", "code", "says"),
    [
        (("gessing", "logins.jsonl"), 2, "did you mean auth.guessing?"),
        (("guessing", "logins.jsonl", "--key", "bbo"), 2, "did you mean user=bob?"),
        (("guessing", "logins.jsonl", "--key", "q"), 2, "; there are user=bob, user=alice (see"),
        (("quick", "logins.jsonl", "--key", "usr=bob,host=x"), 2, "it is user=…, host=…"),
        (("quick", "logins.jsonl", "--key", "bob"), 2, "it is user=…, host=…"),
        (("counted", "logins.jsonl", "--key", "bob"), 2, "auth.counted has no key"),
        (("guessing", "logins.jsonl", "--at", "noon"), 2, "'noon' is no time"),
        (
            ("guessing", "logins.jsonl", "--at", "2026-01-05T09:00:00Z"), 2,
            "the input, which goes from 2026-01-05T08:00:00.000Z to 2026-01-05T08:01:20.000Z",
        ),
        (("guessing", "logins.jsonl", "--limit", "0"), 2, "it must be greater than or equal to 1"),
        (("guessing", "nowhere.jsonl"), 66, "nowhere.jsonl"),
        (("guessing", "logins.jsonl", "--codec", "jsn"), 2, "did you mean"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked(
    argv: tuple[str, ...], code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A rule, key or time that is not there is wrong usage, and what is near is named."""
    said = Said(capsys, *argv)
    assert (said.code, said.out) == (code, "")
    assert says in said.err


def test_rules_that_do_not_compile(capsys: pytest.CaptureFixture[str]) -> None:
    """They are told as `check` tells them, and nothing is read."""
    Path("rules/auth.sluice").write_text("rule a { when b{2} wihtin 10m }\n", "utf-8")
    said = Said(capsys, "auth.a", "logins.jsonl")
    assert (said.code, said.out) == (78, "")
    assert "SL" in said.err


def test_an_input_without_the_types_of_the_rule(capsys: pytest.CaptureFixture[str]) -> None:
    """It is said which types there are, with their counts."""
    time = "2026-01-05T08:00:00Z"
    kinds = ["web.request", "web.request", "disk.full"]
    write("other.jsonl", [{"@type": kind, "@time": time} for kind in kinds])
    said = Said(capsys, "guessing", "other.jsonl")
    assert said.code == 0
    assert (
        "none is of a type that it looks at (auth.login); there are web.request 2, disk.full 1"
        in said.out
    )


def test_an_empty_input(capsys: pytest.CaptureFixture[str]) -> None:
    """There is nothing to look at, and that is the answer."""
    said = Said(capsys, "guessing", write("empty.jsonl", []))
    assert said.code == 0
    assert "there was no event in the input" in said.out


def test_input_that_is_not_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    """Late events are counted, and the flag that takes them is named; with it they count."""
    write("mixed.jsonl", [failure(s) for s in (40, 0, 10, 20, 30)])
    said = Said(capsys, "guessing", "mixed.jsonl")
    assert "4 events came too late for rules with state: --sort or --lateness 40s" in said.out
    sorted_ = Said(capsys, "guessing", "mixed.jsonl", "--sort")
    assert sorted_.out.splitlines()[0].endswith("fired once")


def test_lines_that_are_no_events_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """What was rejected is said, since it may be what is missing."""
    write("logins.jsonl", [failure(0)])
    with open("logins.jsonl", "a", encoding="utf-8") as file:
        file.write("no json\n")
    said = Said(capsys, "guessing", "logins.jsonl")
    assert "not all of the input became events; rejected: syntax 1" in said.out


def test_only_a_part_of_the_input(capsys: pytest.CaptureFixture[str]) -> None:
    """`--since` and `--until` cut the input as they do for `run`."""
    found = json.loads(
        Said(
            capsys, "guessing", "logins.jsonl", "--since", "2026-01-05T08:00:15Z", "-o", "json"
        ).out
    )
    assert found["events"] == 4


def test_text_from_events_cannot_steer_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Control characters in a key are written as what they are."""
    write("evil.jsonl", [failure(0, "\x1b[2Jbob")])
    assert "\x1b" not in Said(capsys, "guessing", "evil.jsonl").out
