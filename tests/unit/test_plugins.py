"""What installed distributions add: what is brought in, what is left out and why, who is hurt."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sluice.catalog import BUILTINS, Catalog, accumulator, builtins
from sluice.errors import ConfigError
from sluice.model import ANY
from sluice.plugins import API_1, KINDS, Kind, Plugin, PluginOptions, Plugins, Surveyed, installed
from tests.made_plugins import TWICE, function, make_plugin

Make = Callable[..., str]


@pytest.fixture(autouse=True)
def _only_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder of distributions; what it brings is forgotten afterwards."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith("sluice_"):
            del sys.modules[name]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Make a distribution with a plugin."""

    def made(name: str, code: str = TWICE, **more: Any) -> str:
        return make_plugin(tmp_path, name, code, **more)

    return made


class Told:
    """The plugins of a command, and what they told."""

    def __init__(self, **options: Any) -> None:
        self.lines: list[str] = []
        self.plugins = Plugins(PluginOptions(**options), self.lines.append)

    @property
    def text(self) -> str:
        """All that was told."""
        return "\n".join(self.lines)

    def catalog(self, *texts: str) -> Catalog:
        """The catalog for these rule texts."""
        return self.plugins.extended(builtins(), texts)

    def call(self, name: str, *args: Any) -> Any:
        """Call a function as a run does."""
        catalog = self.catalog(f"{name}(x)")
        with self.plugins.guarding():
            return catalog.functions[name].call(*args)


# ---------------------------------------------------------------- what is brought in


def test_a_catalog_with_a_plugin_is_another_value(make: Make) -> None:
    """The built-in catalog stays as it is; the larger one has the function under its own name."""
    make("num")
    catalog = Told().catalog("rule r { when e where num.twice(n) == 4 }")
    assert set(catalog.functions) - set(BUILTINS.functions) == {"num.twice"}
    assert catalog.functions["num.twice"].call(21) == 42
    assert catalog.functions["num.twice"].group == "num"
    assert "num.twice" not in builtins().functions


@pytest.mark.parametrize(
    ("text", "is_needed"),
    [
        ("rule r { when e where num.twice(n) == 4 }", True),
        ("rule r { when e where num . twice (n) == 4 }", True),
        ("rule r { when e where `num`.twice(n) == 4 }", True),
        ("test r { given num.twice(1) = 2 }", True),
        ("rule r { when e call num.twice.more(1) }", True),
        ("rule r { when e where num.twice == 4 }", False),
        ("rule r { when e where a.num.twice(n) == 4 }", False),
        ("rule r { when e where twice(num) == 4 }", False),
        ("rule r { when num_.twice(3) }", False),
    ],
)
def test_only_what_rules_call_is_imported(make: Make, text: str, is_needed: bool) -> None:
    """A plugin that no rule calls is not imported: it can do no harm and takes no time."""
    module = make("num")
    Told().catalog("pack p", text)
    assert (module in sys.modules) == is_needed


def test_nothing_is_looked_for_without_a_call() -> None:
    """Rules without a dotted call do not even ask which distributions there are."""

    def find() -> tuple[Plugin, ...]:
        raise AssertionError("somebody looked for plugins")

    plugins = Plugins(PluginOptions(), print, find)
    assert plugins.extended(builtins(), ["rule r { when e where lower(a) == b.c }"]) == BUILTINS
    assert plugins.codecs("syslog:year=2026") == {}


def test_what_is_installed_is_known_without_an_import(make: Make) -> None:
    """Name, distribution, version, API and kinds stand in the metadata."""
    module = make("num", "raise SystemExit('imported')", kinds=("functions", "actions"))
    (found,) = (plugin for plugin in installed() if plugin.name == "num")
    assert (found.distribution, found.version, found.api) == ("sluice-num", "1.0", API_1)
    assert [kind for kind in KINDS if kind in found.points] == ["functions", "actions"]
    assert module not in sys.modules


