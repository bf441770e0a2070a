"""The commands over rules: check, fmt, test, explain, init, config, version, and wrong usage."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.commands import CommandLine, write

GOOD = """\
pack auth

rule failed "A failed login" {
  when auth.login where outcome == "failure"
  by   user
}

test failed "one" {
  at 0s auth.login { user: "bob", outcome: "failure" }
  expect match at 0s { user: "bob" }
}
"""
BAD = "rule a { when b{2} wihtin 10m }\n"


pytestmark = pytest.mark.usefixtures("elsewhere")


def rules(text: str, name: str = "auth.sluice") -> str:
    """Write a rule file below `rules/`."""
    return write(f"rules/{name}", text)


# ---------------------------------------------------------------- wrong usage


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["chekc"], "there is no command 'chekc', did you mean 'check'?"),
        (["check", "--stirct"], "there is no option --stirct, did you mean --strict?"),
        (["run", "--lateness", "5"], "--lateness: '5' is no duration"),
        (["run", "--output", "jsn"], "--output: 'jsn': it must be one of text, json, none"),
        (["run", "--since", "noon"], "--since: 'noon' is no time"),
        (["check", "--set", "x"], "--set: 'x' is not PACK.NAME=VALUE"),
        (["--color", "pink", "version"], "it must be one of auto, always, never"),
        (["run", "--lateness"], "--lateness"),
    ],
)
def test_wrong_usage_is_one_line(sluice: CommandLine, argv: list[str], says: str) -> None:
    """Exit code 2, one line on stderr: what is wrong, what was meant, where the help is."""
    said = sluice(*argv)
    assert (said.code, said.out) == (2, "")
    assert says in said.err
    assert said.err.count("\n") == 1
    assert "--help" in said.err


@pytest.mark.parametrize(("word", "says"), [
    ("shw", "there is no command 'shw', did you mean 'show'?"),
    ("xyzzy", "there is no command 'xyzzy'; there are schema, show"),
])  # fmt: skip
def test_a_command_of_a_command_that_there_is_not(
    sluice: CommandLine, word: str, says: str
) -> None:
    """It is answered as a command of `sluice` itself is."""
    said = sluice("config", word)
    assert (said.code, said.out) == (2, "")
    assert said.err == f"sluice config: {says} (see sluice config --help)\n"


def test_without_a_command_the_help_is_shown(sluice: CommandLine) -> None:
    """`sluice` alone is wrong usage, and says what there is."""
    said = sluice()
    assert (said.code, said.out) == (2, "")
    assert "Commands:" in said.err


def test_help_and_version(sluice: CommandLine) -> None:
    """Every command is listed with a line of help, and has a help of its own."""
    said = sluice("--help")
    assert said.code == 0
    for name in ("init", "check", "fmt", "test", "run", "explain", "config", "schema", "version"):
        assert f"\n  {name} " in said.out
        assert "Usage: sluice" in sluice(name, "--help").out
    assert sluice("--version").out == "sluice 0.1.0\n"
    assert json.loads(sluice("version", "-o", "json").out)["version"] == "0.1.0"


def test_help_loads_no_engine() -> None:
    """`sluice --help` answers at once: neither rules nor settings nor rich are loaded."""
    code = (
        "import sys\nfrom sluice.cli.app import execute\nexecute(['--help'])\n"
        "heavy = ('pydantic', 'rich', 'lark', 'sluice.lang', 'sluice.plan', 'sluice.config')\n"
        "print([m for m in heavy if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


# ---------------------------------------------------------------- check


def test_check_of_good_rules(sluice: CommandLine) -> None:
    """Nothing on stdout, a summary on stderr, exit 0; without a path the rules of `rules/`."""
    rules(GOOD)
    said = sluice("check")
    assert (said.code, said.out, said.err) == (0, "", "1 rule in 1 file: no errors\n")


def test_check_draws_what_is_wrong(sluice: CommandLine) -> None:
    """A finding has place, code, message, the line with carets."""
    path = rules(BAD)
    said = sluice("check", path)
    assert said.code == 1
    assert f"{path}:1:20: error SL0108:" in said.out
    assert "  1 | rule a { when b{2} wihtin 10m }\n    |                    ^^^^^^" in said.out


def test_check_as_json(sluice: CommandLine) -> None:
    """One document with the keys of the contract, in order."""
    path = rules(BAD)
    said = sluice("check", path, "-o", "json")
    document = json.loads(said.out)
    assert list(document) == ["ok", "rules", "errors", "warnings", "diagnostics"]
    assert (said.code, document["ok"], document["errors"]) == (1, False, 1)
    entry = next(d for d in document["diagnostics"] if d["severity"] == "error")
    assert list(entry) == [
        "code", "severity", "message", "hint", "file", "line", "column", "end_line", "end_column",
        "rule",
    ]  # fmt: skip
    assert (entry["code"], entry["file"], entry["line"], entry["column"]) == ("SL0108", path, 1, 20)


def test_strict_and_silence(sluice: CommandLine) -> None:
    """`--strict` fails on warnings, `--silence` leaves out those of a code."""
    rules(GOOD.partition("test failed")[0])
    document = json.loads(sluice("check", "-o", "json").out)
    assert (document["ok"], document["errors"]) == (True, 0)
    codes = {d["code"] for d in document["diagnostics"]}
    assert document["warnings"] == len(document["diagnostics"]) > 0
    assert sluice("check", "--strict").code == 1
    silent = [f"--silence={code}" for code in sorted(codes)]
    assert sluice("check", "--strict", *silent).code == 0


def test_paths_that_are_not_there(sluice: CommandLine) -> None:
    """A missing path is exit 66 with a guess; without `rules/` the way to begin is told."""
    assert sluice("check").err == (
        "error: rules: there is no such file or directory; name rule files, or begin with "
        "`sluice init`\n"
    )
    rules(GOOD)
    said = sluice("check", "rules/auth.sluise")
    assert (said.code, said.out) == (66, "")
    assert said.err.endswith("did you mean rules/auth.sluice?\n")
    Path("empty").mkdir()
    assert sluice("check", "empty").code == 66


def test_bad_configuration_is_78(sluice: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A typo in `sluice.toml` or in a variable ends every command with what was meant."""
    rules(GOOD)
    Path("sluice.toml").write_text("[rules]\npath = ['rules']\n", "utf-8")
    said = sluice("check")
    assert (said.code, said.out) == (78, "")
    assert said.err == (
        "error: sluice.toml:2: there is no setting 'rules.path': did you mean 'paths'?\n"
    )
    Path("sluice.toml").unlink()
    monkeypatch.setenv("SLUICE_RUN__LATENESS", "soon")
    assert sluice("check").err.startswith("error: SLUICE_RUN__LATENESS: run.lateness: 'soon'")


