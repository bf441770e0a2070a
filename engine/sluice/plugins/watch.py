"""Know which call of a plugin is under way, and end one that takes too long.

Three steps, since a call can be stuck in three ways. A timer of the system interrupts what runs
in the interpreter or sleeps: the call fails, the run goes on. What sits in the code of a C library
and lets other threads run cannot be interrupted: after `LAST_FACTOR` times its limit a thread
ends the process and says why. What holds the interpreter itself can only be ended from outside.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, Protocol

#: How often the timer looks, in seconds. A call is ended at most this long after its limit.
TICK_SECONDS = 0.25

#: After so many times its limit, a call that could not be interrupted ends the process.
LAST_FACTOR = 3

#: The exit code then: something that the run needs does not answer.
UNAVAILABLE = 69


class Running(Protocol):
    """A call that can be under way."""

    @property
    def title(self) -> str:
        """Return what is called, for people."""
        ...

    @property
    def limit_ms(self) -> int:
        """Return how long it may take."""
        ...


class Overdue(BaseException):
    """A call takes too long. No `Exception`, so that what is stuck in a `try` does not catch it."""


def end_process(message: str) -> None:
    """End the process at once, with the message on stderr."""
    os.write(2, f"error: {message}\n".encode("utf-8", "replace"))
    os._exit(UNAVAILABLE)


class Watch:
    """Watches the calls of the main thread while it is started."""

    def __init__(self, end: Callable[[str], None] = end_process) -> None:
        self.running: Running | None = None
        #: Counts calls, so that the timer can tell one call from the next.
        self.calls = 0
        self._end = end
        self._seen, self._since = -1, 0.0
        self._stop = threading.Event()
        self._before: tuple[Any, float, float] | None = None
        self._started = 0.0

    def start(self) -> None:
        """Begin to watch. Outside the main thread nothing can be interrupted, nor is watched."""
        if threading.current_thread() is not threading.main_thread():
            return
        if hasattr(signal, "setitimer"):
            before = signal.signal(signal.SIGALRM, self._tick)
            left, every = signal.setitimer(signal.ITIMER_REAL, TICK_SECONDS, TICK_SECONDS)
            self._before, self._started = (before, left, every), time.monotonic()
        self._stop = threading.Event()
        thread = threading.Thread(
            target=self._wait_for_the_last, args=(self._stop,), name="sluice-plugins", daemon=True
        )
        thread.start()

    def stop(self) -> None:
        """Watch no longer, and give the timer back to who had it before."""
        self._stop.set()
        self.running = None
        if self._before is not None:
            handle, left, every = self._before
            self._before = None
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, handle)
            if left:
                passed = time.monotonic() - self._started
                signal.setitimer(signal.ITIMER_REAL, max(0.001, left - passed), every)

    def _tick(self, _number: int, _frame: FrameType | None) -> None:
        running = self.running
        if running is None:
            return
        now = time.monotonic()
        if self.calls != self._seen:
            self._seen, self._since = self.calls, now
        elif (now - self._since) * 1000 >= running.limit_ms:
            self._since = now
            raise Overdue

    def _wait_for_the_last(self, stop: threading.Event) -> None:
        seen, since = -1, 0.0
        while not stop.wait(TICK_SECONDS):
            running, now = self.running, time.monotonic()
            if running is None or self.calls != seen:
                seen, since = self.calls, now
            elif (now - since) * 1000 >= LAST_FACTOR * running.limit_ms:
                self._end(
                    f"{running.title} has not come back for {now - since:.0f} s and cannot be "
                    "interrupted: the run ends here. Leave it out with --no-plugins, or name it "
                    "in [plugins] disabled"
                )
                return
