"""Call what plugins bring so that what goes wrong there harms nothing but itself.

A call that raises, takes too long or gives what is no value of its type is a missing value,
and is counted. Where nothing goes wrong it costs a few hundred nanoseconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from sluice.catalog import Accumulator
from sluice.model import INT_MAX, INT_MIN, Type, coerce
from sluice.plugins.faults import Faults, reason_of
from sluice.plugins.watch import Overdue, Watch

#: What a call gives that did not work out.
FAILED: Any = object()

#: How deep lists and objects may be nested in a value.
DEPTH_MAX = 64

#: Classes whose values fit a type of this kind as they are; texts when they are ASCII.
_SURE: dict[str, type] = {"string": str, "bool": bool}


class Call:
    """One entry of a plugin: calls it under the eye of the watch, and counts what fails."""

    __slots__ = ("_faults", "_is_off", "_watch", "limit_ms", "owner", "title")

    def __init__(self, title: str, owner: str, limit_ms: int, watch: Watch, faults: Faults) -> None:
        self.title, self.owner, self.limit_ms = title, owner, limit_ms
        self._watch, self._faults = watch, faults
        self._is_off = False

    @property
    def is_off(self) -> bool:
        """Whether it took too long once, and is not called any more."""
        return self._is_off

    def run(self, function: Callable[..., Any], *args: Any) -> Any:
        """Return what the function gives, `FAILED` when it fails."""
        if self._is_off:
            return FAILED
        watch = self._watch
        watch.calls += 1
        try:
            watch.running = self
            value = function(*args)
            watch.running = None
        except (Exception, SystemExit, Overdue) as error:
            watch.running = None
            self._failed(error)
            return FAILED
        except BaseException:  # somebody ends the run
            watch.running = None
            raise
        return value

    def refuse(self, reason: str) -> None:
        """Count a call that gave something that cannot be used."""
        self._faults.note(self.title, self.owner, reason)

    def _failed(self, error: BaseException) -> None:
        if isinstance(error, Overdue):
            # Each further call could take as long: with one event a second the run would stand.
            self._is_off = True
            reason = f"it took longer than {self.limit_ms / 1000:g} s; it is not called again"
            self._faults.note(self.title, self.owner, reason, error)
        else:
            self._faults.note(self.title, self.owner, reason_of(error), error)


class GuardedFunction:
    """The `call` of a function that a plugin brings."""

    __slots__ = ("_call", "_function", "_result", "_sure")

    def __init__(self, function: Callable[..., Any], result: Type, call: Call) -> None:
        self._function, self._result, self._call = function, result, call
        self._sure = _SURE.get(result.kind)

    def __call__(self, *args: Any) -> Any:
        value = self._call.run(self._function, *args)
        if value is None or value is FAILED:
            return None
        kind = value.__class__
        if kind is self._sure and (kind is not str or value.isascii()):
            return value
        return fitted(value, self._result, self._call)


class GuardedAccumulator:
    """An accumulator that a plugin brings; one that has failed gives a missing result for good."""

    __slots__ = ("_call", "_inner", "_result")

    def __init__(self, make: Callable[[], Accumulator], result: Type, call: Call) -> None:
        self._result, self._call = result, call
        self._inner: Accumulator = call.run(make)

    def add(self, value: Any) -> None:
        """Take a value in."""
        self._do("add", value)

    def remove(self, value: Any) -> None:
        """Take the oldest value out again."""
        self._do("remove", value)

    def result(self) -> Any:
        """Return the aggregate of what is in."""
        value = self._do("result")
        return None if value is None else fitted(value, self._result, self._call)

    def state(self) -> Any:
        """Return plain data, None when it has failed."""
        state = self._do("state")
        if state is None or is_plain(state):
            return [state] if self._inner is not FAILED else None
        self._call.refuse(f"its state holds {_kind_of(state)}, and not only plain data")
        return None

    def restore(self, state: Any) -> None:
        """Take the state that `state` gave."""
        if state is None:
            self._inner = FAILED
        else:
            self._do("restore", state[0])

    def _do(self, method: str, *args: Any) -> Any:
        if self._inner is FAILED:
            return None
        found = self._call.run(_method, self._inner, method, args)
        if found is FAILED:
            self._inner = FAILED
            return None
        return found


def _method(target: Any, name: str, args: tuple[Any, ...]) -> Any:
    # Looked up inside the call: a plugin may have forgotten it.
    return getattr(target, name)(*args)


def fitted(value: Any, type: Type, call: Call) -> Any:
    """Return the run-time value, None (and a failure counted) when it is none of this type."""
    found = coerce(value, type) if is_plain(value) else None
    if found is None:
        call.refuse(f"it gave {_kind_of(value)} where it promises {type}")
    return found


def is_plain(value: Any, depth: int = 0) -> bool:
    """Return whether a value is one that events can have: JSON, 64 bits, finite, Unicode."""
    kind = value.__class__
    if kind is str:
        return bool(value.isascii()) or _is_unicode(value)
    if kind is int:
        return bool(INT_MIN <= value <= INT_MAX)
    if kind is float:
        return math.isfinite(value)
    if kind is list:
        return depth < DEPTH_MAX and all(is_plain(each, depth + 1) for each in value)
    if kind is dict:
        return depth < DEPTH_MAX and all(
            name.__class__ is str and is_plain(name) and is_plain(each, depth + 1)
            for name, each in value.items()
        )
    return bool(value is None or kind is bool)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _kind_of(value: Any) -> str:
    """Return what a value is, without showing it: it may be a secret, and it may be long."""
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"
