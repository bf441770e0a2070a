"""`sluice run`: what it prints where, its exit codes, its summary; and the texts of records."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import sluice as package
from sluice.cli.app import execute
from sluice.cli.progress import progress_text
from sluice.cli.record_schema import record_schema
from sluice.cli.render import render, summary_text
from sluice.shells import Eviction, RunSummary

RULES = """\
pack auth
rule guess "Guessing, then a login" {
  severity high
  when  login{2,} as f where outcome == "failure" then login as s where outcome == "success"
  by    user
  within 10m
  select attempts = count(f), ip = s.ip
  note  policy_violation "{user}: {attempts}" "Look at it."
  mitigate block_ip(s.ip) for 15m
  emit  seen { who: user }
}
rule many "Many logins" { when login by user within 1m having count() >= 3 }
rule quiet { when login then no logout within 1h by user }
"""


def login(at: int, outcome: str = "failure", user: str = "bob") -> str:
    """A line of JSON."""
    fields = {"user": user, "outcome": outcome, "ip": "203.0.113.7"}
    return json.dumps({"@type": "login", "@time": at * 1_000, **fields})


EVENTS = [login(0), login(10), login(20, "success"), "no json", login(5), login(600, "x", "eve")]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    # Other processes find the package that is under test, wherever it is.
    monkeypatch.setenv("PYTHONPATH", str(Path(package.__file__).parents[1]))
    Path("rules").mkdir()
    Path("rules/auth.sluice").write_text(RULES, "utf-8")
    Path("events.jsonl").write_text("\n".join(EVENTS) + "\n", "utf-8")


class Done:
    """What a run printed, and its exit code."""

    def __init__(self, returncode: int, stdout: str, stderr: str) -> None:
        self.returncode, self.stdout, self.stderr = returncode, stdout, stderr


class Run:
    """`sluice run` in this process."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture

    def __call__(self, *argv: str) -> Done:
        self._capture.readouterr()
        code = execute(["run", *argv])
        out, err = self._capture.readouterr()
        return Done(code, out, err)

    def records(self, *argv: str) -> list[dict[str, Any]]:
        """The records that a run prints as JSON Lines."""
        done = self(*argv, "-o", "json", "-q")
        assert (done.returncode, done.stderr) == (0, "")
        return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """The command."""
    return Run(capsys)


# ---------------------------------------------------------------- records


def test_records_of_a_run(run: Run) -> None:
    """A match is followed by its notes, then its mitigations; pending ones come last."""
    found = run.records("events.jsonl")
    assert [(r["kind"], r["rule"]) for r in found] == [
        ("match", "auth.guess"),
        ("note", "auth.guess"),
        ("mitigation", "auth.guess"),
        ("match", "auth.many"),
        ("clear", "auth.many"),
        ("pending", "auth.quiet"),
        ("pending", "auth.quiet"),
    ]
    assert found[0]["select"] == {"attempts": 2, "ip": "203.0.113.7"}


def test_the_same_input_gives_the_same_bytes(run: Run) -> None:
    """Two runs print the same lines, byte for byte, from a file and from its copy in a pipe."""
    first = run("events.jsonl", "-o", "json").stdout
    assert first == run("events.jsonl", "-o", "json").stdout
    command = [sys.executable, "-m", "sluice", "run", "-", "--source", "events.jsonl", "-o", "json"]
    lines = "\n".join(EVENTS)
    piped = subprocess.run(command, input=lines, capture_output=True, text=True, check=True)
    assert first == piped.stdout


def test_every_record_fits_the_schema(run: Run) -> None:
    """Keys, their order and their types are those of `sluice schema output`, for every kind."""
    kinds = "match,clear,note,mitigation,pending,event,late,rejected"
    found = run.records("events.jsonl", "--show", kinds, "--with-events")
    schema = record_schema()
    for record in found:
        definition = schema["$defs"][record["kind"]]
        assert list(record) == definition["required"]
        misfits = list(misfit(record, definition, schema, record["kind"]))
        assert misfits == []
    assert {r["kind"] for r in found} == set(kinds.split(","))


