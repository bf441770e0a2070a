"""Find rule files and read what they name, for the loader of `lang`."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sluice.errors import InputError

RULE_SUFFIX = ".sluice"


@dataclass(frozen=True, slots=True)
class RuleFiles:
    """A loader over the file system; paths are relative to the working directory."""

    def read(self, path: str) -> str:
        """Return the text of a rule file, a list or a table; OSError when there is none."""
        return Path(path).read_text("utf-8")


def find_rule_files(paths: Iterable[str]) -> list[str]:
    """Return the rule files that paths name, each once.

    A file is itself, whatever its name; a directory is every `*.sluice` in it and below, in
    order of their paths, hidden folders left out. InputError when one is missing or unreadable,
    or when a directory holds no rules.
    """
    found: dict[str, None] = {}
    for path in paths:
        found.update(dict.fromkeys(_below(path) if os.path.isdir(path) else [_file(path)]))
    return list(found)


def _below(folder: str) -> list[str]:
    files: list[str] = []
    for at, folders, names in os.walk(folder, onerror=_unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files += [os.path.join(at, n) for n in names if n.endswith(RULE_SUFFIX) and n[0] != "."]
    if not files:
        raise InputError(f"{folder}: the directory holds no rules (*{RULE_SUFFIX})")
    return [_file(path) for path in sorted(files)]


def _file(path: str) -> str:
    try:
        with open(path, "rb"):
            return os.path.normpath(path)
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file or directory{_near(path)}") from None
    except OSError as error:
        _unreadable(error)
        raise


def _unreadable(error: OSError) -> None:
    raise InputError(f"{error.filename}: cannot be read: {error.strerror}") from None


def _near(path: str) -> str:
    parent, name = os.path.split(path.rstrip("/"))
    try:
        near = difflib.get_close_matches(name, os.listdir(parent or "."), n=1, cutoff=0.6)
    except OSError:
        return ""
    return f"; did you mean {os.path.join(parent, near[0])}?" if near else ""
