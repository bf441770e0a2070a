"""Read the entries of lists and the rows of tables from their texts."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from math import isfinite
from typing import Any, Literal

from sluice.errors import Span
from sluice.lang.checked import ListEntries, TableEntries
from sluice.lang.declarations import ListDecl, TableDecl
from sluice.lang.regexes import refusal
from sluice.lang.scope import Findings, did_you_mean
from sluice.lang.types import address_text, network_text, type_of
from sluice.model import INT_MAX, INT_MIN, Type
from sluice.timing import parse_duration, parse_instant

ListKind = Literal["string", "int", "cidr", "regex"]
KINDS: tuple[ListKind, ...] = ("string", "int", "cidr", "regex")

#: How many bad entries of one file are listed.
BAD_ENTRIES_MAX = 20


def kind_of(decl: ListDecl) -> ListKind:
    """Return the kind of a list."""
    # The grammar has no other words.
    return next((kind for kind in KINDS if kind == decl.type), "string")


def read_list(decl: ListDecl, text: str, findings: Findings) -> ListEntries:
    """Read a list file: one entry a line, `#` starts a comment line or follows white space."""
    kind, values, bad = kind_of(decl), [], 0
    for number, line in enumerate(text.splitlines(), start=1):
        entry = _without_comment(line, kind)
        if not entry:
            continue
        value, reason = read_entry(entry, kind)
        if reason is None:
            values.append(value)
            continue
        bad += 1
        if bad <= BAD_ENTRIES_MAX:
            what = f"line {number} of `{decl.path}`: {reason}"
            findings.add("SL0606", decl.span, what)
    return ListEntries(kind, tuple(dict.fromkeys(values)))


def _without_comment(line: str, kind: ListKind) -> str:
    if line.lstrip().startswith("#"):
        return ""
    if kind != "regex":
        for mark in (" #", "\t#"):
            line = line.partition(mark)[0]
    return line.strip()


def read_entry(entry: str, kind: ListKind) -> tuple[Any, str | None]:
    """Return the value of an entry, or why it is none."""
    match kind:
        case "string":
            return entry, None
        case "int":
            value = _int(entry)
            return value, None if value is not None else f"`{entry}` is no int"
        case "cidr":
            network = network_text(entry)
            return network, None if network is not None else f"`{entry}` is no network or address"
        case "regex":
            pattern, flags = _regex(entry)
            refused = refusal(pattern, flags)
            return (pattern, flags), f"`{entry}`: {refused.reason}" if refused else None


def _regex(entry: str) -> tuple[str, str]:
    """Read `/re/i`, or a line that is the pattern itself."""
    body, slash, flags = entry.rpartition("/")
    if slash and body.startswith("/") and set(flags) <= set("ims"):
        return body[1:].replace("\\/", "/"), "".join(sorted(flags))
    return entry, ""


def _int(text: str) -> int | None:
    digits = text[1:] if text[:1] in "+-" else text
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 19:
        return None
    value = int(text)
    return value if INT_MIN <= value <= INT_MAX else None


def read_table(decl: TableDecl, text: str | None, findings: Findings) -> TableEntries:
    """Read a CSV whose head names the declared columns; further ones are left out.

    Without a text (the file is missing, which was said already) the table is empty.
    """
    columns = tuple(f.name for f in decl.fields)
    types = tuple(type_of(f.type) for f in decl.fields)
    empty = TableEntries(columns, types, {})
    if text is None:
        return empty
    rows = list(csv.reader(text.splitlines(keepends=True)))
    if not rows:
        findings.add("SL0607", decl.span, f"`{decl.path}` has no head line")
        return empty
    head = [name.strip() for name in rows[0]]
    missing = [name for name in columns if name not in head]
    for name in missing:
        findings.add(
            "SL0607", decl.span, f"`{decl.path}` has no column `{name}`", did_you_mean(name, head)
        )
    if missing:
        return empty
    places = [head.index(name) for name in columns]
    report = _reporter(decl.span, decl.path, findings)
    return TableEntries(columns, types, _rows(rows[1:], places, types, report))


def _reporter(span: Span, path: str, findings: Findings) -> Callable[[int, str], None]:
    count = 0

    def report(line: int, reason: str) -> None:
        nonlocal count
        count += 1
        if count <= BAD_ENTRIES_MAX:
            findings.add("SL0607", span, f"row {line} of `{path}`: {reason}")

    return report


def _rows(
    lines: Iterable[list[str]], places: list[int], types: tuple[Type, ...],
    report: Callable[[int, str], None],
) -> dict[Any, tuple[Any, ...]]:  # fmt: skip
    found: dict[Any, tuple[Any, ...]] = {}
    for number, cells in enumerate(lines, start=2):
        if not cells or cells[0].lstrip().startswith("#"):
            continue
        row = []
        for place, kind in zip(places, types, strict=True):
            cell = cells[place].strip() if place < len(cells) else ""
            value = read_cell(cell, kind) if cell else None
            if cell and value is None:
                report(number, f"`{cell}` is no {kind}")
            row.append(value)
        if row[0] is None:
            report(number, "the key is empty")
        elif row[0] in found:
            report(number, f"the key `{row[0]}` is there twice")
        else:
            found[row[0]] = tuple(row)
    return found


def read_cell(text: str, kind: Type) -> Any:
    """Return the value of a cell by its declared type, None when it has none."""
    match kind.kind:
        case "int":
            return _int(text)
        case "float" | "percent" | "ratio":
            return _float(text)
        case "bool":
            return {"true": True, "false": False}.get(text.lower())
        case "ip":
            return address_text(text)
        case "time":
            return parse_instant(text)
        case "duration":
            return parse_duration(text)
        case "enum":
            return text if text in kind.values else None
        case _:
            return text


def _float(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if isfinite(value) else None
