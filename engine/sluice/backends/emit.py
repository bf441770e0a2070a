"""Write Python: names for constants and temporaries, and what an expression may look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sluice.backends.layout import Layout
from sluice.catalog import Catalog
from sluice.plan import Expr, Plan


@dataclass(slots=True)
class Emitter:
    """The source and the names of one piece of generated code.

    `names` are what the code finds as globals; equal constants share a name.
    """

    plan: Plan
    catalog: Catalog
    layout: Layout
    #: Writes what is true when a condition is true, or (False) when it is false. Values and
    #: conditions contain each other; this is how the one calls the other.
    truth: Callable[[Expr, View, Emitter, bool], str]
    names: dict[str, Any] = field(default_factory=dict)
    _known: dict[Any, str] = field(default_factory=dict)
    _temporaries: int = 0

    def name(self, prefix: str, value: Any, same: Any = None) -> str:
        """Return a name for a value; values with an equal `same` share it."""
        if same is not None:
            same = (prefix, same)
            known = self._known.get(same)
            if known is not None:
                return known
        name = f"{prefix}{len(self.names)}"
        self.names[name] = value
        if same is not None:
            self._known[same] = name
        return name

    def temporary(self) -> str:
        """Return a local name that nothing else uses."""
        self._temporaries += 1
        return f"t{self._temporaries}"

    def three_valued(self, node: Expr, view: View) -> str:
        """Write a condition as True, False or None."""
        true = self.truth(node, view, self, True)
        # What is compared across types was counted when it was asked whether it is true.
        false = self.truth(node, view.at(tally=None), self, False)
        return f"(True if {true} else False if {false} else None)"

    def literal(self, value: Any) -> str:
        """Write a constant."""
        if (
            value is None
            or isinstance(value, bool | int | str)
            or (isinstance(value, float) and value - value == 0)
        ):
            return f"({value!r})" if isinstance(value, int | float) and value < 0 else repr(value)
        return self.name("c", value)


@dataclass(frozen=True, slots=True)
class View:
    """What the names in scope are: variables of the generated function.

    `event` is the row at hand, `taken` the match or window, `aggregates` gives the number of an
    aggregate over the window. `slots` are fields already read into locals. `variables` are those
    of `any (c in …)`.
    """

    event: str | None = "e"
    taken: str = "m"
    key: str = "k"
    now: str = "n"
    selected: Callable[[int], str] | None = None
    aggregate: Callable[[Any], str] | None = None
    slots: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    groups: str | None = None
    #: Gives the name of what counts comparisons of an expression across types; None: nothing does.
    tally: Callable[[Expr], str | None] | None = None

    def at(self, **changes: Any) -> View:
        """Return a view with some names changed."""
        return replace(self, **changes)
