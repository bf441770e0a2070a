"""What went wrong in calls of plugins: counted by entry, the first of each told at once."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from types import MappingProxyType

#: How many lines of a traceback people get to see: its end, where the cause is.
TRACEBACK_LINES_MAX = 30


class Faults:
    """Counts failed calls by the name of what was called."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._counts: dict[str, int] = {}
        self._first: dict[str, str] = {}

    @property
    def counts(self) -> Mapping[str, int]:
        """How often each entry failed."""
        return MappingProxyType(self._counts)

    def note(self, entry: str, owner: str, reason: str, error: BaseException | None = None) -> None:
        """Count a failure; tell the first of an entry, with its traceback."""
        count = self._counts[entry] = self._counts.get(entry, 0) + 1
        if count > 1:
            return
        self._first[entry] = reason
        text = f"{owner}: {entry} failed: {reason}"
        self._tell(f"{text}\n{shown_traceback(error)}" if error is not None else text)

    def sentences(self) -> tuple[str, ...]:
        """Return what to say at the end, a sentence for each entry that failed."""
        return tuple(
            f"{entry} failed {count:,} time{'s' if count != 1 else ''}, and what it gives was "
            f"missing there (the first: {self._first[entry]})"
            for entry, count in self._counts.items()
        )


def reason_of(error: BaseException) -> str:
    """Return an exception as a part of a sentence, on one line."""
    text = " ".join(str(error).split())[:500]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def shown_traceback(error: BaseException) -> str:
    """Return the end of a traceback, without the frames of Sluice above the plugin's."""
    own = error.__traceback__.tb_next if error.__traceback__ is not None else None
    lines = "".join(traceback.format_exception(type(error), error, own)).rstrip().split("\n")
    if len(lines) > TRACEBACK_LINES_MAX:
        lines = [lines[0], "  …", *lines[-TRACEBACK_LINES_MAX:]]
    return "\n".join(f"  {line}" for line in lines)
