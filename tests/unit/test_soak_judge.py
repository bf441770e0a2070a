"""The judge of a soak sees what is wrong, and the events of a soak are what they should be."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from sluice.shells import RunRequest, run_local
from tests.soak.events import LATENESS_MS, PARTITIONS, arrivals, partition_of, write
from tests.soak.judge import Verdict, judge

EVENTS = 6_000
RULES = Path(__file__).parents[1] / "soak" / "rules"

Soaked = tuple[list[Path], Path]


@pytest.fixture
def soaked(tmp_path: Path) -> Soaked:
    """The events of a small soak, and the lake of a run over them."""
    paths, lake = write(tmp_path / "events", EVENTS, 3), tmp_path / "lake"
    request = RunRequest(
        (str(RULES),), tuple(map(str, paths)), lateness_ms=LATENESS_MS, output="none",
        lake=str(lake),
    )  # fmt: skip
    run_local(request, lambda _: None, render=str)
    return paths, lake


def verdict_of(soaked: Soaked) -> Verdict:
    """Judge the lake."""
    return judge(soaked[0], RULES, soaked[1])


def test_nothing_differs(soaked: Soaked) -> None:
    """The lake of a run has what a run finds."""
    verdict = verdict_of(soaked)
    assert verdict.is_right, verdict.text()
    assert verdict.rules >= 20


def test_matches_that_are_missing(soaked: Soaked) -> None:
    """Each id that is not there is told with its rule."""
    shutil.rmtree(soaked[1] / "matches")
    verdict = verdict_of(soaked)
    assert not verdict.is_right
    assert len(verdict.missing) == verdict.expected
    assert "missing of access.moving: " in verdict.text()


def test_matches_that_should_not_be_there(soaked: Soaked) -> None:
    """The events that made them are not among those that are judged by."""
    paths, lake = soaked
    for path in paths:
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join(lines[: len(lines) // 2]))
    verdict = judge(paths, RULES, lake)
    assert not verdict.is_right
    assert verdict.extra and not verdict.duplicates


def test_matches_that_are_there_twice(soaked: Soaked) -> None:
    """A match in two files of the lake, of which readers would take one."""
    [segment] = (soaked[1] / "matches").rglob("*.parquet")
    name = segment.name.replace("-000000000000", "-000000131072")
    shutil.copy(segment, segment.with_name(name))
    verdict = verdict_of(soaked)
    assert not verdict.is_right
    assert len(verdict.duplicates) == verdict.expected


def test_events_that_are_missing(soaked: Soaked) -> None:
    """Not only matches are to be there."""
    shutil.rmtree(soaked[1] / "events" / "type=iam.reset")
    verdict = verdict_of(soaked)
    assert not verdict.is_right
    assert verdict.events[0] < verdict.events[1] == EVENTS + PARTITIONS


def test_events_are_the_same_for_the_same_seed() -> None:
    """Another seed gives others."""
    assert list(arrivals(500, 1)) == list(arrivals(500, 1))
    assert list(arrivals(500, 1)) != list(arrivals(500, 2))


def test_each_event_has_an_id_and_a_time_of_its_own() -> None:
    """Equal times of two partitions would be ordered by partition, and not by arrival."""
    events = [json.loads(arrival.line) for arrival in arrivals(EVENTS, 1)]
    assert len(events) == EVENTS + PARTITIONS
    assert len({event["@time"] for event in events}) == len(events)
    assert len({event["@id"] for event in events}) == len(events)


def test_partitions_are_chosen_by_user_and_some_are_silent() -> None:
    """All partitions get events; two of them get none for an eighth of the time."""
    found: dict[int, list[int]] = {}
    for arrival in arrivals(EVENTS, 1):
        event = json.loads(arrival.line)
        found.setdefault(arrival.partition, []).append(event["@time"])
        assert "user" not in event or partition_of(event["user"]) == arrival.partition
    assert sorted(found) == list(range(PARTITIONS))
    gaps = {
        partition: max(b - a for a, b in zip(sorted(times), sorted(times)[1:-1], strict=False))
        for partition, times in found.items()
    }
    assert [partition for partition, gap in sorted(gaps.items()) if gap >= EVENTS // 8] == [2, 5]
