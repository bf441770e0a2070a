"""Run the stories of why a rule fired, or did not.

    why [rule=o.r] [key=name:value,…] [at=5s] [limit=3] [lateness=3s] [rows=100] [line]
    rule r { when a then b by k within 10s }
    ~~~
    0s a k=u
    12s b k=u
    ----
    o.r did not fire …

Events are written as in the stories of running rules. `line` shows the short form that a failing
test prints; `rows` is how many events are kept.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from sluice.catalog import builtins
from sluice.errors import picture
from sluice.lang import Texts, check, load
from sluice.plan import lower
from sluice.testing.datadriven import Args, run_file
from sluice.timing import Instant, format_duration, parse_duration
from sluice.why import Asked, Investigation, nearest_line, story
from tests.test_testdata_stream import events_of

STORIES = sorted((Path(__file__).parent / "testdata" / "why").glob("*.txt"))


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_asking_why(path: Path, rewrite: bool) -> None:
    """The answers are what the stories say."""
    run_file(path, {"why": _why}, rewrite)


def _why(args: Args, text: str) -> str:
    rules, _, events = text.partition("\n~~~")
    catalog, named = builtins(), args.named
    checked = check(load(["o.sluice"], Texts({"o.sluice": rules})), catalog)
    if not checked.is_ok:
        return "\n".join(picture(d, rules) for d in checked.diagnostics if d.severity == "error")
    plan = lower(checked, catalog)
    name = named.get("rule", plan.rules[0].name)
    investigation = Investigation(
        plan, catalog, name, _asked(args), lateness=parse_duration(named.get("lateness", "")) or 0
    )
    investigation.pipeline.feed(events_of(events))
    investigation.collect()
    investigation.finish()
    explanation = investigation.explain()
    if "line" in args.words:
        return nearest_line(explanation) or "nothing"
    return story(explanation)


def _asked(args: Args) -> Asked:
    named = args.named
    key = named.get("key")
    at = named.get("at")
    return Asked(
        None if key is None else dict(part.split(":", 1) for part in key.split(",")),
        None if at is None else parse_duration(at),
        int(named.get("limit", 3)),
        int(named.get("rows", 10_000)),
        _seconds,
    )


def _seconds(time: Instant) -> str:
    return format_duration(time)
