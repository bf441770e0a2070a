"""Guess which word an author meant."""

from __future__ import annotations

from collections.abc import Iterable


def suggest(word: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate that is closest to the word, or None when none is near.

    Near is: the same but for case, or at most one slip (a letter more, less, other, or two swapped)
    in three letters. Of two that are equally near one that begins like the word wins (a word cut
    short), else the first in alphabetical order.
    """
    lowered = word.lower()
    slips_max = max(1, len(word) // 3) if len(word) > 2 else 0
    best: tuple[int, bool, str] | None = None
    for candidate in candidates:
        if candidate == word:
            continue
        if abs(len(candidate) - len(word)) > slips_max:
            continue
        swapped = len(word) == 2 and candidate == lowered[::-1]
        slips = 1 if swapped else distance(lowered, candidate.lower(), slips_max)
        if slips <= slips_max + swapped:
            found = (slips, not candidate.lower().startswith(lowered), candidate)
            best = found if best is None else min(best, found)
    return best[2] if best else None


def distance(a: str, b: str, at_most: int) -> int:
    """Count the slips between two words (optimal string alignment), giving up above `at_most`.

    The result is exact up to `at_most`; above it is merely larger than `at_most`.
    """
    before: list[int] = []
    above: list[int] = []
    row = list(range(len(b) + 1))
    for i, letter in enumerate(a, start=1):
        before, above, row = above, row, [i]
        for j, other in enumerate(b, start=1):
            cost = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (letter != other))
            if before and j > 1 and letter == b[j - 2] and a[i - 2] == other:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) > at_most:
            return at_most + 1
    return row[-1]
