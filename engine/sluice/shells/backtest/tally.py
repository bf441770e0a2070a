"""Count matches by rule, day and key while they come, and keep nothing else of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

#: How many keys of a rule are told apart; those that come later are counted together.
KEYS_MAX = 100_000

#: How many keys of a rule a report names.
TOP_KEYS = 5


@dataclass(slots=True)
class RuleTally:
    """The matches of one rule: by UTC day (`2026-01-31`) and by key (as JSON text)."""

    matches: int = 0
    suppressed: int = 0
    days: Counter[str] = field(default_factory=Counter)
    keys: Counter[str] = field(default_factory=Counter)
    other_keys: int = 0

    def add(self, record: Mapping[str, Any]) -> None:
        """Count the record of a match."""
        self.matches += 1
        self.suppressed += record["suppressed"]
        self.days[record["time"][:10]] += 1
        if not record["key"]:
            return
        key = json.dumps(record["key"], ensure_ascii=False)
        if key in self.keys or len(self.keys) < KEYS_MAX:
            self.keys[key] += 1
        else:
            self.other_keys += 1

    def top(self) -> list[tuple[dict[str, Any], int]]:
        """Return the keys with most matches, ties in order of their text."""
        ordered = sorted(self.keys.items(), key=lambda item: (-item[1], item[0]))
        return [(json.loads(key), count) for key, count in ordered[:TOP_KEYS]]


class Tally:
    """The matches of all rules; rules without a match are there with none."""

    def __init__(self, rules: Iterable[str]) -> None:
        self.rules: dict[str, RuleTally] = {name: RuleTally() for name in rules}

    def add(self, record: Mapping[str, Any]) -> None:
        """Count the record of a match."""
        self.rules[record["rule"]].add(record)

    @property
    def matches(self) -> int:
        """How many matches there were in all."""
        return sum(tally.matches for tally in self.rules.values())
