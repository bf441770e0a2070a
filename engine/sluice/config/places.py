"""Find the lines on which the keys of a TOML document stand."""

from __future__ import annotations

import re

_HEADER = re.compile(r"\s*\[\s*((?:[\w\s.-]|\"[^\"]*\")+?)\s*\]")
_PAIR = re.compile(r"\s*((?:[\w-]+|\"[^\"]*\")(?:\s*\.\s*(?:[\w-]+|\"[^\"]*\"))*)\s*=")
_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'[^']*'")


def key_lines(text: str) -> dict[str, int]:
    """Return the line of each key of a TOML document, from 1: `run`, `run.lateness`.

    A key is found where it starts a line; inside brackets over several lines nothing is.
    """
    found: dict[str, int] = {}
    section, depth = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        header = _HEADER.match(line)
        pair = _PAIR.match(line)
        if depth == 0 and header:
            section = header[1].replace(" ", "").replace('"', "")
            found.setdefault(section, number)
        elif depth == 0 and pair:
            name = pair[1].replace(" ", "").replace('"', "")
            full = f"{section}.{name}" if section else name
            for end in range(1, full.count(".") + 2):
                found.setdefault(".".join(full.split(".")[:end]), number)
        code = _QUOTED.sub("", line).partition("#")[0]
        if not header or depth:
            depth = max(0, depth + sum(map(code.count, "[{")) - sum(map(code.count, "]}")))
    return found


def line_of(key: str, lines: dict[str, int]) -> int:
    """Return the line of a key, or of the table with it where that is written inline."""
    while key not in lines and "." in key:
        key = key.rpartition(".")[0]
    return lines.get(key, 1)
