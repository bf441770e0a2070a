"""What is read of a topic, and where a group of readers stands in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

#: Topic and partition.
TopicPlace = tuple[str, int]


class Message(Protocol):
    """A record of a topic."""

    @property
    def offset(self) -> int:
        """Where it stands in its partition."""
        ...

    @property
    def key(self) -> bytes | None:
        """Its key."""
        ...

    @property
    def value(self) -> bytes | None:
        """What it carries."""
        ...

    @property
    def headers(self) -> Sequence[tuple[str, bytes]]:
        """Its headers."""
        ...


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a group goes on in a partition, and what it has noted there."""

    offset: int
    note: str = ""
