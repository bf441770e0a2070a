"""Bad rules, bad events and a bad world: the exit code, what is said of it, and nothing lost."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

import sluice as package
from sluice.cli.app import execute

RULE = "rule r { when a select n }\n"
PAIR = "rule r { when a then b within 1m }\n"
LINE = '{"@type":"a","@time":1000,"n":1}\n'


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    # Other processes find the package that is under test, wherever it is.
    monkeypatch.setenv("PYTHONPATH", str(Path(package.__file__).parents[1]))
    write("r.sluice", RULE)
    write("in.jsonl", LINE)


def write(path: str, text: str | bytes) -> None:
    """Write a file."""
    Path(path).parent.mkdir(exist_ok=True)
    Path(path).write_bytes(text if isinstance(text, bytes) else text.encode())


class Done:
    """What a command printed, and its exit code."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def records(self) -> list[dict[str, Any]]:
        """The records on stdout."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def kinds(self) -> list[str]:
        """The kinds of the records, rejected ones with their reason and line."""
        return [
            f"{r['reason']} {r['offset']}" if r["kind"] == "rejected" else r["kind"]
            for r in self.records
        ]


Run = Callable[..., Done]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """`sluice run` in this process, over `in.jsonl` with `r.sluice` unless told otherwise."""

    def call(*argv: str, rules: str = "r.sluice", source: str = "in.jsonl") -> Done:
        capsys.readouterr()
        shown = ("-o", "json", "--show", "match,rejected,late")
        code = execute(["run", "-r", rules, source, *shown, *argv])
        return Done(code, *capsys.readouterr())

    return call


def command(*argv: str) -> list[str]:
    """The command line of another process."""
    return [sys.executable, "-m", "sluice", "run", "-r", "r.sluice", "-o", "json", *argv]


# ---------------------------------------------------------------- rules

TYPOS = {
    "clause": ("rule r { wehn a }", "1:10", "did you mean `when`?"),
    "function": ("rule r { when a where lenght(x) > 1 }", "1:23", "did you mean `length`?"),
    "field": ("event a { user: string }\nrule r { when a where usr == 1 }", "2:23", "`user`?"),
    "severity": ("rule r { when a severity hihg }", "1:26", "`high`"),
    "declaration": ("rul r { when a }", "1:1", "`rule`"),
    "duration": ("rule r { when a then b within 5mins }", "1:31", ""),
    "brace": ("rule r { when a", "1:", ""),
    "string": ('rule r { when a where x == "open }', "1:28", ""),
    "operator": ("rule r { when a where x = 1 }", "1:25", "`==`"),
    "param": ("param limit = 3\nrule r { when a{limt} within 1m }", "2:", "`limit`?"),
    "overlap": ("rule r { when a then b within 1m overlap shard }", "1:42", "`shared`"),
    "quantifier": ("rule r { when a{3,2} within 1m }", "1:", ""),
}


@pytest.mark.parametrize("name", TYPOS)
def test_typo_in_a_rule(name: str, run: Run) -> None:
    """A typo anywhere ends with 78, its place, the line itself, and what may have been meant."""
    text, place, hint = TYPOS[name]
    write("bad.sluice", text + "\n")
    done = run(rules="bad.sluice")
    assert (done.code, done.out) == (78, "")
    assert f"bad.sluice:{place}" in done.err and "error SL" in done.err
    assert text.split("\n")[int(place[0]) - 1] in done.err and "^" in done.err
    assert hint in done.err


DOUBTS = {
    "event": ("event login { n: int }\nrule r { when logn }", "2:15", "did you mean `login`?"),
    "list": ('list bad = ["x"]\nrule r { when a where n in bda }', "1:1", "`bad`"),
}


@pytest.mark.parametrize("name", DOUBTS)
def test_typo_that_may_be_meant(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Types and fields need no schema, so a typo in them may be meant: `check` warns of it."""
    text, place, hint = DOUBTS[name]
    write("bad.sluice", text + "\n")
    assert execute(["check", "bad.sluice", "--strict", "--silence", "SL0511"]) == 1
    out, _ = capsys.readouterr()
    assert f"bad.sluice:{place}: warning SL" in out and hint in out


