"""Find out what went wrong at a token that the parser cannot take, and whether to go on."""

from __future__ import annotations

import re
from collections.abc import Callable

from sluice.lang.habits import FOREIGN_SIGNS, FOREIGN_WORDS
from sluice.lang.lexing import FAULT, Cell
from sluice.lang.situation import Finding, Situation, cut, found_at, is_declaration
from sluice.lang.suggest import suggest
from sluice.lang.wording import expectation, is_clause, is_clause_place, kind_of


def examine(at: Situation) -> Finding:
    """Return the first explanation that fits."""
    for explain in _EXPLANATIONS:
        if finding := explain(at):
            return finding
    return _unexpected(at)


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
        return Finding(found_at(at, "SL0102", message, cell=opening))
    if text == "``":
        return Finding(found_at(at, "SL0102", "a name in backticks is empty"), skip_to=at.cell.end)
    report = found_at(at, "SL0102", f"{what} is not closed on its line", hint=hint)
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
    report = found_at(at, "SL0107", f"`{cut(text)}` is no number", hint=hint)
    for name, value in (("DURATION", "1s"), ("INT", "1"), ("FLOAT", "1.0")):
        if name in at.expected:
            return Finding(report, Cell(name, value, at.cell.start, at.cell.end))
    return Finding(report, skip_to=at.cell.end)


