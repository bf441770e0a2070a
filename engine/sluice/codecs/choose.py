"""Make the codec that `--codec` names."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sluice.codecs.cef import CefCodec
from sluice.codecs.cloudtrail import cloudtrail_codec
from sluice.codecs.codec import (
    TIME_UNITS,
    Codec,
    CodecOptions,
    InputOptions,
    check_options,
    did_you_mean,
    parse_codec,
)  # fmt: skip
from sluice.codecs.csv import CsvCodec
from sluice.codecs.entry import CodecEntry
from sluice.codecs.journald import JournalCodec
from sluice.codecs.json import JsonCodec
from sluice.codecs.logfmt import logfmt_codec
from sluice.codecs.syslog import SyslogCodec
from sluice.codecs.weblog import weblog_codec
from sluice.codecs.windows import windows_codec
from sluice.errors import CodecError, ConfigError


def _json(settings: CodecOptions, options: InputOptions) -> Codec:
    check_options("json", settings, ())
    return JsonCodec(options)


_CODECS: dict[str, Callable[[CodecOptions, InputOptions], Codec]] = {
    "json": _json, "syslog": SyslogCodec, "logfmt": logfmt_codec, "csv": CsvCodec,
    "weblog": weblog_codec, "windows": windows_codec, "cloudtrail": cloudtrail_codec,
    "cef": CefCodec, "journald": JournalCodec,
}  # fmt: skip
CODEC_NAMES = tuple(_CODECS)


def make_codec(
    text: str = "json", options: InputOptions | None = None,
    brought: Mapping[str, CodecEntry] | None = None,
) -> Codec:  # fmt: skip
    """Make the codec of `name:key=value,…`; CodecError for an unknown codec, option or value.

    `brought` are codecs of plugins by name.
    """
    options = options or InputOptions()
    if options.time_unit not in TIME_UNITS:
        near = did_you_mean(options.time_unit, TIME_UNITS)
        raise ConfigError(
            f"time unit '{options.time_unit}' is none of {', '.join(TIME_UNITS)}{near}"
        )
    try:
        return _made(text, options, brought or {})
    except ConfigError as error:
        raise CodecError(str(error)) from None


def assumes_utc(codec: Codec) -> bool:
    """Whether a codec has taken times without a zone as UTC for want of an option."""
    return isinstance(codec, SyslogCodec | CefCodec) and codec.assumes_utc


def _made(text: str, options: InputOptions, brought: Mapping[str, CodecEntry]) -> Codec:
    name, settings = parse_codec(text)
    if name in _CODECS:
        return _CODECS[name](settings, options)
    entry = brought.get(name)
    if entry is not None:
        check_options(name, settings, entry.options)
        return entry.make(settings, options)
    names = (*CODEC_NAMES, *brought)
    near = did_you_mean(name, names) or f"; codecs: {', '.join(names)}"
    raise ConfigError(f"there is no codec '{name}'{near}")
