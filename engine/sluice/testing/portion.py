"""A share of something, exact: so many of so many."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sluice.errors import Span


@dataclass(frozen=True, slots=True)
class Portion:
    """`part` of `total`. Nothing of nothing is all of it."""

    part: int
    total: int

    @staticmethod
    def of(shares: Iterable[Portion]) -> Portion:
        """Return several as one."""
        listed = list(shares)
        return Portion(sum(s.part for s in listed), sum(s.total for s in listed))

    @property
    def percent(self) -> int:
        """The share in whole percents, rounded down: 100 means all."""
        return 100 * self.part // self.total if self.total else 100

    def is_below(self, percent: float) -> bool:
        """Say whether it is less than so many percent, exactly."""
        return 100 * self.part < percent * self.total

    def record(self, part: str) -> dict[str, Any]:
        """Return the share as keys of a report; `part` says what is counted."""
        return {"percent": self.percent, part: self.part, "total": self.total}


def by_pack(shares: Iterable[tuple[str, Portion]]) -> dict[str, Portion]:
    """Return the shares of rules, given by full name, as those of their packs."""
    packs: dict[str, list[Portion]] = {}
    for name, share in shares:
        packs.setdefault(name.rpartition(".")[0], []).append(share)
    return {pack: Portion.of(packs[pack]) for pack in sorted(packs)}


def text_at(texts: Mapping[str, str], span: Span) -> str:
    """Return what stands at a place of a file, on one line."""
    lines = texts.get(span.file, "").split("\n")[span.line - 1 : span.end_line]
    if not lines:
        return ""
    lines[-1] = lines[-1][: span.end_column - 1]
    lines[0] = lines[0][span.column - 1 :]
    return " ".join(" ".join(lines).split())
