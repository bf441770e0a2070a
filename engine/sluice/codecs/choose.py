"""Make the codec that `--codec` names."""

from __future__ import annotations

from sluice.codecs.codec import (
    TIME_UNITS,
    Codec,
    InputOptions,
    check_options,
    did_you_mean,
    parse_codec,
)  # fmt: skip
from sluice.codecs.json import JsonCodec
from sluice.codecs.syslog import SyslogCodec
from sluice.errors import ConfigError

CODEC_NAMES = ("json", "syslog")


def make_codec(text: str = "json", options: InputOptions | None = None) -> Codec:
    """Make the codec of `name:key=value,…`; ConfigError for an unknown codec, option or value."""
    name, settings = parse_codec(text)
    options = options or InputOptions()
    if options.time_unit not in TIME_UNITS:
        near = did_you_mean(options.time_unit, TIME_UNITS)
        raise ConfigError(
            f"time unit '{options.time_unit}' is none of {', '.join(TIME_UNITS)}{near}"
        )
    if name == "json":
        check_options(name, settings, ())
        return JsonCodec(options)
    if name == "syslog":
        return SyslogCodec(settings, options)
    near = did_you_mean(name, CODEC_NAMES)
    raise ConfigError(f"there is no codec '{name}'{near}; codecs: {', '.join(CODEC_NAMES)}")