def test_all_typos_at_once(run: Run) -> None:
    """All errors of all files are said at once."""
    write("bad/1.sluice", "rule r { wehn a }\nrule s { when a where lenght(x) > 1 }\n")
    write("bad/2.sluice", "rule t { when a severity hihg }\n")
    done = run(rules="bad")
    assert done.code == 78
    assert [done.err.count(f"{place}: error") for place in ("1:10", "2:23", "1:26")] == [1, 1, 1]


def test_one_bad_rule_of_many(run: Run) -> None:
    """One bad rule is 78 too; `--skip-broken-rules` leaves it out with a warning."""
    write("r.sluice", RULE + "rule s { when a where lenght(x) > 1 }\n")
    assert run().code == 78
    done = run("--skip-broken-rules")
    assert (done.code, done.kinds) == (0, ["match"])
    assert "r.s" in done.err


def test_two_files_with_the_same_rule(run: Run) -> None:
    """The second one is the error, and it names the first."""
    write("two/1.sluice", "pack p\nrule r { when a }\n")
    write("two/2.sluice", "pack p\nrule r { when b }\n")
    done = run(rules="two")
    assert (done.code, done.out) == (78, "")
    assert "two/2.sluice:2:6: error SL0604: the rule `p.r` is there twice" in done.err
    assert "the first is in two/1.sluice:2" in done.err


def test_import_cycle(run: Run) -> None:
    """The cycle is printed."""
    write("cycle/a.sluice", 'import "b.sluice"\nrule r { when a }\n')
    write("cycle/b.sluice", 'import "a.sluice"\nrule q { when b }\n')
    done = run(rules="cycle")
    assert done.code == 78
    assert "cycle/a.sluice -> cycle/b.sluice -> cycle/a.sluice" in done.err


def test_missing_list_file(run: Run) -> None:
    """The list is named, and what its path is relative to."""
    write("bad.sluice", 'list l from "lists/no.txt"\nrule r { when a where n in l }\n')
    done = run(rules="bad.sluice")
    assert done.code == 78
    assert "bad.sluice:1:1: error SL0605: the list `lists/no.txt` does not exist" in done.err
    assert "relative to the file" in done.err


def test_rule_without_a_bound(capsys: pytest.CaptureFixture[str], run: Run) -> None:
    """`check` warns of it (`--strict`: 1); the caps bound it, so it runs."""
    write("bad.sluice", "rule r { when a then b }\n")
    assert execute(["check", "bad.sluice", "--strict"]) == 1
    out, _ = capsys.readouterr()
    assert "bad.sluice:1:" in out and "within" in out
    assert run(rules="bad.sluice").code == 0


def test_regex_that_is_refused(run: Run) -> None:
    """What RE2 refuses is an error with a way out."""
    for regex in ("(?=x)y", r"(x)\1", "(?<!x)y", "x{1,100000}", "(unclosed", "[z-a]"):
        write("bad.sluice", f"rule r {{ when a where n matches /{regex}/ }}\n")
        done = run(rules="bad.sluice")
        assert done.code == 78, regex
        assert "bad.sluice:1:33: error SL" in done.err, done.err


def test_rule_file_of_10_mb(run: Run) -> None:
    """A file that is too large is refused at once."""
    write("big.sluice", RULE + "# " + "x" * 10_000_000 + "\n")
    done = run(rules="big.sluice")
    assert (done.code, done.out) == (78, "")
    assert "big.sluice:1:1: error SL0109: the file is larger than 8 MB" in done.err