def test_a_plugin_gets_its_own_settings(make: Make) -> None:
    """The table `[plugins.NAME]`, and nothing for who has none."""
    code = function("num.seen", "return SEEN[0]").replace(
        "def functions(settings):\n",
        "SEEN = []\ndef functions(settings):\n    SEEN.append(settings)\n",
    )
    make("num", code)
    assert Told(settings={"num": {"a": 1}}).call("num.seen", 0) == {"a": 1}


# ---------------------------------------------------------------- what is left out


@pytest.mark.parametrize(
    ("name", "code", "more", "reason"),
    [
        ("num", "import nowhere_at_all", {}, "ModuleNotFoundError: No module named"),
        ("num", "1 / 0", {}, "ZeroDivisionError: division by zero"),
        ("num", "raise SystemExit(3)", {}, "SystemExit: 3"),
        ("num", "x = ][", {}, "SyntaxError"),
        ("num", "pass", {}, "AttributeError: module 'sluice_num' has no attribute 'functions'"),
        ("num", "functions = 3", {}, "TypeError: 'int' object is not callable"),
        ("num", "def functions(settings): return None", {}, "TypeError"),
        ("num", "def functions(settings): raise ConfigError('set a file')", {}, ": set a file"),
        ("num", "def functions(settings): return ['x']", {}, "among its functions is a str"),
        ("num", TWICE.replace("{name}", "other"), {}, "'other.twice' must begin with its own name"),
        ("num", TWICE.replace("{name}.twice", "lower"), {}, "must begin with its own name"),
        ("num", TWICE.replace("{name}.twice", "num.Twice"), {}, "'num.Twice' is no name"),
        ("num", function("num.f", "return 1", "lambda t: t[0]"), {}, "must be a Type"),
        ("num", function("num.f", "return 1").replace(" work,", " 3,"), {}, "nothing that can be"),
        ("num", function("num.f", "return 1").replace('Parameter("x"),', '"x",'), {}, "Parameter"),
        ("num", "def codecs(s): return 3", {"kinds": ()}, "it brings nothing"),
        ("num", TWICE, {"api": None}, "does not say for which version of the API it was made"),
        ("num", TWICE, {"api": "sluice.plugins:API_2"}, "made for version 2 of the API"),
        ("num", TWICE, {"api": "sluice"}, "does not say for which version of the API it was made"),
        ("Num", TWICE, {}, "'Num' is no name"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_left_out_and_named(
    make: Make, name: str, code: str, more: dict[str, Any], reason: str
) -> None:
    """The rest goes on without it; who asks is told which distribution it is, and why."""
    make(name, code, **more)
    make("good")
    told = Told()
    catalog = told.catalog(f"{name}.twice(1) good.twice(2)")
    assert set(catalog.functions) - set(BUILTINS.functions) == {"good.twice"}
    assert len(told.lines) == 1
    assert f"plugin {name} (sluice-{name} 1.0) is left out: " in told.text
    assert reason in told.text
    (found,) = (each for each in Told().plugins.survey() if each.plugin.name == name)
    assert found.state == "left out"
    assert any(reason.removeprefix(": ") in trouble for trouble in found.troubles)
    hint = told.plugins.why_not(f"{name}.twice")
    assert hint is not None and hint.startswith(f"the plugin `{name}` is left out: ")


def test_one_bad_entry_leaves_the_others(make: Make) -> None:
    """What is sound of a plugin is brought in; what is not is named."""
    code = TWICE.replace("    ]\n", "    , 'odd']\n")
    make("num", code)
    told = Told()
    assert "num.twice" in told.catalog("num.twice(1)").functions
    assert told.lines == [
        "plugin num (sluice-num 1.0): left out of its functions: among its functions is a str, "
        "no Function"
    ]
    (found,) = (each for each in Told().plugins.survey() if each.plugin.name == "num")
    assert found.state == "in part"


def test_the_second_entry_of_a_name_is_left_out(make: Make) -> None:
    """The first one counts."""
    make(
        "num", TWICE.replace("def functions", "def once") + "\nfunctions = lambda s: once(s) * 2\n"
    )
    told = Told()
    assert told.call("num.twice", 4) == 8
    assert told.lines == [
        "plugin num (sluice-num 1.0): left out of its functions: it brings 'num.twice' twice"
    ]


def test_an_import_that_hangs_is_ended(make: Make) -> None:
    """After its time it is interrupted, and the plugin is left out."""
    make("num", "import time\ntime.sleep(60)")
    told = Told(load_ms_max=300)
    begun = time.monotonic()
    assert told.catalog("num.twice(1)") == BUILTINS
    assert time.monotonic() - begun < 10
    assert "its import takes longer than 0.3 s" in told.text


def test_two_distributions_under_one_name_are_an_error_that_names_both(make: Make) -> None:
    """Nobody guesses which one is meant; it is none while no rule calls them."""
    make("num")
    make("num", distribution="acme-num")
    assert Told().catalog("lower(x)") == BUILTINS
    with pytest.raises(ConfigError) as caught:
        Told().catalog("num.twice(1)")
    assert str(caught.value) == (
        "acme-num 1.0 and sluice-num 1.0 both bring a plugin 'num': uninstall one, or name one of "
        "the distributions in [plugins] disabled"
    )
    assert "num.twice" in Told(disabled=frozenset({"acme_num"})).catalog("num.twice(1)").functions
    states = [each.state for each in Told().plugins.survey() if each.plugin.name == "num"]
    assert states == ["left out", "left out"]


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"is_enabled": False}, "`num` may be a plugin, and plugins are switched off"),
        ({"disabled": frozenset({"num"})}, "the plugin `num` is disabled by [plugins] disabled"),
        ({"disabled": frozenset({"Sluice_Num"})}, "the plugin `num` is disabled by [plugins] disa"),
    ],
)
def test_what_is_switched_off_is_not_imported(
    make: Make, options: dict[str, Any], hint: str
) -> None:
    """By its own name, by that of its distribution, or all at once; the hint says so."""
    module = make("num")
    told = Told(**options)
    assert told.catalog("num.twice(1)") == BUILTINS
    assert module not in sys.modules
    found = told.plugins.why_not("num.twice")
    assert found is not None and found.startswith(hint)
    assert told.lines == []


