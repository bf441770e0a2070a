"""What commands over rules begin with: settings, paths, compiled rules."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

from sluice.cli.options import set_pairs
from sluice.cli.terminal import Terminal
from sluice.errors import CodecError, ConfigError, InputError

if TYPE_CHECKING:
    from sluice.config import Resolved
    from sluice.plugins import Plugins
    from sluice.shells import Compiled


def given(flags: Mapping[str, Any]) -> dict[str, Any]:
    """Return the flags that were given on the command line, and not left at None."""
    return {name: value for name, value in flags.items() if value is not None and value != []}


def settings_of(terminal: Terminal, flags: Mapping[str, Any]) -> Resolved:
    """Resolve the settings; a value of a flag that is wrong is wrong usage."""
    from sluice.config import load_settings, tell_stranger

    try:
        off = {"plugins.enabled": False} if terminal.no_plugins else {}
        resolved = load_settings(terminal.config, {**flags, **off})
    except ConfigError as error:
        lines = str(error).splitlines()
        if not all(line.startswith("--") for line in lines):
            raise
        flag, _, text = lines[0].partition(": ")
        raise typer.BadParameter(text.partition(": ")[2], param_hint=flag) from None
    _check_silence(resolved)
    for variable, meant in resolved.strangers.items():
        terminal.warn(tell_stranger(variable, meant))
    return resolved


@contextlib.contextmanager
def naming_codec(resolved: Resolved) -> Iterator[None]:
    """Say of a codec that there is not where it was named: on the command line is wrong usage."""
    try:
        yield
    except CodecError as error:
        origin = resolved.origin("input.codec")
        if origin.kind == "flag":
            raise typer.BadParameter(str(error), param_hint="--codec") from None
        raise ConfigError(f"{origin}: input.codec: {error}") from None


def _check_silence(resolved: Resolved) -> None:
    """Refuse a code that no diagnostic has: silencing it would hide nothing."""
    if not resolved.settings.rules.silence:
        return
    from sluice.lang import CODES, suggest

    names = {code.name: code.code for code in CODES.values()}
    for code in resolved.settings.rules.silence:
        if code in CODES:
            continue
        near = names.get(code) or suggest(code, CODES)
        meant = f"did you mean {near} ({CODES[near].name})?" if near else "codes are like SL0511"
        message = f"no diagnostic has the code '{code}'; {meant}"
        origin = resolved.origin("rules.silence")
        if origin.kind == "flag":
            raise typer.BadParameter(message, param_hint="--silence")
        raise ConfigError(f"{origin}: rules.silence: {message}")


def rule_settings(
    terminal: Terminal, paths: Sequence[str] | None, set_: list[str] | None,
    silence: list[str] | None,
) -> Resolved:  # fmt: skip
    """Resolve the settings of a command over rules."""
    flags = {
        "rules.paths": list(paths or ()),
        "rules.set": set_pairs(set_) or None,
        "rules.silence": silence,
    }
    return settings_of(terminal, given(flags))


def plugins_of(resolved: Resolved, terminal: Terminal) -> Plugins:
    """Return the plugins that the settings allow; what becomes of them is told as warnings."""
    from sluice.plugins import PluginOptions, Plugins

    own = resolved.settings.plugins
    options = PluginOptions(
        own.enabled, frozenset(own.disabled), own.load_timeout, own.call_timeout, own.own
    )
    return Plugins(options, terminal.warn)


def compiled_rules(
    resolved: Resolved, terminal: Terminal, plugins: Plugins | None = None
) -> Compiled:
    """Compile the rules that the settings name; InputError says where they were looked for."""
    from sluice.catalog import builtins
    from sluice.shells import compile_rules

    rules = resolved.settings.rules
    try:
        return compile_rules(
            rules.paths,
            catalog=builtins(),
            overrides=rules.set,
            silence=frozenset(rules.silence),
            skip_broken=rules.skip_broken,
            plugins=plugins or plugins_of(resolved, terminal),
        )
    except InputError as error:
        if resolved.origin("rules.paths").kind != "default":
            raise
        raise InputError(f"{error}; name rule files, or begin with `sluice init`") from None


def loaded_rules(
    resolved: Resolved, terminal: Terminal, plugins: Plugins | None = None
) -> Compiled:
    """Compile rules that are to be used: errors are raised, warnings told to who asks for more."""
    compiled = compiled_rules(resolved, terminal, plugins)
    compiled.raise_errors()
    if terminal.verbose:
        terminal.pictures(compiled.diagnostics, compiled.texts, sys.stderr)
    return compiled