def misfit(value: Any, schema: Mapping[str, Any], root: Mapping[str, Any], at: str) -> list[str]:
    """What does not fit: as much of JSON Schema as the schema uses."""
    if "$ref" in schema:
        return misfit(value, root["$defs"][schema["$ref"].rpartition("/")[2]], root, at)
    if "anyOf" in schema:
        tried = [misfit(value, each, root, at) for each in schema["anyOf"]]
        return [] if [] in tried else tried[0]
    types = {
        "string": str, "integer": int, "boolean": bool, "object": dict, "array": list,
        "null": type(None),
    }  # fmt: skip
    wrong = []
    if "const" in schema and value != schema["const"]:
        wrong.append(f"{at}: {value!r} is not {schema['const']!r}")
    if "enum" in schema and value not in schema["enum"]:
        wrong.append(f"{at}: {value!r} is none of {schema['enum']}")
    if "type" in schema and type(value) is not types[schema["type"]]:
        return [*wrong, f"{at}: {value!r} is no {schema['type']}"]
    if "pattern" in schema and not re.search(schema["pattern"], value):
        wrong.append(f"{at}: {value!r} does not fit {schema['pattern']}")
    wrong += [f"{at}: no {name}" for name in schema.get("required", ()) if name not in value]
    for name, each in schema.get("properties", {}).items():
        if name in value:
            wrong += misfit(value[name], each, root, f"{at}.{name}")
    for place, each in enumerate(value if "items" in schema else ()):
        wrong += misfit(each, schema["items"], root, f"{at}[{place}]")
    return wrong


def test_output_none_prints_nothing(run: Run) -> None:
    """`--output none` leaves stdout empty; the summary is still on stderr."""
    done = run("events.jsonl", "-o", "none")
    assert (done.returncode, done.stdout) == (0, "")
    assert "read 5 events" in done.stderr


def test_close_reports_what_was_pending(run: Run) -> None:
    """`--close` reports as matches exactly what else is pending."""
    pending = [r for r in run.records("events.jsonl") if r["kind"] == "pending"]
    closed = [r for r in run.records("events.jsonl", "--close") if r["kind"] == "match"]
    ids = {r["id"] for r in closed if r["rule"] == "auth.quiet"}
    assert ids == {r["id"] for r in pending}


# ---------------------------------------------------------------- summary, files, exit codes


def test_the_summary_says_what_happened(run: Run) -> None:
    """Events, matches by rule, pending, late with the flag that would have saved them, rejected."""
    said = run("events.jsonl").stderr
    assert "read 5 events" in said
    assert "2 matches (auth.guess 1, auth.many 1), 2 pending (--close reports them)" in said
    assert "1 event of events.jsonl came too late for rules with state: --lateness 15s" in said
    assert "1 input rejected: syntax 1" in said
    saved = run("events.jsonl", "--lateness", "15s")
    assert "too late" not in saved.stderr


def test_stats_is_one_document(run: Run) -> None:
    """`--stats FILE` has the keys of the contract, in order."""
    assert run("events.jsonl", "--stats", "stats.json").returncode == 0
    stats = json.loads(Path("stats.json").read_text("utf-8"))
    assert list(stats) == [
        "events", "matches", "suppressed", "pending", "late", "rejected", "evicted", "first",
        "last", "seconds", "late_inputs", "lost", "incomplete", "plugin_failures", "evictions",
        "type_mismatches",
    ]  # fmt: skip
    assert stats["late_inputs"] == {"events.jsonl": 1}
    assert stats["matches"] == {"auth.guess": 1, "auth.many": 1, "auth.quiet": 0}
    assert (stats["events"], stats["rejected"], stats["late"]) == (5, 1, 1)


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (["events.jsonl"], 0),
        (["events.jsonl", "--fail-on", "match"], 1),
        (["events.jsonl", "--fail-on", "late,rejected"], 1),
        (["events.jsonl", "--since", "2000-01-01", "--fail-on", "match"], 0),
        (["nope.jsonl"], 66),
        (["events.jsonl", "-r", "nope"], 78),
        (["events.jsonl", "--codec", "jsn"], 2),
        (["events.jsonl", "--set", "auth.nope=1"], 78),
        (["events.jsonl", "--fail-on", "mach"], 2),
        (["events.jsonl", "--show", "matches"], 2),
    ],
)
def test_exit_codes(run: Run, argv: list[str], code: int) -> None:
    """The exit code says what happened; what cannot begin prints nothing on stdout."""
    done = run(*argv)
    assert done.returncode == code, done.stderr
    assert code < 2 or done.stdout == ""


