"""Find the files that the inputs of a command line name."""

from __future__ import annotations

import difflib
import glob
import os
import stat
from collections.abc import Iterable

from sluice.errors import InputError
from sluice.io.compressed import is_compressed

STDIN = "-"


def expand_inputs(names: Iterable[str], follow: bool = False) -> list[str]:
    """Return the files to read, in the order given; InputError when one cannot be read.

    `-` is stdin. A directory is all files in it and below, by path, hidden ones left out. A name
    with `*`, `?` or `[` that is no file itself is a pattern (`**` spans directories). A file that
    is named twice is read once. `follow`: a file may come into being later, and none is packed.
    """
    found: dict[str, None] = {}
    for name in names:
        if name == STDIN:
            paths = [STDIN]
        elif os.path.isdir(name):
            paths = _files_below(name)
        elif glob.has_magic(name) and not os.path.lexists(name):
            paths = _matches(name)
        else:
            _check(name, may_be_missing=follow)
            paths = [name]
        found.update(dict.fromkeys(paths))
    for path in found if follow else ():
        _check_growing(path)
    return list(found)


def _files_below(folder: str) -> list[str]:
    paths: list[str] = []
    for at, folders, files in os.walk(folder, onerror=_unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        paths += [os.path.join(at, name) for name in files if not name.startswith(".")]
    if not paths:
        raise InputError(f"{folder}: the directory has no files in it")
    paths.sort()
    for path in paths:
        _check(path)
    return paths


def _matches(pattern: str) -> list[str]:
    paths = [p for p in sorted(glob.glob(pattern, recursive=True)) if not os.path.isdir(p)]
    if not paths:
        raise InputError(f"{pattern}: no file fits this pattern")
    for path in paths:
        _check(path)
    return paths


def _check(path: str, may_be_missing: bool = False) -> None:
    """Raise InputError when the file is missing or cannot be read."""
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISREG(mode):
            os.close(os.open(path, os.O_RDONLY))
        elif not os.access(path, os.R_OK):  # opening a pipe would take part in it
            raise PermissionError(13, os.strerror(13), path)
    except FileNotFoundError:
        if not may_be_missing:
            raise InputError(f"{path}: there is no such file{_near(path)}") from None
    except OSError as error:
        _unreadable(error)


def _check_growing(path: str) -> None:
    """Raise InputError for a packed file: it is packed when it is complete, so it never grows."""
    if not os.path.isfile(path):
        return
    with open(path, "rb") as file:
        head = file.read(4)
    if is_compressed(head):
        raise InputError(
            f"{path}: a compressed file cannot be followed, for it does not grow; "
            "run it without --follow, or follow the log that it was made of"
        )


def _unreadable(error: OSError) -> None:
    raise InputError(f"{error.filename}: cannot be read: {error.strerror}") from None


def _near(path: str) -> str:
    """Return `; did you mean PATH?` for the nearest name where the path goes astray."""
    parent, name = os.path.split(path.rstrip("/"))
    while parent and not os.path.isdir(parent):
        parent, name = os.path.split(parent)
    try:
        names = os.listdir(parent or ".")
    except OSError:
        return ""
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    return f"; did you mean {os.path.join(parent, near[0])}?" if near else ""


def total_bytes(paths: list[str]) -> int | None:
    """Return the size of all inputs together; None for pipes and packed files, where it is not
    known before they are read."""
    if any(path == STDIN or path.endswith((".gz", ".zst")) for path in paths):
        return None
    sizes = [os.stat(path).st_size if os.path.isfile(path) else 0 for path in paths]
    return sum(sizes) if all(sizes) else None
