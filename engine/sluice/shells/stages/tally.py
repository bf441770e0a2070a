"""What the stages tell of their work; metrics are made of it."""

from __future__ import annotations

from typing import Any, Protocol

from sluice.stream import Harvest, Place


class Tally(Protocol):
    """Counts what the stages do."""

    def filtered(self, place: Place, harvest: Harvest) -> None:
        """Count what a batch of a source partition has brought."""
        ...

    def sent(self, events: int) -> None:
        """Count events that travel."""
        ...

    def matched(self, partition: int, events: int, decided: list[tuple[int, Any]]) -> None:
        """Count what a batch of a keyed partition has brought."""
        ...

    def written(self, size: int) -> None:
        """Count bytes of state."""
        ...

    def settled(self, stage: str, seconds: float) -> None:
        """Count a batch of a stage that has become durable, and how long that took."""
        ...

    def restored(self, seconds: float) -> None:
        """Count a partition whose state was read back, and how long that took."""
        ...

    def acknowledged(self, topic: str, is_taken: bool) -> None:
        """Count a record that the broker has taken, or has not."""
        ...
