"""Loading, checking and lowering, where a story cannot show it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sluice.catalog import Action, Catalog, Function, Parameter, builtins
from sluice.lang import CODES, Checked, Code, Texts, check, given_values, load, syntax
from sluice.model import STRING
from sluice.plan import Filter, exprs, lower, nodes
from tests.check_commands import read_files


def check_text(text: str, catalog: Catalog | None = None, **files: str) -> Checked:
    """Check one file `a.sluice`, with others by path."""
    texts = {"a.sluice": text, **{f"{k}.sluice": v for k, v in files.items()}}
    return check(load(["a.sluice"], Texts(texts)), catalog or builtins())


def codes(checked: Checked) -> list[str]:
    """Return the codes of all findings but that of rules without a test."""
    return [d.code for d in checked.diagnostics if d.code != "SL0511"]


def test_findings_are_sorted_by_place_and_code() -> None:
    """Whatever finds them, findings stand in the order of the file."""
    found = check_text("rule b { when x where lowr(y) or uper(y) }\nrule a { when x a }\nlet m")
    places = [(d.span.file, d.span.line, d.span.column, d.code) for d in found.diagnostics]
    assert places == sorted(places)
    assert len(places) > 3


#: The examples of the table that leave something out, in full.
IN_FULL = {
    "SL0109": "list bad_hosts = [" + '"host", ' * 1_000_001 + "]",
    "SL0110": "def f = " + " or ".join(["x == 1"] * 201),
    "SL0117": "rule\n" * 1_000,
}
ALL_CODES = [pytest.param(code, id=code.code) for code in CODES.values()]


def found_in(text: str) -> list[str]:
    """Return the codes of what is found in an example; `== PATH` begins another file."""
    files = read_files(text)
    roots = [path for path, part in files.items() if path.endswith(".sluice") and part]
    month_ms = 30 * 24 * 3_600_000
    checked = check(load(roots, Texts(files)), builtins(), retention_ms=month_ms)
    return [d.code for d in checked.diagnostics]


@pytest.mark.parametrize("code", ALL_CODES)
def test_every_code_can_be_looked_up(code: Code) -> None:
    """A finding has a page that says what, why, and how to put it right."""
    assert all((code.name, code.what, code.why, code.example, code.fix, code.fixed))
    assert ("…" in code.example) == (code.code in IN_FULL)


@pytest.mark.parametrize("code", ALL_CODES)
def test_the_example_of_a_code_causes_it(code: Code) -> None:
    """The table of codes does not lie about what is wrong."""
    assert code.code in found_in(IN_FULL.get(code.code, code.example))


@pytest.mark.parametrize("code", ALL_CODES)
def test_the_mended_example_of_a_code_is_fine(code: Code) -> None:
    """Nor about the remedy: nothing is found in it, but that most have no test."""
    assert [each for each in found_in(code.fixed) if each != "SL0511"] == []
    assert code.code != "SL0511" or found_in(code.fixed) == []


def test_a_broken_rule_is_left_out_and_the_others_are_lowered() -> None:
    """`--skip-broken-rules` needs a plan of the rest."""
    found = check_text("rule good { when x }\nrule bad { when y where lowr(z) }")
    assert [rule.name for rule in lower(found, builtins()).rules] == ["a.good"]


@pytest.mark.parametrize(
    "declared", ["param limit = = 3", 'param limit = "\\q"', "def limit = (3", "list limit = [1"]
)
def test_a_rule_that_uses_what_has_an_error_is_broken(declared: str) -> None:
    """Nobody knows what it would do: a name that could not be read is no field, nor a guess."""
    found = check_text(f"{declared}\nrule good {{ when x }}\nrule bad {{ when y where z > limit }}")
    assert len([d for d in found.diagnostics if d.severity == "error"]) == 1
    assert [rule.name for rule in lower(found, builtins()).rules] == ["a.good"]


def test_an_extract_that_uses_what_has_an_error_is_broken() -> None:
    """What it would make of a line is a guess as well."""
    text = (
        "def odd = = 1\nextract a from b where x == odd { m matches /(?<u>.)/ }\nrule r { when c }"
    )
    assert [each.is_broken for each in check_text(text).extracts] == [True]


def test_rules_in_a_cycle_are_all_broken() -> None:
    """No rule of a cycle can run."""
    found = check_text("rule p { when match.a.q }\nrule q { when match.a.p }\nrule r { when x }")
    assert [rule.name for rule in lower(found, builtins()).rules] == ["a.r"]


def test_overrides_take_texts_as_the_command_line_gives_them() -> None:
    """`--set auth.limit=7` needs no quotes, neither for a number nor for a text."""
    text = 'param limit = 3\nparam name = "x"\nrule r { when e where n > limit and who == name }'
    rules = load(["a.sluice"], Texts({"a.sluice": text}))
    found = check(rules, builtins(), {"a.limit": "7", "a.name": "bob"})
    assert codes(found) == []
    (rule,) = lower(found, builtins()).rules
    consts = [e.value for e in exprs.walk(_where(rule)) if isinstance(e, exprs.Const)]
    assert consts == [7, "bob"]


def _where(rule: nodes.RulePlan) -> exprs.Expr:
    assert isinstance(rule.pattern, Filter)
    where = rule.pattern.step.atoms[0].where
    assert where is not None
    return where


def test_given_wins_over_overrides_and_they_over_tune() -> None:
    """A test says what it wants; what is set from outside is not silently undone by a tune."""
    text = "param n = 1\nrule r { when e where x > n }\nrule s { when f where x > n }"
    text += "\ntune a.r { set n = 3 }"
    rules = load(["a.sluice"], Texts({"a.sluice": text}))

    def limits(found: Checked) -> list[object]:
        nodes_of = [exprs.walk(_where(rule)) for rule in lower(found, builtins()).rules]
        return [e.value for walked in nodes_of for e in walked if isinstance(e, exprs.Const)]

    assert limits(check(rules, builtins())) == [3, 1]
    assert limits(check(rules, builtins(), {"a.n": "2"})) == [2, 2]
    assert limits(check(rules, builtins(), {"a.n": "2"}, given={"a.n": "4"})) == [4, 4]


def _is_const(expr: exprs.Expr) -> bool:
    return isinstance(expr, exprs.Const)


def test_a_test_gives_lists_and_tables() -> None:
    """`given` replaces what a file would hold."""
    text = """
