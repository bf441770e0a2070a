"""Types of values and schemas of events, as rules and decoders see them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal[
    "any", "string", "int", "float", "bool", "ip", "network", "time", "duration",
    "percent", "ratio", "enum", "list", "object", "regex", "null",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Type:
    """The static type of an expression or a field.

    `percent` and `ratio` are floats that fix what `80%` means. `enum` is a string of `values`.
    At run time: string, ip (canonical text), enum are `str`; int, time (ms since 1970), duration
    (ms) are `int`; float, percent, ratio are `int` or `float`; list is `list`, object a `dict`.
    `any` is a JSON value; a time or a duration never hides behind it.
    """

    kind: Kind = "any"
    values: tuple[str, ...] = ()
    item: Type | None = None
    fields: Mapping[str, Field] = field(default_factory=dict, hash=False)

    @property
    def is_number(self) -> bool:
        """True when values of this type are numbers."""
        return self.kind in ("int", "float", "percent", "ratio")

    @property
    def is_text(self) -> bool:
        """True when values of this type are plain strings."""
        return self.kind in ("string", "enum")

    def __str__(self) -> str:
        if self.kind == "enum":
            return "enum(" + ", ".join(f'"{v}"' for v in self.values) + ")"
        if self.kind == "list":
            return f"list<{self.item or ANY}>"
        return self.kind


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a schema; an optional one may be missing or null."""

    type: Type
    optional: bool = False


@dataclass(frozen=True, slots=True)
class EventSchema:
    """The declared fields of an event type."""

    name: str
    fields: Mapping[str, Field]


ANY = Type("any")
STRING = Type("string")
INT = Type("int")
FLOAT = Type("float")
BOOL = Type("bool")
IP = Type("ip")
NETWORK = Type("network")
TIME = Type("time")
DURATION = Type("duration")
REGEX = Type("regex")
NULL = Type("null")
RATIO = Type("ratio")

#: Attributes of an event that rules can read, with their types.
ATTRIBUTES: Mapping[str, Type] = {
    "@type": STRING, "@time": TIME, "@id": STRING, "@source": STRING, "@subject": STRING,
    "@zone": STRING, "@key": STRING, "@topic": STRING, "@partition": INT, "@offset": INT,
    "@received": TIME,
}  # fmt: skip

#: Attributes of a `match.…` event, beside those of every event. They are fields of those names.
MATCH_ATTRIBUTES: Mapping[str, Type] = {
    "@rule": STRING, "@severity": STRING, "@tags": Type("list", item=STRING), "@started": TIME,
    "@suppressed": INT,
}  # fmt: skip

INT_MIN, INT_MAX = -(2**63), 2**63 - 1
