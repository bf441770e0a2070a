"""What DuckDB raises about files and the disk, as failures that people can mend."""

from __future__ import annotations

import contextlib
import errno
import re
from collections.abc import Iterator

import duckdb

#: What is wrong where `is_damage` is true, and what to do about it.
DAMAGE = "a file of the lake is damaged: `sluice lake check` names it"
#: How DuckDB says that it does not understand a file.
_DAMAGED = re.compile(r"No magic bytes|Failed to read file|[Cc]orrupt")


def first_line(error: BaseException) -> str:
    """Return what an error of DuckDB says, without the kind of error."""
    line = str(error).splitlines()[0]
    return line.partition("Error: ")[2] or line


def is_damage(error: BaseException) -> bool:
    """Say whether an error is about a file of the lake that is not as it was written."""
    # What its reader of Parquet stumbles over in a page is of no kind of its own.
    is_of_reader = error.__class__ is duckdb.Error
    is_refusal = isinstance(error, duckdb.InvalidInputException)
    return is_of_reader or (is_refusal and _DAMAGED.search(str(error)) is not None)


def failure(error: BaseException) -> BaseException:
    """Return the failure of disk or file that an error of DuckDB is; others as they are."""
    if is_damage(error):
        return OSError(errno.EIO, DAMAGE)
    if isinstance(error, duckdb.IOException | duckdb.OutOfMemoryException):
        return OSError(errno.EIO, first_line(error))
    return error


@contextlib.contextmanager
def failing_as_such(root: str) -> Iterator[None]:
    """Raise OSError with the name of the lake where its files or the disk fail."""
    try:
        yield
    except duckdb.Error as error:
        told = failure(error)
        if isinstance(told, OSError):
            raise OSError(told.errno, f"{root}: {told.strerror}") from None
        raise