# ---------------------------------------------------------------- fmt

UGLY = "rule   a{when b   by user}\n"


def test_fmt_writes_in_place(sluice: CommandLine) -> None:
    """A file is written in the one style; a second time nothing changes."""
    path = rules(UGLY)
    said = sluice("fmt")
    assert (said.code, said.out) == (0, f"changed {path}\n")
    assert Path(path).read_text("utf-8").startswith("rule a {\n")
    again = sluice("fmt")
    assert (again.code, again.out) == (0, "")
    assert sorted(os.listdir("rules")) == ["auth.sluice"]


def test_fmt_check_and_diff_write_nothing(sluice: CommandLine) -> None:
    """`--check` and `--diff` exit 1 when there is something to change."""
    path = rules(UGLY)
    assert sluice("fmt", "--check").out == f"would change {path}\n"
    said = sluice("fmt", "--diff")
    assert (said.code, "-rule   a{when b   by user}\n" in said.out) == (1, True)
    assert Path(path).read_text("utf-8") == UGLY


def test_fmt_refuses_what_does_not_parse(sluice: CommandLine) -> None:
    """A broken file stays as it is, the others are written."""
    bad, good = rules(BAD, "bad.sluice"), rules(UGLY, "good.sluice")
    said = sluice("fmt")
    assert (said.code, said.out) == (78, f"changed {good}\n")
    assert "SL0108" in said.err
    assert Path(bad).read_text("utf-8") == BAD


