"""What SQL makes of each construct: data for `explain --backend duckdb` and for the reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

#: `exact`: SQL leaves just the events for which it holds. `wider`: these and some others, which
#: the operators then refuse. `open`: SQL says nothing about it, and leaves what the rest leaves.
Width = Literal["exact", "wider", "open"]


Group = Literal["conditions", "rules", "counts", "events"]

#: What the constructs of a group are about, as a title.
SUPPORT_GROUPS: Mapping[Group, str] = {
    "conditions": "Conditions",
    "rules": "Rules",
    "counts": "Counted by SQL alone, on a packed lake, when no single match is asked for",
    "events": "Events",
}


@dataclass(frozen=True, slots=True)
class Support:
    """A construct, how closely SQL follows it, and why not closer."""

    group: Group
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
    *(
        Support("counts", construct, "exact", why)
        for construct, why in (
            ("a filter by day and key, `step{n}` with or without `within`, `no b within D`", "with "
             "`cooldown` too; not where another rule listens to it"),
            ("`and`, `or`, `not`, `exists`, `missing` over fields at the top of an event", ""),
            ("`== != < <= > >=`, `in`, `not in` with constants", "below 2^53 where a column has "
             "fractions"),
            ("`contains`, `starts with`, `ends with`, and `matches` without `i`", ""),
        )
    ),
    Support("counts", "keys that are not one field, fields of mixed types, objects and lists, "
            "fields declared as `ip`, `enum`, `time`, all other conditions", "open",
            "the operators decide on the events that SQL leaves"),
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
    lines, group = [], None
    for each in SUPPORT:
        if each.group != group:
            group = each.group
            lines.append(SUPPORT_GROUPS[group])
        lines.append(f"  {each.width:6} {each.construct.replace('`', '')}")
        if each.why:
            lines.append(f"{'':11}{each.why.replace('`', '')}")
    return "\n".join(lines)
