"""A figure that was measured, beside what it is to be."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Figure:
    """The median of some measurements, the least and the greatest; `aim` None: there is none."""

    name: str
    unit: str
    median: float
    least: float
    greatest: float
    aim: float | None = None
    better: Literal["more", "less"] = "more"

    @property
    def is_reached(self) -> bool | None:
        """Whether the median is at its aim."""
        if self.aim is None:
            return None
        return self.median >= self.aim if self.better == "more" else self.median <= self.aim

    def text(self) -> str:
        """Return a line of the table."""
        spread = f"{self.median:,.4g} ({self.least:,.4g}-{self.greatest:,.4g}) {self.unit}"
        if self.aim is None:
            return f"{self.name:52} {spread}"
        sign = ">=" if self.better == "more" else "<"
        verdict = "ok" if self.is_reached else "MISSED"
        return f"{self.name:52} {spread:38} aim {sign} {self.aim:g}: {verdict}"


def figure(
    name: str, unit: str, values: Sequence[float], aim: float | None = None,
    better: Literal["more", "less"] = "more",
) -> Figure:  # fmt: skip
    """Sum up measurements."""
    return Figure(name, unit, statistics.median(values), min(values), max(values), aim, better)
