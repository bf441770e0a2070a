"""Whole commands with plugins: records stay clean, settings count, a stuck run ends and says so."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

import sluice as package
from tests.made_plugins import TWICE, function, make_plugin

REPOSITORY = Path(package.__file__).parents[2]
GEO = REPOSITORY / "plugins" / "sluice-geo"

RULE = "rule r { when e where num.f(n) > 3 by n select n, f = num.f(n) }\n"
EVENTS = "".join(f'{{"@type":"e","@time":{n},"n":{n}}}\n' for n in range(6))


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("site").mkdir()
    # Other processes find the package that is under test, and the plugins of this test.
    paths = [str(Path(package.__file__).parents[1]), str(tmp_path / "site")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    monkeypatch.delenv("SLUICE_CONFIG", raising=False)
    Path("rules").mkdir()
    Path("rules/r.sluice").write_text(RULE, "utf-8")
    Path("events.jsonl").write_text(EVENTS, "utf-8")


def sluice(*argv: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "sluice", *argv],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **(env or {})},
    )


def matches(done: subprocess.CompletedProcess[str]) -> list[dict[str, object]]:
    """What the matches have selected; every line of stdout is a record."""
    return [json.loads(line)["select"] for line in done.stdout.splitlines()]


def test_a_run_with_a_plugin_that_prints_and_raises() -> None:
    """The records are those of the calls that went well; stderr names the plugin; exit code 0."""
    body = "print('looking at', x)\nreturn {4: 40, 5: 'five'}.get(x, 0) if x != 2 else 1 / 0"
    make_plugin(Path("site"), "num", "print('loaded')\n" + function("num.f", body, "INT"))
    done = sluice("run", "-o", "json", "--stats", "stats.json", "events.jsonl")
    assert done.returncode == 0, done.stderr
    assert matches(done) == [{"n": 4, "f": 40}]
    assert "the import of plugin num (sluice-num 1.0) printed: loaded" in done.stderr
    assert "num.f printed: looking at 3" in done.stderr
    assert "num.f failed: ZeroDivisionError: division by zero\n  Traceback" in done.stderr
    assert "num.f failed 2 times, and what it gives was missing there" in done.stderr
    assert json.loads(Path("stats.json").read_text())["plugin_failures"] == {"num.f": 2}


def test_what_is_left_out_is_a_hint_where_rules_need_it() -> None:
    """The rules do not load (78), and the finding says why the function is unknown."""
    make_plugin(Path("site"), "num", TWICE, api="sluice.plugins:API_9")
    done = sluice("run", "events.jsonl")
    assert (done.returncode, done.stdout) == (78, "")
    assert "plugin num (sluice-num 1.0) is left out: it was made for version 9" in done.stderr
    checked = sluice("check", "-o", "json")
    found = json.loads(checked.stdout)["diagnostics"]
    assert {each["code"] for each in found} == {"SL0203"}
    assert all("the plugin `num` is left out: it was made" in each["hint"] for each in found)


@pytest.mark.parametrize(
    ("flags", "env", "file", "hint"),
    [
        (("--no-plugins",), {}, "", "plugins are switched off"),
        ((), {"SLUICE_PLUGINS__ENABLED": "false"}, "", "plugins are switched off"),
        ((), {"SLUICE_PLUGINS__DISABLED": "num"}, "", "disabled by [plugins] disabled"),
        ((), {}, '[plugins]\ndisabled = ["sluice-num"]\n', "disabled by [plugins] disabled"),
    ],
)
def test_plugins_can_be_switched_off(
    flags: tuple[str, ...], env: dict[str, str], file: str, hint: str
) -> None:
    """By flag, variable and file; nothing of them is imported then."""
    make_plugin(Path("site"), "num", "open('imported', 'w')\n" + function("num.f", "return x"))
    Path("sluice.toml").write_text(file, "utf-8")
    done = sluice("check", *flags, env=env)
    assert done.returncode == 1
    assert hint in done.stdout
    assert not Path("imported").exists()


def test_rules_that_need_no_plugin_import_none() -> None:
    """Whatever is installed, it is not even imported."""
    make_plugin(Path("site"), "num", "raise SystemExit('imported')")
    Path("rules/r.sluice").write_text("rule r { when e where n > 3 }", "utf-8")
    done = sluice("run", "-q", "-o", "json", "events.jsonl")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 2


STUCK = """
import ctypes
libc = ctypes.CDLL(None)
lock = ctypes.create_string_buffer(64)
libc.pthread_mutex_lock(lock)
libc.pthread_mutex_lock(lock)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the lock is one of glibc")
def test_a_call_stuck_in_a_library_ends_the_run_and_is_named() -> None:
    """What cannot be interrupted is ended with the process: 69, and the function's name."""
    make_plugin(Path("site"), "num", function("num.f", STUCK))
    done = sluice("run", "events.jsonl", env={"SLUICE_PLUGINS__CALL_TIMEOUT": "300ms"})
    assert done.returncode == 69
    assert "error: num.f has not come back for 1 s and cannot be interrupted" in done.stderr
    assert done.stdout == ""


