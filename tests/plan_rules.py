"""Rules of every kind as hand-built plans, for stories about explaining, naming and rewriting."""

from __future__ import annotations

from sluice.model import ANY, BOOL, DURATION, INT, STRING
from sluice.plan import exprs as x
from sluice.plan import nodes as n

MINUTE = 60_000
USER = x.Field(("user",), STRING)
KEY = (n.KeyPart("user", STRING),)

LISTS = {
    "office": n.ListValues("cidr", ("10.0.0.0/8",)),
    "names": n.ListValues("string", ("root", "admin"), from_file=True),
}


def is_equal(field: str, value: str) -> x.Expr:
    """Return `field == "value"`."""
    return x.Cmp("==", x.Field((field,), STRING), x.Const(value, STRING))


def atom(position: int, kind: str, alias: str | None = None, where: x.Expr | None = None) -> n.Atom:
    """Return a test keyed by user."""
    return n.Atom(position, (kind,), where, (USER,), alias)


def step(position: int, kind: str, alias: str | None = None, where: x.Expr | None = None) -> n.Step:
    """Return a step that takes one event."""
    return n.Step("one", (atom(position, kind, alias, where),))


def count(least: int) -> n.Having:
    """Return `having count() >= least`."""
    agg = x.Agg("count", "window", None, type=INT)
    return n.Having(x.Cmp(">=", agg, x.Const(least, INT)))


def _brute_force() -> n.RulePlan:
    failed = n.Step("one", (atom(0, "auth.login", "f", is_equal("outcome", "failure")),), 5, None)
    entry = n.Entry(withouts=(n.Atom(2, ("iam.password_reset",), None, (USER,)),))
    inside = x.InNetworks(x.Field(("source_ip",), STRING), list_name="office")
    success = x.And((is_equal("outcome", "success"), x.Not(inside)))
    login = n.Step("one", (atom(1, "auth.login", "s", success),), entry=entry)
    other = x.Cmp(
        "==",
        x.AliasField("s", (1,), 0, ("country",), STRING),
        x.AliasField("f", (0,), 0, ("country",), STRING),
    )
    return n.RulePlan(
        "auth.brute_force",
        n.Sequence((failed, login), 10 * MINUTE),
        KEY,
        having=n.Having(x.Not(other)),
        select=(
            ("attempts", x.Agg("count", "alias", (0,), type=INT)),
            ("source_ip", x.AliasField("s", (1,), 0, ("source_ip",), STRING)),
        ),
        effects=(
            n.NoteEffect(
                "policy_violation",
                n.Text((x.KeyValue(0, STRING), ": ", x.Selected(0, INT), " failed logins")),
            ),
            n.MitigateEffect("block_ip", (("address", x.Selected(1, STRING)),), 15 * MINUTE),
        ),
        cooldown=n.Cooldown(10 * MINUTE),
        title="Password guessing, then a login",
        severity="high",
        tags=("attack.t1110",),
    )


def _filters() -> list[n.RulePlan]:
    process = x.And(
        (
            x.TextTest(
                "contains",
                x.Field(("cmd",), STRING),
                (x.Const("-enc", STRING), x.Const("iex", STRING)),
                fold=True,
            ),
            x.Matches(x.Field(("image",), STRING), (("powershell|pwsh", "i"),)),
            x.Cmp(">", x.Field(("bytes",), INT), x.Const(1_000_000, INT)),
        )
    )
    return [
        n.RulePlan("t.filter", n.Filter(step(0, "proc.start", None, process)), KEY),
        n.RulePlan(
            "t.filter_any",
            n.Filter(n.Step("any_of", (atom(0, "a.x", "p"), atom(1, "a.y", "q")))),
            KEY,
            excepts=(is_equal("user", "backup"),),
        ),
        n.RulePlan(
            "t.cooldown",
            n.Filter(step(0, "a.x")),
            KEY,
            select=(("port", x.Field(("port",), INT)),),
            effects=(n.EmitEffect("alert.raised", (("port", x.Selected(0, INT)),)),),
            cooldown=n.Cooldown(5 * MINUTE, (0,)),
        ),
        n.RulePlan(
            "t.unseen",
            n.Filter(step(0, "auth.login")),
            KEY,
            unseen=n.Unseen((x.Field(("country",), STRING),), 90 * 24 * 60 * MINUTE, 3_600_000),
        ),
        n.RulePlan(
            "t.listed",
            n.Filter(step(0, "a.x", None, x.InValues(USER, list_name="names"))),
        ),
    ]