NESTED = {
    "parentheses": "(" * 10_000 + "n == 1" + ")" * 10_000,
    "open": "(" * 10_000,
    "not": "not " * 10_000 + "n == 1",
    "lists": "n in " + "[" * 10_000 + "1" + "]" * 10_000,
    "minus": "n == " + "- " * 10_000 + "1",
    "calls": "lower(" * 10_000 + "n" + ")" * 10_000 + ' == "x"',
}


@pytest.mark.parametrize("name", NESTED)
def test_10_000_nested(name: str, run: Run) -> None:
    """Whatever is nested too deep has a place and a hint, and no traceback."""
    write("deep.sluice", f"rule r {{ when a where {NESTED[name]} }}\n")
    done = run(rules="deep.sluice")
    assert (done.code, done.out) == (78, "")
    assert "deep.sluice:1:" in done.err and "error SL0110" in done.err
    assert "hint" in done.err and "Traceback" not in done.err


def test_rule_file_that_is_no_text(run: Run) -> None:
    """Bytes that are no UTF-8 are an error of that file."""
    write("bad.sluice", b"rule r { when a } # \xff\xfe\n")
    done = run(rules="bad.sluice")
    assert done.code == 78
    assert "bad.sluice" in done.err and "UTF-8" in done.err


# ---------------------------------------------------------------- events


def test_events_that_are_not_json(run: Run) -> None:
    """Each is rejected with its line; the events between them count."""
    write("in.jsonl", f'no json\n{LINE}{{"a":\n[1]\n"x"\n7\n{{}}\n{LINE}')
    done = run()
    assert (done.code, done.kinds) == (
        0,
        ["syntax 1", "match", *(f"syntax {n}" for n in range(3, 7)), "type 7", "match"],
    )
    assert "6 inputs rejected: syntax 5, type 1" in done.err
    assert run("--fail-on", "rejected").code == 1


def test_half_a_line_at_the_end(run: Run) -> None:
    """The half line is rejected and says why; a whole event without a line end counts."""
    write("in.jsonl", LINE + LINE[:20])
    done = run()
    assert (done.code, done.kinds) == (0, ["match", "syntax 2"])
    assert "ends in the middle of a line" in done.records[1]["message"]
    write("in.jsonl", LINE + LINE.strip())
    assert run().kinds == ["match", "match"]


def test_line_of_100_mb(run: Run) -> None:
    """A line beyond the limit is rejected without being held, and reading goes on."""
    with open("in.jsonl", "wb") as file:
        file.write(LINE.encode() + b'{"@type":"a","@time":1000,"n":"')
        for _ in range(100):
            file.write(b"x" * 1_000_000)
        file.write(b'"}\n' + LINE.encode())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    done = run()
    assert (done.code, done.kinds) == (0, ["match", "size 2", "match"])
    assert len(done.records[1]["data"]) <= 4_096
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 90_000


def test_invalid_utf_8(run: Run) -> None:
    """In a field that rules read it is a rejection; elsewhere only with `--strict-input`."""
    bad = b'{"@type":"a","@time":1000,"n":%s,"u":%s}\n'
    write("in.jsonl", LINE.encode() + bad % (b'"\xff"', b"1") + bad % (b"2", b'"\xff"'))
    assert run().kinds == ["match", "encoding 2", "match"]
    assert run("--strict-input").kinds == ["match", "encoding 2", "encoding 3"]
    assert run().records[1]["data"].count("\ufffd") == 1


def test_duplicate_keys(run: Run) -> None:
    """The last one counts; strict, it is a rejection that names the key."""
    twice = '{"@type":"a","@time":1000,"n":1,"n":2}\n{"@type":"a","@time":1000,"u":1,"u":2,"n":3}\n'
    write("in.jsonl", LINE + twice)
    assert [r["select"]["n"] for r in run().records] == [1, 2, 3]
    done = run("--strict-input")
    assert done.kinds == ["match", "duplicate_key 2", "duplicate_key 3"]
    assert '"n"' in done.records[1]["message"] and '"u"' in done.records[2]["message"]


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "nan"])
def test_not_a_number(value: str, run: Run) -> None:
    """`NaN` and its like are no JSON, wherever they stand."""
    line = '{"@type":"a","@time":1000,"%s":%s}\n'
    write("in.jsonl", LINE + line % ("n", value) + line % ("u", value) + LINE)
    assert run().kinds == ["match", "syntax 2", "syntax 3", "match"]


