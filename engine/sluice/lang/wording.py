"""Say in the words of the language what a parser state expects."""

from __future__ import annotations

from collections.abc import Mapping

_LITERALS = frozenset(
    "INT FLOAT SIZE PERCENT DURATION ADDRESS NETWORK STRING RAW_STRING LONG_STRING "
    "TRUE FALSE NULL".split()
)
_NAME = frozenset(("NAME", "BACKTICK"))
_VALUE = _LITERALS | _NAME | {"ATTRIBUTE", "LPAR", "LSQB", "MINUS"}
_CONDITION = _VALUE | {"NOT", "EXISTS", "MISSING", "ANY", "ALL"}
_TEXT = frozenset(("STRING", "RAW_STRING", "LONG_STRING"))
_STEP = _NAME | {"ANY", "ALL", "LPAR", "_NO", "_WITHIN", "IMMEDIATELY"}
_OPERATORS = frozenset(
    "EQ NE LT LE GT GE PLUS MINUS STAR SLASH IN IN_FOLD NOT _IS _AND _OR CONTAINS STARTS ENDS "
    "LIKE MATCHES MATCHES_FOLD".split()
)
_DECLARATIONS = frozenset(
    "_PACK _IMPORT _EVENT _EXTRACT _LIST _TABLE _PARAM _LET _DEF _RULE _TUNE _TEST $END".split()
)
_CLAUSES = frozenset(
    "_WHEN _BY _WITHIN _WINDOW _HAVING _UNSEEN _EXPECT _SELECT SEVERITY TAGS DOC REFERENCE STATUS "
    "DISABLED UNBOUNDED PRIORITY OVERLAP _EMIT _NOTE _MITIGATE _CALL _COOLDOWN _UNTIL _EXCEPT "
    "_SET".split()
)
_STATEMENTS = frozenset("_START _LATENESS _AT _ADVANCE _GIVEN _EXPECT".split())
_EXPECTED = frozenset("NOTHING PENDING _MATCH _EVENT _NOTE _MITIGATION INT".split())
_TYPES = frozenset("TYPE_NAME ANY _ENUM _LIST LBRACE".split())

#: What must be there, what it takes with it, how it is called. The first that fits wins.
_GROUPS: tuple[tuple[frozenset[str], frozenset[str], str], ...] = (
    (frozenset(("FLOAT", "STRING", "NOT")), _CONDITION | {"REGEX", "LBRACE"}, "a value"),
    (frozenset(("FLOAT", "STRING")), _VALUE | {"REGEX", "LBRACE"}, "a value"),
    (frozenset(("NOTHING", "_MATCH")), _EXPECTED, "an expectation such as `match { … }`"),
    (frozenset(("DURATION", "NAME")), _NAME | {"DURATION"}, "a duration such as `10m`"),
    (frozenset(("INT", "NAME")), _NAME | {"INT"}, "a number"),
    (frozenset(("NAME", "ANY", "_NO")), _STEP, "an event type"),
    (frozenset(("NAME", "ANY", "LPAR")), _STEP, "an event type"),
    (frozenset(("NAME", "ANY")), _NAME | {"ANY"}, "an event type"),
    (frozenset(("TYPE_NAME",)), _TYPES, "a type such as `string`"),
    (frozenset(("_WHEN",)), _CLAUSES, "a clause"),
    (frozenset(("SEVERITY", "TAGS")), _CLAUSES, "a clause"),
    (frozenset(("_AT", "_ADVANCE")), _STATEMENTS, "a statement such as `at` or `expect`"),
    (frozenset(("_RULE",)), _DECLARATIONS, "a declaration such as `rule`"),
    (frozenset(("EQ", "_AND")), _OPERATORS, "an operator"),
    (_TEXT, _TEXT, "a text in quotes"),
    (_NAME, _NAME, "a name"),
    (frozenset(("FIELD",)), frozenset(("FIELD", "BACKTICK", "ATTRIBUTE")), "a name"),
    (frozenset(("DURATION",)), frozenset(("DURATION",)), "a duration such as `10m`"),
    (frozenset(("INT",)), frozenset(("INT", "FLOAT")), "a number"),
    (frozenset(("REGEX",)), frozenset(("REGEX",)), "a regular expression such as `/^a/`"),
    (frozenset(("TAG",)), frozenset(("TAG",)), "a tag"),
)
_AFTER_CONDITION = frozenset(("_WHERE", "_HAVING", "_AND", "_OR", "NOT"))


def expectation(
    expected: frozenset[str], spelling: Mapping[str, tuple[str, ...]], before: str | None
) -> str | None:
    """Return "a duration such as `10m`", "`of` or `,`", …; None where almost anything may follow.

    `before` is the terminal in front, by which a condition is told from a value.
    """
    left = set(expected)
    if "_AND" not in left and len(left) > 1:
        # The parser has taken what stands before for a whole value: of all the operators that
        # could have followed it, it still knows the weakest.
        left.discard("_OR")
    phrases: list[str] = []
    for needed, taken, phrase in _GROUPS:
        if needed <= left:
            left -= taken
            is_condition = phrase == "a value" and before in _AFTER_CONDITION
            phrases.append("a condition" if is_condition else phrase)
    words = [word for name in sorted(left) for word in spelling.get(name, ())]
    signs = sorted(f"`{word}`" for word in words if not word.endswith("~"))
    phrases += signs
    if not phrases or len(phrases) > 6:
        return None
    return phrases[0] if len(phrases) == 1 else f"{', '.join(phrases[:-1])} or {phrases[-1]}"


def kind_of(terminal: str) -> str:
    """Return what a keyword begins: a clause, a statement, a declaration, a type."""
    kinds = (
        (_STATEMENTS, "a statement of a test"), (_CLAUSES, "a clause"),
        (_DECLARATIONS, "a declaration"), (_TYPES | {"ENTRY_TYPE"}, "a type"),
    )  # fmt: skip
    return next((kind for terminals, kind in kinds if terminal in terminals), "expected here")


def is_clause(terminal: str) -> bool:
    """Tell whether a terminal begins a clause."""
    return terminal in _CLAUSES


def is_clause_place(expected: frozenset[str]) -> bool:
    """Tell whether a clause or a statement may begin here."""
    return bool(expected & {"_WHEN", "SEVERITY", "_AT"})
