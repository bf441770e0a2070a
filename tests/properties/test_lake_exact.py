"""What goes into a lake comes out again: the same events, whatever they are."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from sluice.codecs import ATTRIBUTE_KEYS, JsonCodec, decode_all, read_json
from sluice.model import Event, event_id
from sluice.shells import OpenLake, compact_lake
from tests.lakes import run, small_lake
from tests.properties.test_codec_fuzz import JSON_LINES

RULE = "pack p\nrule r { when a where n > 2 }\n"

NAMES = st.sampled_from(
    ["n", "s", "user", "a b", 'q"', "x/y", "~", "User", "é", "raw", "type", "$"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([2**53 + 1, -(2**63), 2**64, 10**30, 1e300, 0.1, "1", "", "true", "null"])
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
ATTRIBUTES = st.fixed_dictionaries(
    {
        "@type": st.sampled_from(["a", "b.c", "é/..", "events"]),
        "@time": st.integers(-(10**9), 10**12),
    },
    optional={
        "@id": st.text(min_size=1, max_size=5), "@subject": st.text(max_size=5),
        "@source": st.sampled_from(["s", "in.jsonl"]), "@zone": st.just("z"), "@key": st.just("k"),
    },
)  # fmt: skip
EVENTS = st.tuples(ATTRIBUTES, st.dictionaries(NAMES, VALUES, max_size=4)).map(
    lambda parts: json.dumps({**parts[0], **{k: v for k, v in parts[1].items() if k != "type"}})
)
ODD = st.sampled_from(
    ["", "no json", '{"@type":"a","@time":5,"n":1,"n":2}', '{"@type":"a","@time":"x"}',
     '{"@type":"a", "@time": 7 , "s":"\\ud800"}', '{"\\u0040type":"a","@time":1,"@key":null}',
     '{"@type":"a","@time":1,"n":-0.0}  ',
     *(line.decode() for line in JSON_LINES)]
)  # fmt: skip
FILES = st.lists(EVENTS | ODD, max_size=30).map(lambda lines: "".join(f"{s}\n" for s in lines))


def expected(text: str, source: str) -> list[tuple[Any, ...]]:
    """The events of a text as the codec reads them, in order."""
    events = decode_all(JsonCodec(), text.encode(), source)
    return sorted(map(parts, (e for e in events if isinstance(e, Event))), key=repr)


def parts(event: Event) -> tuple[Any, ...]:
    """What an event is."""
    attributes = (event.subject, event.zone, event.key)
    return (event.offset, event_id(event), event.type, event.time, event.source, *attributes,
            exact(event.fields))  # fmt: skip


def exact(fields: dict[str, Any]) -> str:
    """Fields as a text that tells 1, 1.0 and true apart."""
    return repr(sorted(fields.items(), key=lambda item: item[0]))


def stored(lake: OpenLake) -> list[tuple[Any, ...]]:
    """The events of a lake."""
    rows = lake.con.execute(
        'SELECT "@offset", "@id", "@type", epoch_ms("@time"), "@source", "@subject", "@zone", '
        '"@key", raw::VARCHAR FROM events'
    ).fetchall()
    return sorted(((*row[:-1], fields_of(row[-1])) for row in rows), key=repr)


def fields_of(raw: str) -> str:
    """The fields that the JSON text of an event holds."""
    value = read_json(raw.encode())
    assert isinstance(value, dict)
    return exact({name: held for name, held in value.items() if name not in ATTRIBUTE_KEYS})


# An example takes a second: looking for a smaller one would take minutes.
@settings(max_examples=20, phases=(Phase.explicit, Phase.generate))
@example("".join(f'{{"@type":"a","@time":{n},"n":{n}}}\n' for n in range(45)))
@example('{"@type":"a","@time":1,"n":18446744073709551616}\n{"@type":"a","@time":1,"n":0.5}\n')
@given(FILES)
def test_events_come_out_as_they_went_in(text: str) -> None:
    """Attributes, fields, their types and every digit; fresh, written again, and packed."""
    with tempfile.TemporaryDirectory() as folder:
        root = small_lake(Path(folder) / "lake")
        source = Path(folder) / "in.jsonl"
        source.write_text(text, "utf-8")
        for _ in range(2):
            run(root, RULE, source, source="in.jsonl")
        wanted = expected(text, "in.jsonl")
        assert stored(OpenLake(str(root))) == wanted
        compact_lake(str(root))
        lake = OpenLake(str(root))
        assert stored(lake) == wanted
        check_columns(lake, wanted)
        run(root, RULE, source, source="in.jsonl")
        assert stored(OpenLake(str(root))) == wanted


def check_columns(lake: OpenLake, wanted: list[tuple[Any, ...]]) -> None:
    """Every value of a column is that of the field."""
    lake.name_types()
    for view, _ in lake.names.values():
        rows = lake.con.execute(f"""FROM "{view.replace('"', '""')}" """)
        names = [(each[0], str(each[1])) for each in rows.description]
        for row in rows.fetchall():
            held = dict(zip((name for name, _ in names), row, strict=True))
            value = read_json(held["raw"].encode())
            assert isinstance(value, dict)
            for name, kind in names:
                if name[0] == "@" or name == "raw":
                    continue
                found = held[name]
                if kind == "JSON" and found is not None:
                    found = read_json(found.encode())
                elif kind == "DOUBLE" and isinstance(value.get(name), int):
                    assert float(value[name]) == value[name]
                    found = int(found)
                assert repr(found) == repr(value.get(name)), (name, kind)
