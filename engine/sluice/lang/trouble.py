"""Find out what went wrong at a token that the parser cannot take, and whether to go on."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from sluice.errors import Diagnostic
from sluice.lang.lexing import FAULT, Cell, Lexicon, Places
from sluice.lang.suggest import suggest
from sluice.lang.wording import expectation, is_clause, is_clause_place, kind_of

DECLARATION = re.compile(
    r"^(?:pack|import|event|extract|list|table|param|let|def|rule|tune|test)(?![\w.])", re.MULTILINE
)


def is_declaration(text: str, at: int, begin: int) -> bool:
    """Tell whether a declaration word stands in column 1 at an offset behind `begin`."""
    return at > begin and DECLARATION.match(text, at) is not None


@dataclass(frozen=True, slots=True)
class Situation:
    """Where the parser stands: the token in question, the one before, what either place expects.

    `begin` is where the declaration begins, `opened` its open brackets.
    """

    text: str
    places: Places
    lexicon: Lexicon
    cell: Cell
    expected: frozenset[str]
    before: Cell | None
    expected_before: frozenset[str]
    opened: tuple[Cell, ...]
    begin: int


@dataclass(frozen=True, slots=True)
class Finding:
    """What to report, and how to go on: with `cell` in place of the token, or behind `skip_to`.

    With neither, parsing resumes at the next declaration.
    """

    diagnostic: Diagnostic
    cell: Cell | None = None
    skip_to: int | None = None


def examine(at: Situation) -> Finding:
    """Return the first explanation that fits."""
    for explain in _EXPLANATIONS:
        if finding := explain(at):
            return finding
    return _unexpected(at)


def _report(
    at: Situation, code: str, message: str, *, hint: str | None = None, cell: Cell | None = None
) -> Diagnostic:
    place = cell or at.cell
    return Diagnostic(code, "error", message, at.places.span(place.start, place.end), hint)


# ---------------------------------------------------------------- stretches that are no tokens

_QUOTES = {
    '"': ('"', "a text", 'a text that spans lines is written `"""…"""`'),
    "'": ("'", "a raw text", "a raw text cannot hold a single quote or a line break"),
    "`": ("`", "a name in backticks", None),
    "/": ("/", "a regular expression", r"write a slash inside as `\/`"),
}
_QUOTED = {"'": "RAW_STRING", '"': "STRING", "`": "BACKTICK", "/": "REGEX"}


def _unterminated(at: Situation) -> Finding | None:
    text = at.cell.value
    if at.cell.type != FAULT or text[0] not in _QUOTES:
        return None
    quote, what, hint = _QUOTES[text[0]]
    if text.startswith('"""'):
        opening = Cell(FAULT, '"""', at.cell.start, at.cell.start + 3)
        message = 'a text in `"""` is never closed'
        return Finding(_report(at, "SL0102", message, cell=opening))
    if text == "``":
        return Finding(_report(at, "SL0102", "a name in backticks is empty"), skip_to=at.cell.end)
    report = _report(at, "SL0102", f"{what} is not closed on its line", hint=hint)
    name = _QUOTED[quote]
    if name not in at.expected:
        return Finding(report, skip_to=at.cell.end)
    return Finding(report, Cell(name, text.rstrip("\\\r") + quote, at.cell.start, at.cell.end))


_FLOATING = re.compile(r"([0-9]+)\.([0-9]+)([A-Za-z]+)\Z")
_UNITS = {
    "min": "m", "mins": "m", "minute": "m", "minutes": "m", "sec": "s", "secs": "s",
    "second": "s", "seconds": "s", "hour": "h", "hours": "h", "hr": "h", "hrs": "h",
    "day": "d", "days": "d", "week": "w", "weeks": "w", "msec": "ms", "millis": "ms",
    "kb": "KB", "mb": "MB", "gb": "GB", "tb": "TB", "k": "KB", "g": "GB", "b": "",
    "kib": "KiB", "mib": "MiB", "gib": "GiB", "tib": "TiB",
}  # fmt: skip