def test_an_unknown_plugin_is_answered_with_the_nearest(make: Make) -> None:
    """A slip of the pen in the name of a plugin."""
    make("number")
    assert Told().plugins.why_not("numbr.twice") == (
        "no plugin `numbr` is installed: did you mean `number`?"
    )
    assert Told().plugins.why_not("number.thrice") is None  # the language knows the near names


# ---------------------------------------------------------------- calls


def test_a_call_that_raises_is_missing_and_counted(make: Make) -> None:
    """The value is missing, the first traceback is told, all are counted by name."""
    make("num", function("num.f", "return {0: 7}[x]"))
    told = Told()
    catalog = told.catalog("num.f(x)")
    with told.plugins.guarding():
        found = [catalog.functions["num.f"].call(n) for n in (0, 1, 0, 2)]
    assert found == [7, None, 7, None]
    assert told.plugins.failures == {"num.f": 2}
    assert len(told.lines) == 1
    assert told.text.startswith("plugin num (sluice-num 1.0): num.f failed: KeyError: 1\n")
    assert "return {0: 7}[x]" in told.text and "guard.py" not in told.text
    assert told.plugins.sentences == (
        "num.f failed 2 times, and what it gives was missing there (the first: KeyError: 1)",
    )


@pytest.mark.parametrize(
    "body",
    [
        "import time\ntime.sleep(60)",
        "while True: pass",
        "import time\nwhile True:\n    try: time.sleep(60)\n    except Exception: pass",
        "import re\nre.match('(a+)+$', 'a' * 60 + 'b')",
        "import threading\nthreading.Lock().acquire() and threading.Event().wait()",
    ],
)
def test_a_call_that_hangs_is_ended_once(make: Make, body: str) -> None:
    """It is interrupted after its time, is missing, and is not called again in this run."""
    make("num", function("num.f", body))
    told = Told(call_ms_max=300)
    begun = time.monotonic()
    assert told.call("num.f", 1) is None
    assert told.call("num.f", 1) is None
    assert time.monotonic() - begun < 5
    assert told.plugins.failures == {"num.f": 1}
    assert "num.f failed: it took longer than 0.3 s; it is not called again" in told.text


