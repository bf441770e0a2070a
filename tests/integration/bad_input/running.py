"""Files, and `sluice run` over them, for the tests beside this."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

RULE = "rule r { when a select n }\n"
PAIR = "rule r { when a then b within 1m }\n"
LINE = '{"@type":"a","@time":1000,"n":1}\n'


def write(path: str, text: str | bytes) -> None:
    """Write a file."""
    Path(path).parent.mkdir(exist_ok=True)
    Path(path).write_bytes(text if isinstance(text, bytes) else text.encode())


class Done:
    """What a command printed, and its exit code."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def records(self) -> list[dict[str, Any]]:
        """The records on stdout."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def kinds(self) -> list[str]:
        """The kinds of the records, rejected ones with their reason and line."""
        return [
            f"{r['reason']} {r['offset']}" if r["kind"] == "rejected" else r["kind"]
            for r in self.records
        ]


Run = Callable[..., Done]


def command(*argv: str) -> list[str]:
    """The command line of another process."""
    return [sys.executable, "-m", "sluice", "run", "-r", "r.sluice", "-o", "json", *argv]
