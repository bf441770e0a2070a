"""Codecs of plugins: how they are chosen, and that a record on which one fails is only rejected."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sluice.codecs import Codec, decode_all, make_codec
from sluice.errors import ConfigError
from sluice.model import Event, Rejected
from sluice.plugins import PluginOptions, Plugins
from tests.made_plugins import make_plugin

#: `12 text` is an event `line` at 12 ms; `decode` can be replaced.
LINES = """
class Lines:
    name = "{name}"
    def __init__(self, shift):
        self.shift, self.seen = shift, 0
    def framing(self, head):
        return "lines"
    def decode(self, line, place):
        BODY
    def settled(self, source):
        return None
    def state(self):
        return {"seen": self.seen}
    def restore(self, state):
        self.seen = state["seen"]

def make(settings, options):
    if not settings.get("shift", "0").isdigit():
        raise ConfigError("shift: it must be a number of milliseconds")
    return Lines(int(settings.get("shift", "0")))

def codecs(settings):
    return [CodecEntry("{name}", "Read lines of a number and a text.", make,
                       b"12 one\\n15 two\\n", ("shift",))]
"""
GOOD = """self.seen += 1
        time, _, text = line.partition(b" ")
        if not time.isdigit():
            return rejected(place, "time", "no number", line)
        return Event("line", int(time) + self.shift, {"text": text.decode(), "n": self.seen},
                     source=place[0], offset=place[2])"""


@pytest.fixture(autouse=True)
def _only_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    for name in [name for name in sys.modules if name.startswith("sluice_")]:
        del sys.modules[name]


Made = Callable[..., Codec]


class Told:
    """Makes codecs as a run does, and keeps what is told."""

    def __init__(self, folder: Path) -> None:
        self.lines: list[str] = []
        self._folder = folder
        self.plugins = Plugins(PluginOptions(call_ms_max=300), self.lines.append)

    def codec(self, body: str = GOOD, text: str = "num", name: str = "num") -> Codec:
        """Install a plugin whose codec decodes like this, and choose a codec."""
        make_plugin(self._folder, name, LINES.replace("BODY", body), kinds=("codecs",))
        return make_codec(text, None, self.plugins.codecs(text))


@pytest.fixture
def told(tmp_path: Path) -> Told:
    """Plugins, and what they told."""
    return Told(tmp_path)


def test_a_codec_of_a_plugin_is_chosen_by_its_name(told: Told) -> None:
    """`--codec num:shift=5` reads events; its options and its state work as those of any codec."""
    codec = told.codec(text="num:shift=5")
    found = [*decode_all(codec, b"12 one\nx\n15 two\n", "f")]
    assert [type(each) for each in found] == [Event, Rejected, Event]
    last = found[2]
    assert isinstance(last, Event)
    assert (last.time, last.fields, last.offset) == (20, {"text": "two", "n": 3}, 3)
    assert codec.name == "num"
    assert codec.state() == {"seen": 3}
    codec.restore({"seen": 7})
    assert codec.state() == {"seen": 7}
    assert told.lines == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("num:shift=x", "shift: it must be a number of milliseconds"),
        ("num:shfit=1", "codec 'num' has no option 'shfit': did you mean 'shift'?"),
        ("num.other", "there is no codec 'num.other'"),
        ("nun", "there is no codec 'nun'"),
    ],
)
def test_a_wrong_choice_is_an_error_of_the_configuration(
    told: Told, text: str, message: str
) -> None:
    """Options and names are looked at before anything is read."""
    with pytest.raises(ConfigError) as caught:
        told.codec(text=text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        "return 1 / 0",
        "raise SystemExit",
        "return 'text'",
        "return Event(3, 0, {})",
        "return Event('t', 'now', {})",
        "return Event('t', 10**18, {})",
        "return Event('t', 0, {'a': object()})",
        "return Event('t', 0, {'a': float('nan')})",
        "return Event('t', 0, {}, id='\\ud800')",
        "return [Event('t', 0, {}), None]",
        "return rejected(place, 'whatever', 'm', line)",
        "import time\n        time.sleep(60)",
    ],
)
def test_a_record_on_which_a_codec_fails_is_rejected(told: Told, body: str) -> None:
    """The run goes on with the next record; the failure is counted under the codec's name."""
    codec = told.codec(body)
    with told.plugins.guarding():
        (found,) = decode_all(codec, b"12 one\n", "f")
    assert isinstance(found, Rejected)
    assert (found.source, found.offset, found.reason, found.data) == ("f", 1, "syntax", "12 one")
    assert "plugin num (sluice-num 1.0)" in found.message
    assert told.plugins.failures == {"num": 1}


def test_a_codec_that_cannot_be_made_is_an_error(told: Told) -> None:
    """Who asked for it is told at once; there is nothing to go on with."""
    broken = LINES.replace("return Lines(", "raise RuntimeError(")
    make_plugin(told._folder, "num", broken.replace("BODY", GOOD), kinds=("codecs",))
    with pytest.raises(ConfigError, match="its codec 'num' cannot be made"):
        make_codec("num", None, told.plugins.codecs("num"))
    assert "RuntimeError: 0" in "\n".join(told.lines)


@pytest.mark.parametrize("method", ["framing", "settled", "state", "restore"])
def test_every_other_method_may_fail_too(told: Told, method: str) -> None:
    """By lines, nothing settled, nothing kept."""
    lines = LINES.replace("BODY", GOOD)
    at = lines.index(f"def {method}(")
    end = lines.index("\n", at)
    broken = f"{lines[: end + 1]}        return {{1: 1 / 0}}\n{lines[end + 1 :]}"
    make_plugin(told._folder, "num", broken, kinds=("codecs",))
    codec = make_codec("num", None, told.plugins.codecs("num"))
    calls: dict[str, tuple[Callable[..., Any], Any]] = {
        "framing": (lambda: codec.framing(b""), "lines"),
        "settled": (lambda: codec.settled("f"), None),
        "state": (codec.state, {}),
        "restore": (lambda: codec.restore({}), None),
    }
    call, expected = calls[method]
    assert call() == expected
    assert told.plugins.failures == {"num": 1}


def test_a_codec_cannot_take_the_place_of_a_built_in_one(told: Told) -> None:
    """The built-in codec stays, and the survey names the plugin."""
    codec = told.codec(text="syslog", name="syslog")
    assert type(codec).__name__ == "SyslogCodec"
    (found,) = (each for each in told.plugins.survey() if each.plugin.name == "syslog")
    assert found.troubles == ("the codec 'syslog' is there already, built into Sluice",)
