"""The table of all diagnostic codes: what each means, why it matters, an example, the fix.

SL01xx syntax, SL02xx names, SL03xx types, SL04xx patterns and bounds, SL05xx lints,
SL06xx files, imports and lists, SL07xx tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sluice.errors import Severity
from sluice.lang.codes_check import ROWS


@dataclass(frozen=True, slots=True)
class Code:
    """One kind of diagnostic: `example` is a text that causes it, `fixed` the same put right, `fix`
    says how.

    In `example` and `fixed` a line `== PATH` begins another file, and `…` leaves something out.
    """

    code: str
    name: str
    severity: Severity
    what: str
    why: str
    example: str
    fix: str
    fixed: str


SYNTAX = (
    Code(
        "SL0101", "unexpected", "error",
        "Something stands where the grammar does not expect it.",
        "A rule that is read differently from how it was meant would watch for the wrong thing.",
        "rule a { when b within }",
        "Write what the message says is expected: `rule a { when b within 10m }`.",
        "rule a { when b{2} within 10m }",
    ),
    Code(
        "SL0102", "unterminated", "error",
        "A text, a regular expression or a name in backticks does not end on its line.",
        'Only `"""…"""` may span lines; otherwise the rest of the file would become text.',
        'rule a "title { when b }',
        'Close it: `rule a "title" { when b }`.',
        "rule a \"title\" { when b }",
    ),
    Code(
        "SL0103", "unclosed", "error",
        "A brace, bracket or parenthesis is opened and never closed.",
        "Where it ends decides what belongs to it.",
        "rule a { when b",
        "Close it: `rule a { when b }`.",
        "rule a { when b }",
    ),
    Code(
        "SL0104", "stray-closing", "error",
        "A closing brace, bracket or parenthesis closes nothing, or something else.",
        "Where it ends decides what belongs to it.",
        "rule a { when b where (x == 1] }",
        "Write the one that fits what was opened: `rule a { when b where (x == 1) }`.",
        "rule a { when b where (x == 1) }",
    ),
    Code(
        "SL0105", "invalid-character", "error",
        "A character that the language does not use outside texts and comments.",
        "It is often left by a word processor: a curly quote, a dash, a no-break space.",
        "rule a { when b; by user }",
        "Delete it, or put a name that needs it in backticks: `` `user-agent` ``.",
        "rule a { when b by user }",
    ),
    Code(
        "SL0106", "bad-escape", "error",
        r'A backslash in a text is followed by something other than `"`, `\`, n, r, t or u{…}.',
        "A silent guess would change what a rule compares with.",
        r'def temp = "C:\windows"',
        r"""Double the backslash, or use a raw text: `'C:\windows'`.""",
        "def temp = \"C:\\\\windows\"",
    ),
    Code(
        "SL0107", "bad-number", "error",
        "A number with a unit that does not exist, units in the wrong order, or a part missing.",
        "`15min` could be read as 15 followed by a name.",
        "rule a { when b{2} within 15min }",
        "Write one of the units w d h m s ms, falling, or KB MB GB TB: `15m`, `1h30m`, `10MB`.",
        "rule a { when b{2} within 15m }",
    ),
    Code(
        "SL0108", "misspelt", "error",
        "A word that is close to the only words that can stand there.",
        "Clauses and keywords are fixed words; an unknown one would be ignored at your peril.",
        "rule a { when b{2} wihtin 10m }",
        "Use the word that the message proposes: `within`.",
        "rule a { when b{2} within 10m }",
    ),
    Code(
        "SL0109", "file-too-large", "error",
        "A rule file is larger than 8 MB.",
        "Such a file is data, not rules, and would take minutes to check.",
        "list bad_hosts = [\"host-1\", \"host-2\", …]   # and 8 MB more",
        'Move the data to a list or table file: `list bad_hosts from "bad_hosts.txt"`.',
        "list bad_hosts from \"bad_hosts.txt\"\n"
        "== bad_hosts.txt\n"
        "host-1\n"
        "host-2",
    ),
    Code(
        "SL0110", "too-deep", "error",
        "Something is nested deeper than 200 levels.",
        "Every level costs stack in each step that follows.",
        'def f = x == "a" or x == "b" or …   # 201 times',
        'Use a list: `x in ["a", "b", …]`, or name parts with `def` and `let`.',
        "def f = x in [\"a\", \"b\"]",
    ),
    Code(
        "SL0111", "reserved-word", "error",
        "A reserved word is used as a name.",
        "`and or not in is any all exists missing true false null where then without no` always "
        "mean themselves, except after a dot.",
        "rule a { when b where no == 1 }",
        "Choose another name, or put it in backticks: `` `no` ``.",
        "rule a { when b where `no` == 1 }",
    ),
    Code(
        "SL0112", "foreign-operator", "error",
        "An operator of another language.",
        "Each thing has one spelling: `and`, `or`, `not`, `==`, `!=`.",
        "rule a { when b where x = 1 && y == 2 }",
        "Use the spelling that the message proposes: `x == 1 and y == 2`.",
        "rule a { when b where x == 1 and y == 2 }",
    ),
    Code(
        "SL0113", "misplaced-part", "error",
        "A part of a step stands in the wrong place or twice.",
        "A step says what, how many, then `as`, `on`, `where`, then `without`.",
        "rule a { when b where x == 1 {3} }",
        "Put the quantifier right after the event: `b{3} where x == 1`.",
        "rule a { when b{3} where x == 1 within 1m }",
    ),
    Code(
        "SL0114", "needs-name", "error",
        "A computed value in `select` or `by` has no name.",
        "Effects, tests and other rules refer to it by name.",
        "rule a { when b select count(b) }",
        "Name it: `select total = count(b)`.",
        "rule a { when b select total = count() }",
    ),
    Code(
        "SL0115", "bad-regex-flag", "error",
        "A flag behind a regular expression is not one of i, m, s, or is given twice.",
        "Other flags have no meaning in linear time, or none on every backend.",
        "rule a { when b where x matches /a/g }",
        "Use `i` (ignore case), `m` (`^` and `$` at lines), `s` (`.` matches line breaks).",
        "rule a { when b where x matches /a/i }",
    ),
    Code(
        "SL0116", "no-such-operator", "error",
        "There is no `is not null`, and nothing but `null` follows `is`.",
        "Missing and null are different: `exists f` says that f has a value, `f is null` that it "
        "is present and null.",
        "rule a { when b where x is not null }",
        "Write `exists x`.",
        "rule a { when b where exists x }",
    ),
    Code(
        "SL0118", "bare-ipv6", "error",
        "An IPv6 address or network stands without quotes.",
        "Its colons and letters would be read as names and signs; it is written as text.",
        "rule a { when b where ip == 2001:db8::7 }",
        'Write it as text: `ip == "2001:db8::7"`, `ip in "2001:db8::/32"`.',
        "rule a { when b where ip == \"2001:db8::7\" }",
    ),
    Code(
        "SL0117", "too-many-errors", "error",
        "The file has more syntax errors than are worth listing.",
        "The list would hide the first ones, which usually cause the rest.",
        "rule\n"
        "rule\n"
        "…   # and 200 more",
        "Fix the first ones and check again. Is it a rule file at all?",
        "rule a { when b }",
    ),
)  # fmt: skip

CODES: Mapping[str, Code] = MappingProxyType(
    {code.code: code for code in (*SYNTAX, *(Code(*row) for row in ROWS))}
)
