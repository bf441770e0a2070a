"""Say what is wrong with settings, where they came from, and what was meant."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from sluice.codecs import did_you_mean
from sluice.config.sections import SECTIONS, TABLES

#: Where a wrong setting stands, and what is wrong with it.
Wrong = tuple[str, str]


def explain(error: ValidationError, origins: Mapping[str, str]) -> list[Wrong]:
    """Return what is wrong with each value; `origins` says by key where values came from."""
    found = []
    for each in error.errors():
        path = [str(part) for part in each["loc"] if part != "[key]"]
        deep = ".".join(path[:2]) in {name.removesuffix(".*") for name in TABLES}
        path = path if deep else path[:2]
        key = ".".join(path)
        origin = _origin(path, origins)
        is_no_table = path[0] == "plugins" and each["type"] == "dict_type"
        if each["type"] == "extra_forbidden" or is_no_table:
            text = unknown(key, path[-1], _known(path))
        else:
            text = f"{key}: {_reason(each)}"
        found.append((origin, text))
    return found


def _origin(path: list[str], origins: Mapping[str, str]) -> str:
    """Return where a value came from: its own place, that of its table, that of what is in it."""
    for end in range(len(path), 0, -1):
        if (above := ".".join(path[:end])) in origins:
            return origins[above]
    inside = (origins[key] for key in origins if key.startswith(f"{'.'.join(path)}."))
    return next(inside, "default")


def _known(path: list[str]) -> Iterable[str]:
    """Return the names of settings where the last of a path stands."""
    if len(path) < 3:
        return SECTIONS.get(path[0], SECTIONS)
    table = ".".join(path[:2])
    return TABLES.get(table) or TABLES[f"{table}.*"]


def _reason(error: Any) -> str:
    shown = "" if isinstance(error["input"], dict) else f"{error['input']!r}: "
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    if error["type"] == "literal_error":
        words = re.findall(r"'([^']*)'", error["ctx"]["expected"])
        near = did_you_mean(str(error["input"]), words)
        return f"{shown}it must be one of {', '.join(words)}{near}"
    message = str(error["msg"])
    return shown + message[0].lower() + message[1:]


def unknown(key: str, name: str, known: Iterable[str]) -> str:
    """Say that there is no such setting, and which one was meant."""
    known = list(known)
    if name in known:
        return f"'{name}' is a section: write [{name}]"
    near = did_you_mean(name, known)
    return f"there is no setting '{key}'{near or '; there are ' + ', '.join(known)}"


def toml_reason(error: tomllib.TOMLDecodeError) -> str:
    """Return where and why a document is no TOML."""
    found = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
    text = str(error).partition(" (at")[0]
    return f"line {found[1]}, column {found[2]}: {text}" if found else text