def _bad_number(at: Situation) -> Finding | None:
    text = at.cell.value
    if at.cell.type != FAULT or text[0] not in "0123456789":
        return None
    hint = None
    found = re.fullmatch(r"([0-9_]+)([A-Za-z]+)", text)
    if found and (unit := _UNITS.get(found[2].lower())) is not None:
        hint = f"write `{found[1]}{unit}`"
    elif found and re.fullmatch(r"[eE][0-9]*", found[2]):
        hint = "write the number out; there are no exponents"
    elif _FLOATING.match(text):
        hint = "a unit follows a whole number: `1h30m`, `1500MB`"
    elif text.endswith("."):
        hint = f"write `{text}0` or `{text[:-1]}`"
    elif found:
        hint = "the units are w d h m s ms (falling: `1h30m`) and KB MB GB TB KiB MiB GiB TiB"
        if text[:2] in ("0x", "0X"):
            hint = "a hexadecimal number has the digits 0 to 9 and a to f"
    report = _report(at, "SL0107", f"`{_cut(text)}` is no number", hint=hint)
    for name, value in (("DURATION", "1s"), ("INT", "1"), ("FLOAT", "1.0")):
        if name in at.expected:
            return Finding(report, Cell(name, value, at.cell.start, at.cell.end))
    return Finding(report, skip_to=at.cell.end)


_FOREIGN = {
    "&&": ("and", "_AND"), "&": ("and", "_AND"), "||": ("or", "_OR"), "|": ("or", "_OR"),
    "!": ("not", "NOT"), "<>": ("!=", "NE"), "->": ("then", "_THEN"), ";": (None, None),
}  # fmt: skip


def _foreign(at: Situation) -> Finding | None:
    if at.cell.type != FAULT or at.cell.value not in _FOREIGN:
        return None
    word, terminal = _FOREIGN[at.cell.value]
    if word is None:
        report = _report(at, "SL0105", "`;` is no part of the language", hint="leave it out")
        return Finding(report, skip_to=at.cell.end)
    report = _report(at, "SL0112", f"there is no `{at.cell.value}`", hint=f"write `{word}`")
    if terminal in at.expected:
        return Finding(report, Cell(terminal or "", word, at.cell.start, at.cell.end))
    return Finding(report, skip_to=at.cell.end)


_LOOKALIKES = {
    "“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "–": "-", "—": "-", "×": "*", "≤": "<=",
    "≥": ">=", "≠": "!=", "…": "...", "（": "(", "）": ")", "，": ",", "：": ":",
}  # fmt: skip


def _invalid(at: Situation) -> Finding | None:
    if at.cell.type != FAULT:
        return None
    text = at.cell.value
    place = at.cell
    shown = f"`{text}`" if text.isprintable() else f"U+{ord(text[0]):04X}"
    hint = None
    if text in _LOOKALIKES:
        hint = f"did you mean `{_LOOKALIKES[text]}`?"
    elif text == "~":
        hint = "it ignores case where it touches its operator: `like~`, `==~`"
    elif text.isspace():
        hint = "replace it by a space"
    elif text.isalnum():
        if at.before and at.before.end == place.start:
            text = at.text[at.before.start : place.end]
            place = Cell(FAULT, text, at.before.start, place.end)
        hint = f"names are letters a to z, digits and `_`; in backticks any: `` `{_cut(text)}` ``"
    message = f"`{_cut(text)}` is no name" if text.isalnum() else f"invalid character {shown}"
    report = _report(at, "SL0105", message, hint=hint, cell=place)
    return Finding(report, skip_to=at.cell.end)


# ---------------------------------------------------------------- tokens in the wrong place


def _equals(at: Situation) -> Finding | None:
    if at.cell.type != "EQUAL" or "EQ" not in at.expected:
        return None
    start, follower = at.cell.start, at.text[at.cell.end : at.cell.end + 1]
    if follower in ("<", ">"):
        word, name, end = ("<=", "LE", start + 2) if follower == "<" else (">=", "GE", start + 2)
        message = f"there is no `={follower}`"
    else:
        word, name, end, message = "==", "EQ", start + 1, "`=` gives a name to a value"
    cell = Cell(name, word, start, end)
    hint = f"write `{word}` to compare"
    return Finding(_report(at, "SL0112", message, hint=hint, cell=cell), cell)


