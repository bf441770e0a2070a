"""The codec that `--codec` names, and what it answers to a slip of the pen."""

from __future__ import annotations

import pytest

from sluice.codecs import CODEC_NAMES, TIME_UNITS, InputOptions, make_codec, parse_codec
from sluice.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("json", ("json", {})),
        ("json:", None),
        ("syslog:year=2015,zone=UTC", ("syslog", {"year": "2015", "zone": "UTC"})),
        ("syslog: year = 2015 , zone = UTC ", ("syslog", {"year": "2015", "zone": "UTC"})),
        ("syslog:year", None),
        ("syslog:year=", None),
        ("syslog:=2015", None),
        ("syslog:year=1,year=2", None),
        ("", None),
        (":year=2015", None),
    ],
)
def test_a_codec_is_written_name_key_value(
    text: str, expected: tuple[str, dict[str, str]] | None
) -> None:
    """`name:key=value,key=value`, spaces aside; anything else is an error that quotes it."""
    if expected is None:
        with pytest.raises(ConfigError, match="codec"):
            parse_codec(text)
    else:
        assert parse_codec(text) == expected


@pytest.mark.parametrize("name", CODEC_NAMES)
def test_every_codec_can_be_made_by_its_name(name: str) -> None:
    """The list of names is the list of codecs."""
    assert make_codec(name).name == name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("jsn", "no codec 'jsn': did you mean 'json'"),
        ("sys-log:year=2015", "did you mean 'syslog'"),
        ("syslog:yaer=2015", "no option 'yaer': did you mean 'year'"),
        ("json:year=2015", "it has no options"),
        ("syslog:year=15", "year=15 is no year"),
        ("syslog:year=2015,zone=Europe/Berln", "did you mean 'Europe/Berlin'"),
        ("syslog:zone=../../etc/passwd", "there is no zone"),
    ],
)
def test_an_unknown_word_is_answered_with_the_nearest(text: str, message: str) -> None:
    """Codecs, options and zones that do not exist: ConfigError with "did you mean"."""
    with pytest.raises(ConfigError) as caught:
        make_codec(text)
    assert message in str(caught.value)


def test_an_unknown_time_unit_is_refused() -> None:
    """The unit is one of four words."""
    with pytest.raises(ConfigError, match="none of " + ", ".join(TIME_UNITS)):
        make_codec("json", InputOptions(time_unit="min"))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", CODEC_NAMES)
def test_a_codec_begins_with_nothing_learned(name: str) -> None:
    """Where nothing was kept yet, as of a partition that is new, every codec begins anew."""
    codec = make_codec(name, InputOptions())
    before = codec.state()
    codec.restore({})
    assert codec.state() == before