def test_fmt_of_stdin() -> None:
    """`-` formats stdin to stdout."""
    done = subprocess.run(
        [sys.executable, "-m", "sluice", "fmt", "-"], input=UGLY, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert done.stdout.startswith("rule a {\n")


# ---------------------------------------------------------------- test


def test_tests_that_pass(sluice: CommandLine) -> None:
    """Dots by file, a count, exit 0; nothing on stderr."""
    rules(GOOD)
    said = sluice("test")
    assert (said.code, said.out) == (0, "rules/auth.sluice .\n\n1 passed\n")


def test_tests_that_fail(sluice: CommandLine) -> None:
    """File and line, expected, actual, nearest; exit 1; as JSON and as JUnit too."""
    path = rules(GOOD.replace("at 0s { user", "at 1s { user"))
    said = sluice("test", "--junit", "report.xml")
    assert said.code == 1
    assert f"{path}:10:\n  expected: expect match at 1s" in said.out
    assert said.out.endswith("0 passed, 1 failed\n")
    suite = ElementTree.parse("report.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("failures")) == ("1", "1")
    document = json.loads(sluice("test", "-o", "json").out)
    assert list(document) == ["ok", "passed", "failed", "tests"]
    assert document["tests"][0]["failures"][0]["line"] == 10


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("faild", "; did you mean 'failed'?"), ("auth.faled", "; did you mean 'auth.failed'?"),
        ("noe", "; did you mean 'one'?"), ("zzzzzz", "; there are tests of auth.failed"),
    ],
)  # fmt: skip
def test_a_filter_that_chooses_nothing_is_wrong_usage(
    sluice: CommandLine, text: str, near: str
) -> None:
    """A slip of the pen must not look as if tests had passed."""
    rules(GOOD)
    said = sluice("test", "-k", text, "--junit", "report.xml")
    assert (said.code, said.out) == (2, "")
    assert f"no test has '{text}' in its rule or claim{near}" in said.err
    assert said.err.count("\n") == 1
    assert not Path("report.xml").exists()


def test_rules_without_tests_pass_with_a_remark(sluice: CommandLine) -> None:
    """Nothing was asked of them; with a filter there is nothing to choose from."""
    rules(GOOD.partition("test failed")[0])
    said = sluice("test")
    assert (said.code, said.out) == (0, "0 passed\n")
    assert said.err == "warning: there are no tests in these files\n"
    assert sluice("test", "-q").err == ""
    chosen = sluice("test", "-k", "failed")
    assert chosen.code == 2
    assert "there are no tests in these files" in chosen.err


def test_rules_that_do_not_load_are_78(sluice: CommandLine) -> None:
    """Diagnostics go to stderr, stdout stays empty."""
    rules(BAD)
    for command in (["test"], ["explain"]):
        said = sluice(*command)
        assert (said.code, said.out) == (78, "")
        assert "SL0108" in said.err


# ---------------------------------------------------------------- explain, init, config


def test_explain_of_files_without_rules(sluice: CommandLine) -> None:
    """Is nothing, with a warning that says why."""
    Path("none.sluice").write_text("event a.x { u: string }\n", "utf-8")
    said = sluice("explain", "none.sluice")
    assert (said.code, said.out) == (0, "")
    assert said.err == "warning: there are no rules in these files\n"


def test_explain(sluice: CommandLine) -> None:
    """A rule by its full name, by its last word, or by its file; as text, JSON, Python."""
    path = rules(GOOD)
    by_name = sluice("explain", "auth.failed").out
    assert by_name.startswith('rule auth.failed "A failed login"')
    assert sluice("explain", "failed").out == by_name == sluice("explain", path).out
    document = json.loads(sluice("explain", "failed", "-o", "json").out)
    assert [r["rule"] for r in document["rules"]] == ["auth.failed"]
    source = sluice("explain", "failed", "--code").out
    compile(source, "<generated>", "exec")
    assert "# rule auth.failed" in source
    wrong = sluice("explain", "auth.faild")
    assert (wrong.code, "did you mean auth.failed?" in wrong.err) == (2, True)


def test_init_gives_a_start_that_works(sluice: CommandLine) -> None:
    """What `init` writes is checked, formatted and tested without a finding."""
    assert sluice("init").code == 0
    check = sluice("check", "--strict")
    assert (check.code, check.out) == (0, "")
    assert sluice("fmt", "--check").code == 0
    assert sluice("test").out.endswith("\n3 passed\n")


def test_init_overwrites_nothing(sluice: CommandLine) -> None:
    """One file that is there already, and nothing is written."""
    Path("sluice.toml").write_text("# mine\n", "utf-8")
    said = sluice("init")
    assert (said.code, said.out) == (1, "")
    assert os.listdir(".") == ["sluice.toml"]