def test_one_bad_rule_of_many(run: Run) -> None:
    """A broken rule is 78; `--skip-broken-rules` leaves it out with a warning."""
    Path("rules/bad.sluice").write_text("rule bad { when login where }\n", "utf-8")
    done = run("events.jsonl")
    assert (done.returncode, done.stdout) == (78, "")
    assert "rules/bad.sluice:1" in done.stderr
    skipped = run("events.jsonl", "--skip-broken-rules")
    assert skipped.returncode == 0
    assert "warning:" in skipped.stderr
    assert "rules/bad.sluice:1" in skipped.stderr


def test_rules_that_are_left_out_say_why(run: Run) -> None:
    """Each with the place, code and message of its first error, and how many there are."""
    Path("rules/bad.sluice").write_text(
        "pack bad\n"
        "rule one { when login where lowr(user) == 1 and uper(user) == 2 }\n"
        "rule two { when login within nope }\n"
        "rule fine { when login }\n"
        "list names from 'nowhere.txt'\n",
        "utf-8",
    )
    done = run("events.jsonl", "--skip-broken-rules", "-o", "json")
    assert done.returncode == 0
    said = [line for line in done.stderr.splitlines() if line.startswith("warning: ")]
    places = [line.partition(" SL")[0] for line in said]
    assert places == [
        "warning: rule bad.one is left out: rules/bad.sluice:2:29:",
        "warning: rule bad.two is left out: rules/bad.sluice:3:30:",
        "warning: rules/bad.sluice:5:1:",
        "warning: 2 of 6 rules are left out (--skip-broken-rules)",
    ]
    assert "SL0203 unknown function `lowr`" in said[0] and said[0].endswith("(and 1 more error)")
    assert "SL0605 the list `rules/nowhere.txt` does not exist" in said[2]
    assert '"rule":"bad.fine"' in done.stdout