def test_numbers_beyond_64_bits(run: Run) -> None:
    """Elsewhere they do no harm; strict, they are rejected wherever they stand."""
    line = '{"@type":"a","@time":1000,"n":%s,"u":%s}\n'
    big = 2**63
    write("in.jsonl", LINE + line % (big - 1, 1) + line % (1, big) + line % (1, "1" * 400))
    assert [r["select"]["n"] for r in run().records] == [1, big - 1, 1, 1]
    assert run("--strict-input").kinds == ["match", "match", "schema 3", "schema 4"]
    write("r.sluice", "rule r { when a where n > 0 }\n")
    write("in.jsonl", LINE + line % (big, 1) + line % (-big - 1, 1) + line % ("1e999", 1) + LINE)
    assert run().kinds == ["match", "schema 4", "match"]
    assert run("--strict-input").kinds == ["match", "schema 2", "schema 3", "schema 4", "match"]


TIMES = (
    None, '"yesterday"', '""', "1.5", "1e300", "true", "[]", "99999999999999999", "-99999999999999",
    '"2020-01-01"', '"2020-01-01T00:00:00"', '"2020-13-01T00:00:00Z"', '"2020-01-01T25:00:00Z"',
    '"0000-01-01T00:00:00Z"', '"2020-02-30T00:00:00Z"',
)  # fmt: skip


def test_times_that_are_none(run: Run) -> None:
    """A missing or absurd time is a rejection that names the field; the others count."""
    lines = [LINE]
    for value in TIMES:
        at = "" if value is None else f',"@time":{value}'
        lines.append(f'{{"@type":"a","n":1{at}}}\n')
    write("in.jsonl", "".join([*lines, LINE]))
    done = run()
    assert done.code == 0
    assert done.kinds == ["match", *(f"time {n}" for n in range(2, len(TIMES) + 2)), "match"]
    assert all("@time" in r["message"] for r in done.records[1:-1])


def test_time_that_runs_backwards(run: Run) -> None:
    """What is too late is counted, with the flag that would have saved it; and it does."""
    write("r.sluice", PAIR)
    events = [("a", 60_000), ("c", 70_000), ("b", 61_000)]
    lines = [json.dumps({"@type": type_, "@time": at}) for type_, at in events]
    write("in.jsonl", "\n".join(lines) + "\n")
    done = run()
    assert (done.code, done.kinds) == (0, ["late"])
    assert "1 event came too late" in done.err and "--lateness 9s or --sort" in done.err
    assert run("--lateness", "9s").kinds == ["match"]
    assert run("--sort").kinds == ["match"]
    assert run("--fail-on", "late").code == 1


# ---------------------------------------------------------------- the world


def test_input_that_becomes_shorter() -> None:
    """A file that is cut while it is read is 74; what was read before is there."""
    write("in.jsonl", LINE * 400_000)
    with open("out.jsonl", "wb") as out:
        process = subprocess.Popen(command("in.jsonl"), stdout=out, stderr=subprocess.PIPE)
        end = time.monotonic() + 30
        while not Path("out.jsonl").stat().st_size and time.monotonic() < end:
            time.sleep(0.01)
        os.truncate("in.jsonl", 0)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 74
    assert b"in.jsonl, line " in err and b"shorter" in err
    found = [json.loads(line) for line in Path("out.jsonl").read_text("utf-8").splitlines()]
    assert found and b"%d matches" % len(found) in err.replace(b",", b"")


