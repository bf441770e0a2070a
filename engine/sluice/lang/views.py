"""Events as a step of a rule sees them: the schemas that an event at hand can have."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sluice.lang.suggest import suggest
from sluice.lang.types import Found, PathPart, follow, unify
from sluice.model import ANY, ATTRIBUTES, MATCH_ATTRIBUTES, EventSchema


@dataclass(frozen=True, slots=True)
class EventView:
    """An event at hand: the schemas it can have. `is_open`: it may have none of them."""

    types: tuple[str, ...]
    schemas: tuple[EventSchema, ...] = ()
    is_open: bool = True

    def find(self, path: tuple[PathPart, ...]) -> Found:
        """Return what the event offers under a path."""
        name = str(path[0])
        if name.startswith("@"):
            return self._attribute(name, path)
        found = [(s.fields[name], s) for s in self.schemas if name in s.fields]
        if not found:
            names = {n for s in self.schemas for n in s.fields if not n.startswith("@")}
            return Found(ANY, True, None if self.is_open else 0, tuple(sorted(names)))
        deeper = [follow(f.type, path[1:], f.optional) for f, _ in found]
        if all(d.wrong is not None for d in deeper):
            return replace(deeper[0], wrong=1 + (deeper[0].wrong or 0))
        good = [d for d in deeper if d.wrong is None]
        everywhere = len(good) == len(self.schemas) and not any(d.optional for d in good)
        return Found(unify(d.type for d in good), not everywhere)

    def _attribute(self, name: str, path: tuple[PathPart, ...]) -> Found:
        for schema in self.schemas:
            if name in schema.fields:
                return follow(schema.fields[name].type, path[1:], schema.fields[name].optional)
        if name in ATTRIBUTES:
            missing = name not in ("@type", "@time", "@id", "@source", "@partition", "@offset")
            return Found(ATTRIBUTES[name], missing)
        if name in MATCH_ATTRIBUTES and any(t == "any" or t.endswith(".*") for t in self.types):
            return Found(MATCH_ATTRIBUTES[name], True)
        return Found(ANY, True, 0, (*ATTRIBUTES, *MATCH_ATTRIBUTES))


class Known(dict[str, EventSchema]):
    """Schemas by event type. `soft` ones come from what rules emit or extract, not from an
    `event`: an event may have fields that they do not name. `made` are all types that rules emit
    or extract, also those whose schema is not known yet. `lost` are the rules that do not parse."""

    def __init__(self) -> None:
        super().__init__()
        self.soft: set[str] = set()
        self.made: set[str] = set()
        self.lost: set[str] = set()
        self._near: dict[str, str | None] = {}

    def near(self, name: str) -> str | None:
        """Return the type that the author may have meant by one that nothing declares."""
        if name not in self._near:
            inputs = {*self, *self.made}
            names = sorted(n for n in inputs if not n.startswith(("match.", "clear.")))
            self._near[name] = suggest(name, names)
        return self._near[name]


def schema_view(types: tuple[str, ...], known: Known) -> EventView:
    """Return the view of an event that is of one of the types (`a.b`, `a.*`, `any`)."""
    found: dict[str, EventSchema] = {}
    is_open = False
    for name in types:
        if name == "any":
            is_open = True
        elif name.endswith(".*"):
            prefix = name[:-1]
            covered = {k: s for k, s in known.items() if k.startswith(prefix)}
            found.update(covered)
            is_open = is_open or not covered or not prefix.startswith(("match.", "clear."))
        elif name in known:
            found[name] = known[name]
            is_open = is_open or name in known.soft
        else:
            is_open = True
    return EventView(types, tuple(found.values()), is_open)


def covers(pattern: str, name: str, is_derived: bool = True) -> bool:
    """True when a step of type `pattern` (`a.b`, `a.*`, `any`) looks at events of type `name`.

    `any` looks at what inputs bring, and at nothing derived.
    """
    if pattern == "any":
        return not is_derived
    if pattern.endswith(".*"):
        return name.startswith(pattern[:-1])
    return pattern == name
