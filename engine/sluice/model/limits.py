"""Caps on the state of a rule: where memory ends when a rule itself sets no bound."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The caps of section 4.6; all but `state_bytes_max` count per rule and partition.

    `state_bytes_max` is an estimate over all rules of a process.
    """

    candidates_per_key_max: int = 1_000
    keys_per_rule_max: int = 1_000_000
    events_per_key_max: int = 10_000
    state_bytes_max: int = 1024**3


DEFAULT_LIMITS = Limits()
