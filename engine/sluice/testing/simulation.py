"""Run rules that are a text over events that are plain objects: the shortest way through."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sluice.backends import BuildOptions, build
from sluice.catalog import Catalog, builtins
from sluice.errors import RuleError
from sluice.lang import Texts, check, load
from sluice.model import Clear, Event, Match
from sluice.plan import lower, rewrite
from sluice.timing import Instant, parse_instant

_KINDS = frozenset({"match", "clear", "pending"})
_PATH = "rules.sluice"


def simulate(
    text: str, events: Iterable[Mapping[str, Any]], *, close: bool = False,
    catalog: Catalog | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """Return the JSON records of kinds match, clear and pending, in the order of decision.

    An event is an object with `@type`, `@time` (milliseconds or RFC 3339) and, if it has them,
    `@id`, `@source`, `@subject`, `@zone`, `@key`; all other keys are fields. Events come in order
    of arrival. At the end the last instant is completed; then time runs on, and what comes of
    that is a match with `close`, else pending. `catalog` is for rules that call what plugins
    bring. RuleError when the rules have errors.
    """
    catalog = catalog or builtins()
    checked = check(load([_PATH], Texts({_PATH: text})), catalog)
    if not checked.is_ok:
        raise RuleError(d for d in checked.diagnostics if d.severity == "error")
    pipeline = build(rewrite(lower(checked, catalog)), catalog, BuildOptions(_KINDS))
    pipeline.feed(event_of(fields, place) for place, fields in enumerate(events, 1))
    pipeline.finish()
    if close:
        pipeline.close()
    else:
        pipeline.pending()
    return [r.record() for r in pipeline.drain() if isinstance(r, Match | Clear)]


def event_of(given: Mapping[str, Any], offset: int) -> Event:
    """Return the event that an object with `@type` and `@time` stands for."""
    fields = {name: value for name, value in given.items() if not name.startswith("@")}
    return Event(
        given["@type"], _instant(given["@time"]), fields, id=given.get("@id"),
        source=given.get("@source", ""), offset=offset, subject=given.get("@subject"),
        zone=given.get("@zone"), key=given.get("@key"),
    )  # fmt: skip


def _instant(value: Any) -> Instant:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    instant = parse_instant(value) if isinstance(value, str) else None
    if instant is None:
        raise ValueError(f"{value!r} is no time: milliseconds or RFC 3339")
    return instant