def _arrow(at: Situation) -> Finding | None:
    if (
        at.cell.type != "MINUS"
        or "_THEN" not in at.expected
        or at.text[at.cell.end : at.cell.end + 1] != ">"
    ):
        return None
    cell = Cell("_THEN", "then", at.cell.start, at.cell.end + 1)
    return Finding(_report(at, "SL0112", "there is no `->`", hint="write `then`", cell=cell), cell)


def _tripled(at: Situation) -> Finding | None:
    """`===` and `<>`: a sign too many behind a comparison."""
    before = at.before
    if before is None or before.end != at.cell.start:
        return None
    pair = before.value + at.cell.value
    hints = {"===": "==", "==~=": "==~", "!==": "!=", "<>": "!=", "->": "then"}
    if pair not in hints:
        return None
    cell = Cell(FAULT, pair, before.start, at.cell.end)
    report = _report(
        at, "SL0112", f"there is no `{pair}`", hint=f"write `{hints[pair]}`", cell=cell
    )
    return Finding(report, skip_to=at.cell.end)


def _is_not_null(at: Situation) -> Finding | None:
    if at.before is None or at.before.type != "_IS":
        return None
    if at.cell.type == "NOT":
        cell = Cell(FAULT, "", at.before.start, at.cell.end)
        hint = "write `exists x` (it has a value), or `not (x is null)`"
        report = _report(at, "SL0116", "there is no `is not`", hint=hint, cell=cell)
        return Finding(report, skip_to=at.cell.end)
    hint = "write `==` to compare, `missing x` for no value at all"
    return Finding(_report(at, "SL0116", "only `null` follows `is`", hint=hint))


_QUANTIFIER = re.compile(r"\{\s*[A-Za-z0-9_]+\s*(?:,\s*[A-Za-z0-9_]*\s*)?\}\??")


def _late_quantifier(at: Situation) -> Finding | None:
    if at.cell.type != "LBRACE" or not (found := _QUANTIFIER.match(at.text, at.cell.start)):
        return None
    cell = Cell(FAULT, found[0], at.cell.start, found.end())
    hint = f"write it right after the event type: `event{found[0]} where …`"
    report = _report(at, "SL0113", "a quantifier stands before `as`, `on` and `where`",
                     hint=hint, cell=cell)  # fmt: skip
    return Finding(report, skip_to=found.end())


def _reserved(at: Situation) -> Finding | None:
    cell = at.cell
    if "NAME" not in at.expected or not isinstance(cell.value, str):
        return None
    if not cell.value.isidentifier() or at.lexicon.reserved.fullmatch(cell.value):
        return None
    after = at.text[cell.end :][:200].lstrip()[:1]
    is_name = after in ("=", "!", "<", ">", ":", ",", "+", "-", "*", "/", "]")
    if not is_name and not (at.before and at.before.type in ("_AS", "_RULE", "_LET", "_DEF")):
        return None
    hint = f"choose another name, or write `` `{cell.value}` ``"
    report = _report(at, "SL0111", f"`{cell.value}` is a reserved word", hint=hint)
    return Finding(report, Cell("NAME", cell.value, cell.start, cell.end))


def _misspelt(at: Situation) -> Finding | None:
    cell = at.cell
    if not isinstance(cell.value, str) or not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", cell.value):
        return None
    words = {
        word: name for name in at.expected for word in at.lexicon.spelling.get(name, ())
        if word[0].isalpha() and not word.endswith("~")
    }  # fmt: skip
    word = suggest(cell.value, sorted(words))
    if word is None:
        return None
    hint = f"did you mean `{word}`?"
    message = f"`{_cut(cell.value)}` is not {kind_of(words[word])}"
    report = _report(at, "SL0108", message, hint=hint)
    return Finding(report, Cell(words[word], word, cell.start, cell.end))


# ---------------------------------------------------------------- brackets

_CLOSING = {"RPAR": "LPAR", "RSQB": "LSQB", "RBRACE": "LBRACE"}
_OTHER = {"(": ")", "[": "]", "{": "}"}


