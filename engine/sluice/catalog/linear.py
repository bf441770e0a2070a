"""Find the patterns that a backtracking engine runs in linear time, with RE2's result.

A pattern passes when every choice it offers (take a branch, stay in a loop, leave it) is decided
by the next character, as in the "deterministic" expressions of Brüggemann-Klein and Wood
(One-Unambiguous Regular Languages, 1998): then what is tried after a failure fails at once. A few
undecided choices that cannot multiply are allowed. Beyond that, a search that starts anew at
every character must not run through the same stretch of text again and again. On such patterns
leftmost-first (RE2) and backtracking prefer the same match. When unsure, the answer is no.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sluice.catalog.pattern import (
    Assertion,
    Chars,
    Choice,
    Named,
    Node,
    Ranges,
    Repeat,
    Sequence,
    is_disjoint,
    union,
)  # fmt: skip

#: How many ways through the pattern may be open from one start.
PATHS_MAX = 64
#: How many characters all but the unbounded loops may take, times the open ways.
WIDTH_MAX = 256


@dataclass(frozen=True, slots=True)
class _Rest:
    """What can come after a node: its first characters, and whether it can fail."""

    first: Ranges = ()
    is_certain: bool = True
    has_loop: bool = False


@dataclass(frozen=True, slots=True)
class _Shape:
    """What a node asks of the engine.

    `paths` bounds the ways through it, `width` the characters outside unbounded loops. `loops`
    are the sets of the unbounded loops behind which the match can still fail; `is_open` says
    that the end of one of them is not decided by the next character.
    """

    paths: int = 1
    width: int = 0
    loops: tuple[Ranges, ...] = ()
    is_open: bool = False


class _TooWild(Exception):
    """The pattern does not pass."""


def is_linear(node: Node) -> bool:
    """True when `re` runs the pattern in linear time and with the result of RE2."""
    try:
        shape = _shape(node, _Rest())
    except _TooWild:
        return False
    if shape.paths * max(1, shape.width) > WIDTH_MAX or shape.paths > PATHS_MAX:
        return False
    if not shape.loops or is_anchored(node):
        return True
    # A start inside the run of a loop is impossible when no match can begin there: each run is
    # then scanned a bounded number of times.
    if shape.is_open or _is_nullable(node) or _looks_behind_lines(node):
        return False
    first = _first(node, ())
    return all(is_disjoint(first, loop) for loop in shape.loops)


def is_anchored(node: Node) -> bool:
    """True when every match begins at the start of the text."""
    match node:
        case Assertion(kind):
            return kind == "start"
        case Sequence(items):
            return bool(items) and is_anchored(items[0])
        case Choice(branches):
            return all(map(is_anchored, branches))
        case Named(_, inner):
            return is_anchored(inner)
        case _:
            return False


def begins_with_literal(node: Node) -> bool:
    """True when every match begins with the same character: `re` then skips to it quickly."""
    match node:
        case Chars(ranges):
            return len(ranges) == 1 and ranges[0][0] == ranges[0][1]
        case Sequence(items):
            return bool(items) and begins_with_literal(items[0])
        case Named(_, inner):
            return begins_with_literal(inner)
        case _:
            return False


def _looks_behind_lines(node: Node) -> bool:
    match node:
        case Assertion(kind):
            return kind in ("line start", "line end")
        case Sequence(parts) | Choice(parts):
            return any(map(_looks_behind_lines, parts))
        case Named(_, inner) | Repeat(inner):
            return _looks_behind_lines(inner)
        case _:
            return False


def _is_nullable(node: Node) -> bool:
    match node:
        case Chars():
            return False
        case Assertion():
            return True
        case Sequence(items):
            return all(map(_is_nullable, items))
        case Choice(branches):
            return any(map(_is_nullable, branches))
        case Named(_, inner):
            return _is_nullable(inner)
        case Repeat(inner, low):
            return low == 0 or _is_nullable(inner)


def _first(node: Node, after: Ranges) -> Ranges:
    """Return (a superset of) the characters with which node and what follows can begin."""
    match node:
        case Chars(ranges):
            return ranges
        case Assertion("end"):
            return ()
        case Assertion("line end"):
            return ((10, 10),)
        case Assertion():
            return after
        case Sequence(items):
            for item in reversed(items):
                after = _first(item, after)
            return after
        case Choice(branches):
            return union(*(_first(branch, after) for branch in branches))
        case Named(_, inner):
            return _first(inner, after)
        case Repeat(inner, low):
            own = _first(inner, ())
            return union(own, after) if low == 0 or _is_nullable(inner) else own


def _shape(node: Node, rest: _Rest) -> _Shape:
    match node:
        case Chars():
            return _Shape(width=1)
        case Assertion():
            return _Shape()
        case Named(_, inner):
            return _shape(inner, rest)
        case Sequence(items):
            return _shape_sequence(items, rest)
        case Choice(branches):
            return _shape_choice(branches, rest)
        case Repeat():
            return _shape_repeat(node, rest)


def _shape_sequence(items: tuple[Node, ...], rest: _Rest) -> _Shape:
    total = _Shape()
    for item in reversed(items):
        total = _joined(_shape(item, rest), total)
        fails = not _is_nullable(item) or _asserts(item)
        rest = _Rest(
            _first(item, rest.first), rest.is_certain and not fails,
            rest.has_loop or bool(total.loops),
        )  # fmt: skip
    return total


def _joined(a: _Shape, b: _Shape) -> _Shape:
    return _Shape(
        a.paths * b.paths, a.width + b.width, a.loops + b.loops, a.is_open or b.is_open
    )  # fmt: skip


def _asserts(node: Node) -> bool:
    match node:
        case Assertion():
            return True
        case Sequence(parts) | Choice(parts):
            return any(map(_asserts, parts))
        case Named(_, inner) | Repeat(inner):
            return _asserts(inner)
        case _:
            return False


def _shape_choice(branches: tuple[Node, ...], rest: _Rest) -> _Shape:
    shapes = [_shape(branch, rest) for branch in branches]
    firsts = [_first(branch, rest.first) for branch in branches]
    decided = all(
        is_disjoint(a, b) for i, a in enumerate(firsts) for b in firsts[i + 1 :]
    ) and not any(map(_is_nullable, branches[:-1]))
    paths = (max if decided else sum)(shape.paths for shape in shapes)
    loops = tuple(loop for shape in shapes for loop in shape.loops)
    is_open = any(shape.is_open for shape in shapes)
    return _Shape(paths, max(shape.width for shape in shapes), loops, is_open)


def _shape_repeat(node: Repeat, rest: _Rest) -> _Shape:
    inner, low, high = node.node, node.low, node.high
    # Engines differ on loops over nothing and on what a group in a loop keeps.
    if _is_nullable(inner) or (_names(inner) and high != 1):
        raise _TooWild
    own = _first(inner, ())
    once = high == 1
    around = rest if once else _Rest(union(own, rest.first), False, rest.has_loop)
    body = _shape(inner, around)
    decided = low == high or is_disjoint(own, rest.first)
    if high is not None:
        return _shape_bounded(body, low, high, decided)
    if body.paths > 1 or body.loops:
        raise _TooWild
    if rest.is_certain and isinstance(inner, Chars):
        return replace(body, width=body.width * low)
    loop = _Shape(1, body.width * max(1, low), (_all_of(inner),))
    if decided:
        return loop
    # One loop whose end is open, as in `^.*x`, costs its length times what follows, which must
    # therefore be bounded.
    if isinstance(inner, Chars) and not rest.has_loop:
        return replace(loop, is_open=True)
    raise _TooWild


def _shape_bounded(body: _Shape, low: int, high: int, decided: bool) -> _Shape:
    if body.loops and high > 1:
        raise _TooWild
    if body.paths > 1 and high > PATHS_MAX:
        raise _TooWild
    paths = body.paths**high * (1 if decided else high - low + 1)
    if paths > PATHS_MAX:
        raise _TooWild
    return _Shape(paths, body.width * high, body.loops, body.is_open)


def _names(node: Node) -> bool:
    match node:
        case Named():
            return True
        case Sequence(parts) | Choice(parts):
            return any(map(_names, parts))
        case Repeat(inner):
            return _names(inner)
        case _:
            return False


def _all_of(node: Node) -> Ranges:
    """Return all characters that a node can take."""
    match node:
        case Chars(ranges):
            return ranges
        case Sequence(parts) | Choice(parts):
            return union(*map(_all_of, parts))
        case Named(_, inner) | Repeat(inner):
            return _all_of(inner)
        case _:
            return ()
