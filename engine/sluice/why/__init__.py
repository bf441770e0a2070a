"""Why a rule fired, and why it did not: a recorded run, near misses, what would have done."""

from sluice.why.census import Census
from sluice.why.document import document
from sluice.why.explanation import Asked, Candidate, Explanation, Fired, Moment, Obstacle, Problem
from sluice.why.investigation import Investigation
from sluice.why.recording import NOTHING
from sluice.why.story import nearest_line, story
from sluice.why.witness import with_witness

__all__ = [
    "NOTHING", "Asked", "Candidate", "Census", "Explanation", "Fired", "Investigation", "Moment",
    "Obstacle", "Problem", "document", "nearest_line", "story", "with_witness",
]  # fmt: skip
