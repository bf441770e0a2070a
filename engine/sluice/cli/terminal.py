"""What the command line knows about the terminal: colour, loudness, and how failures are told."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from sluice import __version__
from sluice.cli import exits
from sluice.cli.output import writable
from sluice.errors import Diagnostic, RuleError, picture

_STYLES = {"error": "31;1", "warning": "33;1", "info": "36", "good": "32", "dim": "2", "bold": "1"}


@dataclass(slots=True)
class Terminal:
    """The options that every command takes."""

    config: str | None = None
    quiet: bool = False
    verbose: bool = False
    color: str = "auto"
    no_plugins: bool = False

    def is_coloured(self, stream: TextIO) -> bool:
        """Whether what goes to a stream is in colour."""
        if self.color != "auto":
            return self.color == "always"
        if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
            return False
        return stream.isatty()

    def paint(self, text: str, style: str, stream: TextIO) -> str:
        """Return the text in a style (`error`, `warning`, `info`, `good`, `dim`, `bold`)."""
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if self.is_coloured(stream) else text

    def say(self, text: str) -> None:
        """Tell people something, on stderr."""
        print(text, file=sys.stderr)

    def warn(self, text: str) -> None:
        """Warn people, unless they asked for quiet."""
        if not self.quiet:
            self.say(f"{self.paint('warning:', 'warning', sys.stderr)} {text}")

    def fail(self, text: str) -> None:
        """Say why the answer is no."""
        self.say(f"{self.paint('error:', 'error', sys.stderr)} {text}")

    def pictures(
        self, diagnostics: Iterable[Diagnostic], texts: Mapping[str, str], stream: TextIO
    ) -> None:
        """Draw diagnostics, with a blank line between them."""
        for number, each in enumerate(diagnostics):
            text = texts.get(each.span.file)
            drawn = picture(each, _on_disk(each.span.file) if text is None else text)
            head, _, rest = drawn.partition("\n")
            mark = f"{each.severity} {each.code}:"
            head = head.replace(mark, self.paint(mark, each.severity, stream), 1)
            between = "\n" if number else ""
            print(writable(between + head + (f"\n{rest}" if rest else "")), file=stream)


def open_closed_streams() -> None:
    """Give the process the standard streams that it was started without (`>&-`).

    Nothing is read from such a stdin, stderr goes nowhere, and stdout is a pipe that nobody reads.
    Without this the first file that is opened would take the place of the stream, and records
    would be written into it.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
            continue
        except OSError:
            pass
        if number == 1:
            # The lower descriptors are open, so the end to read from is 1 itself, and goes away.
            _, unread = os.pipe()
            os.dup2(unread, number)
            os.close(unread)
        else:
            os.open(os.devnull, os.O_RDWR)
        setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))


def show_failure(error: BaseException, code: int, terminal: Terminal) -> None:
    """Tell on stderr why the command failed, the way its kind of failure is told."""
    if isinstance(error, KeyboardInterrupt):
        return
    if isinstance(error, RuleError):
        terminal.pictures(error.diagnostics, {}, sys.stderr)
        return
    mark = terminal.paint("error:", "error", sys.stderr)
    if code == exits.BUG:
        terminal.say(f"{mark} this is a bug in Sluice: {type(error).__name__}: {error}")
        terminal.say(f"The traceback is in {_log(error)}; please report it, with the rules.")
    elif isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        terminal.say(f"{mark} {where}{error.strerror}")
    else:
        for line in str(error).splitlines() or [type(error).__name__]:
            terminal.say(f"{mark} {line}")
    if terminal.verbose:
        terminal.say("".join(traceback.format_exception(error)).rstrip())


def _log(error: BaseException) -> str:
    """Write the traceback to a file and return its path."""
    head = f"sluice {__version__}, Python {sys.version}\n"
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="sluice-bug-", suffix=".log", delete=False, encoding="utf-8"
        ) as file:
            file.write(head + "".join(traceback.format_exception(error)))
            return file.name
    except OSError:
        return "nowhere (no place to write to; -v prints it)"


def _on_disk(path: str) -> str | None:
    try:
        return Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
