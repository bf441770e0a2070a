"""Functions of text. Positions count characters from 0; an end is exclusive."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

from sluice.catalog.catalog import Function, Parameter
from sluice.catalog.signatures import takes, whole
from sluice.model import ANY, FLOAT, INT, STRING, Type

#: A result longer than that is unknown: a rule must not build texts without end.
TEXT_LENGTH_MAX = 1_000_000
#: `levenshtein` of longer texts is unknown.
LEVENSHTEIN_LENGTH_MAX = 1_000
#: The characters with the Unicode property White_Space, which `trim` removes.
WHITE_SPACE = (
    "\t\n\v\f\r \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009"
    "\u200a\u2028\u2029\u202f\u205f\u3000"
)


def functions() -> tuple[Function, ...]:
    """Return the entries."""
    return (*_letters(), *_parts(), *_measures())


def _letters() -> tuple[Function, ...]:
    text = takes(("text", STRING))
    return (
        Function(
            "lower", text, STRING, lower,
            "Return the text in lower case, letter by letter (Unicode simple mapping), so that "
            "its length stays. To compare without case, `==~` and `like~` are the better way.",
            ('lower("Ünder")', '"ünder"'),
        ),
        Function(
            "upper", text, STRING, upper,
            "Return the text in upper case, letter by letter (Unicode simple mapping): `ß` stays.",
            ('upper("groß")', '"GROß"'),
        ),
        Function(
            "trim", text, STRING, trim,
            "Return the text without white space at both ends (Unicode White_Space).",
            ('trim("  a b\\t")', '"a b"'),
        ),
        Function(
            "replace", takes(("text", STRING), ("old", STRING), ("new", STRING)), STRING, replace,
            "Return the text with every `old` replaced, from left to right; an empty `old` "
            "replaces nothing.",
            ('replace("a-b-c", "-", "")', '"abc"'),
        ),
        Function(
            "concat", (Parameter("texts", STRING, variadic=True),), STRING, concat,
            "Return the texts one after the other; `string` makes a text of another value.",
            ('concat("user:", string(7))', '"user:7"'),
        ),
    )  # fmt: skip


def _parts() -> tuple[Function, ...]:
    part = takes(("text", STRING), ("part", STRING), optional=(("from", INT),))
    return (
        Function(
            "split", takes(("text", STRING), ("separator", STRING)),
            Type("list", item=STRING), split,
            "Return the list of what stands between the separators; an empty separator is "
            "unknown. One part is `split(path, \"/\")[0]`.",
            ('split("a,b,,c", ",")', '["a", "b", "", "c"]'),
        ),
        Function(
            "substring", takes(("text", STRING), ("from", INT), optional=(("to", INT),)),
            STRING, substring,
            "Return the characters from `from` up to, without, `to`. Negative places count from "
            "the end; what lies outside the text is cut off.",
            ('substring("sluice", -4, -1)', '"uic"'),
        ),
        Function(
            "index_of", part, INT, index_of,
            "Return the place of the first `part` at or after `from`, missing when there is none. "
            "A negative `from` counts from the end.",
            ('index_of("a=b=c", "=", 2)', "3"),
        ),
        Function(
            "between", takes(("text", STRING), ("after", STRING), ("before", STRING)),
            STRING, between,
            "Return what stands between the first `after` and the next `before`, missing when "
            "either is not there.",
            ('between("uid=7; gid=0", "uid=", ";")', '"7"'),
        ),
        Function(
            "length", takes(("value", ANY)), INT, length,
            "Return the number of characters of a text or of elements of an array; of a number "
            "or an object it is unknown.",
            ('length("größe")', "5"),
        ),
    )  # fmt: skip


def _measures() -> tuple[Function, ...]:
    return (
        Function(
            "entropy", takes(("text", STRING)), FLOAT, entropy,
            "Return Shannon's entropy of the characters, in bits per character: random names "
            "(DGA domains, keys) have more than words. Of an empty text it is 0.",
            ('entropy("aabb")', "1.0"),
        ),
        Function(
            "levenshtein", takes(("a", STRING), ("b", STRING)), INT, levenshtein,
            "Return how many characters must be inserted, deleted or replaced to make one text "
            "the other: finds look-alike names. Unknown above 1,000 characters.",
            ('levenshtein("paypal", "paypa1")', "1"),
        ),
    )  # fmt: skip


def lower(text: Any) -> str | None:
    """Return the text in lower case."""
    if text.__class__ is not str:
        return None
    return text.lower() if text.isascii() else _each(text, str.lower)


def upper(text: Any) -> str | None:
    """Return the text in upper case."""
    if text.__class__ is not str:
        return None
    return text.upper() if text.isascii() else _each(text, str.upper)


def trim(text: Any) -> str | None:
    """Return the text without white space at its ends."""
    return text.strip(WHITE_SPACE) if text.__class__ is str else None


def replace(text: Any, old: Any, new: Any) -> str | None:
    """Return the text with every `old` replaced."""
    if not _are_texts(text, old, new):
        return None
    if not old:
        return str(text)
    if len(new) > len(old):
        grown = len(text) + text.count(old) * (len(new) - len(old))
        if grown > TEXT_LENGTH_MAX:
            return None
    return str(text.replace(old, new))


def concat(*texts: Any) -> str | None:
    """Return the texts one after the other."""
    if not _are_texts(*texts) or sum(map(len, texts)) > TEXT_LENGTH_MAX:
        return None
    return "".join(texts)


def split(text: Any, separator: Any) -> list[str] | None:
    """Return the parts between the separators."""
    return list(text.split(separator)) if _are_texts(text, separator) and separator else None


def substring(text: Any, start: Any, end: Any = None) -> str | None:
    """Return the characters from `start` to before `end`."""
    low = whole(start)
    high = whole(end) if end is not None else None
    if text.__class__ is not str or low is None or (end is not None and high is None):
        return None
    return str(text[low:high])


def index_of(text: Any, part: Any, start: Any = 0) -> int | None:
    """Return the place of the first `part` at or after `start`."""
    low = whole(start)
    if not _are_texts(text, part) or low is None:
        return None
    found: int = text.find(part, low)
    return found if found >= 0 else None


def between(text: Any, after: Any, before: Any) -> str | None:
    """Return what stands between the first `after` and the next `before`."""
    if not _are_texts(text, after, before):
        return None
    start = text.find(after)
    if start < 0:
        return None
    start += len(after)
    end = text.find(before, start)
    return str(text[start:end]) if end >= 0 else None


def length(value: Any) -> int | None:
    """Return the number of characters or elements."""
    return len(value) if value.__class__ is str or value.__class__ is list else None


def entropy(text: Any) -> float | None:
    """Return the entropy in bits per character (Shannon 1948)."""
    if text.__class__ is not str:
        return None
    total = len(text)
    if total == 0:
        return 0.0
    # fsum is exact: the order of the characters decides nothing.
    shares = (count / total for count in Counter(text).values())
    return math.fsum(-share * math.log2(share) for share in shares) + 0.0


def levenshtein(a: Any, b: Any) -> int | None:
    """Return the edit distance (Hyyrö 2003, a bit vector instead of a column)."""
    if not _are_texts(a, b) or max(len(a), len(b)) > LEVENSHTEIN_LENGTH_MAX:
        return None
    if not a:
        return len(b)
    places: dict[str, int] = {}
    for i, char in enumerate(a):
        places[char] = places.get(char, 0) | 1 << i
    full, last, distance = (1 << len(a)) - 1, 1 << (len(a) - 1), len(a)
    up, down = full, 0
    for char in b:
        equal = places.get(char, 0)
        diagonal = ((((equal & up) + up) ^ up) | equal | down) & full
        right, left = down | ~(diagonal | up) & full, up & diagonal
        distance += (right & last != 0) - (left & last != 0)
        right = (right << 1 | 1) & full
        left = left << 1 & full
        up, down = left | ~(diagonal | right) & full, right & diagonal
    return distance


def _are_texts(*values: Any) -> bool:
    return all(value.__class__ is str for value in values)


def _each(text: str, change: Callable[[str], str]) -> str:
    """Change letter by letter, keeping a letter whose other case is several."""
    changed = ((char, change(char)) for char in text)
    return "".join(new if len(new) == 1 else char for char, new in changed)
