"""What a pipeline tells of events by themselves: that one came late, or was extracted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sluice.model import Event
from sluice.timing import Instant, format_instant


@dataclass(frozen=True, slots=True)
class Late:
    """An event that came after the watermark of its partition had passed it; `id` is its own."""

    event: dict[str, Any]
    watermark: Instant
    id: str

    def record(self) -> dict[str, Any]:
        """Return the JSON record."""
        return {"kind": "late", "event": self.event, "watermark": format_instant(self.watermark)}


@dataclass(frozen=True, slots=True)
class Extracted:
    """An event that an `extract` has made of another one; told where somebody keeps events."""

    event: Event


Notice = Late | Extracted
