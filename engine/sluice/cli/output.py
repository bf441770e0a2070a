"""Write results to stdout: one report as text or as a JSON document."""

from __future__ import annotations

import json
import os
import re
import sys
from typing import Any

import orjson

_HALVES = re.compile("[\ud800-\udfff]")


def to_json(document: Any) -> bytes:
    """Return a report as one JSON document for programs and people: indented, with a line end."""
    try:
        return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    except orjson.JSONEncodeError:  # the name of a file that is no UTF-8
        return (writable(json.dumps(document, ensure_ascii=False, indent=2)) + "\n").encode()


def writable(text: str) -> str:
    """Return the text with halves of letters, which no file may hold, as U+FFFD."""
    return _HALVES.sub("\ufffd", text)


def put_report(form: str, document: Any, text: str) -> None:
    """Write a report in the form that was asked for."""
    if form == "json":
        put_bytes(to_json(document))
    elif form == "text" and text:
        put_bytes((writable(text.rstrip("\n")) + "\n").encode())


def put_bytes(data: bytes) -> None:
    """Write bytes to stdout, behind what was printed before."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def drop_stdout() -> None:
    """Let what was not written go nowhere, so that the flush at exit finds nothing to fail at."""
    with open(os.devnull, "wb") as nothing:
        os.dup2(nothing.fileno(), sys.stdout.fileno())
