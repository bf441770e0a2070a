"""What commands over rules begin with: settings, paths, compiled rules."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

from sluice.cli.options import set_pairs
from sluice.cli.terminal import Terminal
from sluice.errors import ConfigError, InputError

if TYPE_CHECKING:
    from sluice.config import Resolved
    from sluice.shells import Compiled


def given(flags: Mapping[str, Any]) -> dict[str, Any]:
    """Return the flags that were given on the command line, and not left at None."""
    return {name: value for name, value in flags.items() if value is not None and value != []}


def settings_of(terminal: Terminal, flags: Mapping[str, Any]) -> Resolved:
    """Resolve the settings; a value of a flag that is wrong is wrong usage."""
    from sluice.config import load_settings

    try:
        return load_settings(terminal.config, flags)
    except ConfigError as error:
        lines = str(error).splitlines()
        if not all(line.startswith("--") for line in lines):
            raise
        flag, _, text = lines[0].partition(": ")
        raise typer.BadParameter(text.partition(": ")[2], param_hint=flag) from None


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


def compiled_rules(resolved: Resolved) -> Compiled:
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
        )
    except InputError as error:
        if resolved.origin("rules.paths").kind != "default":
            raise
        raise InputError(f"{error}; name rule files, or begin with `sluice init`") from None


def loaded_rules(resolved: Resolved, terminal: Terminal) -> Compiled:
    """Compile rules that are to be used: errors are raised, warnings told to who asks for more."""
    compiled = compiled_rules(resolved)
    compiled.raise_errors()
    if terminal.verbose:
        terminal.pictures(compiled.diagnostics, compiled.texts, sys.stderr)
    return compiled
