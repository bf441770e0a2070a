"""Call what a plugin brings as a run does, and note what a run would have to hide."""

from __future__ import annotations

import contextlib
import copy
import io
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sluice.plugins import FAILED, Call, Faults, Guards, Watch

#: No call may take longer, in ms.
CALL_MS_MAX = 1_000

#: Nor may all calls of one entry together, in seconds: they are some hundreds.
CALLS_SECONDS_MAX = 10.0


class Watched:
    """Makes calls, and keeps sentences about what is wrong with them, each kind once."""

    def __init__(self, name: str = "") -> None:
        self._watch = Watch()
        #: For what the engine calls: there a failed call shows in what comes of it.
        self.guards = Guards(self._watch, Faults(_forget), CALL_MS_MAX, CALL_MS_MAX)
        self._printed = io.StringIO()
        self.begin(name)

    def begin(self, name: str) -> None:
        """Turn to another entry."""
        self._name = name
        self._found: dict[str, str] = {}
        self._begun = time.monotonic()
        self._is_over = False
        self._printed.seek(0)
        self._printed.truncate()

    @property
    def findings(self) -> list[str]:
        """What was wrong, the first of each kind."""
        printed = self._printed.getvalue()
        if printed:
            self.note("prints", f"it prints to stdout: {_short(repr(printed))}")
        return [*self._found.values()]

    @contextmanager
    def watching(self) -> Iterator[None]:
        """End calls that take too long, and hear what they print."""
        self._watch.start()
        try:
            with contextlib.redirect_stdout(self._printed):
                yield
        finally:
            self._watch.stop()

    def call(self, function: Callable[..., Any], args: list[Any], shown: str = "") -> Any:
        """Return what a call gives, `FAILED` when it does not work out."""
        if self._is_over:
            return FAILED
        given = copy.deepcopy(args)
        reasons: list[str] = []
        title = shown or shown_call(self._name, args)
        call = Call(title, "", CALL_MS_MAX, self._watch, Faults(reasons.append))
        found = call.run(function, *args)
        if reasons:
            self.note("fails", reasons[0].partition("\n")[0].removeprefix(": "))
            self._is_over = call.is_off
        if repr(given) != repr(args):
            self.note("changes", f"{shown_call(self._name, given)} changes what it is given")
        if time.monotonic() - self._begun > CALLS_SECONDS_MAX:
            self.note("slow", f"the calls of the kit take longer than {CALLS_SECONDS_MAX:g} s")
            self._is_over = True
        return found

    def note(self, kind: str, sentence: str) -> None:
        """Keep the first sentence of a kind."""
        self._found.setdefault(kind, sentence)


def shown_call(name: str, args: list[Any]) -> str:
    """Return a call as people write it, long values cut."""
    return f"{name}({', '.join(_short(repr(arg)) for arg in args)})"


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}…"


def _forget(_text: str) -> None:
    """Tell nobody."""
