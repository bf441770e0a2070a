"""The one shape of everything that keeps state: stimuli in, outputs out, no world inside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from sluice.timing import Instant

S_contra = TypeVar("S_contra", contravariant=True)
O_co = TypeVar("O_co", covariant=True)


class Machine(Protocol[S_contra, O_co]):
    """A state machine that a driver steps and a simulator breaks.

    `now` comes with every stimulus; there is no clock, IO, logging or hidden randomness inside.
    The order of outputs is the contract: a driver carries them out in that order.
    """

    def step(self, stimulus: S_contra, now: Instant) -> Sequence[O_co]:
        """Take one stimulus and return what is to be done, in order."""
        ...

    def wakeup(self) -> Instant | None:
        """Return the instant at which the machine wants to be stepped again, if any."""
        ...

    def snapshot(self) -> bytes:
        """Return the whole state as bytes from which it can be restored."""
        ...