list hosts from "hosts.txt"
table owners { host: string  owner: string } from "owners.csv"
rule r { when e where host in hosts and owners[host].owner == "ann" }
test r {
  given hosts = ["h1"]
  given owners = { h1: { owner: "ann" } }
  expect nothing
}
"""
    files = {"a.sluice": text, "hosts.txt": "h9", "owners.csv": "host,owner\nh9,bob"}
    rules = load(["a.sluice"], Texts(files))
    plain = check(rules, builtins())
    given = given_values(rules, plain.tests[0])
    found = check(rules, builtins(), given=given)
    assert codes(found) == []
    plan = lower(found, builtins())
    assert plan.tables["a.owners"].rows == {"h1": ("h1", "ann")}
    tests = [e for e in exprs.walk(_where(plan.rules[0])) if isinstance(e, exprs.InValues)]
    assert [(t.values, t.list_name) for t in tests] == [(("h1",), None)]


def test_the_version_of_a_rule_is_its_meaning() -> None:
    """Names, layout and metadata leave the version alone; a param does not."""
    plain = 'rule r { when e as f where x > 3 and y in ["a"] severity low }'
    named = (
        'param n = 3 list l = ["a"] let big = e where x > n\n'
        'rule other "title" { when big as g where y in l severity high note anomaly_detected "x" }'
    )
    more = named.replace("n = 3", "n = 4")
    versions = [lower(check_text(t), builtins()).rules[0].version for t in (plain, named, more)]
    assert versions[0] == versions[1] != versions[2]


def test_the_same_text_gives_the_same_plan() -> None:
    """Checking keeps nothing from one call to the next."""
    text = "pack p\nrule r { when a then b within 1m by user select n = 1 }"
    assert lower(check_text(text), builtins()) == lower(check_text(text), builtins())


def test_plugins_bring_functions_and_actions_of_their_own() -> None:
    """`geo.country(ip)` and `call chat.post(…)` come from the catalog that is passed in."""
    country = Function(
        "geo.country", (Parameter("address", STRING),), STRING, lambda a: "DE", "d", ("1", "1")
    )
    post = Action("chat.post", (Parameter("text", STRING),), "d", "e")
    catalog = builtins().with_entries([country, post])
    text = 'rule r { when e where geo.country(ip) == "DE" call chat.post("hello") }'
    assert codes(check_text(text)) == ["SL0203", "SL0205"]
    found = check_text(text, catalog)
    assert codes(found) == []
    (effect,) = lower(found, catalog).rules[0].effects
    assert effect == nodes.MitigateEffect(
        "chat.post", (("text", exprs.Const("hello", STRING)),), is_call=True
    )


def test_a_macro_argument_cannot_be_caught_by_a_name_of_the_macro() -> None:
    """Hygiene: a variable of the macro does not capture what the caller wrote."""
    found = check_text(
        "def has(p) = any (c in ys: c == p)\nrule r { when e where any (c in xs: has(c)) }"
    )
    outer = _where(lower(found, builtins()).rules[0])
    assert isinstance(outer, exprs.Quantified) and isinstance(outer.condition, exprs.Quantified)
    inner = outer.condition
    assert inner.variable != outer.variable
    assert inner.condition == exprs.Cmp(
        "==", exprs.Variable(inner.variable), exprs.Variable(outer.variable)
    )


def test_silence_leaves_errors() -> None:
    """Only lints can be silenced."""
    rules = load(["a.sluice"], Texts({"a.sluice": "rule r { when e where lowr(x) }"}))
    found = check(rules, builtins(), silence={"SL0203", "SL0511"})
    assert [d.code for d in found.diagnostics] == ["SL0203"]


def test_a_tune_sees_the_names_of_its_own_file() -> None:
    """Exceptions are written where they are kept, not where the rule is."""
    texts = Texts({
        "rules.sluice": "pack p\nrule r { when e }",
        "local.sluice": 'def robot = user == "bot"\ntune p.r { except where robot "ours" }',
    })  # fmt: skip
    found = check(load(["rules.sluice", "local.sluice"], texts), builtins())
    assert codes(found) == []
    (rule,) = lower(found, builtins()).rules
    assert rule.excepts == (
        exprs.Cmp("==", exprs.Field(("user",)), exprs.Const("bot", STRING)),
    )  # fmt: skip


def test_a_byte_order_mark_is_no_part_of_a_file() -> None:
    """Editors of one system write it."""
    assert codes(check_text("\ufeffrule r { when e }")) == []


def test_a_file_that_is_no_text_is_blamed_at_its_byte(tmp_path: Path) -> None:
    """Who saved it in another encoding finds the letter."""
    (tmp_path / "a.sluice").write_bytes("rule r { when a }\n# é".encode() + "ü\n".encode("cp1252"))
    (tmp_path / "b.sluice").write_bytes(b'import "a.sluice"\nimport "c.sluice"')

    class Files:
        def read(self, path: str) -> str:
            return (tmp_path / path).read_text("utf-8")

    found = check(load(["a.sluice", "b.sluice"], Files()), builtins()).diagnostics
    a, again, missing = found
    assert (a.message, a.hint) == (
        "the file `a.sluice` is not UTF-8: byte 0xFC in line 2", "save it as UTF-8"
    )  # fmt: skip
    assert (a.span.file, a.span.line, a.span.column) == ("a.sluice", 2, 4)
    assert (again.message, again.span.file, again.span.line) == (a.message, "b.sluice", 1)
    assert missing.message == "the file `c.sluice` does not exist"
    assert missing.hint == "paths are relative to the file that names them"


def test_expressions_given_as_trees_replace_params() -> None:
    """A backtest sweeps without printing and reading again."""
    rules = load(["a.sluice"], Texts({"a.sluice": "param n = 1\nrule r { when e where x > n }"}))
    found = check(rules, builtins(), {"a.n": replace(syntax.Number(5, "5"))})
    consts = [e for e in exprs.walk(_where(lower(found, builtins()).rules[0])) if _is_const(e)]
    assert [getattr(c, "value", None) for c in consts] == [5]