def _unclosed(at: Situation) -> Finding | None:
    line = at.text.rfind("\n", 0, at.cell.start) + 1
    ends = at.cell.type == "$END" or is_declaration(at.text, line, at.begin)
    if not ends or not at.opened:
        return None
    opening = at.opened[-1]
    report = _report(at, "SL0103", f"`{opening.value}` is never closed", cell=opening,
                     hint=f"add `{_OTHER[opening.value]}` where it ends")  # fmt: skip
    return Finding(report)


def _unfinished(at: Situation) -> Finding | None:
    """A declaration word in column 1 that was taken for a name."""
    if at.before is None or not is_declaration(at.text, at.before.start, at.begin):
        return None
    wanted = expectation(at.expected_before, at.lexicon.spelling, None)
    message = f"expected {wanted or 'more'} before the next declaration"
    return Finding(_report(at, "SL0101", message, cell=at.before))


def _stray(at: Situation) -> Finding | None:
    wanted = _CLOSING.get(at.cell.type)
    if wanted is None or (at.opened and at.opened[-1].type == wanted):
        return None
    if not at.opened:
        return Finding(_report(at, "SL0104", f"`{at.cell.value}` closes nothing"))
    opening = at.opened[-1]
    line = at.places.span(opening.start, opening.end).line
    message = f"`{at.cell.value}` does not close the `{opening.value}` of line {line}"
    hint = f"close it with `{_OTHER[opening.value]}` first"
    return Finding(_report(at, "SL0104", message, hint=hint))


# ---------------------------------------------------------------- anything else


def _unexpected(at: Situation) -> Finding:
    cell, before = at.cell, at.before
    found = "the end of the file" if cell.type == "$END" else f"`{_cut(cell.value)}`"
    behind = f" after `{_cut(before.value)}`" if before else ""
    wanted = expectation(at.expected, at.lexicon.spelling, before.type if before else None)
    if wanted:
        message = f"expected {wanted}{behind}, found {found}"
    else:
        message = f"{found} cannot stand{behind or ' here'}"
    if cell.type == "$END" and before:
        cell = Cell("$END", "", before.end, before.end)
    return Finding(_report(at, "SL0101", message, hint=_hint(at), cell=cell))


def _hint(at: Situation) -> str | None:
    """Return a remedy for what is often meant."""
    before = at.before
    if before is not None and before.type == "NAME":
        words = [w for n in at.expected_before for w in at.lexicon.spelling.get(n, ())]
        if word := suggest(before.value, sorted(w for w in words if len(w) > 3)):
            return f"did you mean `{word}` instead of `{_cut(before.value)}`?"
    if hint := _hint_by_token(at):
        return hint
    if before is not None and before.type == "NAME" and before.value in at.lexicon.words:
        return f"`{before.value}` is read as a name here: is something missing before it?"
    return None


def _hint_by_token(at: Situation) -> str | None:
    if at.cell.type == "INT" and "DURATION" in at.expected:
        return f"a duration has a unit: `{_cut(at.cell.value)}s`, `{_cut(at.cell.value)}m`"
    if "COMMA" in at.expected and at.text[at.cell.end : at.cell.end + 1] == ":":
        return "fields are separated by `,`"
    if "LBRACE" in at.expected and is_clause(at.cell.type):
        return "clauses stand in braces: `rule name { … }`"
    if "COLON" in at.expected and at.cell.type == "EQUAL":
        return "in braces a field and its value are joined by `:`"
    if at.cell.type == "COMMA" and {"TYPE_NAME", "NAME"} & at.expected:
        return "the fields of a schema need no commas"
    if at.cell.type in ("REGEX", "SLASH"):
        return "a regular expression stands after `matches` and in a list only"
    if is_clause_place(at.expected) and at.cell.type == "COMMA":
        return "clauses need no separators"
    return None


def _cut(text: str) -> str:
    line = text.split("\n", maxsplit=1)[0]
    return line if len(line) <= 40 and line == text else f"{line[:37]}…"


_EXPLANATIONS: tuple[Callable[[Situation], Finding | None], ...] = (
    _unterminated, _bad_number, _foreign, _invalid, _unclosed, _unfinished, _equals, _arrow,
    _tripled, _is_not_null, _late_quantifier, _reserved, _misspelt, _stray,
)  # fmt: skip