_LOOKALIKES = {
    "“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "–": "-", "—": "-", "×": "*", "≤": "<=",
    "≥": ">=", "≠": "!=", "（": "(", "）": ")", "，": ",", "：": ":",
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
    elif text == "…":
        hint = "it stands for something that is left out: write that out"
    elif text.isspace():
        hint = "replace it by a space"
    elif text.isalnum():
        if at.before and at.before.end == place.start:
            text = at.text[at.before.start : place.end]
            place = Cell(FAULT, text, at.before.start, place.end)
        hint = f"names are letters a to z, digits and `_`; in backticks any: `` `{cut(text)}` ``"
    message = f"`{cut(text)}` is no name" if text.isalnum() else f"invalid character {shown}"
    report = found_at(at, "SL0105", message, hint=hint, cell=place)
    return Finding(report, skip_to=at.cell.end)


# ---------------------------------------------------------------- tokens in the wrong place


_QUANTIFIER = re.compile(r"\{\s*[A-Za-z0-9_]+\s*(?:,\s*[A-Za-z0-9_]*\s*)?\}\??")


def _late_quantifier(at: Situation) -> Finding | None:
    if at.cell.type != "LBRACE" or not (found := _QUANTIFIER.match(at.text, at.cell.start)):
        return None
    cell = Cell(FAULT, found[0], at.cell.start, found.end())
    hint = f"write it right after the event type: `event{found[0]} where …`"
    report = found_at(at, "SL0113", "a quantifier stands before `as`, `on` and `where`",
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
    report = found_at(at, "SL0111", f"`{cell.value}` is a reserved word", hint=hint)
    return Finding(report, Cell("NAME", cell.value, cell.start, cell.end))


#: A rule has one pattern: whatever comes behind it is no second `when`.
_HAS_WHEN = re.compile(r"(?<![\w.])when(?![\w.])")


def _misspelt(at: Situation) -> Finding | None:
    cell = at.cell
    if not isinstance(cell.value, str) or not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", cell.value):
        return None
    taken = {"_WHEN"} if _HAS_WHEN.search(at.text, at.begin, cell.start) else set()
    words = {
        word: name for name in at.expected - taken for word in at.lexicon.spelling.get(name, ())
        if word[0].isalpha() and not word.endswith("~")
    }  # fmt: skip
    word = suggest(cell.value, sorted(words))
    if word is None:
        return None
    hint = f"did you mean `{word}`?"
    message = f"`{cut(cell.value)}` is not {kind_of(words[word])}"
    report = found_at(at, "SL0108", message, hint=hint)
    return Finding(report, Cell(words[word], word, cell.start, cell.end))


def _endless_absence(at: Situation) -> Finding | None:
    if "_WITHIN" not in at.expected or is_clause_place(at.expected) or at.before is None:
        return None
    if "NAME" in at.expected:
        return None
    hint = f"say how long: `no {cut(at.before.value)} within 10m`"
    found = "the end of the file" if at.cell.type == "$END" else f"`{cut(at.cell.value)}`"
    return Finding(found_at(at, "SL0101", f"expected `within`, found {found}", hint=hint))


# ---------------------------------------------------------------- brackets

_CLOSING = {"RPAR": "LPAR", "RSQB": "LSQB", "RBRACE": "LBRACE"}
_OTHER = {"(": ")", "[": "]", "{": "}"}


def _unclosed(at: Situation) -> Finding | None:
    line = at.text.rfind("\n", 0, at.cell.start) + 1
    ends = at.cell.type == "$END" or is_declaration(at.text, line, at.begin)
    if not ends or not at.opened:
        return None
    opening = at.opened[-1]
    report = found_at(at, "SL0103", f"`{opening.value}` is never closed", cell=opening,
                     hint=f"add `{_OTHER[opening.value]}` where it ends")  # fmt: skip
    return Finding(report)


def _unfinished(at: Situation) -> Finding | None:
    """A declaration word in column 1 that was taken for a name."""
    if at.before is None or not is_declaration(at.text, at.before.start, at.begin):
        return None
    wanted = expectation(at.expected_before, at.lexicon.spelling, None)
    message = f"expected {wanted or 'more'} before the next declaration"
    return Finding(found_at(at, "SL0101", message, cell=at.before))


def _stray(at: Situation) -> Finding | None:
    wanted = _CLOSING.get(at.cell.type)
    if wanted is None or (at.opened and at.opened[-1].type == wanted):
        return None
    if not at.opened:
        return Finding(found_at(at, "SL0104", f"`{at.cell.value}` closes nothing"))
    opening = at.opened[-1]
    line = at.places.span(opening.start, opening.end).line
    message = f"`{at.cell.value}` does not close the `{opening.value}` of line {line}"
    hint = f"close it with `{_OTHER[opening.value]}` first"
    return Finding(found_at(at, "SL0104", message, hint=hint))


# ---------------------------------------------------------------- anything else


def _unexpected(at: Situation) -> Finding:
    cell, before = at.cell, at.before
    found = "the end of the file" if cell.type == "$END" else f"`{cut(cell.value)}`"
    behind = f" after `{cut(before.value)}`" if before else ""
    wanted = expectation(at.expected, at.lexicon.spelling, before.type if before else None)
    if wanted:
        message = f"expected {wanted}{behind}, found {found}"
    else:
        message = f"{found} cannot stand{behind or ' here'}"
    if cell.type == "$END" and before:
        cell = Cell("$END", "", before.end, before.end)
    return Finding(found_at(at, "SL0101", message, hint=_hint(at), cell=cell))


def _hint(at: Situation) -> str | None:
    """Return a remedy for what is often meant."""
    before = at.before
    if before is not None and before.type == "NAME":
        words = [w for n in at.expected_before for w in at.lexicon.spelling.get(n, ())]
        if word := suggest(before.value, sorted(w for w in words if len(w) > 3)):
            return f"did you mean `{word}` instead of `{cut(before.value)}`?"
    if hint := _hint_by_token(at):
        return hint
    if before is not None and before.type == "NAME" and before.value in at.lexicon.words:
        return f"`{before.value}` is read as a name here: is something missing before it?"
    return None


def _hint_by_token(at: Situation) -> str | None:
    if at.cell.type == "LPAR" and at.before and at.before.type in ("EXISTS", "MISSING"):
        return f"write `{at.before.value} name`, without parentheses"
    if at.cell.type == "INT" and "DURATION" in at.expected:
        return f"a duration has a unit: `{cut(at.cell.value)}s`, `{cut(at.cell.value)}m`"
    if "COMMA" in at.expected and at.text[at.cell.end : at.cell.end + 1] == ":":
        return "fields are separated by `,`"
    if at.cell.type == "INT" and at.before and at.before.type == "DOT":
        name = cut(at.cell.value)
        return (
            f"a name begins with a letter: `event_{name}`; in backticks it is any: `` `{name}` ``"
        )
    if "_FOR" in at.expected and not is_clause_place(at.expected) and not at.opened[1:]:
        what = at.before.value if at.before and at.before.type == "NAME" else "…"
        return f"say how long it is remembered: `unseen {cut(what)} for 30d`"
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


_EXPLANATIONS: tuple[Callable[[Situation], Finding | None], ...] = (
    _unterminated, *FOREIGN_SIGNS, _bad_number, _invalid, _unclosed, _unfinished, *FOREIGN_WORDS,
    _late_quantifier, _reserved, _endless_absence, _misspelt, _stray,
)  # fmt: skip
