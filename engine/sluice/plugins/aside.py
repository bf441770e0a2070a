"""What plugins print goes to people, with the plugin's name, and not between the records."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import Any

#: So many lines of each plugin are told, and so many characters of a line.
LINES_MAX = 20
LINE_CHARACTERS_MAX = 500


class Aside:
    """Stands in for stdout: what plugins print is told line by line, the rest passes through.

    `speaker` says whose line it is, None for Sluice's own.
    """

    encoding, errors, newlines = "utf-8", "replace", None

    def __init__(
        self, stdout: Any, speaker: Callable[[], str | None], tell: Callable[[str], None]
    ) -> None:
        self.stdout = stdout
        self._speaker, self._tell = speaker, tell
        self._held = ""
        self._lines: dict[str, int] = {}

    @property
    def buffer(self) -> Any:
        """Return the stream of bytes below."""
        return self.stdout.buffer if self._speaker() is None else AsideBytes(self)

    def write(self, text: str) -> int:
        """Take a text; of a plugin, tell the lines that are complete."""
        speaker = self._speaker()
        if speaker is None:
            written: int = self.stdout.write(text)
            return written
        *lines, self._held = (self._held + text).split("\n")
        for line in lines:
            self._say(speaker, line)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Take several texts."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Write out what is Sluice's own; lines of plugins are told when they are complete."""
        if self._speaker() is None:
            self.stdout.flush()

    def fileno(self) -> int:
        """Return the number of the stream, for Sluice alone."""
        if self._speaker() is not None:
            raise io.UnsupportedOperation("stdout belongs to the records")
        number: int = self.stdout.fileno()
        return number

    def isatty(self) -> bool:
        """Return whether this is a terminal; for plugins it is none."""
        return self._speaker() is None and bool(self.stdout.isatty())

    def writable(self) -> bool:
        """Return that one can write here."""
        return True

    def finish(self) -> None:
        """Tell a last line that has no end."""
        if self._held:
            self._say("a plugin", self._held)
        self._held = ""

    def _say(self, speaker: str, line: str) -> None:
        count = self._lines[speaker] = self._lines.get(speaker, 0) + 1
        if count <= LINES_MAX:
            self._tell(f"{speaker} printed: {line[:LINE_CHARACTERS_MAX]}")
        elif count == LINES_MAX + 1:
            self._tell(f"{speaker} prints more than {LINES_MAX} lines: the rest is not shown")


class AsideBytes:
    """The stream of bytes below an `Aside`, for plugins."""

    def __init__(self, text: Aside) -> None:
        self._text = text

    def write(self, data: bytes) -> int:
        """Take bytes as UTF-8."""
        self._text.write(bytes(data).decode("utf-8", "replace"))
        return len(data)

    def flush(self) -> None:
        """Do nothing."""
