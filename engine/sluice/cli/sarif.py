"""Findings as SARIF 2.1.0, the form that code hosts and editors show beside the lines.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/sarif-v2.1.0-errata01-os-complete.html
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sluice import __version__
from sluice.errors import Diagnostic, Span
from sluice.lang import CODES, Code

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_LEVELS = {"error": "error", "warning": "warning", "info": "note"}
#: Hints that say nothing but what to write; the message quotes what it is to replace.
_REPLACEMENT = re.compile(r"(?:did you mean|write) `([^`]+)`\??")
_QUOTED = re.compile(r"`([^`]+)`")


def sarif_log(diagnostics: Sequence[Diagnostic], texts: Mapping[str, str]) -> dict[str, Any]:
    """Return the findings as a SARIF log of one run; `texts` are the files by path."""
    codes = sorted({each.code for each in diagnostics})
    driver = {
        "name": "sluice",
        "semanticVersion": __version__,
        "rules": [_rule(CODES[code]) for code in codes],
    }
    results = [_result(each, codes.index(each.code), texts) for each in diagnostics]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(code: Code) -> dict[str, Any]:
    why = f"\n\n{code.why}" if code.why else ""
    example = f"\n\n```text\n{code.example}\n```" if code.example else ""
    return {
        "id": code.code,
        "name": "".join(word.capitalize() for word in code.name.split("-")),
        "shortDescription": {"text": code.what},
        "fullDescription": {"text": code.why or code.what},
        "help": {"text": code.fix, "markdown": f"{code.what}{why}{example}\n\n{code.fix}"},
        "defaultConfiguration": {"level": _LEVELS[code.severity]},
    }


def _result(found: Diagnostic, rule_index: int, texts: Mapping[str, str]) -> dict[str, Any]:
    hint = f"\nHint: {found.hint}" if found.hint else ""
    result: dict[str, Any] = {
        "ruleId": found.code,
        "ruleIndex": rule_index,
        "level": _LEVELS[found.severity],
        "message": {"text": found.message + hint},
        "locations": [],
    }
    text = texts.get(found.span.file)
    if text is None and not os.path.exists(found.span.file):  # on the command line: `--set`
        return result
    artifact = {"uri": _uri(found.span.file)}
    location: dict[str, Any] = {
        "physicalLocation": {"artifactLocation": artifact, "region": _region(found.span)}
    }
    if found.rule is not None:
        location["logicalLocations"] = [{"fullyQualifiedName": found.rule, "kind": "rule"}]
    result["locations"].append(location)
    fix = None if text is None else _fix(found, text)
    if fix is not None:
        span, word = fix
        change = {"deletedRegion": _region(span), "insertedContent": {"text": word}}
        result["fixes"] = [
            {
                "description": {"text": f"Write {word}"},
                "artifactChanges": [{"artifactLocation": artifact, "replacements": [change]}],
            }
        ]
    return result


def _region(span: Span) -> dict[str, int]:
    return {
        "startLine": span.line, "startColumn": span.column,
        "endLine": span.end_line, "endColumn": span.end_column,
    }  # fmt: skip


def _fix(found: Diagnostic, text: str) -> tuple[Span, str] | None:
    """Return what a program can replace by what, None when that takes a person.

    It can when the hint is nothing but a word, and the place begins with the word that the
    message quotes: it is that word, or a call of it.
    """
    hint = _REPLACEMENT.fullmatch(found.hint or "")
    lines = text.split("\n")
    span = found.span
    if hint is None or span.line > len(lines):
        return None
    written = lines[span.line - 1][span.column - 1 :]
    if span.line == span.end_line:
        written = written[: span.end_column - span.column]
    for word in _QUOTED.findall(found.message):
        if written == word or written.startswith(f"{word}("):
            end = span.column + len(word)
            return replace(span, end_line=span.line, end_column=end), hint[1]
    return None


def _uri(path: str) -> str:
    """Return a path as a URI: relative to the current folder where it lies below it."""
    if os.path.isabs(path) or os.path.normpath(path).startswith(os.pardir):
        return Path(os.path.abspath(path)).as_uri()
    return quote(os.fsencode(Path(path).as_posix()))
