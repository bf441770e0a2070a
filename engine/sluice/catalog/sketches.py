"""HyperLogLog sketches, when the package for them is installed (extra `sketch`)."""

from __future__ import annotations

from typing import Any

try:
    from datasketches import hll_sketch
except ImportError:
    hll_sketch = None

#: log2 of the registers of a sketch: an error of about 0.8 %.
SKETCH_PRECISION = 14


def new_sketch() -> Any:
    """Return an empty sketch, None without the package."""
    return None if hll_sketch is None else hll_sketch(SKETCH_PRECISION)


def read_sketch(data: bytes) -> Any:
    """Return the sketch of its bytes, None without the package."""
    return None if hll_sketch is None else hll_sketch.deserialize(data)
