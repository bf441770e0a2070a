"""The stage of a capture: which match counts as the one that is wanted, and what is left out."""

from __future__ import annotations

from sluice.catalog import builtins
from sluice.lang import Texts, check, load
from sluice.model import Event
from sluice.plan import lower
from sluice.testing.capture.scene import Scene, Take, taker
from sluice.testing.capture.stage import Stage, smallest
from sluice.testing.player import Player

RULES = "rule r { when a by k window tumbling 10s having count() >= 2 }"
CHECKED = check(load(["o.sluice"], Texts({"o.sluice": RULES})), builtins())
PLAN = lower(CHECKED, builtins())


def scene(*seconds: int, key: str = "u") -> Scene:
    """Return events at these seconds, and a clock that goes to the end of the window."""
    return Scene(tuple(Take(1_000 * s, "a", {"k": key}) for s in seconds), 10_000, is_dated=True)


def test_a_match_of_other_events_is_another() -> None:
    """The time alone does not make it the match: events and, unless masked, values must agree."""
    first = Player(PLAN, builtins(), "o.r").play(scene(1, 2, 8).script()).matches[0]
    stage = Stage(PLAN, builtins(), first)
    assert stage.shown(scene(1, 2, 8)) is not None
    assert stage.shown(scene(1, 8)) is None
    assert stage.shown(scene(1, 3, 8)) is None
    assert stage.shown(scene(1, 2, 8, key="v")) is None
    assert stage.shown(scene(1, 2, 8, key="v"), is_masked=True) is not None


def test_as_little_as_possible_is_kept() -> None:
    """Of a hundred events the two that show it are left, and the one that is needed anyway."""
    takes = tuple(Take(n, "a", {}) for n in range(100))
    played = []

    def shows(tried: tuple[Take, ...]) -> bool:
        played.append(len(tried))
        return {3, 71} <= {take.time for take in tried}

    kept = smallest(takes, lambda take: take.time == 50, shows, lambda: False)
    assert [take.time for take in kept] == [3, 50, 71]
    assert len(played) < 60
    assert smallest(takes, lambda take: False, shows, lambda: True) == takes


def test_only_what_is_read_is_taken() -> None:
    """Fields that no rule reads, and attributes, stay away; with all fields only the attributes."""
    event = Event("a", 0, {"k": {"x": 1}, "other": 2, "@odd": 3}, source="s", key="kk")
    assert dict(taker(PLAN, is_whole=False)(event).fields) == {"k": {"x": 1}}
    assert dict(taker(PLAN, is_whole=True)(event).fields) == {"k": {"x": 1}, "other": 2}
