"""The upkeep of a lake by its directory: pack, expire, check, forget."""

from __future__ import annotations

from sluice.shells.lake.compact import Compacted, compact
from sluice.shells.lake.expire import Old, find_old, remove
from sluice.shells.lake.failures import failing_as_such
from sluice.shells.lake.forget import Forgotten, forget
from sluice.shells.lake.layout import existing_lake
from sluice.shells.lake.verify import Checked, check_lake
from sluice.timing import Duration


def compact_lake(root: str) -> Compacted:
    """Put the files of each folder into one; InputError when there is no lake, OSError when one
    of its files is damaged, or the disk is full."""
    with failing_as_such(root):
        return compact(existing_lake(root))


def expire_lake(
    root: str, now_ms: int, older_than: Duration | None, size_max: int | None, is_done: bool
) -> list[Old]:
    """Return which days are too old or too much, and with `is_done` take them away.

    `now_ms` is the time of the wall clock, `older_than` in milliseconds, `size_max` in bytes.
    """
    lake = existing_lake(root)
    old = find_old(lake, now_ms, older_than, size_max)
    if is_done:
        remove(lake, old)
    return old


def verify_lake(root: str) -> Checked:
    """Read every file of a lake, and say what is wrong."""
    with failing_as_such(root):
        return check_lake(existing_lake(root))


def forget_in_lake(root: str, field: str, value: str, now_ms: int, is_done: bool) -> Forgotten:
    """Return what carries a value, and with `is_done` take it away."""
    with failing_as_such(root):
        return forget(existing_lake(root), field, value, now_ms, is_done)