def test_leaving_the_process_is_a_failed_call(make: Make) -> None:
    """`sys.exit` in a plugin does not end the run."""
    make("num", function("num.f", "import sys\nsys.exit(0)"))
    told = Told()
    assert told.call("num.f", 1) is None
    assert "num.f failed: SystemExit: 0" in told.text


@pytest.mark.parametrize(
    ("result", "value", "expected"),
    [
        ("STRING", "'x'", "x"), ("STRING", "'é'", "é"), ("STRING", "3", None),
        ("STRING", "'\\ud800'", None), ("STRING", "b'x'", None), ("STRING", "None", None),
        ("INT", "3", 3), ("INT", "2**63", None), ("INT", "True", None), ("INT", "'3'", None),
        ("FLOAT", "0.5", 0.5), ("FLOAT", "float('nan')", None), ("FLOAT", "float('inf')", None),
        ("BOOL", "True", True), ("BOOL", "1", None),
        ("IP", "'192.0.2.1'", "192.0.2.1"), ("IP", "'::FFFF:192.0.2.1'", "192.0.2.1"),
        ("IP", "'nowhere'", None), ("NETWORK", "'192.0.2.0/24'", "192.0.2.0/24"),
        ("TIME", "1000", 1000), ("TIME", "10**17", None), ("DURATION", "5", 5),
        ("ANY", "[1, {'a': None}]", [1, {"a": None}]), ("ANY", "object()", None),
        ("ANY", "{1: 2}", None), ("ANY", "(1, 2)", None), ("ANY", "{'a': {'b': set()}}", None),
        ("ANY", "[2**70]", None),
        ('Type("enum", ("a", "b"))', "'a'", "a"), ('Type("enum", ("a", "b"))', "'c'", None),
        ("ANY", "(lambda f: f(f, 100))(lambda f, n: [f(f, n - 1)] if n else [])", None),
    ],
)  # fmt: skip
def test_what_is_no_value_of_the_type_is_missing(
    make: Make, result: str, value: str, expected: Any
) -> None:
    """The rest of the engine relies on types: what a plugin promises is looked at."""
    make("num", function("num.f", f"return {value}", result))
    told = Told()
    assert told.call("num.f", 1) == expected
    is_failure = expected is None and value != "None"
    assert told.plugins.failures == ({"num.f": 1} if is_failure else {})
    assert not is_failure or "where it promises" in told.text


def test_what_a_plugin_prints_is_told_with_its_name(
    make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing reaches stdout, from the import or from calls; a flood is cut."""
    body = "import sys\nsys.stdout.write('half')\nsys.stdout.buffer.write(b' a line\\n')\nreturn x"
    make("num", "print('hello')\n" + function("num.f", body))
    told = Told()
    catalog = told.catalog("num.f(x)")
    stdout = sys.stdout
    with told.plugins.guarding():
        assert [catalog.functions["num.f"].call(n) for n in range(30)] == [*range(30)]
        print("of Sluice")
        sys.stdout.buffer.write(b"and its bytes\n")
        sys.stdout.flush()
    assert sys.stdout is stdout
    assert capsys.readouterr().out == "of Sluice\nand its bytes\n"
    assert told.lines == [
        "the import of plugin num (sluice-num 1.0) printed: hello",
        *["num.f printed: half a line"] * 20,
        "num.f prints more than 20 lines: the rest is not shown",
    ]


def test_a_thread_of_a_plugin_does_not_print_between_records(
    make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also not while no call is under way."""
    code = function("num.f", "THREAD.start()\nreturn x")
    head = "import threading\nTHREAD = threading.Timer(0.1, print, ('later',))\n"
    make("num", head + code)
    told = Told()
    catalog = told.catalog("num.f(x)")
    with told.plugins.guarding():
        assert catalog.functions["num.f"].call(1) == 1
        time.sleep(0.4)
    assert capsys.readouterr().out == ""
    assert told.lines == ["a thread of a plugin printed: later"]


def test_the_timer_goes_back_to_who_had_it(make: Make) -> None:
    """An alarm that somebody else has set goes off nevertheless."""
    heard: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda number, _: heard.append(number))
    left, every = signal.setitimer(signal.ITIMER_REAL, 0.6)
    try:
        make("num", function("num.f", "import time\ntime.sleep(0.3)\nreturn x"))
        assert Told().call("num.f", 5) == 5
        assert heard == []
        time.sleep(0.5)
        assert heard == [signal.SIGALRM]
    finally:
        signal.signal(signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, left, every)


