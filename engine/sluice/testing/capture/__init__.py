"""Turn a match that was kept into tests: one in which its rule fires, and a near miss."""

from sluice.testing.capture.block import insert_tests
from sluice.testing.capture.capturing import Captured, Wanted, capture_match
from sluice.testing.capture.literals import NotCaptured
from sluice.testing.capture.proof import Draft, prove

__all__ = [
    "Captured", "Draft", "NotCaptured", "Wanted", "capture_match", "insert_tests", "prove",
]  # fmt: skip