def test_pipe_whose_writer_goes_away() -> None:
    """What came counts, the half line is rejected."""
    os.mkfifo("pipe")
    argv = command("pipe", "--show", "match,rejected")
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with open("pipe", "wb") as pipe:
        pipe.write(LINE.encode() * 3 + LINE.encode()[:9])
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert Done(0, out.decode(), "").kinds == ["match"] * 3 + ["syntax 4"]
    assert b"1 input rejected" in err


def test_input_that_disappears_from_a_folder() -> None:
    """A file of a folder that is gone when its turn comes is 74; the others count."""
    os.mkdir("in")
    os.mkfifo("in/1")
    write("in/2", LINE)
    process = subprocess.Popen(command("in"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    pipe = open("in/1", "wb")  # both ends are open now, so the inputs are known
    os.unlink("in/2")
    with pipe:
        pipe.write(LINE.encode() * 2)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 74
    assert b"in/2" in err and b"No such file" in err
    assert Done(0, out.decode(), "").kinds == ["match", "match"]


def test_closed_pipe() -> None:
    """`| head -1` ends the run with 141, quietly."""
    write("in.jsonl", LINE * 50_000)
    process = subprocess.Popen(
        command("in.jsonl"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
    )
    assert process.stdout is not None and process.stdout.read(10) == b'{"kind":"m'
    process.stdout.close()
    assert process.stderr is not None
    err = process.stderr.read()
    process.stderr.close()
    assert (process.wait(30), err) == (141, b"")


def _no_room() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def test_disk_full_while_a_checkpoint_is_written() -> None:
    """74 with the name of the file; the old checkpoint stays, and the next run goes on from it."""
    write("r.sluice", PAIR)
    argv = command("in.jsonl", "--checkpoint", "run.ckpt", "-q")
    assert subprocess.run(argv, capture_output=True, check=False).returncode == 0
    before = Path("run.ckpt").read_bytes()
    with open("in.jsonl", "a", encoding="utf-8") as file:
        file.write(LINE.replace('"a"', '"b"'))
    done = subprocess.run(argv, capture_output=True, check=False, preexec_fn=_no_room)
    assert done.returncode == 74
    assert b"run.ckpt: File too large" in done.stderr
    assert Path("run.ckpt").read_bytes() == before
    assert not Path("run.ckpt.new").exists()
    done = subprocess.run(argv, capture_output=True, check=False)
    assert (done.returncode, Done(0, done.stdout.decode(), "").kinds) == (0, ["match"])


def test_disk_full_while_records_are_written() -> None:
    """An output file that cannot grow is 74, and the checkpoint does not run ahead of it."""
    argv = command("in.jsonl", "--checkpoint", "run.ckpt", "--output-file", "out.jsonl", "-q")
    done = subprocess.run(argv, capture_output=True, check=False, preexec_fn=_no_room)
    assert done.returncode == 74
    assert b"out.jsonl: File too large" in done.stderr
    assert not Path("run.ckpt").exists()
    assert Path("out.jsonl").read_bytes() == b""
    assert subprocess.run(argv, capture_output=True, check=False).returncode == 0
    assert Path("out.jsonl").read_bytes().count(b"\n") == 1


def test_output_that_nobody_can_write(run: Run) -> None:
    """A folder that is not there is 74 before anything is processed."""
    for option in ("--output-file", "--rejected"):
        done = run(option, "no/such.jsonl")
        assert (done.code, done.out) == (74, "")
        assert "no/such.jsonl: No such file or directory" in done.err


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


def test_signal_while_nothing_comes() -> None:
    """A run that waits for input ends cleanly at SIGTERM, with what it had read."""
    with open("err.txt", "wb") as err:
        process = subprocess.Popen(
            command("-", "--follow"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=err
        )
    assert process.stdin is not None and process.stdout is not None
    with process.stdin, process.stdout:
        process.stdin.write(LINE.encode())
        process.stdin.flush()
        assert process.stdout.readline().startswith(b'{"kind":"match"')
        process.terminate()
        assert process.wait(30) == 143
    assert "stopped after 1 event" in Path("err.txt").read_text("utf-8")
