"""HyperLogLog sketches, when the package for them is installed (extra `sketch`).

The package is loaded when the first sketch is made: it takes as long as all else together.
"""

from __future__ import annotations

from typing import Any

#: log2 of the registers of a sketch: an error of about 0.8 %.
SKETCH_PRECISION = 14


def __getattr__(name: str) -> Any:
    """Give `hll_sketch`, the class of sketches; None without the package."""
    if name != "hll_sketch":
        raise AttributeError(f"module 'sluice.catalog.sketches' has no attribute '{name}'")
    try:
        from datasketches import hll_sketch
    except ImportError:
        return None
    return hll_sketch
