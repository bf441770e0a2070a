"""Functions of SQL that make questions about times and keys short."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Macro:
    """A function of `sluice query`: how it is called, what it is, one line about it."""

    signature: str
    body: str
    doc: str

    @property
    def name(self) -> str:
        """What it is called."""
        return self.signature.partition("(")[0]


_KEY_OF_EVENT = "contains(raw::VARCHAR, who) AND list_contains(raw->>'$.*', who)"

MACROS: tuple[Macro, ...] = (
    Macro("per_minute(t)", "date_trunc('minute', t)", "the minute of a time"),
    Macro("per_hour(t)", "date_trunc('hour', t)", "the hour of a time"),
    Macro("per_day(t)", "date_trunc('day', t)", "the day of a time"),
    Macro(
        "per(span, t)", "time_bucket(CAST(span AS INTERVAL), t)",
        "the span of time that a time lies in: per('5 minutes', \"@time\")",
    ),
    Macro(
        "during(t, since, until)", "t >= CAST(since AS TIMESTAMP) AND t < CAST(until AS TIMESTAMP)",
        "whether a time is from `since` on and before `until`",
    ),
    Macro(
        "events_of(which)",
        'TABLE SELECT v.number, v.alias, e."@time", e."@type", e.raw, e.* EXCLUDE ("@time", '
        '"@type", raw), v.position FROM evidence AS v '
        'JOIN events AS e ON e."@id" = v.event AND e."@time" = v.time '
        "WHERE starts_with(v.match, which) ORDER BY v.match, v.number",
        "the events of a match, by its id or how that begins",
    ),
    Macro(
        "timeline(who)",
        "TABLE SELECT * FROM (SELECT \"@time\" AS time, 'event' AS kind, \"@type\" AS what, "
        f"\"@id\" AS id, raw AS detail FROM events WHERE {_KEY_OF_EVENT} "
        "UNION ALL SELECT time, 'match', rule, id, \"select\" FROM matches "
        "WHERE list_contains(key->>'$.*', who) "
        "UNION ALL SELECT time, 'note', note, id, to_json(title) FROM notes "
        "WHERE list_contains(key->>'$.*', who) "
        "UNION ALL SELECT time, 'mitigation', action, id, args FROM mitigations "
        "WHERE list_contains(key->>'$.*', who)) ORDER BY time, kind, id",
        "events, matches, notes and mitigations of a key in order: timeline('203.0.113.7')",
    ),
)  # fmt: skip
