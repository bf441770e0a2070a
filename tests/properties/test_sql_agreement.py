"""SQL and the stream engine find the same matches, on random rules and events."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.oracle.generate import KINDS
from tests.oracle.sim_sql import sql_case
from tests.properties.streams import seeds


@pytest.mark.parametrize("kind", KINDS)
def test_sql_and_stream_agree(kind: str, tmp_path: Path) -> None:
    """The same matches with the same ids, times and values, for every seed of the kind."""
    cases = [sql_case(kind, seed, tmp_path) for seed in seeds(10)]
    for done in cases:
        assert done.agrees, str(done)
    run = [done.found for done in cases if done.found is not None]
    assert len(run) > len(cases) // 2
    assert any(found.tally.matches for found in run)
    assert any((found.other.kept or 0) < found.read.events for found in run if found.other)


@pytest.mark.parametrize("lake", ["fresh", "packed"])
@pytest.mark.parametrize("kind", KINDS)
def test_sql_and_stream_agree_on_a_lake(kind: str, lake: str, tmp_path: Path) -> None:
    """The same on the files of a lake, with the columns that packing makes and without."""
    for seed in seeds(2):
        done = sql_case(kind, seed, tmp_path, lake)
        assert done.agrees, str(done)


@pytest.mark.parametrize("kind", ["filter", "quantifier", "absence"])
def test_sql_counts_by_itself(kind: str, tmp_path: Path) -> None:
    """Where columns have types for it, and the counts are those of the stream's matches."""
    cases = [sql_case(kind, seed, tmp_path, "packed") for seed in seeds(8)]
    for done in cases:
        assert done.agrees, str(done)
    counted = [done.counts for done in cases if done.counts and done.counts.read.counted]
    assert any(found.tally.matches for found in counted)


@pytest.mark.parametrize("seed", [1011, 1047, 1093])
def test_an_all_of_without_bound_is_not_one_event(seed: int, tmp_path: Path) -> None:
    """Its events lie as far apart as they like, so nothing can be said of what lies near."""
    done = sql_case("any_all", seed, tmp_path)
    assert done.found is not None and done.found.tally.matches
    assert done.agrees, str(done)
