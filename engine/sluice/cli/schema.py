"""`sluice schema`: JSON Schemas of what Sluice prints."""

from __future__ import annotations

import typer

from sluice.cli.options import OutputOption, new_app
from sluice.cli.output import put_report


def commands() -> typer.Typer:
    """Return the commands."""
    app = new_app(output=output_)
    # A second command keeps `output` a word of its own: a lone command would take its place.
    app.command("config", help="Print the JSON Schema of sluice.toml.")(config)
    return app


def output_(output: OutputOption = "json") -> None:
    """Print the JSON Schema of the records of `sluice run`."""
    from sluice.cli.record_schema import record_schema

    put_report("none" if output == "none" else "json", record_schema(), "")


def config(output: OutputOption = "json") -> None:
    """Print the JSON Schema of sluice.toml."""
    from sluice.config import settings_schema

    put_report("none" if output == "none" else "json", settings_schema(), "")