def test_a_rule_test_calls_the_plugin_unless_it_is_given() -> None:
    """`sluice test` asks the plugin; `given` answers in its place."""
    make_plugin(Path("site"), "num", function("num.f", "print('asked')\nreturn x + 1", "INT"))
    tests = (
        'test r "real" { at 0s e { n: 3 } expect match { f: 4 } }\n'
        'test r "given" { given num.f(1) = 9 at 0s e { n: 1 } expect match { f: 9 } }\n'
    )
    Path("rules/r.sluice").write_text(RULE + tests, "utf-8")
    done = sluice("test", "-o", "json")
    assert json.loads(done.stdout)["passed"] == 2, done.stdout
    assert "num.f printed: asked" in done.stderr


def test_a_codec_of_a_plugin_reads_a_run() -> None:
    """`--codec` takes the name of a plugin's codec; an unknown one says which there are."""
    code = """
    class Bars:
        name = "num"
        def framing(self, head): return "lines"
        def settled(self, source): return None
        def state(self): return {}
        def restore(self, state): pass
        def decode(self, line, place):
            time, n = line.split(b"|")
            return Event("e", int(time), {"n": int(n)}, source=place[0], offset=place[2])

    def codecs(settings):
        return [CodecEntry("num", "Read bars.", lambda s, o: Bars(), b"1|2\\n")]
    """
    make_plugin(Path("site"), "num", code, kinds=("codecs",))
    Path("rules/r.sluice").write_text("rule r { when e where n > 3 select n }", "utf-8")
    Path("bars.log").write_text("1|2\n2|4\nbroken\n3|5\n", "utf-8")
    done = sluice("run", "-o", "json", "--codec", "num", "bars.log")
    assert done.returncode == 0, done.stderr
    assert matches(done) == [{"n": 4}, {"n": 5}]
    assert "1 input rejected: syntax 1" in done.stderr
    other = sluice("run", "--codec", "nmu", "bars.log")
    assert other.returncode == 2
    assert "there is no codec 'nmu'" in other.stderr


def test_a_checkpoint_keeps_the_state_of_a_plugin() -> None:
    """An aggregate and a codec of a plugin go on where they were."""
    code = """
    class Total:
        def __init__(self): self.sum = 0
        def add(self, value): self.sum += value
        def remove(self, value): self.sum -= value
        def result(self): return self.sum
        def state(self): return self.sum
        def restore(self, state): self.sum = state

    def aggregates(settings):
        return [Aggregate("num.total", "value", INT, Total, "Return the total.",
                          ("num.total(x) of [1, 2]", "3"), empty=0)]
    """
    make_plugin(Path("site"), "num", code, kinds=("aggregates",))
    Path("rules/r.sluice").write_text(
        "rule r { when e within 1h having num.total(n) >= 10 select total = num.total(n) }", "utf-8"
    )
    argv = ("run", "-o", "json", "--checkpoint", "c.checkpoint", "events.jsonl")
    lines = EVENTS.splitlines(keepends=True)
    Path("events.jsonl").write_text("".join(lines[:3]), "utf-8")
    first = sluice(*argv)
    Path("events.jsonl").write_text(EVENTS, "utf-8")
    second = sluice(*argv)
    found = [s for done in (first, second) for s in matches(done)]
    assert found == [{"total": 10}], second.stderr


