"""Values of another type than a rule asks for: counted, since they make its conditions unknown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

#: So many fields of a rule are counted by name; input can bring any number of event types.
FIELDS_MAX = 100

#: Under this name the others are counted.
OTHERS = "other fields"


class Mismatches:
    """Counts by rule and by `type.field`."""

    __slots__ = ("counts",)

    def __init__(self) -> None:
        self.counts: dict[str, dict[str, int]] = {}

    def add(self, rules: Iterable[str], field: str) -> None:
        """Count one value of a field that none of these rules can use."""
        for rule in rules:
            held = self.counts.setdefault(rule, {})
            name = field if field in held or len(held) < FIELDS_MAX else OTHERS
            held[name] = held.get(name, 0) + 1

    def restore(self, counts: Mapping[str, Mapping[str, int]]) -> None:
        """Take the counts of a checkpoint."""
        self.counts = {rule: dict(held) for rule, held in counts.items()}
