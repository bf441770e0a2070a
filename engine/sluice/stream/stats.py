"""What a pipeline has counted."""

from __future__ import annotations

from dataclasses import dataclass, field

from sluice.timing import Instant


@dataclass(slots=True)
class Stats:
    """What a pipeline has counted.

    `late_inputs` counts late events by input. Those `behind` were not late in their own input: it
    had ended, or was silent, while others went on.
    """

    events: int = 0
    late: int = 0
    late_by_ms: int = 0
    late_inputs: dict[str, int] = field(default_factory=dict)
    behind: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    first: Instant | None = None
    last: Instant | None = None
