"""Decode with a codec of a plugin so that a record on which it fails is one rejected record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from sluice.codecs import Codec, CodecEntry, CodecOptions, Decoded, Framing, InputOptions, Settled
from sluice.errors import ConfigError
from sluice.model import Event, Rejected, RejectReason, rejected
from sluice.plugins.guard import FAILED, Call, is_plain
from sluice.timing import INSTANT_MAX, INSTANT_MIN

_REASONS = frozenset(get_args(RejectReason))
_FRAMINGS = frozenset(get_args(Framing))


class GuardedMaking:
    """The `make` of a codec's entry: what it makes is guarded too."""

    __slots__ = ("_call", "_entry")

    def __init__(self, entry: CodecEntry, call: Call) -> None:
        self._entry, self._call = entry, call

    def __call__(self, settings: CodecOptions, options: InputOptions) -> Codec:
        wrong: list[ConfigError] = []

        def make() -> Codec | None:
            try:
                return self._entry.make(settings, options)
            except ConfigError as error:  # what the user wrote is wrong, not the plugin
                wrong.append(error)
                return None

        made = self._call.run(make)
        if wrong:
            raise wrong[0]
        if made is FAILED or made is None:
            raise ConfigError(f"{self._call.owner}: its codec '{self._entry.name}' cannot be made")
        return GuardedCodec(self._entry.name, made, self._call)


class GuardedCodec:
    """A codec of a plugin."""

    __slots__ = ("_call", "_inner", "_name")

    def __init__(self, name: str, inner: Codec, call: Call) -> None:
        self._name, self._inner, self._call = name, inner, call

    @property
    def name(self) -> str:
        """Return the name by which `--codec` chooses it."""
        return self._name

    def framing(self, head: bytes) -> Framing | None:
        """Return how a source is split; by lines where the plugin fails."""
        found: Framing | None = self._call.run(self._inner.framing, head)
        return found if found is None or found in _FRAMINGS else "lines"

    def decode(self, line: bytes, place: tuple[str, int, int]) -> Decoded:
        """Read one record; one on which the plugin fails is rejected."""
        found = self._call.run(self._inner.decode, line, place)
        if found is None:
            return None
        if found is FAILED:
            return rejected(place, "syntax", f"{self._call.owner} failed on it", line)
        each = found if found.__class__ is list else [found]
        if all(map(is_sound, each)):
            decoded: Decoded = found
            return decoded
        self._call.refuse("it gave what is neither a sound event nor a rejection")
        return rejected(place, "syntax", f"{self._call.owner} made no sound event of it", line)

    def settled(self, source: str) -> Settled | None:
        """Return which plain fields this source was found to use."""
        found = self._call.run(self._inner.settled, source)
        return found if isinstance(found, Settled) else None

    def state(self) -> dict[str, Any]:
        """Return what decoding has learned; nothing where it cannot be kept."""
        found = self._call.run(self._inner.state)
        if found.__class__ is dict and is_plain(found):
            state: dict[str, Any] = found
            return state
        if found is not FAILED:
            self._call.refuse("its state is no plain data")
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take what `state` gave."""
        self._call.run(self._inner.restore, state)


def is_sound(found: Any) -> bool:
    """Return whether something is an event of plain data, or a rejection for a known reason."""
    if isinstance(found, Rejected):
        return found.reason in _REASONS
    if not isinstance(found, Event):
        return False
    texts = (found.id, found.subject, found.zone, found.key, found.topic)
    return (
        found.type.__class__ is str
        and found.time.__class__ is int
        and INSTANT_MIN <= found.time <= INSTANT_MAX
        and found.source.__class__ is str
        and all(text is None or text.__class__ is str for text in texts)
        and found.fields.__class__ is dict
        and is_plain([found.type, found.source, *texts, found.fields])
    )
