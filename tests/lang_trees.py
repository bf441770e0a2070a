"""Draw random trees of the whole language, such as the parser gives."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from sluice.lang import declarations as decl
from sluice.lang import syntax as s

WORDS = (
    "user", "f", "time", "type", "list", "by", "status", "note", "count", "first", "within",
    "immediately", "rule", "test", "x", "every", "for", "at", "match", "_a1",
)  # fmt: skip
ODD = ("then", "in", "x-y", "a b", "#", "1st", "größe", '"', "@time", "a.b")

words = st.sampled_from(WORDS)
names = st.sampled_from(WORDS + ODD)
texts = st.text(st.characters(codec="utf-8"), max_size=8) | st.sampled_from(
    ("{user}", 'a "b"', "C:\\raw", "it's", "#", "\r\n\t", "\u2028", "'\"\\")
)
attributes = st.sampled_from(("@time", "@id"))


def maybe(strategy: Any) -> Any:
    """Draw None or a value."""
    return st.none() | strategy


def some(strategy: Any, low: int = 1, high: int = 3) -> Any:
    """Draw a tuple."""
    return st.lists(strategy, min_size=low, max_size=high).map(tuple)


dotted = some(st.sampled_from((*WORDS, "then", "x-y"))).map(".".join)
integers = st.sampled_from(
    [
        s.Number(3, "3"),
        s.Number(0, "0"),
        s.Number(1, "1"),
        s.Number(31, "0x1F"),
        s.Number(1000, "1_000"),
    ]
)
numbers = integers | st.sampled_from(
    [s.Number(1.5, "1.5"), s.Number(10_000_000, "10MB"), s.Number(2 * 1024**3, "2GiB")]
)
plain_names = st.builds(s.Name, words) | st.builds(s.Name, names, st.just(True))
durations = st.builds(s.DurationLiteral, st.integers(0, 10**10)) | plain_names
regexes = st.builds(
    s.Regex,
    some(st.sampled_from(("a", ".", r"\d", "/", "(?<x>y)", r"\\", "#", '"', "*", " "))).map(
        "".join
    ),
    st.sampled_from(("", "i", "ims")),
)
literals = st.one_of(
    numbers, st.builds(s.String, texts), st.builds(s.Bool, st.booleans()), st.just(s.Null()),
    st.builds(s.Percent, st.sampled_from((0.0, 80.0, 12.5, 0.001))),
    st.builds(s.DurationLiteral, st.integers(0, 10**10)),
    st.just(s.Address("10.0.0.7")), st.just(s.Network("10.0.0.0/8")),
)  # fmt: skip
heads = plain_names | st.builds(s.Name, attributes)
fields = words | st.sampled_from(("then", "x-y"))
paths = st.recursive(
    heads, lambda inner: st.builds(s.Member, inner, fields | attributes), max_leaves=3
)


def _arguments(exprs: Any) -> Any:
    return some(st.builds(s.Argument, exprs, maybe(names)), 0)


def _references(exprs: Any) -> Any:
    calls = st.builds(s.Call, dotted, _arguments(exprs), maybe(exprs))
    indexed = st.builds(s.Index, paths | calls, exprs)
    return st.one_of(
        paths, calls, indexed, st.builds(s.Member, calls | indexed, fields | attributes)
    )


def _lists(exprs: Any) -> Any:
    return st.builds(s.ListLiteral, some(exprs | regexes, 0))


def _tests(exprs: Any) -> Any:
    flags = (st.booleans(), st.booleans())
    plain = st.sampled_from(("contains", "starts with", "ends with", "like"))
    mode = st.sampled_from((None, "any", "all"))
    chain = st.lists(st.sampled_from("== != < <= > >= ==~ !=~".split()), min_size=1, max_size=2)
    return st.one_of(
        chain.flatmap(lambda ops: st.builds(
            s.Compare, st.just(tuple(ops)), some(exprs, len(ops) + 1, len(ops) + 1))),
        st.builds(s.In, exprs, exprs | _lists(exprs), *flags),
        st.builds(s.StringTest, plain, exprs, exprs | _lists(exprs), mode, *flags),
        st.builds(
            s.StringTest, st.just("matches"), exprs, exprs | regexes | _lists(exprs), mode, *flags),
        st.builds(s.Presence, st.sampled_from(("exists", "missing")), _references(exprs)),
        st.builds(s.Presence, st.just("null"), exprs),
        st.builds(s.Quantified, st.sampled_from(("any", "all")), names, exprs, exprs),
    )  # fmt: skip


def _grow(exprs: Any) -> Any:
    return st.one_of(
        _references(exprs), _lists(exprs), _tests(exprs),
        st.builds(s.Unary, st.sampled_from(("-", "not")), exprs),
        st.builds(s.Binary, st.sampled_from(("+", "-", "*", "/", "and", "or")), exprs, exprs),
    )  # fmt: skip


exprs = st.recursive(literals | heads, _grow, max_leaves=6)
references = _references(exprs)
keys = names | attributes
values: Any
objects: Any = st.deferred(lambda: st.builds(s.ObjectLiteral, some(st.tuples(keys, values), 0)))
values = exprs | st.builds(s.ListLiteral, some(exprs | objects, 0)) | objects

# ---------------------------------------------------------------- patterns

quantifiers = st.builds(
    s.Quantifier, integers | plain_names, maybe(integers | plain_names), st.booleans()
)
event_heads = st.one_of(
    st.builds(s.EventHead, dotted),
    st.builds(s.EventHead, dotted.map(lambda name: f"{name}.*")),
    st.just(s.EventHead("any")),
    st.builds(s.EventHead, dotted, some(exprs, 0)),
)
on = maybe(some(references, 1, 1) | some(exprs))
withouts = st.builds(s.Without, event_heads, on, maybe(exprs))


@st.composite
def steps(draw: Any, inner: Any, is_first: bool = True) -> s.Step:
    """Draw a step; only a later one has a gap."""
    found = draw(some(withouts, 0, 2))
    gap = None if is_first else draw(maybe(durations))
    return s.Step(
        draw(inner), draw(maybe(quantifiers)), draw(maybe(names)), draw(on), draw(maybe(exprs)),
        found, not is_first and draw(st.booleans()), gap,
    )  # fmt: skip


def _sequence(inner: Any) -> Any:
    rest = some(steps(inner, is_first=False), 0, 2)
    return st.tuples(steps(inner), rest).map(lambda both: (both[0], *both[1]))


def _composed(inner: Any) -> Any:
    branches = some(steps(inner))
    return st.one_of(
        st.builds(s.AnyOf, branches), st.builds(s.AllOf, branches),
        st.builds(s.Group, _sequence(inner)),
    )  # fmt: skip


step_heads = st.recursive(event_heads, _composed, max_leaves=3)
single_steps = steps(step_heads)
absences = st.builds(s.Absence, single_steps, durations)
patterns = st.builds(
    s.Pattern, _sequence(step_heads), maybe(absences), maybe(absences)
) | st.builds(s.Pattern, st.just(()), whole=absences)

# ---------------------------------------------------------------- clauses

tags = some(st.sampled_from(("attack.t1110.001", "team-a", "within", "then")))
metas = st.one_of(
    st.builds(decl.Meta, st.just("severity"), st.sampled_from((("info",), ("critical",)))),
    st.builds(decl.Meta, st.just("tags"), tags),
    st.builds(decl.Meta, st.sampled_from(("doc", "reference")), some(texts, 1, 1)),
    st.just(decl.Meta("status", ("stable",))), st.just(decl.Meta("disabled", ())),
    st.just(decl.Meta("unbounded", ())),
    st.builds(decl.Meta, st.just("priority"), st.sampled_from((("0.5",), ("1",)))),
)  # fmt: skip
cooldowns = st.builds(decl.Cooldown, durations, maybe(some(names)))
windows = st.one_of(
    st.builds(decl.Window, st.just("tumbling"), durations, offset=maybe(durations)),
    st.builds(decl.Window, st.just("hopping"), durations, durations, maybe(durations)),
    st.builds(decl.Window, st.just("sliding"), durations),
    st.builds(decl.Window, st.just("session"), durations, maximum=maybe(durations)),
    st.builds(decl.Window, st.just("last"), integers | plain_names),
)
bare = paths | st.builds(s.Member, references, fields | attributes)
key_parts = st.builds(decl.KeyPart, bare, st.none(), st.booleans()) | st.builds(
    decl.KeyPart, exprs, names, st.booleans()
)
bindings = st.builds(decl.Binding, bare) | st.builds(decl.Binding, exprs, names)
notes = st.builds(
    decl.NoteClause, st.sampled_from(("sop_update", "anomaly_detected")),
    st.builds(s.String, texts), maybe(st.builds(s.String, texts)),
)  # fmt: skip
modes = maybe(st.sampled_from(("simulate", "ask", "auto")))
clauses = st.one_of(
    st.builds(decl.When, patterns), st.builds(decl.By, some(key_parts)),
    st.builds(decl.Within, durations), windows,
    st.builds(decl.Having, exprs, maybe(durations), st.booleans()),
    st.builds(decl.Unseen, some(exprs), durations, maybe(durations)),
    st.builds(decl.ExpectKeys, references, exprs), st.builds(decl.Select, some(bindings)),
    metas, st.just(decl.Meta("overlap", ("all",))), st.just(decl.Meta("overlap", ("latest",))),
    st.builds(decl.Emit, dotted, objects), notes, cooldowns,
    st.builds(decl.Mitigate, dotted, _arguments(exprs), maybe(durations), modes),
    st.builds(decl.CallAction, dotted, _arguments(exprs)), st.builds(decl.Until, single_steps),
)  # fmt: skip
tune_clauses = st.one_of(
    st.builds(decl.Except, exprs, maybe(st.builds(s.String, texts))),
    st.builds(decl.SetParam, dotted, values), metas, cooldowns,
)  # fmt: skip

# ---------------------------------------------------------------- tests and declarations

statements = st.one_of(
    st.builds(decl.Start, texts), st.builds(decl.LatenessStatement, durations),
    st.builds(
        decl.At, durations, dotted, objects, st.integers(1, 9), maybe(durations), st.booleans()),
    st.builds(decl.Advance, durations),
    st.builds(decl.Given, dotted, values, maybe(some(exprs, 0))),
    st.builds(decl.Expect, st.just("match"), at=maybe(durations), fields=objects),
    st.builds(decl.Expect, st.just("event"), dotted, maybe(durations), objects),
    st.builds(decl.Expect, st.sampled_from(("count", "suppressed")), number=st.integers(0, 9)),
    st.builds(decl.Expect, st.sampled_from(("nothing", "pending"))),
    st.builds(decl.Expect, st.just("note"), st.just("sop_update"), text=maybe(texts)),
    st.builds(decl.Expect, st.just("mitigation"), dotted, fields=maybe(objects)),
)  # fmt: skip
types = st.recursive(
    st.builds(decl.TypeExpr, st.sampled_from(("string", "any", "time")), st.booleans())
    | st.builds(decl.TypeExpr, st.just("enum"), st.booleans(), some(texts)),
    lambda inner: st.builds(decl.TypeExpr, st.just("list"), st.booleans(), item=inner)
    | st.builds(
        decl.TypeExpr, st.just("object"), st.booleans(),
        fields=some(st.builds(decl.FieldDecl, names, inner), 0)),
    max_leaves=4,
)  # fmt: skip
declared = some(st.builds(decl.FieldDecl, names, types), 0)
lines = st.builds(decl.ExtractLine, paths, regexes, maybe(objects))
parameters = maybe(some(names, 0))
declarations = st.one_of(
    st.builds(decl.Pack, names, some(metas | cooldowns, 0)), st.builds(decl.Import, texts),
    st.builds(decl.EventDecl, dotted, declared),
    st.builds(decl.Extract, dotted, dotted, maybe(exprs), some(lines, 0)),
    st.builds(
        decl.ListDecl, names, maybe(st.sampled_from(("int", "regex"))),
        some(values | regexes, 0), st.none()),
    st.builds(decl.ListDecl, names, maybe(st.just("cidr")), st.none(), texts),
    st.builds(decl.TableDecl, names, declared, texts), st.builds(decl.Param, names, values),
    st.builds(decl.Let, names, parameters, single_steps),
    st.builds(decl.Def, names, parameters, exprs),
    st.builds(decl.Rule, names, maybe(texts), some(clauses, 0, 4)),
    st.builds(decl.Tune, dotted, some(tune_clauses, 0)),
    st.builds(decl.Test, dotted, maybe(texts), some(statements, 0, 4)),
)  # fmt: skip
files = st.builds(decl.File, st.just("a.sluice"), some(declarations, 0, 3))
