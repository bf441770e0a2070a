"""Collect garbage seldom while much is made that stays."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

#: Objects made before the collector looks at the youngest; by default after 700, which costs a
#: third of the time in which rules become a tree.
YOUNG_OBJECTS_MAX = 200_000


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Let the collector rest inside the block, and set it back afterwards."""
    threshold = gc.get_threshold()
    gc.set_threshold(YOUNG_OBJECTS_MAX, *threshold[1:])
    try:
        yield
    finally:
        gc.set_threshold(*threshold)
