"""See, before a run starts, that what it is to write can be written and costs nobody a file."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping

from sluice.errors import ConfigError
from sluice.io.inputs import STDIN

#: What tells files apart, whatever their names: of one that is not there yet, that of its folder.
_Identity = tuple[int, int, str]
_NO_FILE: _Identity = (0, 0, "")

#: What is written beside the file and then put in its place.
REPLACED = frozenset({"--checkpoint"})


def check_outputs(
    outputs: Mapping[str, str | None], inputs: Iterable[str], rules: Iterable[str]
) -> None:
    """Raise ConfigError for an output that cannot be written, or is somebody's file already.

    `outputs` are paths by option (`--stats`), None where there is none; `inputs` and `rules` are
    paths, an input may be `-`. Links of both kinds are seen through. Nothing is made or changed.
    """
    taken: dict[_Identity, str] = {}
    for each in rules:
        _take(taken, each, "this is a file of rules")
    for each in inputs:
        _take(taken, each, f"this is the input {each}")
    for option, path in outputs.items():
        if path is None:
            continue
        reason = _trouble(path, option in REPLACED)
        if reason is None and (found := taken.get(_identity(path) or _NO_FILE)):
            reason = f"{found}; name another file"
        if reason is not None:
            shown = path or "''"
            raise ConfigError(f"{option} {shown}: {reason}")
        _take(taken, path, f"{option} writes to this file too")


def _trouble(path: str, is_replaced: bool) -> str | None:
    """Return why nothing can be written to a path, None when it seems that it can."""
    if not path:
        return "name a file"
    if path == STDIN:
        return "stdout carries the records; name a file (/dev/stderr is one)"
    folder = os.path.dirname(path) or "."
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return _folder_trouble(os.path.dirname(os.path.realpath(path)), folder)
    except NotADirectoryError:
        return f"{folder} is no directory"
    except OSError as error:
        return f"it cannot be written to: {error.strerror}"
    if stat.S_ISDIR(mode):
        return "this is a directory; name a file"
    if is_replaced and not stat.S_ISREG(mode):
        return "it is replaced each time, so it must be a plain file; name another one"
    if is_replaced:
        return _folder_trouble(folder, folder)
    return None if _is_writable(path) else "it cannot be written to"


def _folder_trouble(folder: str, shown: str) -> str | None:
    if not os.path.isdir(folder):
        return f"there is no directory {shown}; make it first"
    return None if _is_writable(folder) else f"{shown} cannot be written to"


def _is_writable(path: str) -> bool:
    is_effective = os.access in os.supports_effective_ids
    return os.access(path, os.W_OK, effective_ids=is_effective)


def _take(taken: dict[_Identity, str], path: str, reason: str) -> None:
    identity = _identity(path)
    if identity is not None:
        taken.setdefault(identity, reason)


def _identity(path: str) -> _Identity | None:
    """Return what tells a file from others; None for a device or a pipe, which many may use."""
    try:
        status = os.fstat(0) if path == STDIN else os.stat(path)
    except FileNotFoundError:
        real = os.path.realpath(path)
        try:
            folder = os.stat(os.path.dirname(real))
        except OSError:
            return None
        return folder.st_dev, folder.st_ino, os.path.basename(real)
    except OSError:
        return None
    return (status.st_dev, status.st_ino, "") if stat.S_ISREG(status.st_mode) else None
