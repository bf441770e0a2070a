"""Run the stories of running rules.

    run [close] [event] [late] [lateness=3s] [overlap=none,all] [keys=2 candidates=2 events=3]
    rule r { when a then b by k within 10s }
    ~~~
    0s a k=u
    4s b k=u x=1
    ----
    4s match o.r k=u [a1:0 b1:1]

An event has the id `@id=` says, else its type with a number. A record shows its time, kind, rule,
key, events with their positions, bounds where they are not those of the events, `select`, and what
is unusual. `event` and `late` show those kinds, too; `overlap=` runs once for each mode, which
stands for `OVERLAP` in the rules; the last three are caps. At the end stands by rule what was
suppressed, what was dropped at which cap, which mitigations lacked an argument, and which fields
had values of another type.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from sluice.backends import BuildOptions, build
from sluice.catalog import builtins
from sluice.errors import picture
from sluice.lang import Checked, Texts, check, load
from sluice.model import Event
from sluice.plan import Limits, lower, rewrite
from sluice.stream import Pipeline, to_record
from sluice.testing.datadriven import Args, run_file
from sluice.timing import parse_instant

STORIES = sorted((Path(__file__).parent / "testdata" / "stream").glob("*.txt"))
KINDS = frozenset({"match", "clear", "note", "mitigation", "pending"})
ATTRIBUTES = ("@id", "@source", "@subject", "@zone", "@key")
FIELD = re.compile(r'([\w@.]+)=("(?:[^"\\]|\\.)*"|\S+)')


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_running(path: Path, rewrite: bool) -> None:
    """Running decides what the stories say."""
    run_file(path, {"run": _run}, rewrite)


def _run(args: Args, text: str) -> str:
    rules, _, events = text.partition("\n~~~")
    modes = args.named.get("overlap")
    if modes is None:
        return "\n".join(_story(args, rules, events))
    lines = []
    for mode in modes.split(","):
        lines += [mode, *_story(args, rules.replace("OVERLAP", f"overlap {mode}"), events)]
    return "\n".join(lines)


def _story(args: Args, rules: str, events: str) -> list[str]:
    catalog = builtins()
    overrides = dict(o.split(":", 1) for o in args.named.get("set", "").split(",") if o)
    checked: Checked = check(load(["o.sluice"], Texts({"o.sluice": rules})), catalog, overrides)
    if not checked.is_ok:
        return [picture(d, rules) for d in checked.diagnostics if d.severity == "error"]
    named = args.named
    limits = Limits(
        candidates_per_key_max=int(named.get("candidates", 1000)),
        keys_per_rule_max=int(named.get("keys", 1000)),
        events_per_key_max=int(named.get("events", 1000)),
    )
    options = BuildOptions(
        KINDS | {"event", "late"} & {*args.words}, limits, lateness_ms=_ms(named.get("lateness"))
    )
    pipeline = build(rewrite(lower(checked, catalog)), catalog, options)
    pipeline.feed(events_of(events))
    pipeline.finish()
    if "close" in args.words:
        pipeline.close()
    else:
        pipeline.pending()
    names: dict[str, str] = {}
    records = [_line(to_record(record), names) for record in pipeline.drain()]
    counted = (_suppressed, _evicted, _incomplete, _mismatched)
    return [*records, *(line for lines in counted for line in lines(pipeline))]


def _incomplete(pipeline: Pipeline) -> list[str]:
    return [
        f"incomplete {reporter.code.plan.name} {what} {count}"
        for reporter in pipeline.reporters
        for what, count in sorted(reporter.incomplete.items())
    ]


def events_of(text: str) -> Iterator[Event]:
    """Return the events of a story, in order of arrival."""
    counts: dict[str, int] = {}
    for offset, line in enumerate(filter(None, text.split("\n")), 1):
        at, type_, rest = [*line.split(None, 2), ""][:3]
        own = type_.rpartition(".")[2]
        counts[own] = counts.get(own, 0) + 1
        fields = {name: _value(value) for name, value in FIELD.findall(rest)}
        set_ = {name[1:]: fields.pop(name) for name in ATTRIBUTES if name in fields}
        yield Event(
            type_, _ms(at), fields, **{"id": f"{own}{counts[own]}", "offset": offset} | set_
        )


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _ms(text: str | None) -> int:
    return round(float((text or "0s").removesuffix("s")) * 1000)


def _time(text: str) -> str:
    return _seconds(parse_instant(text) or 0)


def _seconds(ms: int) -> str:
    return f"{ms // 1000}s" if ms % 1000 == 0 else f"{ms / 1000:.3f}s"


def _line(record: Mapping[str, Any], names: dict[str, str]) -> str:
    kind = record["kind"]
    if kind == "event":
        event = record["event"]
        fields = _fields({n: v for n, v in event.items() if n[0] != "@"})
        return _joined(_time(event["@time"]), kind, event["@type"], fields)
    if kind == "late":
        event, mark = record["event"], _time(record["watermark"])
        return _joined(_time(event["@time"]), kind, event["@id"], f"watermark={mark}")
    about = [_time(record["time"]), kind, record["rule"], _fields(record["key"])]
    match kind:
        case "clear":
            return _joined(*about, f"lasted={_seconds(record['lasted_ms'])}")
        case "note":
            texts = [json.dumps(record[k]) for k in ("title", "body") if record[k] is not None]
            return _joined(*about, record["note"], *texts)
        case "mitigation":
            args = f"{record['action']}({_fields(record['args'], ', ')})"
            until = "" if record["expires"] is None else f"until={_time(record['expires'])}"
            return _joined(*about, args, record["mode"], until)
    return _joined(*about, *_match(record, names))


def _match(record: Mapping[str, Any], names: dict[str, str]) -> Iterator[str]:
    name = f"{record['rule'].rpartition('.')[2]}@{_time(record['time'])}"
    while name in names.values():
        name += "'"
    names[record["id"]] = name
    events = record["events"]
    ids = [f"{_named(e['id'], names)}:{e['position']}" for e in events]
    more = record["event_count"] - len(events)
    yield f"[{' '.join(ids)}]" + (f"+{more}" if more else "")
    bounds = [record["start"], record["end"]]
    if not events or bounds != [events[0]["time"], events[-1]["time"]]:
        yield "..".join(map(_time, bounds))
    yield _fields(record["select"])
    if record["suppressed"]:
        yield f"suppressed={record['suppressed']}"
    if record["severity"] != "medium" or record["tags"]:
        yield "/".join([record["severity"], *record["tags"]])


def _named(id_: str, names: dict[str, str]) -> str:
    return re.sub("[0-9a-f]{32}", lambda found: names[found.group()], id_)


def _fields(fields: Mapping[str, Any], between: str = " ") -> str:
    return between.join(f"{name}={_shown(value)}" for name, value in fields.items())


def _shown(value: Any) -> str:
    if isinstance(value, str) and value and not re.search(r'[\s"=]', value):
        return value if _value(value) == value else json.dumps(value)
    return json.dumps(value, separators=(",", ":"))


def _evicted(pipeline: Pipeline) -> Iterator[str]:
    for reporter in pipeline.reporters:
        for cap, count in reporter.evictions.counts.items():
            yield f"evicted {reporter.code.plan.name} {count} {cap.what} ({cap.name})"


def _suppressed(pipeline: Pipeline) -> Iterator[str]:
    for reporter in pipeline.reporters:
        if reporter.suppressed:
            yield f"suppressed {reporter.code.plan.name} {reporter.suppressed}"


def _mismatched(pipeline: Pipeline) -> Iterator[str]:
    for rule, fields in sorted(pipeline.program.mismatches.counts.items()):
        yield f"mismatched {rule} {_fields(fields)}"


def _joined(*parts: str) -> str:
    return " ".join(part for part in parts if part)