def test_the_geo_plugin_as_an_installed_distribution() -> None:
    """Settings from the file, relative to it, and from a variable; rules and their tests."""
    (found,) = [
        each
        for each in json.loads(sluice("plugins", "list", "-o", "json").stdout)["plugins"]
        if each["name"] == "geo"
    ] or pytest.fail("install it: pip install -e plugins/sluice-geo (make setup does)")
    assert found["state"] == "left out"
    assert "it needs a file of networks" in found["troubles"][0]
    Path("conf").mkdir()
    Path("conf/nets.csv").write_text((GEO / "tests" / "networks.csv").read_text("utf-8"), "utf-8")
    Path("conf/sluice.toml").write_text('[plugins.geo]\nfile = "nets.csv"\n', "utf-8")
    Path("events.jsonl").write_text(
        '{"@type":"auth.login","@time":0,"user":"bob","outcome":"success",'
        '"source_ip":"203.0.113.9"}\n',
        "utf-8",
    )
    rules = str(GEO / "rules")
    done = sluice("-c", "conf/sluice.toml", "run", "-r", rules, "-o", "json", "--show", "match",
                  "events.jsonl")  # fmt: skip
    assert matches(done) == [{"country": "US", "network": "Example Cloud, Inc."}], done.stderr
    env = {"SLUICE_PLUGINS__GEO__FILE": "conf/nets.csv"}
    assert sluice("test", rules, env=env).returncode == 0
    assert sluice("check", "--strict", rules, env=env).returncode == 0


def test_settings_of_a_plugin_come_together_one_by_one() -> None:
    """A variable for one leaves the others of the file as they are; paths are meant from there."""
    make_plugin(
        Path("site"), "num",
        function("num.f", "return TOLD[0]").replace(
            "def functions(settings):\n",
            "TOLD = []\ndef functions(settings):\n    TOLD.append(settings)\n",
        ),
    )  # fmt: skip
    Path("conf").mkdir()
    Path("conf/sluice.toml").write_text(
        '[plugins.num]\nfile = "a.csv"\nlimit = 3\nmore.cities_file = "/c.csv"\nname = "x"\n',
        "utf-8",
    )
    Path("rules/r.sluice").write_text("rule r { when e select told = num.f(n) }", "utf-8")
    done = sluice("-c", "conf/sluice.toml", "run", "-o", "json", "events.jsonl",
                  env={"SLUICE_PLUGINS__NUM__NAME": "y"})  # fmt: skip
    assert matches(done)[0] == {
        "told": {
            "file": "conf/a.csv", "limit": 3, "more": {"cities_file": "/c.csv"}, "name": "y",
        }
    }  # fmt: skip


@pytest.mark.parametrize(
    ("file", "env", "says"),
    [
        (
            '[plugins]\ndisable = ["a"]\n',
            {},
            "sluice.toml:2: there is no setting 'plugins.disable'",
        ),
        ("", {"SLUICE_PLUGINS__DISABLE": "a"}, "did you mean 'SLUICE_PLUGINS__DISABLED'?"),
        ('[plugins]\ncall_timeout = "soon"\n', {}, "'soon' is no duration; write 5s"),
    ],
)
def test_a_wrong_setting_of_plugins_is_named(file: str, env: dict[str, str], says: str) -> None:
    """78, the place, and what was meant."""
    Path("sluice.toml").write_text(file, "utf-8")
    done = sluice("check", env=env)
    assert (done.returncode, done.stdout) == (78, "")
    assert says in done.stderr
