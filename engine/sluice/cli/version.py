"""`sluice version`: which Sluice this is."""

from __future__ import annotations

import typer

from sluice import __version__
from sluice.cli.options import OutputOption, new_app
from sluice.cli.output import put_report


def commands() -> typer.Typer:
    """Return the command."""
    return new_app(version)


def version(output: OutputOption = "text") -> None:
    """Print the version of Sluice, of Python, and of the platform."""
    import platform

    document = {
        "version": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
    }
    text = f"sluice {__version__} (Python {document['python']}, {document['platform']})"
    put_report(output, document, text)
