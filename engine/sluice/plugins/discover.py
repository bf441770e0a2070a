"""Find what installed distributions bring, from their entry points: nothing of them is imported."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import Literal

Kind = Literal["functions", "aggregates", "actions", "codecs"]

#: What a plugin can bring; each is a group of entry points, `sluice.functions` and so on.
KINDS: tuple[Kind, ...] = ("functions", "aggregates", "actions", "codecs")

#: The group in which a plugin says for which version of `sluice.plugins` it was made.
API_GROUP = "sluice.api"

#: The version of what plugins can rely on: the door of this room and the entry points above.
API_1 = 1

_API = re.compile(r"sluice\.plugins:API_(\d+)\Z")
_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")


@dataclass(frozen=True, slots=True)
class Plugin:
    """What one distribution brings under one name. `api` is None when it states no version."""

    name: str
    distribution: str
    version: str
    api: int | None = None
    points: Mapping[Kind, EntryPoint] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"plugin {self.name} ({self.distribution} {self.version})"

    @property
    def refusal(self) -> str | None:
        """Why it cannot be used, whatever is in it; None when nothing is against it."""
        if not _NAME.match(self.name):
            return f"'{self.name}' is no name: small letters, digits and _, a letter first"
        want = f'[project.entry-points."{API_GROUP}"] {self.name} = "sluice.plugins:API_{API_1}"'
        if self.api is None:
            return f"it does not say for which version of the API it was made: {want}"
        if self.api != API_1:
            return (
                f"it was made for version {self.api} of the API, and this Sluice has {API_1}: "
                f"take another version of {self.distribution}"
            )
        return None if self.points else "it brings nothing"


def installed() -> tuple[Plugin, ...]:
    """Return the plugins of all installed distributions, by name and distribution."""
    found: dict[tuple[str, str], dict[str, EntryPoint]] = {}
    versions: dict[tuple[str, str], str] = {}
    everything = entry_points()
    for group in (API_GROUP, *(f"sluice.{kind}" for kind in KINDS)):
        for point in everything.select(group=group):
            distribution = point.dist.name if point.dist is not None else "?"
            key = point.name, distribution or "?"
            found.setdefault(key, {})[group] = point
            versions[key] = point.dist.version if point.dist is not None else "?"
    return tuple(_plugin(key, versions[key], found[key]) for key in sorted(found))


def _plugin(key: tuple[str, str], version: str, groups: Mapping[str, EntryPoint]) -> Plugin:
    stated = groups.get(API_GROUP)
    api = _API.match(stated.value) if stated is not None else None
    points = {kind: groups[f"sluice.{kind}"] for kind in KINDS if f"sluice.{kind}" in groups}
    return Plugin(*key, version, int(api[1]) if api is not None else None, points)


#: The end of a dotted call, `.country(`, with the blanks and backticks that the language allows. It
#: begins with a letter that is rare, so that it is found quickly.
_END = re.compile(r"\.\s*`?\w+`?\s*\(")

#: What stands before it: `geo`, or `geo.more`.
_BEGINNING = re.compile(r"(?<![\w.`])`?([A-Za-z_]\w*)`?(?:\s*\.\s*`?\w+`?)*\s*\Z")

#: How far back it is looked for, in characters.
_BACK_MAX = 200


def named_in(texts: Iterable[str]) -> frozenset[str]:
    """Return the first words of all dotted calls in rule texts: the plugins that they may need.

    Comments and strings count too: a plugin more does no harm.
    """
    return frozenset(_heads(texts))


def _heads(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        for end in _END.finditer(text):
            found = _BEGINNING.search(text, max(0, end.start() - _BACK_MAX), end.start())
            if found is not None:
                yield found[1]
