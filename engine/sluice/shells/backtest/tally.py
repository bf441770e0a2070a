"""Count matches by rule, day and key while they come, and keep nothing else of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sluice.model import Counted, Match
from sluice.timing import DAY_MS, Instant, format_instant

#: How many keys of a rule are told apart; those that come later are counted together.
KEYS_MAX = 100_000

#: How many keys of a rule a report names.
TOP_KEYS = 5


@dataclass(slots=True)
class RuleTally:
    """The matches of one rule: by UTC day (days since 1970-01-01) and by key (as JSON text)."""

    matches: int = 0
    suppressed: int = 0
    by_day: Counter[int] = field(default_factory=Counter)
    keys: Counter[str] = field(default_factory=Counter)
    other_keys: int = 0

    def add(self, key: dict[str, Any], time: Instant, suppressed: int = 0, count: int = 1) -> None:
        """Count so many matches of a key on the day of a time."""
        self.matches += count
        self.suppressed += suppressed
        self.by_day[time // DAY_MS] += count
        if not key:
            return
        text = json.dumps(key, ensure_ascii=False)
        if text in self.keys or len(self.keys) < KEYS_MAX:
            self.keys[text] += count
        else:
            self.other_keys += count

    @property
    def days(self) -> dict[str, int]:
        """The matches by UTC day (`2026-01-31`)."""
        return {format_instant(day * DAY_MS)[:10]: count for day, count in self.by_day.items()}

    def top(self) -> list[tuple[dict[str, Any], int]]:
        """Return the keys with most matches, ties in order of their text."""
        ordered = sorted(self.keys.items(), key=lambda item: (-item[1], item[0]))
        return [(json.loads(key), count) for key, count in ordered[:TOP_KEYS]]


class Tally:
    """The matches of all rules; rules without a match are there with none."""

    def __init__(self, rules: Iterable[str]) -> None:
        self.rules: dict[str, RuleTally] = {name: RuleTally() for name in rules}

    def add(self, found: Match | Counted) -> None:
        """Count a match."""
        count = found.count if isinstance(found, Counted) else 1
        self.rules[found.rule].add(found.key, found.time, found.suppressed, count)

    @property
    def matches(self) -> int:
        """How many matches there were in all."""
        return sum(tally.matches for tally in self.rules.values())
