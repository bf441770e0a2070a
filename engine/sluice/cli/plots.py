"""Pictures of numbers in a terminal: bars by name, columns over time."""

from __future__ import annotations

from collections.abc import Sequence

#: More bars than this become columns side by side.
BARS_MAX = 60
HEIGHT = 10
_EIGHTHS = " ▁▂▃▄▅▆▇█"
_PARTS = " ▏▎▍▌▋▊▉█"


def bars(labels: Sequence[str], values: Sequence[float], width: int) -> str:
    """Draw a bar for each value, with its label before and its number behind."""
    greatest = max([*values, 0.0]) or 1.0
    head = max((len(label) for label in labels), default=0)
    numbers = [_number(value) for value in values]
    room = max(10, width - head - max((len(n) for n in numbers), default=0) - 4)
    lines = [
        f"{label:<{head}}  {_bar(value / greatest * room)} {number}".rstrip()
        for label, value, number in zip(labels, values, numbers, strict=True)
    ]
    return "\n".join(lines) + "\n" if lines else ""


def columns(labels: Sequence[str], values: Sequence[float], width: int) -> str:
    """Draw a column for each value; several share one where there is no room for all."""
    greatest = max([*values, 0.0]) or 1.0
    axis = len(_number(greatest))
    room = max(10, width - axis - 3)
    share = -(-len(values) // room)
    tops = [max(values[n : n + share]) for n in range(0, len(values), share)]
    rows = []
    for level in range(HEIGHT, 0, -1):
        filled = (_EIGHTHS[_eighths(top / greatest * HEIGHT - level + 1)] for top in tops)
        number = _number(greatest) if level == HEIGHT else ""
        rows.append(f"{number:>{axis}} │{''.join(filled)}".rstrip())
    rows.append(f"{0:>{axis}} └{'─' * len(tops)}")
    gap = max(1, len(tops) - len(labels[0]) - len(labels[-1]))
    rows.append(f"{'':>{axis}}  {labels[0]}{' ' * gap}{labels[-1]}")
    if share > 1:
        rows.append(f"{'':>{axis}}  each column is the greatest of {share}")
    return "\n".join(rows) + "\n"


def _bar(length: float) -> str:
    whole = int(max(length, 0.0))
    rest = _PARTS[int((max(length, 0.0) - whole) * 8)].strip()
    return "█" * whole + (rest or ("▏" if 0 < length < 1 / 8 else ""))


def _eighths(part: float) -> int:
    return min(8, max(0, round(part * 8)))


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"
