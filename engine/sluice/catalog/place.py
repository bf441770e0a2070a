"""Functions of places on earth."""

from __future__ import annotations

import math
from typing import Any

from sluice.catalog.catalog import Function
from sluice.catalog.signatures import is_number, takes
from sluice.model import FLOAT

#: The mean radius of the earth, IUGG.
EARTH_RADIUS_KM = 6_371.0088


def functions() -> tuple[Function, ...]:
    """Return the entries."""
    return (
        Function(
            "distance_km",
            takes(("lat1", FLOAT), ("lon1", FLOAT), ("lat2", FLOAT), ("lon2", FLOAT)),
            FLOAT, distance_km,
            "Return the kilometres between two places (degrees), on a sphere by the haversine "
            "formula, right to 0.5 %: finds impossible travel. Beyond 90° and 180° unknown.",
            ("round(distance_km(52.52, 13.405, 48.8566, 2.3522))", "877"),
        ),
    )  # fmt: skip


def distance_km(lat1: Any, lon1: Any, lat2: Any, lon2: Any) -> float | None:
    """Return the great-circle distance (Sinnott 1984)."""
    if not all(map(is_number, (lat1, lon1, lat2, lon2))):
        return None
    if max(abs(lat1), abs(lat2)) > 90 or max(abs(lon1), abs(lon2)) > 180:
        return None
    north, south = math.radians(lat1), math.radians(lat2)
    half_lat = math.sin((south - north) / 2)
    half_lon = math.sin(math.radians(lon2 - lon1) / 2)
    chord = half_lat * half_lat + math.cos(north) * math.cos(south) * half_lon * half_lon
    # Rounding can carry antipodes a little beyond 1.
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(min(1.0, chord)))