def test_config_show(sluice: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each value with where it came from; `--resolved` shows defaults too."""
    Path("sluice.toml").write_text('[run]\nlateness = "5s"\n', "utf-8")
    monkeypatch.setenv("SLUICE_RUN__CLOSE", "true")
    document = json.loads(sluice("config", "show", "-o", "json").out)
    assert document == {
        "file": "sluice.toml",
        "values": [
            {"key": "run.lateness", "value": "5s", "origin": "file", "where": "sluice.toml:2"},
            {"key": "run.close", "value": True, "origin": "env", "where": "SLUICE_RUN__CLOSE"},
        ],
        "unknown": [],
    }
    text = sluice("config", "show", "--resolved").out
    assert 'lateness = "5s"                           # sluice.toml:2' in text
    assert "# default" in text
    assert json.loads(sluice("config", "schema").out)["title"] == "sluice.toml"


def test_variables_that_set_nothing(sluice: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are warned of once, with what was meant, and `config show` lists them."""
    rules(GOOD)
    monkeypatch.setenv("SLUICE_LATENESS", "5s")
    monkeypatch.setenv("SLUICE_BOGUS", "secret")
    said = sluice("check")
    assert said.code == 0
    lines = [line for line in said.err.splitlines() if "SLUICE_" in line]
    assert lines == [
        "warning: SLUICE_BOGUS sets nothing: `sluice config show --resolved` lists what can be set",
        "warning: SLUICE_LATENESS sets nothing: did you mean SLUICE_RUN__LATENESS?",
    ]
    assert "SLUICE_" not in sluice("check", "-q").err
    shown = sluice("config", "show", "--resolved")
    assert "# SLUICE_LATENESS sets nothing: did you mean SLUICE_RUN__LATENESS?\n" in shown.out
    assert "secret" not in shown.out + shown.err
    assert json.loads(sluice("config", "show", "-o", "json").out)["unknown"] == [
        {"variable": "SLUICE_BOGUS", "meant": None},
        {"variable": "SLUICE_LATENESS", "meant": "SLUICE_RUN__LATENESS"},
    ]


# ---------------------------------------------------------------- colour, pipes, bugs


def test_colour_only_where_it_is_wanted(sluice: CommandLine) -> None:
    """No colour in a pipe; `--color always` forces it, before or behind the command."""
    rules(BAD)
    assert "\x1b[" not in sluice("check").out
    assert "\x1b[31;1merror SL0108:\x1b[0m" in sluice("--color", "always", "check").out
    assert "\x1b[31;1m" in sluice("check", "--color", "always").out


def test_a_closed_pipe_is_141() -> None:
    """`| head -0` ends a command quietly."""
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m sluice config schema | true; echo ${{PIPESTATUS[0]}}"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() in ("141", "0")
    assert done.stderr == ""


def test_a_bug_is_70_with_a_log(sluice: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception that nobody foresaw is told in two lines; the traceback is in a file."""

    def broken(*_: object, **__: object) -> None:
        raise KeyError("oops")

    monkeypatch.setattr("sluice.config.load_settings", broken)
    said = sluice("config", "show")
    assert (said.code, said.out) == (70, "")
    assert "this is a bug in Sluice: KeyError: 'oops'" in said.err
    log = said.err.partition("The traceback is in ")[2].partition(";")[0]
    assert "KeyError: 'oops'" in Path(log).read_text("utf-8")
    Path(log).unlink()


def test_silence_takes_codes_that_exist(
    sluice: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A code that no diagnostic has hides nothing: it is refused, wherever it is written."""
    rules(GOOD)
    said = sluice("check", "--silence", "SL9999")
    assert (said.code, said.out) == (2, "")
    assert "--silence: no diagnostic has the code 'SL9999'; codes are like SL0511" in said.err
    assert "did you mean SL0511 (no-test)?" in sluice("check", "--silence", "no-test").err
    assert "did you mean SL0511 (no-test)?" in sluice("check", "--silence", "sl0511").err
    assert sluice("check", "--silence", "SL0511").code == 0
    monkeypatch.setenv("SLUICE_RULES__SILENCE", "SL0511x")
    said = sluice("check")
    assert said.code == 78
    assert "SLUICE_RULES__SILENCE: rules.silence: no diagnostic has the code 'SL0511x'" in said.err


# ---------------------------------------------------------------- run


@pytest.mark.parametrize(("line", "says"), [
    ("not JSON", "is --codec the right one?"),
    ('{"@type": "auth.login"}', "say where their time stands with --time-field FIELD, "),
    ('{"@time": 5}', "say what they are with --type NAME or --type-field FIELD"),
])  # fmt: skip
def test_input_that_is_no_event_at_all(sluice: CommandLine, line: str, says: str) -> None:
    """The summary names what most lines lack, and the flag that brings it."""
    rules(GOOD)
    said = sluice("run", write("in.jsonl", f"{line}\n{line}\n[]\n"))
    assert said.code == 0
    assert f"no input became an event: {says}" in said.err
