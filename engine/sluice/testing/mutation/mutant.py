"""A change of a rule that means something else, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["noticed", "unnoticed", "accepted"]


@dataclass(frozen=True, slots=True)
class Mutant:
    """A change of a rule that means something else, and what became of it.

    `rule` is None for a change of what several rules may share. `before` is the text that was
    changed, `after` what stood there instead, None when it was taken away.
    """

    pack: str
    rule: str | None
    file: str
    line: int
    column: int
    before: str
    after: str | None
    state: State
    #: Why it was accepted.
    reason: str | None = None
