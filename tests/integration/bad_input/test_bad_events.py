"""Bad events: what is rejected for which reason, and that reading goes on."""

from __future__ import annotations

import json
import resource

import pytest

from tests.integration.bad_input.running import LINE, PAIR, Run, write


def test_events_that_are_not_json(run: Run) -> None:
    """Each is rejected with its line; the events between them count."""
    write("in.jsonl", f'no json\n{LINE}{{"a":\n[1]\n"x"\n7\n{{}}\n{LINE}')
    done = run()
    assert (done.code, done.kinds) == (
        0,
        ["syntax 1", "match", *(f"syntax {n}" for n in range(3, 7)), "type 7", "match"],
    )
    assert "6 inputs rejected: syntax 5, type 1" in done.err
    assert run("--fail-on", "rejected").code == 1


def test_half_a_line_at_the_end(run: Run) -> None:
    """The half line is rejected and says why; a whole event without a line end counts."""
    write("in.jsonl", LINE + LINE[:20])
    done = run()
    assert (done.code, done.kinds) == (0, ["match", "syntax 2"])
    assert "ends in the middle of a line" in done.records[1]["message"]
    write("in.jsonl", LINE + LINE.strip())
    assert run().kinds == ["match", "match"]


def test_line_of_100_mb(run: Run) -> None:
    """A line beyond the limit is rejected without being held, and reading goes on."""
    with open("in.jsonl", "wb") as file:
        file.write(LINE.encode() + b'{"@type":"a","@time":1000,"n":"')
        for _ in range(100):
            file.write(b"x" * 1_000_000)
        file.write(b'"}\n' + LINE.encode())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    done = run()
    assert (done.code, done.kinds) == (0, ["match", "size 2", "match"])
    assert len(done.records[1]["data"]) <= 4_096
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 90_000


def test_invalid_utf_8(run: Run) -> None:
    """In a field that rules read it is a rejection; elsewhere only with `--strict-input`."""
    bad = b'{"@type":"a","@time":1000,"n":%s,"u":%s}\n'
    write("in.jsonl", LINE.encode() + bad % (b'"\xff"', b"1") + bad % (b"2", b'"\xff"'))
    assert run().kinds == ["match", "encoding 2", "match"]
    assert run("--strict-input").kinds == ["match", "encoding 2", "encoding 3"]
    assert run().records[1]["data"].count("\ufffd") == 1


def test_duplicate_keys(run: Run) -> None:
    """The last one counts; strict, it is a rejection that names the key."""
    twice = '{"@type":"a","@time":1000,"n":1,"n":2}\n{"@type":"a","@time":1000,"u":1,"u":2,"n":3}\n'
    write("in.jsonl", LINE + twice)
    assert [r["select"]["n"] for r in run().records] == [1, 2, 3]
    done = run("--strict-input")
    assert done.kinds == ["match", "duplicate_key 2", "duplicate_key 3"]
    assert '"n"' in done.records[1]["message"] and '"u"' in done.records[2]["message"]


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "nan"])
def test_not_a_number(value: str, run: Run) -> None:
    """`NaN` and its like are no JSON, wherever they stand."""
    line = '{"@type":"a","@time":1000,"%s":%s}\n'
    write("in.jsonl", LINE + line % ("n", value) + line % ("u", value) + LINE)
    assert run().kinds == ["match", "syntax 2", "syntax 3", "match"]


def test_numbers_beyond_64_bits(run: Run) -> None:
    """Elsewhere they do no harm; strict, they are rejected wherever they stand."""
    line = '{"@type":"a","@time":1000,"n":%s,"u":%s}\n'
    big = 2**63
    write("in.jsonl", LINE + line % (big - 1, 1) + line % (1, big) + line % (1, "1" * 400))
    assert [r["select"]["n"] for r in run().records] == [1, big - 1, 1, 1]
    assert run("--strict-input").kinds == ["match", "match", "schema 3", "schema 4"]
    write("r.sluice", "rule r { when a where n > 0 }\n")
    write("in.jsonl", LINE + line % (big, 1) + line % (-big - 1, 1) + line % ("1e999", 1) + LINE)
    assert run().kinds == ["match", "schema 4", "match"]
    assert run("--strict-input").kinds == ["match", "schema 2", "schema 3", "schema 4", "match"]


TIMES = (
    None, '"yesterday"', '""', "1.5", "1e300", "true", "[]", "99999999999999999", "-99999999999999",
    '"2020-01-01"', '"2020-01-01T00:00:00"', '"2020-13-01T00:00:00Z"', '"2020-01-01T25:00:00Z"',
    '"0000-01-01T00:00:00Z"', '"2020-02-30T00:00:00Z"',
)  # fmt: skip


def test_times_that_are_none(run: Run) -> None:
    """A missing or absurd time is a rejection that names the field; the others count."""
    lines = [LINE]
    for value in TIMES:
        at = "" if value is None else f',"@time":{value}'
        lines.append(f'{{"@type":"a","n":1{at}}}\n')
    write("in.jsonl", "".join([*lines, LINE]))
    done = run()
    assert done.code == 0
    assert done.kinds == ["match", *(f"time {n}" for n in range(2, len(TIMES) + 2)), "match"]
    assert all("@time" in r["message"] for r in done.records[1:-1])


def test_time_that_runs_backwards(run: Run) -> None:
    """What is too late is counted, with the flag that would have saved it; and it does."""
    write("r.sluice", PAIR)
    events = [("a", 60_000), ("c", 70_000), ("b", 61_000)]
    lines = [json.dumps({"@type": type_, "@time": at}) for type_, at in events]
    write("in.jsonl", "\n".join(lines) + "\n")
    done = run()
    assert (done.code, done.kinds) == (0, ["late"])
    assert "1 event of in.jsonl came too late" in done.err and "--lateness 9s or --sort" in done.err
    assert run("--lateness", "9s").kinds == ["match"]
    assert run("--sort").kinds == ["match"]
    assert run("--fail-on", "late").code == 1
