"""The columns of the tables of a lake, as queries over the rows that were gathered for them."""

from __future__ import annotations

import json
from collections.abc import Mapping

from sluice.model import MATCH_EVENTS_MAX

#: Columns that every event has, whatever its type; `raw` is its JSON text.
EVENT_COLUMNS = (
    "@id", "@type", "@time", "@source", "@partition", "@offset", "@subject", "@zone", "@key",
)  # fmt: skip

_DECIDED: Mapping[str, object] = {
    "id": "VARCHAR", "match": "VARCHAR", "rule": "VARCHAR", "version": "VARCHAR", "key": "JSON",
    "time": "TIMESTAMP", "severity": "VARCHAR",
}  # fmt: skip
_EVENT = {
    "id": "VARCHAR", "type": "VARCHAR", "time": "TIMESTAMP", "source": "VARCHAR",
    "alias": "VARCHAR", "position": "INTEGER",
}  # fmt: skip

#: The columns of each table of records, as they stand in the record.
RECORD_COLUMNS: Mapping[str, Mapping[str, object]] = {
    "matches": {
        "id": "VARCHAR", "rule": "VARCHAR", "version": "VARCHAR", "key": "JSON",
        "time": "TIMESTAMP", "start": "TIMESTAMP", "end": "TIMESTAMP", "severity": "VARCHAR",
        "tags": ["VARCHAR"], "title": "VARCHAR", "select": "JSON", "event_count": "BIGINT",
        "suppressed": "BIGINT", "approximate": "BOOLEAN",
    },
    "notes": {**_DECIDED, "note": "VARCHAR", "title": "VARCHAR", "body": "VARCHAR"},
    "mitigations": {
        **_DECIDED, "action": "VARCHAR", "args": "JSON", "mode": "VARCHAR", "ttl_ms": "BIGINT",
        "expires": "TIMESTAMP", "state": "VARCHAR",
    },
    "late": {
        "event": "VARCHAR", "type": "VARCHAR", "time": "TIMESTAMP", "source": "VARCHAR",
        "watermark": "TIMESTAMP",
    },
    "rejected": {
        "source": "VARCHAR", "partition": "BIGINT", "offset": "BIGINT", "reason": "VARCHAR",
        "message": "VARCHAR", "data": "VARCHAR",
    },
    "evidence": {
        "match": "VARCHAR", "rule": "VARCHAR", "decided": "TIMESTAMP", "number": "BIGINT",
        "event": "VARCHAR", "type": "VARCHAR", "time": "TIMESTAMP", "source": "VARCHAR",
        "alias": "VARCHAR", "position": "INTEGER",
    },
    "runs": {
        "id": "VARCHAR", "started": "TIMESTAMP", "ended": "TIMESTAMP", "how": "VARCHAR",
        "version": "VARCHAR", "rules": "JSON", "inputs": ["VARCHAR"], "resumed_events": "BIGINT",
        "events": "BIGINT", "matches": "BIGINT", "late": "BIGINT", "rejected": "BIGINT",
        "stream": "VARCHAR",
    },
    "forgotten": {
        "time": "TIMESTAMP", "field": "VARCHAR", "value_hash": "VARCHAR", "events": "BIGINT",
        "matches": "BIGINT", "rows": "BIGINT",
    },
}  # fmt: skip

#: The tables whose records carry their own JSON text as `raw`.
WITH_RAW = frozenset({"matches", "notes", "mitigations"})


def structure(table: str) -> str:
    """Return the structure of a table's records, for `json_transform`."""
    columns = dict(RECORD_COLUMNS[table])
    if table == "matches":
        columns["events"] = [_EVENT]
    return text(json.dumps(columns))


def record_rows(table: str, stream: str, rows: str) -> str:
    """Return the query for the rows of a table; `rows` have `n`, `raw` and the record `s`."""
    columns = [f's."{name}" AS "{name}"' for name in RECORD_COLUMNS[table]]
    if table in WITH_RAW:
        columns.append("raw")
    return f"SELECT {', '.join(columns)}, {_place(stream)} FROM {rows}"


def evidence_rows(stream: str, rows: str, lists_all: bool = True) -> str:
    """Return the query for the evidence of matches that list all their events.

    Without `lists_all` for that of the others too, as far as they list it: the first ones and the
    last ones.
    """
    half = MATCH_EVENTS_MAX // 2
    number = f"CASE WHEN i < {half} THEN i ELSE s.event_count - len(s.events) + i END"
    columns = [f'e."{name}" AS "{name}"' for name in RECORD_COLUMNS["evidence"] if name in _EVENT]
    return (
        f"SELECT s.id AS match, s.rule AS rule, s.time AS decided, {number} AS number, "
        "e.id AS event, "
        f"{', '.join(columns)}, {_place(stream)} FROM (SELECT n, s, unnest(s.events) AS e, "
        f"generate_subscripts(s.events, 1) - 1 AS i FROM {rows} "
        f"WHERE {'s.event_count <= len(s.events)' if lists_all else 'true'})"
    )


def event_rows(stream: str, source: str, names: list[str], is_bare: bool) -> str:
    """Return the query for events; bare ones have no attribute but type and time."""
    partition = stream.rpartition("-")[2]
    held = {
        "@id": "id", "@type": f"[{', '.join(map(text, names))}][k + 1]", "@time": "epoch_ms(t)",
        "@source": f"coalesce(source, {text(source)})", "@partition": f"{partition}::INTEGER",
        "@offset": "n",
        "@subject": "subject", "@zone": "zone", "@key": '"key"',
    }  # fmt: skip
    if is_bare:
        held |= dict.fromkeys(("@id", "@subject", "@zone", "@key"), "NULL::VARCHAR")
        held["@source"] = text(source)
    columns = ", ".join(f'{value} AS "{name}"' for name, value in held.items())
    return f"SELECT {columns}, raw, '{stream}' AS \"@stream\" FROM stage"


def text(value: str) -> str:
    """Return a text as SQL writes it."""
    return "'" + value.replace("'", "''") + "'"


def name(value: str) -> str:
    """Return a name as SQL writes it."""
    return '"' + value.replace('"', '""') + '"'


def _place(stream: str) -> str:
    return f'\'{stream}\' AS "@stream", n AS "@offset"'
