"""What SQL makes of each construct: data for `explain --backend duckdb` and for the reference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: `exact`: SQL leaves just the events for which it holds. `wider`: these and some others, which
#: the operators then refuse. `open`: SQL says nothing about it, and leaves what the rest leaves.
Width = Literal["exact", "wider", "open"]


@dataclass(frozen=True, slots=True)
class Support:
    """A construct, how closely SQL follows it, and why not closer."""

    group: Literal["conditions", "rules", "events"]
    construct: str
    width: Width
    why: str = ""


def _conditions(width: Width, *entries: tuple[str, str]) -> tuple[Support, ...]:
    return tuple(Support("conditions", construct, width, why) for construct, why in entries)


def _rules(width: Width, *entries: tuple[str, str]) -> tuple[Support, ...]:
    return tuple(Support("rules", construct, width, why) for construct, why in entries)


SUPPORT: tuple[Support, ...] = (
    *_conditions(
        "exact",
        ("event types, `TYPE.*`", ""),
        ('`==`, `!=`, `in`, `not in` with texts', "a text such as `\"5\"` is wider: in JSON a "
         "number is written like it"),
        ("`< <= > >=` with a number below 2^53, or with a text", "`\"5\"` passes as 5"),
        ("`contains`, `starts with`, `ends with`, also with `any` and `all`", ""),
        ("`matches`", "`i` and classes such as `\\p{Lu}` let through texts that are not ASCII: the "
         "tables of Unicode are of different age"),
        ("`exists`, `missing`", "a field with a schema is wider: what does not fit it is missing"),
        ("`and`, `or`, `not`", "as exact as their parts"),
        ("paths `a.b`, `a[0].b`", ""),
    ),
    *_conditions(
        "wider",
        ("`==`, `!=` with a number", "`\"5\"` and `5` are the same text in a column"),
        ("numbers from 2^53 on", "two whole numbers can be one double"),
        ("`==~`, `in~`, `contains~` and others with `~`", "texts that are not ASCII are let "
         "through: no two tables fold case alike"),
        ("`like`", "only the parts between the wildcards are looked for"),
        ("`in` a network", "only whole bytes of an address are compared, and each address of IPv6 "
         "is let through"),
        ("`x in xs`, `any (…)`, `all (…)`, arithmetic, functions, `is null`, `table[…]`",
         "SQL asks that the fields are there"),
    ),
    *_conditions(
        "open",
        ("aliases of earlier steps", "they are known only when the match is under way"),
        ("`coalesce`, `if` and other functions that take missing values", ""),
        ("fields whose names have quotes, backslashes or letters beyond ASCII", ""),
        ("attributes other than `@type` and `@time`", ""),
    ),
    *_rules(
        "exact",
        ("a filter", "its `having`, and `cooldown`, are decided afterwards"),
    ),
    *_rules(
        "wider",
        ("thresholds and sequences with `within`, an absence before or after", "SQL leaves events "
         "that have all that a match needs near by, of one key"),
        ("`window sliding`, `tumbling`, `hopping` with `count(…) >= n` or `distinct(…) >= n`",
         "the same, with n events"),
        ("other windows, sequences without `within`, `unseen`, rules on what rules find",
         "SQL leaves all events that a step, absence, `without` or `until` could fit"),
        ("`then immediately`", "every event of a type that the rule names is left"),
        ("`extract`", "SQL leaves the texts that one of its lines fits"),
    ),
    *_rules(
        "open",
        ("a step with `any` and no condition that SQL can tell", "the rule has to see everything, "
         "so the stream engine runs it"),
    ),
    Support("events", "JSON lines in a plain file, the Parquet files of a lake", "exact"),
    Support("events", "a key twice in one object", "wider", "the last counts, SQL reads the first: "
            "such lines are left"),
    Support("events", "other codecs, packed files, arrays", "open", "`auto` takes the stream; "
            "`sql` and `both` decode them first"),
    Support("events", "events too late for their file, without `--sort`", "open", "rules with "
            "state do not see them; the stream engine runs"),
    Support("events", "lines whose type or time SQL cannot tell (leap seconds, lone surrogates)",
            "open", "the stream engine runs"),
)  # fmt: skip


def support_table() -> str:
    """Return the table as text, for a terminal."""
    lines = []
    for each in SUPPORT:
        lines.append(f"  {each.width:6} {each.construct.replace('`', '')}")
        if each.why:
            lines.append(f"{'':11}{each.why.replace('`', '')}")
    return "\n".join(lines)
