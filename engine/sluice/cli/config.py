"""`sluice config`: the settings, where each came from, and their schema."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sluice.cli.options import OutputOption, new_app
from sluice.cli.output import put_report

if TYPE_CHECKING:
    from sluice.cli.terminal import Terminal
    from sluice.config import Resolved


def commands() -> typer.Typer:
    """Return the commands."""
    return new_app(show=show, schema=schema)


def show(
    ctx: typer.Context,
    resolved: Annotated[
        bool, typer.Option("--resolved", help="All settings, also those left at their default.")
    ] = False,
    output: OutputOption = "text",
) -> None:
    """Show the settings that are in force, each with where it came from."""
    from sluice.config import load_settings

    terminal: Terminal = ctx.find_root().obj
    found = load_settings(terminal.config)
    values = [v for v in found.values() if resolved or v[2].kind != "default"]
    document: dict[str, Any] = {
        "file": found.file,
        "values": [
            {"key": key, "value": value, "origin": origin.kind, "where": origin.where}
            for key, value, origin in values
        ],
        "unknown": [{"variable": name, "meant": meant} for name, meant in found.strangers.items()],
    }
    put_report(output, document, _text(found, values))


def schema(output: OutputOption = "json") -> None:
    """Print the JSON Schema of `sluice.toml`."""
    from sluice.config import settings_schema

    document = settings_schema()
    put_report("none" if output == "none" else "json", document, "")


def _text(found: Resolved, values: list[tuple[str, Any, Any]]) -> str:
    """Write the settings as TOML that could be read again, with their origins behind."""
    from sluice.config import tell_stranger

    lines = [f"# {found.file or 'no sluice.toml found'}"]
    section = ""
    for key, value, origin in values:
        head, _, name = key.partition(".")
        if head != section:
            section = head
            lines += ["", f"[{section}]"]
        pair = f"# {name}" if value is None else f"{name} = {_toml(value)}"
        lines.append(f"{pair:<40}  # {origin}")
    lines += [""] if found.strangers else []
    lines += [f"# {tell_stranger(variable, meant)}" for variable, meant in found.strangers.items()]
    return "\n".join(lines)


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        inside = ", ".join(f"{json.dumps(k)} = {_toml(v)}" for k, v in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False)
