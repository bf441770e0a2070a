"""JSON lines read the quick way, straight into rows, mean what they mean read the full way."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest

from sluice.backends import BuildOptions, LineDecoder, build
from sluice.catalog import builtins
from sluice.codecs import Chunk, InputOptions, JsonCodec, decode_chunk
from sluice.plan import Plan
from sluice.stream import Pipeline
from tests.properties.streams import KINDS, by_rule, drained, ended, plan_of, seeds

SOURCE = "in.jsonl"

#: Rules that ask for one type of each field, so that slots are typed.
TYPED = """
pack t
rule plain { when a where n > 1 and s == "x" }
rule text { when any where s contains "x" or s in ["y", ""] or s matches /^z/ select s }
rule net { when a where ip in 10.0.0.0/8 }
rule sum { when a by k within 5s having sum(n) >= 4 select total = sum(n), most = max(n) }
rule pair { when a as f then b where s == f.s by k within 10s }
rule inside { when any where o.p == 1 and o.q like "x*" }
"""

#: Rules that take a field as it is, so that slots hold anything.
UNTYPED = """
pack u
rule shown { when any select n, s, v, o, xs, id = @id, source = @source, zone = @zone }
rule odd { when a where v != true or v == 1 or v == "1" }
rule there { when any where exists n or missing s or v is null select a = o.p, b = xs[0] }
rule nested { when any where o.p == 1 or o.q.r == 2 select q = o.q }
rule many { when any by v? within 5s having distinct(n) >= 2 select n = list(n), s = last(s) }
rule loop { when any where any (c in xs: c == 1 or c.p == 1) }
rule keyed { when a by n, subject = @subject cooldown 2s }
"""

#: Rules over schemas, which say what a field must be.
DECLARED = """
pack d
event a {
  n: int?  s: enum("x", "y")?  ip: ip?  at: time?  d: duration?  v: bool?
  k: string?  f: float?  xs: list<int>?  o: { p: int?  q: string? }?
}
rule values { when a select n, s, ip, at, d, v, f, xs, p = o.p, q = o.q }
rule tests { when a where n >= 1 or d > 1s or f > 1 }
rule late { when a as x then a as y where at > x.at or ip == x.ip by s within 10s }
rule sum { when a by ip within 10s having sum(n) >= 2 select most = max(d), last = max(at) }
rule other { when b where s == "x" select n, at, d }
"""

#: Rules that read other fields of each type, so that a line is decoded by its type.
NARROW = """
pack w
rule a { when a where n > 1 select s }
rule b { when b where v == 1 select p = o.p, t = @time }
rule both { when a as f then b as g where k == f.k by ip within 10s select d = f.d, at = g.at }
"""
RULES = {"typed": TYPED, "untyped": UNTYPED, "declared": DECLARED, "mixed": TYPED + UNTYPED}
RULES["narrow"] = NARROW
RULES["mixed"] = RULES["mixed"].replace("pack u", "")

BIG = 2**63
VALUES: dict[str, tuple[Any, ...]] = {
    "n": (0, 1, 1, 2, 2, 3, 1.5, 2.0, -1),
    "s": ("x", "x", "y", "", "zz", "ax"),
    "k": ("k1", "k1", "k2"),
    "v": (1, "1", True, False, 1.0, None, "x"),
    "ip": ("10.0.0.7", "10.0.0.7", "192.168.0.1", "::ffff:10.0.0.7", "2001:db8::1", "no"),
    "o": ({"p": 1, "q": "xy"}, {"p": 1}, {"q": {"r": 2}}, {}),
    "xs": ([], [1], [1, 2], [{"p": 1}]),
    "at": ("2020-09-14T01:19:40Z", "2020-09-14T03:19:40+02:00", 1_600_000_000_000),
    "d": ("1s", "1h30m", 1500, "2s"),
    "f": (1, 1.5, 0.0, 1e300, 2**63),
    "u": (1, "unread", [1, {"x": None}], {"y": "z"}),
}
ODD: tuple[Any, ...] = (
    None, True, False, 0, 1, 1.0, -1, 1.5, "", "1", "x", "ü", "\u20ac\U0001f600", [], [None], {},
    {"p": None}, {"p": "1", "q": 1}, {"p": [1]}, [[1]], BIG - 1, -BIG, 1e17, 5e-324, "a\nb",
)  # fmt: skip


class Lines:
    """Draws the lines of one source; all plain ones bring their attributes in the same way."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.type_key = rng.choice(("@type", "@type", "type", "event_type"))
        self.time_key = rng.choice(("@time", "@time", "timestamp", "@timestamp", "ts", "time"))
        self.is_text = rng.random() < 0.4
        self.has_ids = self.has_sources = self.has_big = True
        self.has_begun = False
        #: Either lines are joined or they are broken, so that their number tells.
        self.joins = rng.random() < 0.5
        self.time = rng.choice((0, 1_600_000_000_000))

    def fields(self) -> dict[str, Any]:
        """The attributes and fields of a usual event."""
        rng = self.rng
        self.time += rng.choice((0, 0, 1, 999, 1000, 1000, 3000))
        made: dict[str, Any] = {
            self.type_key: rng.choice(("a", "a", "b", "c")),
            self.time_key: self.stamp(self.time),
        }
        names = [name for name in VALUES if rng.random() < 0.7]
        rng.shuffle(names)
        made |= {name: rng.choice(VALUES[name]) for name in names}
        if self.has_ids and rng.random() < 0.2:
            made["@id"] = f"e{rng.randint(0, 9)}"
        return made

    def stamp(self, time: int) -> Any:
        """A time as this source writes it."""
        if not self.is_text:
            return time
        seconds, ms = divmod(time, 1000)
        day, second = divmod(seconds, 86_400)
        clock = f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}.{ms:03}"
        return f"{'1970-01-01' if day == 0 else '2020-09-13'}T{clock}Z"

    def line(self, share: float) -> bytes:
        """A line, odd in this share of cases."""
        fields = self.fields()
        if share == 0.0:
            self.has_begun = True
        if self.rng.random() >= share:
            return _text(fields)
        return self.odd(fields)

    def unreadable(self) -> bytes:
        """A value that is no JSON, or hard to read; the first event brings no lone surrogate."""
        values = UNREADABLE if self.has_begun else UNREADABLE[:-1]
        return self.rng.choice(values if self.has_big else UNREADABLE[3:-1])

    def cloudevent(self, fields: dict[str, Any]) -> bytes:
        """A CloudEvent, of another source where there may be one."""
        source = "/s" if self.has_sources else SOURCE
        made = {"specversion": "1.0", "type": "a", "source": source, "id": "c1", "data": fields}
        if self.time < 86_400_000:
            made["time"] = "1970-01-01T00:00:05Z"
        return _text(made)

    def odd(self, fields: dict[str, Any]) -> bytes:
        """A line that is unusual in one way or another."""
        rng = self.rng
        text = _text(fields)
        name = rng.choice(tuple(VALUES))
        value = rng.choice(ODD) or None if name in ("k", "n") else rng.choice(ODD)
        # What no rule reads of events of the type is not checked, on either way.
        return rng.choice(
            (
                lambda: _text(fields | {name: value}),
                lambda: _text(fields | {name: value}),
                lambda: _text(fields | {name: value}),
                lambda: text[:-1] + b', "%s": %s}' % (name.encode(), _text(value)),
                lambda: b'{"%s": %s, ' % (name.encode(), _text(value)) + text[1:],
                lambda: _text(fields | {self.type_key: rng.choice(ODD_TYPES)}),
                lambda: _text(fields | {self.time_key: value}),
                lambda: _text({k: v for k, v in fields.items() if k != self.type_key}),
                lambda: _text({k: v for k, v in fields.items() if k != self.time_key}),
                lambda: _text(fields | {rng.choice(KEYS[not self.has_sources :]): value or None}),
                lambda: _text({rng.choice(KEYS[not self.has_sources :]): value or None} | fields),
                lambda: _text(fields | {rng.choice(("@subject", "@zone", "@key")): "x"}),
                lambda: _text(fields | {rng.choice(("@subject", "@zone", "@key")): value}),
                lambda: _text(fields | ({"@id": value or 7} if self.has_ids else {})),
                lambda: text.replace(b'"n"', b'"\\u006e"').replace(b'"x"', b'"\\u0078"'),
                lambda: self.cloudevent(fields),
                lambda: b"[" + self.cloudevent(fields) + b"]",
                lambda: _text(fields | {"specversion": value}),
                lambda: text if self.joins else rng.choice((b"", b" ", b"\r", b"\t ")),
                lambda: text + rng.choice((b" ", b"\r", b" \t", b",", b"}", b"x")),
                lambda: rng.choice((b" ", b"\t", b"\xef\xbb\xbf", b"x")) + text,
                lambda: text + b" " + text if self.joins else text,
                lambda: text + text if self.joins else text,
                lambda: text if self.joins else text.replace(b", ", b",\n", 1),
                lambda: text[: rng.randint(0, len(text))],
                lambda: rng.choice((b"[]", b"{}", b"null", b"1", b'"x"', b"[1]", b"not json")),
                lambda: _text(fields | {name: "%"}).replace(b'"%"', self.unreadable()),
                lambda: _text({name: "%"} | fields).replace(b'"%"', self.unreadable()),
                lambda: _text(fields | {"u": {"p": "%"}}).replace(b'"%"', self.unreadable()),
            )
        )()


