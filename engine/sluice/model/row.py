"""The row: an event with just the fields that a rule set reads."""

from __future__ import annotations

from typing import Any

import msgspec

from sluice.timing import Instant

#: Stands for a field that is not there, where missing and null are kept apart.
MISSING = msgspec.UNSET


class Row(msgspec.Struct):
    """What every row has; a backend derives a class with one slot for each field in use.

    `id` is None when the event brought none. `raw` is the whole event (bytes of its line or an
    `Event`), kept only where someone asked for whole events.
    """

    time: Instant
    type: str = ""
    id: str | None = None
    source: str = ""
    partition: int = 0
    offset: int = 0
    raw: Any = None
