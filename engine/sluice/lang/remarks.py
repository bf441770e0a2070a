"""Hand out the comments of a file, in order, to the places where they stand."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sluice.errors import Span
from sluice.lang.declarations import Comment
from sluice.lang.layout import HARD, Doc, Remark

Point = tuple[int, int]


def start(span: Span) -> Point:
    """Return line and column of the start."""
    return span.line, span.column


def end(span: Span) -> Point:
    """Return line and column behind the end."""
    return span.end_line, span.end_column


class Remarks:
    """The comments that no line has taken yet, and the source for what is kept as written.

    Every comment is taken exactly once: by what it stands behind on a line, else by what follows.
    Nodes without a place (line 0) take none.
    """

    __slots__ = ("_comments", "_lines", "_next")

    def __init__(self, text: str | None, comments: Sequence[Comment]) -> None:
        self._lines = text.split("\n") if text is not None else None
        self._comments = sorted(comments, key=lambda each: start(each.span))
        self._next = 0

    def source(self, span: Span) -> str | None:
        """Return the source of a span, when there is one."""
        if self._lines is None or span.line == 0:
            return None
        lines = self._lines[span.line - 1 : span.end_line]
        lines[-1] = lines[-1][: span.end_column - 1]
        lines[0] = lines[0][span.column - 1 :]
        return "\n".join(lines)

    def has_blank_above(self, line: int) -> bool:
        """Tell whether the line above is empty."""
        return self._lines is not None and line > 1 and not self._lines[line - 2].strip()

    def _begins_line(self, span: Span) -> bool:
        """Tell whether nothing stands in front of a span on its line."""
        if self._lines is None or span.line == 0:
            return False
        return not self._lines[span.line - 1][: span.column - 1].strip()

    def before(self, span: Span, *, is_first: bool = True) -> Doc:
        """Take the comments in front of a span, each on its own line.

        Empty lines between them are kept, as one; none stands at the beginning of a block.
        """
        out: list[Doc] = []
        while (comment := self._pending()) and start(comment.span) < start(span):
            self._next += 1
            is_blank = self.has_blank_above(comment.span.line) and comment.own_line
            out += [HARD] if is_blank and not (is_first and not out) else []
            out += [Remark(comment.text), HARD]
        is_blank = self._begins_line(span) and self.has_blank_above(span.line)
        out += [HARD] if is_blank and not (is_first and not out) else []
        return tuple(out)

    def inside(self, span: Span) -> Doc:
        """Take the comments in front of a part of a line; empty lines are not kept."""
        out: list[Doc] = []
        while (comment := self._pending()) and start(comment.span) < start(span):
            self._next += 1
            out += [Remark(comment.text), HARD]
        return tuple(out)

    def opening(self, first: Point) -> Doc:
        """Take the comment behind an opening brace: on a line that ends before `first`."""
        comment = self._pending()
        if comment is None or comment.own_line or comment.span.line >= first[0]:
            return ""
        self._next += 1
        return Remark(comment.text)

    def behind(self, span: Span, limit: Point | None) -> Doc:
        """Take the comment that ends the line of a span, unless something else ends there."""
        comment = self._pending()
        if comment is None or comment.own_line or comment.span.line != span.end_line:
            return ""
        place = start(comment.span)
        if place < end(span) or (limit is not None and place >= limit):
            return ""
        self._next += 1
        return Remark(comment.text)

    def around(self, span: Span, write: Callable[[], Doc], follower: Span | None) -> Doc:
        """Lay out one of several parts with its comments; the last leaves its line's end alone."""
        lead = self.inside(span)
        doc = write()
        return (lead, doc, self.behind(span, start(follower)) if follower else "")

    def closing(self, limit: Point | None, *, is_first: bool = False) -> Doc:
        """Take what is left in front of a closing brace, or of the end of the file."""
        out: list[Doc] = []
        while (comment := self._pending()) and (limit is None or start(comment.span) < limit):
            self._next += 1
            is_blank = self.has_blank_above(comment.span.line) and comment.own_line
            out += [HARD, HARD] if is_blank and not (is_first and not out) else [HARD]
            out.append(Remark(comment.text))
        return tuple(out)

    def _pending(self) -> Comment | None:
        return self._comments[self._next] if self._next < len(self._comments) else None
