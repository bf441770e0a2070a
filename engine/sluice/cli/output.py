"""Write results to stdout: one report as text or as a JSON document."""

from __future__ import annotations

import sys
from typing import Any

import orjson


def to_json(document: Any) -> bytes:
    """Return a report as one JSON document for programs and people: indented, with a line end."""
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def put_report(form: str, document: Any, text: str) -> None:
    """Write a report in the form that was asked for."""
    if form == "json":
        put_bytes(to_json(document))
    elif form == "text" and text:
        put_bytes((text.rstrip("\n") + "\n").encode("utf-8", "replace"))


def put_bytes(data: bytes) -> None:
    """Write bytes to stdout, behind what was printed before."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