# ---------------------------------------------------------------- aggregates, codecs

SPAN = """
class Span:
    def __init__(self, *constants):
        self.values = []
    def add(self, value):
        self.values.append(value + 0)
    def remove(self, value):
        self.values.remove(value)
    def result(self):
        return max(self.values) - min(self.values) if self.values else None
    def state(self):
        return self.values
    def restore(self, state):
        self.values = list(state)

def aggregates(settings):
    return [Aggregate("num.span", "value", FLOAT, Span, "Return the range of the numbers.",
                      ("num.span(x) of [1, 4]", "3"))]
"""


def test_an_accumulator_that_fails_is_missing_for_good(make: Make) -> None:
    """One window is spoilt, also after a checkpoint; the others count on."""
    make("num", SPAN, kinds=("aggregates",))
    told = Told()
    entry = told.catalog("num.span(x)").aggregates["num.span"]
    spoilt, sound = accumulator(entry, ANY), accumulator(entry, ANY)
    with told.plugins.guarding():
        for value in (1, 5):
            sound.add(value)
            spoilt.add(value)
        assert spoilt.result() == 4
        spoilt.add("text")
        spoilt.add(9)
        again, healthy = accumulator(entry, ANY), accumulator(entry, ANY)
        again.restore(spoilt.state())
        healthy.restore(sound.state())
        healthy.add(11)
        healthy.remove(1)
        assert (spoilt.result(), again.result(), healthy.result()) == (None, None, 6)
    assert told.plugins.failures == {"num.span": 1}


def test_a_state_that_cannot_be_saved_is_left_out(make: Make) -> None:
    """A checkpoint is written nevertheless."""
    make("num", SPAN.replace("return self.values\n", "return {1, 2}\n"), kinds=("aggregates",))
    told = Told()
    made = accumulator(told.catalog("num.span(x)").aggregates["num.span"], ANY)
    with told.plugins.guarding():
        made.add(1)
        assert made.state() is None
    assert "its state holds a set, and not only plain data" in told.text


def test_a_survey_says_what_all_of_them_bring(make: Make) -> None:
    """Names by kind, in the order of their names."""
    code = TWICE + SPAN
    make("num", code, kinds=("functions", "aggregates"))
    make("tel", "def actions(s):\n    return [Action('tel.call', (), 'Call.', 'call tel.call()')]",
         kinds=("actions",))  # fmt: skip
    found = [s for s in Told().plugins.survey() if s.plugin.name in ("num", "tel")]
    functions: Kind = "functions"
    assert [(s.state, dict(s.names)) for s in found] == [
        ("ok", {functions: ("num.twice",), "aggregates": ("num.span",)}),
        ("ok", {"actions": ("tel.call",)}),
    ]
    assert all(isinstance(each, Surveyed) for each in found)
    everything = Told().plugins.complete(builtins())
    assert {"num.twice"} <= set(everything.functions) and "tel.call" in everything.actions


NEEDY = """
def functions(settings):
    if "file" not in settings:
        raise ConfigError("it needs a file")
    return []
"""


def test_a_list_of_everything_asks_for_no_settings(make: Make) -> None:
    """A plugin that nobody has set up is left out of it quietly; half a setting is a mistake."""
    make("needy", NEEDY)
    quiet = Told()
    assert "needy.work" not in quiet.plugins.complete(builtins()).functions
    assert quiet.lines == []
    assert quiet.plugins.why_not("needy") == "the plugin `needy` is left out: it needs a file"
    wrong, needed = Told(settings={"needy": {"path": "x"}}), Told()
    wrong.plugins.complete(builtins())
    needed.catalog("needy.work(x)")
    for told in (wrong, needed):
        assert told.text == "plugin needy (sluice-needy 1.0) is left out: it needs a file"
