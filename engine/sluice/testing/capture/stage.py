"""The stage: play scenes before the rule, and say whether they bring the match about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sluice.catalog import Catalog
from sluice.model import Match
from sluice.plan import Plan
from sluice.testing.capture.scene import Scene, Take
from sluice.testing.expectations import Findings, same
from sluice.testing.player import Player
from sluice.timing import Duration, Instant, parse_instant

#: How many events may be played to make a history small, over all tries.
PLAYED_MAX = 2_000_000

#: What a match is made of, whatever its events are called.
Made = tuple[Instant, int, tuple[tuple[str, Instant, int], ...]]


@dataclass(slots=True)
class Stage:
    """Plays scenes before one rule; `target` is the match that they are to bring about."""

    plan: Plan
    catalog: Catalog
    target: Match
    played: int = 0
    _player: Player = field(init=False)

    def __post_init__(self) -> None:
        self._player = Player(self.plan, self.catalog, self.target.rule)

    def play(self, scene: Scene) -> Findings:
        """Return what a scene brings about; its findings can say what came closest."""
        self.played += len(scene.takes)
        return self._player.play(scene.script())

    def shown(self, scene: Scene, *, is_masked: bool = False) -> Match | None:
        """Return the match that a scene brings about, if it is the target.

        Of masked events the key and values are others; that they are the same events is enough.
        """
        for match in self.play(scene).matches:
            if self.is_target(match, scene.shift) and (
                is_masked or self._has_values(match, scene.shift)
            ):
                return match
        return None

    def is_target(self, match: Match, shift: Duration) -> bool:
        """Say whether a match is made of the same events at the same times as the target."""
        return made_of(match, shift) == made_of(self.target, 0)

    def _has_values(self, match: Match, shift: Duration) -> bool:
        wanted, found = self.target, match
        return _alike(dict(wanted.key), dict(found.key), shift) and _alike(
            dict(wanted.select), dict(found.select), shift
        )


def made_of(match: Match, shift: Duration) -> Made:
    """Return when a match was decided and of which events, by type, time and place."""
    listed = tuple((e.type, e.time + shift, e.position) for e in match.events)
    return match.time + shift, match.event_count, listed


def _alike(wanted: Any, found: Any, shift: Duration) -> bool:
    """Say whether values are equal, but that times may lie `shift` apart."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return wanted.keys() == found.keys() and all(
            _alike(value, found[name], shift) for name, value in wanted.items()
        )
    if isinstance(wanted, list | tuple) and isinstance(found, list | tuple):
        return len(wanted) == len(found) and all(
            _alike(a, b, shift) for a, b in zip(wanted, found, strict=True)
        )
    if isinstance(wanted, str) and isinstance(found, str) and wanted != found:
        then, now = parse_instant(wanted), parse_instant(found)
        return then is not None and now is not None and then == now + shift
    return same(wanted, found)


def smallest(
    takes: Sequence[Take], needed: Callable[[Take], bool],
    shows: Callable[[tuple[Take, ...]], bool], is_spent: Callable[[], bool],
) -> tuple[Take, ...]:  # fmt: skip
    """Leave out events that are not needed as long as the rest still shows the match.

    Halves first, then smaller parts, down to single events (delta debugging).
    """
    kept = tuple(takes)
    size = len(kept)
    while size and not is_spent():
        place = 0
        while place < len(kept) and not is_spent():
            tried = tuple(
                take
                for number, take in enumerate(kept)
                if not place <= number < place + size or needed(take)
            )
            if len(tried) < len(kept) and shows(tried):
                kept = tried
            else:
                place += size
        size //= 2
    return kept
