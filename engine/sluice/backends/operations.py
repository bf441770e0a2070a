"""What generated code calls: operations on run-time values where None is unknown."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from msgspec.structs import replace

from sluice.catalog import Accumulator, Aggregate, accumulator
from sluice.model import (
    INT_MAX,
    INT_MIN,
    MISSING,
    Type,
    canonical_ip,
    coerce,
    equal,
    event_id,
    fold,
    in_networks,
    ip_number,
    is_known,
    less,
    part_value,
)  # fmt: skip
from sluice.plan import TableRows
from sluice.stream import baseline, get_path, zscore

__all__ = ["baseline", "event_id", "less", "zscore"]


def known(value: Any) -> Any:
    """Return a value, None when it is missing."""
    return None if value is MISSING else value


def key_value(key: Any, index: int, width: int) -> Any:
    """Return a part of a key as a value."""
    return part_value(key if width == 1 else key[index])


def _bounded(value: int | float) -> int | float | None:
    if value.__class__ is int:
        return value if INT_MIN <= value <= INT_MAX else None
    return value if math.isfinite(value) else None


def _is_number(value: Any) -> bool:
    return value.__class__ is int or value.__class__ is float


def plus(a: Any, b: Any) -> Any:
    """Add two numbers (or times and durations, which are numbers)."""
    return _bounded(a + b) if _is_number(a) and _is_number(b) else None


def minus(a: Any, b: Any) -> Any:
    """Subtract."""
    return _bounded(a - b) if _is_number(a) and _is_number(b) else None


def times(a: Any, b: Any) -> Any:
    """Multiply."""
    return _bounded(a * b) if _is_number(a) and _is_number(b) else None


def over(a: Any, b: Any) -> Any:
    """Divide, giving a float; by zero is unknown."""
    if not (_is_number(a) and _is_number(b)) or b == 0:
        return None
    try:
        return _bounded(a / b)
    except OverflowError:
        return None


def scaled(a: Any, b: Any) -> Any:
    """Multiply a duration by a number: whole milliseconds, rounded down."""
    product = times(a, b)
    return None if product is None else math.floor(product)


def divided(a: Any, b: Any) -> Any:
    """Divide a duration by a number: whole milliseconds, rounded down."""
    quotient = over(a, b)
    return None if quotient is None else math.floor(quotient)


def negate(a: Any) -> Any:
    """Change the sign."""
    return _bounded(-a) if _is_number(a) else None


class Column:
    """A column of a table, looked up by key."""

    __slots__ = ("_rows", "_which")

    def __init__(self, table: TableRows, column: str) -> None:
        self._rows = table.rows
        self._which = table.columns.index(column) if column else None

    def __call__(self, key: Any) -> Any:
        row = self._rows.get(key) if key.__class__ in (str, int, float) else None
        if row is None:
            return None
        return True if self._which is None else row[self._which]


class Converted:
    """A value from inside an object, converted to the type that the schema declares."""

    __slots__ = ("_type",)

    def __init__(self, type_: Type) -> None:
        self._type = type_

    def __call__(self, value: Any) -> Any:
        return None if value is None else coerce(value, self._type)


def maker(
    entry: Aggregate, type_: Type, params: tuple[Any, ...], window_ms: int = 0
) -> Callable[[], Accumulator]:
    """Return what makes an accumulator of an aggregate over values of a type."""
    return lambda: accumulator(entry, type_, params, window_ms)


def over_alias(
    make: Callable[[], Accumulator], taken: Any, positions: tuple[int, ...], scope: Any
) -> Any:
    """Return an aggregate over the events that a match took at some positions."""
    accumulator = make()
    for row, place in zip(taken.events, taken.places, strict=False):
        if place in positions:
            value = scope(row)
            if value is not None:
                accumulator.add(value)
    return accumulator.result()


def fold_equal(a: Any, b: Any) -> bool | None:
    """Compare for equality, ignoring the case of strings."""
    if a.__class__ is str and b.__class__ is str:
        return fold(a) == fold(b)
    return equal(a, b)


def ip_equal(a: Any, b: Any) -> bool | None:
    """Compare an address with what may be one."""
    left, right = canonical_ip(a), canonical_ip(b)
    return None if left is None or right is None else left == right


def ip_less(a: Any, b: Any) -> bool | None:
    """Order two addresses: IPv4 before IPv6, then by number."""
    left, right = ip_number(a), ip_number(b)
    return None if left is None or right is None else left < right


def at_most(a: Any, b: Any) -> bool | None:
    """a <= b."""
    found = less(b, a)
    return None if found is None else not found


def ip_at_most(a: Any, b: Any) -> bool | None:
    """a <= b for addresses."""
    found = ip_less(b, a)
    return None if found is None else not found


def in_values(item: Any, values: Iterable[Any]) -> bool | None:
    """Say whether an item equals one of some constants; a missing one is unknown."""
    if item is None:
        return None
    return any(equal(item, value) is True for value in values)


def in_values_folded(item: Any, values: Iterable[Any]) -> bool | None:
    """Say whether an item equals one of some constants, ignoring case."""
    if item is None:
        return None
    return any(fold_equal(item, value) is True for value in values)


def in_array(item: Any, array: Any, same: Callable[[Any, Any], bool | None]) -> bool | None:
    """The `or` of equality over the elements of an array; of a non-array unknown."""
    if array.__class__ is not list:
        return None
    unknown = False
    for element in array:
        found = same(item, element)
        if found:
            return True
        unknown = unknown or found is None
    return None if unknown else False


def quantified(is_any: bool, array: Any, test: Callable[[Any], bool | None]) -> bool | None:
    """`any (c in xs: …)` and `all (c in xs: …)`; of a non-array unknown."""
    if array.__class__ is not list:
        return None
    unknown = False
    for element in array:
        found = test(element)
        if found is is_any:
            return is_any
        unknown = unknown or found is None
    return None if unknown else not is_any


_TEXT_TESTS: dict[str, Callable[[str, str], bool]] = {
    "contains": lambda text, part: part in text,
    "starts with": str.startswith,
    "ends with": str.endswith,
}


class TextTest:
    """A string test against patterns that are only known at run time."""

    __slots__ = ("_fold", "_is_any", "_test")

    def __init__(self, op: str, is_any: bool, folded: bool, like: Any) -> None:
        self._test = like if op == "like" else _TEXT_TESTS[op]
        self._is_any, self._fold = is_any, folded

    def __call__(self, text: Any, *patterns: Any) -> bool | None:
        if text.__class__ is not str:
            return None
        unknown = False
        text = fold(text) if self._fold else text
        for pattern in patterns:
            if pattern.__class__ is not str:
                unknown = True
                continue
            found = self._test(text, fold(pattern) if self._fold else pattern)
            if found is self._is_any:
                return found
        return None if unknown else not self._is_any


#: How many addresses a network test remembers before it starts again.
ADDRESSES_MAX = 100_000


class NetworkTest:
    """Whether an address lies in one of some networks, remembered by text."""

    __slots__ = ("_memo", "_networks")

    def __init__(self, networks: tuple[Any, ...]) -> None:
        self._networks = networks
        self._memo: dict[Any, bool | None] = {}

    def __call__(self, text: Any) -> bool | None:
        if text.__class__ is not str:
            return None
        memo = self._memo
        if text in memo:
            return memo[text]
        if len(memo) >= ADDRESSES_MAX:
            memo.clear()
        found = memo[text] = in_networks(text, self._networks)
        return found


#: How many texts a regular expression remembers before it starts again.
TEXTS_MAX = 10_000


class Found(dict[str, bool]):
    """Whether a regular expression is found in a text, remembered by text."""

    def __init__(self, search: Callable[[str], bool]) -> None:
        super().__init__()
        self._search = search

    def __missing__(self, text: str) -> bool:
        found = self._search(text)
        if len(text) <= 256:
            if len(self) >= TEXTS_MAX:
                self.clear()
            self[text] = found
        return found


#: Stands for what is no IPv4 address where a masked number is compared.
NO_ADDRESS = 1 << 40


class Addresses(dict[Any, int]):
    """The number of an IPv4 address by its text; `NO_ADDRESS` for everything else."""

    def __missing__(self, text: Any) -> int:
        if len(self) >= ADDRESSES_MAX:
            self.clear()
        found = ip_number(text) if text.__class__ is str else None
        number = found[1] if found is not None and found[0] == 4 else NO_ADDRESS
        self[text] = number
        return number


class Fitted:
    """A value converted to the type that a schema declares, None when it does not fit."""

    __slots__ = ("_type",)

    def __init__(self, type_: Type) -> None:
        self._type = type_

    def __call__(self, value: Any) -> Any:
        return coerce(value, self._type)


class FittedObject:
    """An object of which some fields are read, these converted to the types declared for them.

    `parts` are the name of a field in the struct, its conversion, and what counts a misfit.
    """

    __slots__ = ("_parts",)

    def __init__(self, parts: Sequence[tuple[str, Fitted, Callable[[Any], None]]]) -> None:
        self._parts = parts

    def __call__(self, held: Any) -> Any:
        changes = {}
        for name, fitted, misfit in self._parts:
            value = getattr(held, name)
            if value is None or value is MISSING:
                continue
            found = fitted(value)
            if found is None:
                misfit(value)
            if found is not value:
                changes[name] = found
        return replace(held, **changes) if changes else held


class CheckedObject:
    """Counts what does not fit in a JSON object: paths, conversions, and what counts a misfit."""

    __slots__ = ("_parts",)

    def __init__(self, parts: Sequence[tuple[Any, Fitted, Callable[[Any], None]]]) -> None:
        self._parts = parts

    def __call__(self, held: dict[str, Any]) -> None:
        for path, fitted, misfit in self._parts:
            value = get_path(held, path)
            if is_known(value) and fitted(value) is None:
                misfit(value)


def fire(
    operators: dict[int, Callable[..., None]],
    row: Any,
    hits: list[int],
    states: tuple[tuple[int, Any, int, int], ...],
) -> None:
    """Call the operators of an event in order of rank: filters that hit, and the others.

    `states` are (rank, condition, bits, named) of the others.
    """
    if not states:
        hits.sort()
        for rank in hits:
            operators[rank](row, 1, 1)
        return
    calls = [(rank, 1, 1) for rank in hits]
    calls += [(rank, bits, named) for rank, condition, bits, named in states if condition]
    calls.sort()
    for rank, bits, named in calls:
        operators[rank](row, bits, named)
