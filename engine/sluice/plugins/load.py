"""Bring in what one plugin has of one kind: import it, ask it, and look at what it gives."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple, TypeVar

from sluice.catalog import Accumulator, Action, Aggregate, Function, Parameter
from sluice.codecs import CODEC_NAMES, CodecEntry
from sluice.errors import ConfigError
from sluice.model import Type
from sluice.plugins.discover import Kind, Plugin
from sluice.plugins.faults import Faults, reason_of, shown_traceback
from sluice.plugins.guard import Call, GuardedAccumulator, GuardedFunction
from sluice.plugins.guard_codec import GuardedMaking
from sluice.plugins.watch import Overdue, Watch

Entry = Function | Aggregate | Action | CodecEntry
E = TypeVar("E", bound=Entry)

_CLASSES: dict[Kind, type[Any]] = {
    "functions": Function, "aggregates": Aggregate, "actions": Action, "codecs": CodecEntry,
}  # fmt: skip
_WORD = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*\Z")


class Brought(NamedTuple):
    """What came of one kind of one plugin; `troubles` are sentences about what did not.

    `is_unset`: it asks for settings, and there are none at all.
    """

    entries: tuple[Entry, ...] = ()
    troubles: tuple[str, ...] = ()
    is_unset: bool = False


class Guards(NamedTuple):
    """What guards calls: the watch, where faults are counted, and the limits in ms."""

    watch: Watch
    faults: Faults
    load_ms_max: int
    call_ms_max: int

    def call(self, title: str, owner: str) -> Call:
        """Return the guard of one entry."""
        return Call(title, owner, self.call_ms_max, self.watch, self.faults)


class _Loading(NamedTuple):
    """An import under way."""

    title: str
    limit_ms: int


def bring(plugin: Plugin, kind: Kind, settings: Mapping[str, Any], guards: Guards) -> Brought:
    """Return what a plugin has of a kind, each entry guarded."""
    watch = guards.watch
    try:
        watch.calls += 1
        watch.running = _Loading(f"the import of {plugin}", guards.load_ms_max)
        found = plugin.points[kind].load()(settings)
        given: list[Any] = [*found]
        watch.running = None
    except (Exception, SystemExit, Overdue) as error:
        watch.running = None
        is_unset = isinstance(error, ConfigError) and not settings
        return Brought((), (_refusal(error, guards.load_ms_max),), is_unset)
    except BaseException:  # somebody ends the command
        watch.running = None
        raise
    entries: dict[str, Entry] = {}
    troubles: list[str] = []
    for entry in given:
        wrong = _wrong(entry, kind, plugin, entries)
        if wrong is not None:
            troubles.append(wrong)
        else:
            made = guarded(entry, str(plugin), guards)
            is_function = isinstance(made, Function)
            entries[entry.name] = replace(made, group=plugin.name) if is_function else made
    return Brought(tuple(entries.values()), tuple(troubles))


def guarded(entry: E, owner: str, guards: Guards) -> E:
    """Return an entry whose calls are guarded."""
    call = guards.call(entry.name, owner)
    match entry:
        case Function(result=Type() as result):
            return replace(entry, call=GuardedFunction(entry.call, result, call))
        case Aggregate(result=Type() as result):
            return replace(entry, make=_guarded_make(entry.make, result, call))
        case CodecEntry():
            return replace(entry, make=GuardedMaking(entry, call))
        case _:
            return entry


def _guarded_make(
    make: Callable[..., Accumulator], result: Type, call: Call
) -> Callable[..., Accumulator]:
    def made(*constants: Any) -> Accumulator:
        return GuardedAccumulator(partial(make, *constants), result, call)

    return made


def _refusal(error: BaseException, load_ms_max: int) -> str:
    """Say why nothing could be brought in."""
    if isinstance(error, Overdue):
        reason = f"its import takes longer than {load_ms_max / 1000:g} s"
        return f"{reason}\n{shown_traceback(error)}"
    if isinstance(error, ConfigError):  # the plugin says what the user should do
        return str(error)
    return f"{reason_of(error)}\n{shown_traceback(error)}"


def _wrong(entry: Any, kind: Kind, plugin: Plugin, others: Iterable[str]) -> str | None:
    """Say why an entry cannot be used, None when it can."""
    if not isinstance(entry, _CLASSES[kind]):
        return f"among its {kind} is a {type(entry).__name__}, no {_CLASSES[kind].__name__}"
    name = entry.name
    if not isinstance(name, str) or not _WORD.match(name):
        return f"{name!r} is no name: words of small letters, digits and _, with dots between"
    if not name.startswith(f"{plugin.name}.") and not (kind == "codecs" and name == plugin.name):
        return f"'{name}' must begin with its own name: '{plugin.name}.{name.rpartition('.')[2]}'"
    if name in others:
        return f"it brings '{name}' twice"
    if kind == "codecs" and name in CODEC_NAMES:
        return f"the codec '{name}' is there already, built into Sluice"
    return _wrong_parts(entry)


def _wrong_parts(entry: Any) -> str | None:
    if not isinstance(entry.doc, str):
        return f"'{entry.name}' has no text as its doc"
    if isinstance(entry, Function | Aggregate) and not isinstance(entry.result, Type):
        return f"the result of '{entry.name}' must be a Type (ANY where it can be anything)"
    work = getattr(entry, "call", None) or getattr(entry, "make", None)
    if not isinstance(entry, Action) and not callable(work):
        return f"'{entry.name}' has nothing that can be called"
    params = getattr(entry, "params", ())
    if not isinstance(params, tuple) or not all(isinstance(p, Parameter) for p in params):
        return f"the params of '{entry.name}' must be a tuple of Parameter"
    return None
