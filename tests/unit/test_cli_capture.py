"""`sluice capture` and `sluice why --lake`: a real round trip, and what they say of bad input."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.commands import CommandLine, write

REPOSITORY = Path(__file__).parents[2]

RULES = """\
pack auth   # the only rules here

# Five failures are too many.
rule guessing "Password guessing" {
  when   auth.login where outcome == "failure"
  by     user
  within 1m
  having count() >= 5
  select tries = count()
}   # the rule ends here

rule quick { when auth.login where outcome == "success" by user, ip }
"""

FIRST_TEST = """
test guessing "five" {
  at 0s auth.login { user: "u", outcome: "failure" } x 5
  expect match at 0s { user: "u" }
}  # behind it
"""


pytestmark = pytest.mark.usefixtures("elsewhere")


def login(second: int, user: str = "bob", outcome: str = "failure") -> dict[str, Any]:
    """Return a login."""
    time = f"2026-01-05T08:00:{second:02}Z"
    return {
        "@type": "auth.login", "@time": time, "user": user, "outcome": outcome, "ip": "8.8.8.8",
        "agent": f"of {user}",
    }  # fmt: skip


def kept(sluice: CommandLine, rules: str = RULES) -> dict[str, str]:
    """Run rules over logins into a lake; return the ids of the matches by rule."""
    events = [login(second) for second in range(0, 50, 10)] + [login(55, "ann", "success")]
    write("rules/auth.sluice", rules)
    write("logins.jsonl", "".join(json.dumps(event) + "\n" for event in events))
    said = sluice("run", "--lake", "lake", "--show", "match", "-o", "json", "logins.jsonl")
    assert said.code == 0, said.err
    return {m["rule"]: m["id"] for m in map(json.loads, said.out.splitlines())}


def test_a_real_match_becomes_tests_that_pass(sluice: CommandLine) -> None:
    """Of each match of a real log: the test passes, and its near miss does not fire."""
    shutil.copytree(REPOSITORY / "rules" / "auth", "rules")
    log = str(REPOSITORY / "examples" / "auth.log")
    codec = "syslog:year=2026,zone=UTC"
    ran = sluice(
        "run", "--lake", "lake", "--codec", codec, "--show", "match", "-o", "json", log
    )  # fmt: skip
    matches = [json.loads(line) for line in ran.out.splitlines()]
    before = sluice("test", "rules", "-o", "json")
    documents = []
    for match in matches:
        said = sluice("capture", match["id"], "--lake", "lake", "-o", "json")
        assert said.code == 0, said.err
        documents.append(json.loads(said.out))
    assert {d["rule"] for d in documents} == {m["rule"] for m in matches}
    assert all(d["near_miss"] is not None for d in documents)
    after = json.loads(sluice("test", "rules", "-o", "json").out)
    assert after["failed"] == 0
    assert after["passed"] == json.loads(before.out)["passed"] + 2 * len(matches)
    assert sluice("fmt", "--check", "rules").code == 0


def test_everything_else_in_the_file_stays(sluice: CommandLine) -> None:
    """The tests come behind the rule's last test, in the formatter's style; no other byte moves."""
    ids = kept(sluice, RULES + FIRST_TEST + "\n# the end")
    os.chmod("rules/auth.sluice", 0o640)
    said = sluice("capture", ids["auth.guessing"], "--lake", "lake")
    claim = f"captured {ids['auth.guessing'][:12]}"
    new = f'''
test guessing "{claim}" {{
  at 0s  auth.login {{ user: "bob", outcome: "failure" }} x 5 every 10s
  expect match at 40s {{ user: "bob", tries: 5 }}
}}

test guessing "{claim}, without its last event" {{
  at 0s  auth.login {{ user: "bob", outcome: "failure" }} x 4 every 10s
  expect nothing
}}
'''
    assert Path("rules/auth.sluice").read_text() == RULES + FIRST_TEST + new + "\n# the end"
    line = (RULES + FIRST_TEST).count("\n") + 2
    assert said.out == (
        f'wrote rules/auth.sluice:{line}\n  "{claim}"  5 events\n'
        f'  "{claim}, without its last event"\n'
    )
    assert os.stat("rules/auth.sluice").st_mode & 0o777 == 0o640
    assert os.listdir("rules") == ["auth.sluice"]
    assert sluice("test").code == 0


def test_windows_line_ends_stay(sluice: CommandLine) -> None:
    """A file with `\\r\\n` gets tests with `\\r\\n`."""
    rules = RULES.replace("\n", "\r\n")
    ids = kept(sluice, rules)
    assert sluice("capture", ids["auth.quick"], "--lake", "lake").code == 0
    text = Path("rules/auth.sluice").read_bytes().decode()
    assert text.startswith(rules)
    assert text.count("\n") == text.count("\r\n") > rules.count("\n")
    assert sluice("test").code == 0


def test_a_dry_run_prints_and_writes_nothing(sluice: CommandLine) -> None:
    """What would be written is on stdout, and a second capture is the same."""
    ids = kept(sluice)
    said = sluice("capture", ids["auth.guessing"][:6], "--lake", "lake", "--dry-run")
    assert said.code == 0
    assert said.out.startswith("test guessing")
    assert Path("rules/auth.sluice").read_text() == RULES
    assert sluice("capture", ids["auth.guessing"][:6], "--lake", "lake", "--dry-run") == said


def test_tests_go_into_another_file(sluice: CommandLine) -> None:
    """A file of its own names the rule in full, and is tested beside the rules."""
    ids = kept(sluice)
    argv = ("capture", ids["auth.guessing"], "--lake", "lake", "--output-file", "kept.sluice")
    assert sluice(*argv, "--name", "bob's morning").code == 0
    text = Path("kept.sluice").read_text()
    assert text.startswith('test auth.guessing "bob\'s morning" {\n')
    assert Path("rules/auth.sluice").read_text() == RULES
    assert sluice("test", "rules", "kept.sluice").out.endswith("2 passed\n")


def test_a_match_is_captured_once(sluice: CommandLine) -> None:
    """A claim that is there already is refused, with its place."""
    ids = kept(sluice)
    argv = ("capture", ids["auth.guessing"], "--lake", "lake")
    assert sluice(*argv).code == 0
    said = sluice(*argv)
    assert said.code == 2
    assert "rules/auth.sluice:12: it was captured before" in said.err


def test_the_configuration_masks(sluice: CommandLine) -> None:
    """Fields of `[capture] mask` are masked alike in each capture; the secret is in the lake."""
    ids = kept(sluice)
    write("sluice.toml", '[capture]\nmask = ["user", "ip"]\n')
    texts = []
    for name in ("auth.guessing", "auth.quick"):
        said = sluice("capture", ids[name], "--lake", "lake", "-o", "json")
        texts.append(json.loads(said.out))
    assert texts[0]["masked"] == {"user": 1}
    assert texts[1]["masked"] == {"user": 1, "ip": 1}
    text = Path("rules/auth.sluice").read_text()
    assert "bob" not in text and "8.8.8.8" not in text and "ann" not in text
    assert os.stat("lake/capture.secret").st_mode & 0o777 == 0o600
    assert sluice("test").code == 0
    again = sluice("capture", ids["auth.guessing"], "--lake", "lake", "--dry-run", "--name", "x")
    assert again.out.split('"')[3] == texts[0]["text"].split('"')[3]


def test_a_masked_value_elsewhere_is_told(sluice: CommandLine) -> None:
    """With all fields, a value that was masked may stand in another one: a warning names it."""
    ids = kept(sluice)
    events = [login(0, "barbara", "success")]
    write("logins.jsonl", "".join(json.dumps(event) + "\n" for event in events))
    said = sluice("run", "--lake", "lake2", "--show", "match", "-o", "json", "logins.jsonl")
    ids = {m["rule"]: m["id"] for m in map(json.loads, said.out.splitlines())}
    argv = ("capture", ids["auth.quick"], "--lake", "lake2", "--dry-run", "--mask", "user")
    assert "stands in agent too" in sluice(*argv, "--all-fields").err
    assert sluice(*argv).err == ""


def test_a_changed_rule_says_so(sluice: CommandLine) -> None:
    """A rule that does not fire any more is not captured: exit 1, and what stops it."""
    ids = kept(sluice)
    write("rules/auth.sluice", RULES.replace(">= 5", ">= 6"))
    said = sluice("capture", ids["auth.guessing"], "--lake", "lake", "-o", "json")
    assert said.code == 1
    assert "auth.guessing has changed since" in said.err
    assert "`count() >= 6` is false (count() = 5)" in said.err
    assert json.loads(said.out)["ok"] is False
    assert Path("rules/auth.sluice").read_text() == RULES.replace(">= 5", ">= 6")
    why = sluice("why", ids["auth.guessing"], "--lake", "lake")
    assert why.code == 0
    assert "did not fire" in why.out
    assert "auth.guessing has changed since" in why.out


def test_ids_that_name_nothing(sluice: CommandLine) -> None:
    """Wrong usage, with the nearest id, the reason, or what is missing."""
    match = kept(sluice)["auth.guessing"]
    wrong = match[:8] + ("0" if match[8] != "0" else "1")
    for argv, told in (
        ((wrong, "--lake", "lake"), f"there is no match {wrong} in lake; the nearest: {match}"),
        (("12345", "--lake", "lake"), "'12345' is no id of a match"),
        (("auth.guessing", "--lake", "lake"), "'auth.guessing' is no id of a match"),
        ((match,), "name a lake"),
    ):
        said = sluice("capture", *argv)
        assert (said.code, told in said.err) == (2, True), said.err
    assert sluice("why", wrong, "--lake", "lake").code == 2
    assert "name the lake that keeps it" in sluice("why", match).err
    assert "not both" in sluice("why", match, "logins.jsonl", "--lake", "lake").err


def test_an_id_that_names_several(sluice: CommandLine) -> None:
    """Several matches with these first digits are listed."""
    kept(sluice)
    folder = next(Path("lake/matches").glob("day=*"))
    file = next(folder.glob("*.parquet"))
    other = folder / file.name.replace("-000000000000", "-000000131072")
    alike = "SELECT * REPLACE ('abcdef' || id[7:] AS id, replace(raw::VARCHAR, id, 'abcdef' || "
    alike += f"id[7:])::JSON AS raw) FROM '{file}'"
    duckdb.execute(f"COPY ({alike}) TO '{other}' (FORMAT parquet)")
    said = sluice("capture", "abcdef", "--lake", "lake")
    assert said.code == 2
    assert "abcdef begins several ids:" in said.err


def test_lakes_rules_and_events_that_are_gone(sluice: CommandLine) -> None:
    """A lake, a rule or events that are not there any more are named."""
    match = kept(sluice)["auth.guessing"]
    said = sluice("capture", match, "--lake", "nolake")
    assert (said.code, "nolake is no lake" in said.err) == (66, True)
    write("rules/auth.sluice", RULES.replace("rule guessing", "rule guesses"))
    for command in ("capture", "why"):
        said = sluice(command, match, "--lake", "lake")
        assert (said.code, "(was it renamed to auth.guesses?)" in said.err) == (2, True), said.err
    write("rules/auth.sluice", RULES)
    shutil.rmtree("lake/events")
    for command in ("capture", "why"):
        said = sluice(command, match, "--lake", "lake")
        assert (said.code, "5 of the 5 events" in said.err) == (66, True), said.err


def test_files_that_cannot_be_written(sluice: CommandLine, monkeypatch: Any) -> None:
    """Nothing is read or run for a file that cannot be written to: exit 78."""
    match = kept(sluice)["auth.guessing"]
    argv = ("capture", match, "--lake", "lake", "--output-file")
    said = sluice(*argv, "no/such/kept.sluice")
    assert (said.code, "there is no directory" in said.err) == (78, True)
    write("data.bin", "")
    Path("data.bin").write_bytes(b"\xff\xfe")
    assert sluice(*argv, "data.bin").code == 78
    assert sluice(*argv, "rules").code == 78
    monkeypatch.setattr(os, "access", lambda path, mode: not str(path).endswith(".sluice"))
    said = sluice("capture", match, "--lake", "lake")
    assert (said.code, "rules/auth.sluice cannot be written to" in said.err) == (78, True)


def test_masks_of_fields_that_are_not_there(sluice: CommandLine) -> None:
    """A field that neither rule nor events have is wrong usage, but not in the configuration."""
    match = kept(sluice)["auth.guessing"]
    said = sluice("capture", match, "--lake", "lake", "--mask", "usr")
    assert said.code == 2
    assert "have no field 'usr', did you mean user?" in said.err
    write("sluice.toml", '[capture]\nmask = ["source_ip"]\n')
    assert sluice("capture", match, "--lake", "lake").code == 0


def test_a_file_that_is_broken_by_the_tests(sluice: CommandLine) -> None:
    """Tests that would not stand where they are to go are not written: exit 1."""
    match = kept(sluice)["auth.guessing"]
    write("kept.sluice", "rule broken {\n")
    said = sluice("capture", match, "--lake", "lake", "--output-file", "kept.sluice")
    assert said.code == 1
    assert "kept.sluice would have an error" in said.err
    assert Path("kept.sluice").read_text() == "rule broken {\n"


def test_why_of_a_match_and_of_a_rule(sluice: CommandLine) -> None:
    """The lake answers as the input did."""
    ids = kept(sluice)
    by_id = sluice("why", ids["auth.guessing"][:10], "--lake", "lake")
    assert (by_id.code, by_id.err) == (0, "")
    assert "having  `count() >= 5` is true (5)" in by_id.out
    for argv in (("auth.guessing",), ("auth.guessing", "--key", "bob"), ("auth.quick",)):
        from_lake = sluice("why", *argv, "--lake", "lake", "-o", "json")
        from_file = sluice("why", *argv, "logins.jsonl", "-o", "json")
        assert json.loads(from_lake.out) == json.loads(from_file.out)
    later = sluice("why", "auth.guessing", "--lake", "lake", "--since", "2026-01-05T08:00:10Z")
    assert "did not fire" in later.out
    assert sluice("why", "auth.guessing", "--lake", "lake", "--key", "zoe").code == 2


def test_why_of_a_rule_without_events(sluice: CommandLine) -> None:
    """Of a rule whose types are not in the lake it says which there are."""
    kept(sluice)
    write("rules/other.sluice", "rule r { when other by k }\n")
    assert "there are auth.login 6" in sluice("why", "other.r", "--lake", "lake").out
