"""A progress line on a terminal; records that are printed meanwhile push it away and back."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

#: How often the line is drawn anew, in seconds.
PERIOD = 0.1
_BAR_WIDTH = 24
_CLEAR = "\r\x1b[2K"


class ProgressLine:
    """One line at the bottom of stderr, when that is a terminal and it is wanted."""

    def __init__(self, is_wanted: bool) -> None:
        self._is_shown = is_wanted and sys.stderr.isatty()
        self._begun = time.monotonic()
        self._drawn = 0.0
        self._text = ""

    def show(self, events: int, done: int = 0, total: int | None = None) -> None:
        """Say how far it is: events, bytes done, bytes in all (None when nobody knows)."""
        now = time.monotonic()
        if not self._is_shown or now - self._drawn < PERIOD:
            return
        self._drawn = now
        self._text = progress_text(events, now - self._begun, done, total)
        sys.stderr.write(_CLEAR + self._text)
        sys.stderr.flush()

    def clear(self) -> None:
        """Take the line away."""
        if self._text:
            self._text = ""
            sys.stderr.write(_CLEAR)
            sys.stderr.flush()

    def between(self, write: Callable[[bytes], None]) -> Callable[[bytes], None]:
        """Return what writes records to stdout without running into the line."""
        if not self._is_shown:
            return write

        def written(data: bytes) -> None:
            self.clear()
            write(data)

        return written


def progress_text(events: int, seconds: float, done: int, total: int | None) -> str:
    """Return the line: a bar where the size is known, events, and how fast they come."""
    speed = f"{events / seconds:,.0f} a second" if seconds > 0 else ""
    text = f"{events:,} events  {speed}"
    if not total:
        return text
    share = min(1.0, done / total)
    full = round(share * _BAR_WIDTH)
    bar = "█" * full + "░" * (_BAR_WIDTH - full)
    return f"{bar} {share:4.0%}  {text}"