KEYS = (
    "@source", "@other", "@type", "@time", "type", "time", "ts", "timestamp", "@timestamp",
    "event_type", "@offset", "@partition", "@received", "@topic",
)  # fmt: skip
ODD_TYPES: tuple[Any, ...] = (None, "", " ", "match.t.sum", "x.y", "a\n", 1, True, ["a"], {"a": 1})
UNREADABLE = (
    b"9223372036854775808", b"-9223372036854775809", b"1" * 40, b"1e400", b"-1e999", b"NaN",
    b"Infinity", b"-", b"01", b"1.", b"0x10", b"'x'", b'"\xff"', b'"\xed\xa0\x80"',
    b'"\\ud83d\\ude00"', b'"\\x"', b'"a\x01b"', b"-0", b"-0.0", b"1E2", b"1.0e0", b"tru",
    b"[1,]",
    b'"\\ud800"',
)  # fmt: skip


def _text(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def pipeline_of(plan: Plan, lateness: int) -> Pipeline:
    """Return a pipeline that shows what is rejected, but no whole events."""
    kinds = (KINDS | {"rejected"}) - {"late"}
    pipeline = build(plan, builtins(), BuildOptions(kinds, lateness_ms=lateness))
    pipeline.open(SOURCE)
    return pipeline


def codec_of(pipeline: Pipeline, options: InputOptions) -> JsonCodec:
    """Return a codec that checks what the rules of a pipeline read."""
    codec = JsonCodec(options)
    codec.read_only(pipeline.program.reads)
    return codec


def chunks_of(lines: list[bytes], rng: Random) -> list[Chunk]:
    """Join lines to chunks of random length."""
    text = b"".join(line + b"\n" for line in lines)
    physical = text.split(b"\n")[:-1]
    chunks = []
    at = 0
    while at < len(physical):
        part = physical[at : at + rng.choice((1, 2, 5, 20, 50))]
        chunks.append(Chunk(b"".join(line + b"\n" for line in part), at + 1, len(part)))
        at += len(part)
    return chunks


def counts_of(pipeline: Pipeline) -> list[Any]:
    """Return what the pipeline has counted."""
    stats = pipeline.stats
    counts = [stats.events, stats.late, stats.late_by_ms, stats.first, stats.last]
    return [*counts, pipeline.program.mismatches.counts, stats.rejected]


def quick(plan: Plan, chunks: list[Chunk], options: InputOptions, lateness: int) -> Any:
    """Run chunks through the typed decoder."""
    pipeline = pipeline_of(plan, lateness)
    decoder = LineDecoder(pipeline, codec_of(pipeline, options), options, SOURCE)
    records = []
    for chunk in chunks:
        decoder.feed(chunk)
        records += drained(pipeline)
    return records + ended(pipeline), counts_of(pipeline)


def cut(plan: Plan, chunks: list[Chunk], options: InputOptions, lateness: int) -> Any:
    """Run chunks through the typed decoder; before each go on from a checkpoint."""
    pipeline = pipeline_of(plan, lateness)
    codec = codec_of(pipeline, options)
    records = []
    for chunk in chunks:
        state, saved = codec.state(), pipeline.snapshot()
        pipeline = pipeline_of(plan, lateness)
        codec = codec_of(pipeline, options)
        codec.restore(state)
        assert pipeline.restore(saved) == []
        LineDecoder(pipeline, codec, options, SOURCE).feed(chunk)
        records += drained(pipeline)
    return records + ended(pipeline), counts_of(pipeline)


def full(plan: Plan, chunks: list[Chunk], options: InputOptions, lateness: int) -> Any:
    """Run chunks through the codec, line by line."""
    pipeline = pipeline_of(plan, lateness)
    codec = codec_of(pipeline, options)
    records = []
    for chunk in chunks:
        pipeline.feed(decode_chunk(codec, chunk, SOURCE), SOURCE)
        records += drained(pipeline)
    return records + ended(pipeline), counts_of(pipeline)


def agree(name: str, seed: int, share: float, lateness: int = 0, run: Any = quick) -> None:
    """Compare both ways for one seed."""
    rng = Random(f"{name} {seed} {share} {lateness}")
    drawn = Lines(rng)
    options = InputOptions(
        type=rng.choice((None, None, None, "a")),
        id_field=rng.choice((None, None, None, "k", "n")),
    )
    drawn.has_ids, drawn.has_sources = options.id_field is None, lateness == 0
    drawn.has_big = run is not cut
    shares = [share, 0.0, *[share] * rng.randint(1, 40)]
    chunks = chunks_of([drawn.line(each) for each in shares], rng)
    plan = PLANS[name]
    expected, counted = full(plan, chunks, options, lateness)
    found, counts = run(plan, chunks, options, lateness)
    text = b"".join(chunk.data for chunk in chunks).decode("utf-8", "replace")
    # Why a line is rejected is said the same way, but what it is compared with may differ.
    for record in found + expected:
        record.pop("message", None)
    assert by_rule(found) == by_rule(expected), f"{name} seed {seed} {options}\n{text}"
    assert counts == counted, f"{name} seed {seed} {options}\n{text}"


PLANS = {name: plan_of(text) for name, text in RULES.items()}


@pytest.mark.parametrize("name", RULES)
def test_usual_lines(name: str) -> None:
    """Lines that all look alike give the same records both ways."""
    for seed in seeds(15):
        agree(name, seed, 0.0)


@pytest.mark.parametrize("name", RULES)
def test_odd_lines(name: str) -> None:
    """So do lines of which some or many are unusual, and rejected ones are rejected both ways."""
    for seed in seeds(60):
        agree(name, seed, 0.1)
        agree(name, seed, 0.4)


@pytest.mark.parametrize("name", RULES)
def test_odd_lines_with_hold_back(name: str) -> None:
    """So they do when events wait for older ones, stateless rules aside."""
    for seed in seeds(25):
        agree(name, seed, 0.3, 2_000)


@pytest.mark.parametrize("name", RULES)
def test_a_cut_between_chunks(name: str) -> None:
    """A checkpoint before each chunk changes nothing, whatever is typed in a row."""
    for seed in seeds(25):
        agree(name, seed, 0.3, run=cut)
        agree(name, seed, 0.3, 2_000, run=cut)


def test_when_most_lines_are_odd() -> None:
    """A source that turns out to be odd is read the full way from there, with the same result."""
    drawn = Lines(Random("most are odd"))
    drawn.has_ids = drawn.has_sources = False
    lines = [drawn.line(0.0), *(drawn.line(0.9) for _ in range(900)), drawn.line(0.0)]
    text = b"".join(line.replace(b"\n", b" ") + b"\n" for line in lines)
    middle = text.index(b"\n", len(text) // 2) + 1
    first = Chunk(text[:middle], 1, text.count(b"\n", 0, middle))
    chunks = [first, Chunk(text[middle:], first.line_count + 1, text.count(b"\n", middle))]
    options = InputOptions(id_field="k")
    for plan in PLANS.values():
        expected, counted = full(plan, chunks, options, 0)
        found, counts = quick(plan, chunks, options, 0)
        for record in found + expected:
            record.pop("message", None)
        assert (found, counts) == (expected, counted)


UNCHECKED = (b"9223372036854775808", b"1" * 40, b"1e400", b'"\xff"', b'"\\ud800"')


@pytest.mark.parametrize("value", UNCHECKED)
def test_what_no_rule_reads_is_not_checked(value: bytes) -> None:
    """A value that is beyond reading costs no event, unless a rule asks for it or `--strict`."""
    line = b'{"@type": "a", "@time": 1, "n": 2, "s": "x", "%s": %s}\n'
    chunks = [Chunk(line % (b"n", b"2") + line % (b"u", value), 1, 2)]
    found, counts = quick(PLANS["typed"], chunks, InputOptions(), 0)
    assert [r["rule"] for r in found] == ["t.plain", "t.text"] * 2
    assert counts[0] == 2 and counts[-1] == {}
    if value != UNCHECKED[-1]:
        assert quick(PLANS["typed"], chunks, InputOptions(strict=True), 0)[1][-1] != {}