def _absences() -> list[n.RulePlan]:
    asked = n.Sequence(
        (step(0, "a.request", "r"),),
        trailing=n.Absent(atom(1, "a.answer"), 15_000),
        leading=n.Absent(atom(2, "a.notice"), MINUTE),
    )
    beat = n.Absent(atom(0, "a.beat"), 15_000)
    return [
        n.RulePlan("t.no_answer", asked, KEY),
        n.RulePlan("t.silence", n.Silence(beat, ("a", "b")), KEY),
    ]


def _sequences() -> list[n.RulePlan]:
    gap = n.Entry(gap_ms=5_000)
    immediate = n.Entry(immediately=True)
    group = n.Repeat((step(1, "a.y"), step(2, "a.z")), 1, 3, entry=gap)
    elevated = x.Quantified(
        "any", "c", x.Field(("roles",)), x.Cmp("==", x.Variable("c"), x.Const("admin", STRING))
    )
    return [
        n.RulePlan("t.gaps", n.Sequence((step(0, "a.x"), group), None, "shared"), KEY),
        n.RulePlan(
            "t.latest",
            n.Sequence(
                (step(0, "a.x"), n.Step("one", (atom(1, "a.y"),), 2, 4, True, immediate)),
                MINUTE,
                "latest",
            ),
            KEY,
            until=atom(2, "a.reset", None, elevated),
        ),
        n.RulePlan(
            "t.every_choice",
            n.Sequence((step(0, "a.x"), step(1, "a.y")), MINUTE, "all"),
            (n.KeyPart("user", STRING, True),),
        ),
        n.RulePlan(
            "t.all_of",
            n.Sequence((n.Step("all_of", (atom(0, "a.x", "p"), atom(1, "a.y", "q"))),), MINUTE),
            KEY,
        ),
        n.RulePlan("t.unbounded", n.Sequence((step(0, "a.x"), step(1, "a.y"))), unbounded=True),
    ]


def _aggregates() -> list[n.RulePlan]:
    counted = step(0, "http.request")
    failing = x.Cmp(">=", x.Field(("status",), INT), x.Const(500, INT))
    agg = x.Agg("count", "window", None, where=failing, type=INT)
    usual = x.Agg("zscore", "window", None, type=ANY, inner=agg, history=12)
    slow = x.Cmp(">", x.Agg("max", "window", None, x.Field(("took",))), x.Const(250, DURATION))
    return [
        n.RulePlan("t.sliding", n.Aggregate(counted, n.Window("sliding", MINUTE)), KEY,
                   having=n.Having(count(5).condition, 7_000)),
        n.RulePlan("t.last", n.Aggregate(counted, n.Window("last", 100)), KEY,
                   having=n.Having(slow, each=True)),
        n.RulePlan("t.hopping", n.Aggregate(counted, n.Window("hopping", 5 * MINUTE, MINUTE)), KEY,
                   having=n.Having(x.Cmp(">", usual, x.Const(3, INT)))),
        n.RulePlan("t.session", n.Aggregate(counted, n.Window("session", 30_000, 0, 0, 3_600_000)),
                   KEY, having=n.Having(x.Truth(x.Const(True, BOOL)))),
    ]  # fmt: skip


EVERY = [*_filters(), *_sequences(), *_absences(), *_aggregates()]
RULES = {rule.name: rule for rule in [_brute_force(), *EVERY]}
PLAN = n.Plan(tuple(RULES.values()), lists=LISTS)
