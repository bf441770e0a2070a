"""Values beyond reading in fields that no rule reads cost no event, however the input is cut."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sluice.shells import RunRequest, RunSummary, run_local

RULE = 'pack p\nrule r { when a where n > 1 select n }\nrule s { when b where u == "x" }\n'
GOOD = b'{"@type":"a","@time":1,"n":2,"u":1}'
UNREAD = (
    b'{"@type":"a","@time":1,"n":2,"u":"\xff"}',
    b'{"@type":"a","@time":1,"n":2,"u":1e999}',
    b'{"@type":"a","@time":1,"n":2,"u":%s}' % (b"[" * 300 + b"]" * 300),
    b'{"@type":"a","@time":1,"n":2,"u":{"\xff":1}}',
    b'{"@type":"a","@time":1,"n":2,"@zone":5}',
)
#: How lines are laid out: alone, last without an end, behind others, between odd ones.
LAYOUTS = {
    "alone": b"%s\n",
    "torn": b"%s",
    "after good ones": (GOOD + b"\n") * 3 + b"%s\n",
    "first": b"%s\n" + (GOOD + b"\n") * 3,
    "among odd ones": b"\n" + GOOD + b"\n\n%s\n",
    "after many odd ones": (b'{"@type":"a","@time":1,"n":"no"}\n' * 300) + b"%s\n",
    "an array": b"[" + GOOD + b",\n%s]",
}


def run(folder: Path, text: bytes, **options: Any) -> tuple[list[dict[str, Any]], RunSummary]:
    """Run the rules over a file; return the records and the summary."""
    rules, path = folder / "r.sluice", folder / "in.jsonl"
    rules.write_text(RULE, "utf-8")
    path.write_bytes(text)
    out: list[bytes] = []
    request = RunRequest((str(rules),), (str(path),), output="json", **options)
    summary = run_local(request, out.append, render=str)
    return [json.loads(line) for line in b"".join(out).splitlines()], summary


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("line", UNREAD, ids=range(len(UNREAD)))
@pytest.mark.parametrize("since", [None, 0])
def test_nothing_is_rejected(tmp_path: Path, layout: str, line: bytes, since: int | None) -> None:
    """Alone or among others, whole or torn, with a time to start from or without."""
    text = LAYOUTS[layout].replace(b"%s", line)
    records, summary = run(tmp_path, text, since=since)
    assert summary.rejected == {}
    assert len(records) == text.count(b'"n":2')


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("line", UNREAD, ids=range(len(UNREAD)))
def test_strict_input_rejects(tmp_path: Path, layout: str, line: bytes) -> None:
    """`--strict-input` reads everything."""
    text = LAYOUTS[layout].replace(b"%s", line)
    _, summary = run(tmp_path, text, strict_input=True)
    assert sum(summary.rejected.values()) == 1


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("value", [b'"\xff"', b"1e999"])
def test_what_a_rule_reads_is_checked(tmp_path: Path, layout: str, value: bytes) -> None:
    """The field that no rule on `a` reads is read of `b`."""
    line = b'{"@type":"b","@time":1,"n":2,"u":%s}' % value
    _, summary = run(tmp_path, LAYOUTS[layout].replace(b"%s", line))
    assert sum(summary.rejected.values()) == 1


def test_a_whole_event_is_shown_mended(tmp_path: Path) -> None:
    """`--with-events` shows what cannot be read as U+FFFD or null, and large integers exactly."""
    lines = [*UNREAD[:2], b'{"@type":"a","@time":1,"n":2,"u":12345678901234567890123}', GOOD]
    records, _ = run(tmp_path, b"\n".join([GOOD, *lines, b""]), with_events=True)
    shown = [record["events"][0]["event"]["u"] for record in records]
    assert shown == [1, "\ufffd", None, 12345678901234567890123, 1]
