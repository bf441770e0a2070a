"""The command line: `sluice VERB …`, one module per command, loaded when it is asked for."""

from sluice.cli.app import main

__all__ = ["main"]
