"""Hold an aggregate against its promises."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from random import Random
from typing import Any

from sluice.catalog import Accumulator, Aggregate, Catalog, accumulator
from sluice.model import ANY
from sluice.plugins import FAILED, is_plain
from sluice.testing.kit.odd import usual
from sluice.testing.kit.watched import Watched
from sluice.testing.kit.words import errors_in
from sluice.testing.simulation import simulate
from sluice.timing import parse_duration

#: `percentile(x, 25) within 10s of [1, 2]`: constants, window, values.
_EXAMPLE = re.compile(r"[\w.]+\((?:x(?:, (.+))?)?\)(?: within (\w+))? of (\[.*\])\Z")

_ARGUMENTS = ("none", "value", "condition")
_FORM = "write it as `name(x) of [1, 2]`, with `name()` for what takes no value"

#: How many streams of values are tried, of how many values each.
STREAMS, VALUES = 60, 12

#: Floats that were added and taken out again may differ in their last digits.
_CLOSE = 1e-9


def check_aggregate(entry: Aggregate, catalog: Catalog, watched: Watched) -> list[str]:
    """Return what is wrong with what an aggregate computes; `watched` notes the calls."""
    if entry.argument not in _ARGUMENTS:
        return [f"its argument is '{entry.argument}', none of {', '.join(_ARGUMENTS)}"]
    example = _EXAMPLE.match(entry.example[0])
    if example is None:
        return [f"the example {entry.example[0]} cannot be read: {_FORM}"]
    constants = tuple(json.loads(f"[{example[1] or ''}]"))
    window_ms = parse_duration(example[2] or "1h") or 0

    def make() -> Accumulator:
        return accumulator(entry, ANY, constants, window_ms)

    _check_empty(entry, make, watched)
    for seed in range(STREAMS):
        _check_stream(entry, make, seed, watched)
    return _check_example(entry, example, catalog)


def _check_empty(entry: Aggregate, make: Callable[[], Accumulator], watched: Watched) -> None:
    made = watched.call(make, [])
    if made is FAILED:
        return
    found = watched.call(made.result, [])
    if found is not FAILED and not _is_same(found, entry.empty):
        watched.note("empty", f"over nothing it gives {found!r}, and says {entry.empty!r}")


def _check_stream(
    entry: Aggregate, make: Callable[[], Accumulator], seed: int, watched: Watched
) -> None:
    """Feed values, take the oldest out again, and go on from a saved state."""
    values = _values(entry, seed)
    cut = seed % (VALUES + 1)
    whole, rest, saved = (watched.call(make, []) for _ in range(3))
    if FAILED in (whole, rest, saved):
        return
    for place, value in enumerate(values):
        if place == cut:
            saved = _restored(make, saved, watched)
        for each in (whole, saved) if place < cut else (whole, saved, rest):
            watched.call(each.add, [value])
    expected = watched.call(whole.result, [])
    if expected is not None and expected is not FAILED and not is_plain(expected):
        watched.note("value", f"of {values!r:.60} it gives {expected!r:.60}: no value of an event")
    if not _is_same(watched.call(saved.result, []), expected):
        watched.note("state", f"of {values!r:.60} it gives something else after `restore`")
    for value in values[:cut]:
        watched.call(whole.remove, [value])
    left = watched.call(rest.result, [])
    if not _is_same(watched.call(whole.result, []), left):
        watched.note(
            "remove", f"after `remove` it gives something else than of {values[cut:]!r:.60}"
        )


def _restored(make: Callable[[], Accumulator], before: Accumulator, watched: Watched) -> Any:
    """Return an accumulator that goes on where another one was saved."""
    state = watched.call(before.state, [])
    after = watched.call(make, [])
    if state is FAILED or not is_plain(state):
        watched.note("plain", f"its state is no plain data: {state!r:.60}")
        return after
    # As a checkpoint keeps it: nothing of it is shared with the one that gave it.
    watched.call(after.restore, [json.loads(json.dumps(state))])
    return after


def _values(entry: Aggregate, seed: int) -> list[Any]:
    random = Random(seed)
    if entry.argument == "none":
        return [True] * VALUES
    if entry.argument == "condition":
        return [random.choice((True, False, None)) for _ in range(VALUES)]
    pool = (1, 2, 3, 0.5, 2.25, -7) if seed % 2 else usual(ANY)
    return [random.choice(pool) for _ in range(VALUES)]


def _is_same(a: Any, b: Any) -> bool:
    if isinstance(a, float) and isinstance(b, int | float):
        return math.isclose(a, b, rel_tol=_CLOSE, abs_tol=_CLOSE)
    return repr(a) == repr(b)


def _check_example(entry: Aggregate, example: re.Match[str], catalog: Catalog) -> list[str]:
    """Let the engine compute the example over events that hold its values."""
    values = json.loads(example[3])
    call = entry.example[0].partition(f"{example[3]}")[0].removesuffix(" of ").partition(" within ")
    text = (
        f"rule example {{ when sample within {example[2] or '1h'}\n"
        f"having count() >= {len(values)}\nselect found = {call[0]}\n}}"
    )
    wrong = errors_in(text, catalog)
    if wrong or not values:
        return wrong or ["the example has no values"]
    events = [{"@type": "sample", "@time": n, "x": value} for n, value in enumerate(values)]
    found = simulate(text, events, catalog=catalog)[0]["select"]["found"]
    if not _is_same(found, json.loads(entry.example[1])):
        return [f"the example {entry.example[0]} is {json.dumps(found)}, not {entry.example[1]}"]
    return []
