"""The processes of a soak: started, killed, frozen, ended, and started again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from urllib.request import urlopen

from tests.kafka.broker import free_port

#: How long a program may take to end when it is asked to.
END_SECONDS_MAX = 10.0
YOUNG_SECONDS = 10.0
#: Exit codes of a program that was asked to end.
ENDED_WELL = (0, 128 + signal.SIGTERM)


class Program:
    """One process of a soak; what it says goes to `NAME.log`."""

    def __init__(self, name: str, argv: list[str], folder: Path) -> None:
        self.name, self._folder = name, folder
        self._address = f"127.0.0.1:{free_port()}"
        self._argv = [*argv, "--http", self._address]
        self._process: subprocess.Popen[bytes] | None = None
        #: How often what was done to it, and with which codes it ended by itself.
        self.fate: Counter[str] = Counter()
        self.slowest_end = 0.0
        self.started_at = 0.0

    def start(self) -> None:
        """Start it, the first time or again."""
        with (self._folder / f"{self.name}.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "sluice", *self._argv],
                cwd=self._folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )  # fmt: skip
        self.started_at = time.monotonic()

    @property
    def is_ready(self) -> bool:
        """Whether it says that it is ready."""
        try:
            with urlopen(f"http://{self._address}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    @property
    def rules_number(self) -> int | None:
        """The number of the rule set that it has; None when it does not answer."""
        try:
            with urlopen(f"http://{self._address}/version", timeout=2) as answer:
                return int(json.load(answer)["rules_number"] or 0)
        except (OSError, ValueError, KeyError):
            return None

    def keep_up(self) -> None:
        """Start it again if it has ended by itself, as whatever runs a service does."""
        code = None if self._process is None else self._process.poll()
        if code is not None:
            self.fate[f"exit {code}"] += 1
            self.start()

    def kill(self) -> None:
        """End it as a crash would, and start it again."""
        self._signal(signal.SIGKILL)
        self._wait()
        self.fate["killed"] += 1
        self.start()

    def renew(self) -> None:
        """Ask it to end, and start it again."""
        self.end()
        self.start()

    def end(self) -> None:
        """Ask it to end; what takes too long is killed, and told."""
        assert self._process is not None
        begun = time.monotonic()
        self._signal(signal.SIGTERM)
        try:
            code = self._process.wait(3 * END_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            code = None
        spent = time.monotonic() - begun
        self.slowest_end = max(self.slowest_end, spent)
        # Who has just begun has not said yet that it wants to be asked.
        is_young = code == -signal.SIGTERM and begun - self.started_at < YOUNG_SECONDS
        is_well = (code in ENDED_WELL and spent <= END_SECONDS_MAX) or is_young
        self.fate["ended" if is_well else f"ended with {code} after {spent:.0f} s"] += 1

    def freeze(self) -> None:
        """Stop it where it stands."""
        self._signal(signal.SIGSTOP)
        self.fate["frozen"] += 1

    def wake(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def drop(self) -> None:
        """End it for good, whatever state it is in."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(number)

    def _wait(self) -> None:
        assert self._process is not None
        self._process.wait()