def test_settings_from_the_environment(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable sets what a flag would, and a wrong one is named."""
    monkeypatch.setenv("SLUICE_RUN__LATENESS", "15s")
    assert "too late" not in run("events.jsonl").stderr
    monkeypatch.setenv("SLUICE_RUN__LATENESS", "15")
    done = run("events.jsonl")
    assert (done.returncode, done.stdout) == (78, "")
    assert "SLUICE_RUN__LATENESS" in done.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_run_cleanly(number: int, code: int) -> None:
    """Ctrl-C and SIGTERM: what was decided is printed, then the summary."""
    with subprocess.Popen(
        [sys.executable, "-m", "sluice", "run", "-o", "json", "--follow", "events.jsonl"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        line = process.stdout.readline()
        time.sleep(0.2)
        process.send_signal(number)
        _, err = process.communicate(timeout=20)
    assert process.returncode == code
    assert json.loads(line)["rule"] == "auth.guess"
    assert "stopped after 5 events" in err


def test_a_closed_pipe_is_quiet() -> None:
    """`| head -1` ends the run with 141 and nothing on stderr but the summary."""
    lines = "\n".join(login(n) for n in range(5_000))
    Path("many.jsonl").write_text(lines, "utf-8")
    Path("each.sluice").write_text("rule each { when login }\n", "utf-8")
    command = (
        f"{sys.executable} -m sluice run -r each.sluice -q -o json many.jsonl | head -1 > /dev/null"
    )
    done = subprocess.run(
        ["bash", "-c", f"{command}; echo ${{PIPESTATUS[0]}}"], capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert (done.stdout.strip(), done.stderr) == ("141", "")


def shell(script: str) -> subprocess.CompletedProcess[str]:
    """A shell script in which `$SLUICE` is the command."""
    full = f'SLUICE="{sys.executable} -m sluice"; {script}'
    return subprocess.run(["bash", "-c", full], capture_output=True, text=True, check=False)


def test_a_full_stdout_is_named() -> None:
    """What cannot be written is said to be stdout, with the summary of the run; 74."""
    done = shell("$SLUICE run events.jsonl > /dev/full; echo $? >&2")
    lines = done.stderr.splitlines()
    assert lines[0].startswith("read 5 events")
    assert lines[-2:] == [
        "error: stdout: No space left on device; nothing after it was written", "74",
    ]  # fmt: skip
    # Where Python holds nothing back, a failed `print` leaves no trace of where it went.
    done = shell("unset PYTHONUNBUFFERED; $SLUICE check > /dev/full; echo $? >&2")
    assert done.stderr.splitlines()[-2:] == ["error: stdout: No space left on device", "74"]


@pytest.mark.parametrize("other", ["--sort", "--close"])
def test_what_waits_for_the_end_of_a_followed_file(run: Run, other: str) -> None:
    """`--follow` never comes to it: refused, before anything is read."""
    done = run("events.jsonl", "--follow", other)
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr.startswith(f"error: {other} ")


def test_two_runs_cannot_share_a_checkpoint(run: Run) -> None:
    """The second is refused while the first lives, however that one ends."""
    argv = ["--follow", "--checkpoint", "c", "events.jsonl"]
    with subprocess.Popen(
        [sys.executable, "-m", "sluice", "run", "-o", "json", *argv],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        process.stdout.readline()
        second = run("--checkpoint", "c", "events.jsonl")
        process.kill()
    assert (second.returncode, second.stdout, second.stderr) == (
        78, "",
        "error: --checkpoint c: another run is using it; wait until that one has ended, "
        "or name another file\n",
    )  # fmt: skip
    assert run("--checkpoint", "c", "events.jsonl").returncode == 0


def test_a_zone_that_was_assumed_is_told_once(run: Run) -> None:
    """Of syslog and of CEF; not where the option names it, nor where every time has one."""
    Path("a.log").write_text("Mar  9 07:20:00 h a: x\n" * 2, "utf-8")
    told = "times without a zone: UTC was assumed (--codec syslog:zone=Europe/Vienna names another)"
    assert run("--codec", "syslog:year=2026", "a.log").stderr.count(told) == 1
    assert "zone" not in run("--codec", "syslog:year=2026,zone=UTC", "a.log").stderr
    Path("b.log").write_text("2026-03-09T07:20:00Z h a: x\n", "utf-8")
    assert "zone" not in run("--codec", "syslog", "b.log").stderr
    Path("c.cef").write_text("CEF:0|v|p|1|2|n|3|rt=Mar 09 2026 07:20:00\n", "utf-8")
    assert "UTC was assumed (--codec cef:zone=" in run("--codec", "cef", "c.cef").stderr
    assert "zone" not in run("--codec", "cef:zone=UTC", "c.cef").stderr


def test_a_codec_that_there_is_not(run: Run) -> None:
    """On the command line it is wrong usage (2), in the settings they do not load (78)."""
    guess = "there is no codec 'jsn': did you mean 'json'?"
    done = run("events.jsonl", "--codec", "jsn")
    assert (done.returncode, guess in done.stderr) == (2, True)
    done = run("events.jsonl", "--codec", "csv:delim=tab")
    assert (done.returncode, "did you mean 'delimiter'?" in done.stderr) == (2, True)
    Path("sluice.toml").write_text('[input]\ncodec = "jsn"\n', "utf-8")
    done = run("events.jsonl")
    assert (done.returncode, done.stderr) == (78, f"error: sluice.toml:2: input.codec: {guess}\n")


def test_a_missing_value_names_the_command(run: Run) -> None:
    """Though the parser that misses it does not know the command."""
    said = run("--type").stderr
    assert said == "sluice run: Option '--type' requires an argument (see sluice run --help)\n"


def test_late_by_years_is_another_unit(run: Run) -> None:
    """An event that is late by more than a year makes the summary ask about `--time-unit`."""
    hint = "that is more than a year: is --time-unit the right one?"
    for late, is_told in ((1_773_040_800, True), (1_773_040_700_000, False)):
        lines = [login(1_773_040_800), json.dumps({"@type": "login", "@time": late})]
        Path("mixed.jsonl").write_text("\n".join(lines), "utf-8")
        assert (hint in run("mixed.jsonl").stderr) is is_told


def test_a_param_of_another_type(run: Run) -> None:
    """`--set` says what the param is, not that there is no such name."""
    Path("p.sluice").write_text(
        "pack p\nparam burst = 3\nparam name = 'x'\n"
        "rule r { when login within 1m having count() >= burst }\n",
        "utf-8",
    )
    done = run("-r", "p.sluice", "--set", "p.burst=abc", "events.jsonl")
    assert done.returncode == 78
    assert "SL0312: `p.burst` is an int, `abc` is none" in done.stderr
    assert run("-r", "p.sluice", "--set", "p.name=abc", "events.jsonl").returncode == 0


# ---------------------------------------------------------------- texts


def test_records_as_text(run: Run) -> None:
    """One short paragraph a record: time, severity, rule, key, title, select."""
    texts = [render(record) for record in run.records("events.jsonl", "--show", "match,note,clear")]
    assert texts[:2] == [
        "1970-01-01T00:00:20.000Z  high  auth.guess  user=bob  Guessing, then a login\n"
        "    attempts=2  ip=203.0.113.7\n",
        "1970-01-01T00:00:20.000Z  high  auth.guess  user=bob  note policy_violation: bob: 2\n"
        "    Look at it.\n",
    ]
    assert texts[-1] == "1970-01-01T00:01:00.000Z  clear  auth.many  user=bob  after 40s\n"


def test_text_cannot_steer_a_terminal() -> None:
    """Control characters and marks that turn the direction of writing come out as code points."""
    record = {
        "kind": "clear", "time": "1970-01-01T00:00:00.000Z", "rule": "a.b", "lasted_ms": 1,
        "key": {"user": "\x1b[2Jbob\u202e"},
    }  # fmt: skip
    text = render(record)
    assert not re.search("[\x00-\x09\x0b-\x1f\u202e]", text)
    assert "bob" in text


def test_the_summary_as_text() -> None:
    """Everything that happened is there, and nothing that did not."""
    summary = RunSummary(
        events=1_234, seconds=2.0, matches={"a.b": 3, "a.c": 0}, suppressed=1, late=2,
        lateness_needed_ms=90_000, unextracted={"syslog": 7}, was_stopped=True,
        evictions=(Eviction("a.b", "keys", 1, "keys_per_rule_max", 1_000),),
        incomplete={"a.b": {"block_ip(address)": 2}},
        mismatches={"a.b": {"login.n": 2, "login.u": 1}},
    )  # fmt: skip
    assert summary_text(summary) == (
        "stopped after 1,234 events in 2.00 s (617 a second)\n"
        "3 matches (a.b 3), 1 suppressed\n"
        "2 events came too late for rules with state: --lateness 1m30s or --sort would have "
        "taken them\n"
        "rule a.b dropped 1 key (cap keys_per_rule_max = 1,000 in [limits])\n"
        "rule a.b left out 2 mitigations for want of an argument: block_ip(address) 2\n"
        "7 events of syslog fitted no line of an extract\n"
        "rule a.b met 3 values of another type than it asks for: login.n 2, login.u 1\n"
    )
    assert summary_text(RunSummary()) == "read 0 events in 0.00 s\n0 matches\n"


def test_the_progress_line() -> None:
    """A bar where the size is known, else events and their speed."""
    assert progress_text(2_000, 2.0, 0, None) == "2,000 events  1,000 a second"
    assert progress_text(2_000, 2.0, 5, 10).startswith("█" * 12 + "░" * 12 + "  50%  2,000")
