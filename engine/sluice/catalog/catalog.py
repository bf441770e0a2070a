"""The catalog: what functions, aggregates and actions exist, each as one entry with its docs.

A `Catalog` is a value that is passed in; plugins make a larger one (`with_entries`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from sluice.model import ANY, Type


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a function or an action; optional ones come last.

    `type` of kind `any` takes every value; `float` takes ints too.
    """

    name: str
    type: Type = ANY
    optional: bool = False
    variadic: bool = False


@dataclass(frozen=True, slots=True)
class Function:
    """A function of expressions.

    `call` gets run-time values (see `model.Type`) in order and returns one, or None for unknown
    (wrong type of argument, failed conversion, overflow). It is never called with an unknown
    argument, unless `lenient`. `result` is its type, or a function of the argument types.
    `example` is (expression, expected value as Sluice text), executed by a test.
    `conditions` are the places of arguments that are conditions (`if`): they arrive as
    True, False or None.
    With `needs_now` `call` gets `now` before its arguments: the time of the event or deadline
    that is being decided.
    `group` is the heading under which it is listed.
    """

    name: str
    params: tuple[Parameter, ...]
    result: Type | Callable[[tuple[Type, ...]], Type]
    call: Callable[..., Any]
    doc: str
    example: tuple[str, str]
    lenient: bool = False
    conditions: tuple[int, ...] = ()
    needs_now: bool = False
    group: str = "other"

    def result_type(self, args: tuple[Type, ...]) -> Type:
        """Return the type of the result for arguments of these types."""
        return self.result if isinstance(self.result, Type) else self.result(args)


class Accumulator(Protocol):
    """A running aggregate over the values of one window or alias.

    Values come in total order and leave oldest first. Values that are missing or null are never
    added (but to `ratio`, which counts every event). `state` is plain data (msgpack can write it)
    from which `restore` makes an equal one.
    """

    def add(self, value: Any) -> None:
        """Take a value in."""
        ...

    def remove(self, value: Any) -> None:
        """Take the oldest value out again."""
        ...

    def result(self) -> Any:
        """Return the aggregate of what is in, None for unknown."""
        ...

    def state(self) -> Any:
        """Return plain data."""
        ...

    def restore(self, state: Any) -> None:
        """Take the state that `state` gave."""
        ...


@dataclass(frozen=True, slots=True)
class Aggregate:
    """An aggregate over the events of a window or of an alias.

    `argument` says what it takes: `none` (count(), rate(): every event counts), `value` (an
    expression), `condition` (ratio: True, False or None for every event; None is not true).
    `params` are further constants (the 95 of `percentile(x, 95)`), given to `make`.
    `empty` is the result over no values. With `needs_window` `make` gets the length of the window
    in ms before the constants (`rate`).
    """

    name: str
    argument: str
    result: Type | Callable[[Type], Type]
    make: Callable[..., Accumulator]
    doc: str
    example: tuple[str, str]
    params: tuple[Parameter, ...] = ()
    empty: Any = None
    needs_window: bool = False

    def result_type(self, argument: Type) -> Type:
        """Return the type of the result over values of this type."""
        return self.result if isinstance(self.result, Type) else self.result(argument)


@dataclass(frozen=True, slots=True)
class Action:
    """A deed that a rule can propose with `mitigate` or `call`."""

    name: str
    params: tuple[Parameter, ...]
    doc: str
    example: str
    reversible: bool = True


@dataclass(frozen=True, slots=True)
class Catalog:
    """All entries by name."""

    functions: Mapping[str, Function] = field(default_factory=dict)
    aggregates: Mapping[str, Aggregate] = field(default_factory=dict)
    actions: Mapping[str, Action] = field(default_factory=dict)

    def with_entries(self, entries: Iterable[Function | Aggregate | Action]) -> Catalog:
        """Return a catalog that has these entries too; a later one replaces an earlier one."""
        functions, aggregates = dict(self.functions), dict(self.aggregates)
        actions = dict(self.actions)
        for entry in entries:
            if isinstance(entry, Function):
                functions[entry.name] = entry
            elif isinstance(entry, Aggregate):
                aggregates[entry.name] = entry
            else:
                actions[entry.name] = entry
        return replace(self, functions=functions, aggregates=aggregates, actions=actions)
