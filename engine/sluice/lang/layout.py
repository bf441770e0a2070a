"""Fit a text with optional line breaks into a width (after Wadler, "A prettier printer")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """A space (or nothing), or a line break when its group does not fit; `hard` always breaks."""

    flat: str = " "
    hard: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """A part whose breaks are all taken, or none."""

    doc: Doc


@dataclass(frozen=True, slots=True)
class Nest:
    """A part whose further lines begin `by` columns further, from the column where it begins
    (`aligned`) or from the indentation around it."""

    doc: Doc
    by: int = 0
    aligned: bool = True


@dataclass(frozen=True, slots=True)
class Fill:
    """Items of which as many as fit stand on a line, below the column where they begin; when one
    is too long for that, on lines of their own, two columns from the indentation around them."""

    items: tuple[Doc, ...]


@dataclass(frozen=True, slots=True)
class Remark:
    """A comment: what follows it is on a new line."""

    text: str


Doc = str | tuple["Doc", ...] | Line | Group | Nest | Fill | Remark

SOFT = Line()
TIGHT = Line("")
HARD = Line(hard=True)


def joined(separator: Doc, docs: Sequence[Doc]) -> Doc:
    """Return the docs with the separator between them."""
    out: list[Doc] = []
    for doc in docs:
        out += [separator, doc] if out else [doc]
    return tuple(out)


def flat(doc: Doc) -> str | None:
    """Return the doc on one line; None when it holds a break that must be taken."""
    out: list[str] = []
    stack = [doc]
    while stack:
        match stack.pop():
            case str(text):
                if "\n" in text:
                    return None
                out.append(text)
            case tuple(docs):
                stack += reversed(docs)
            case Line(text, hard):
                if hard:
                    return None
                out.append(text)
            case Group(inner) | Nest(inner):
                stack.append(inner)
            case Fill(items):
                stack.append(joined(SOFT, items))
            case Remark():
                return None
    return "".join(out)


def render(doc: Doc, width: int) -> str:
    """Lay a doc out; lines are longer than the width only where nothing can break."""
    page = _Page(width)
    stack: list[tuple[int, bool, Doc]] = [(0, False, doc)]
    while stack:
        indent, is_flat, item = stack.pop()
        match item:
            case str(text):
                page.write(text, indent)
            case tuple(docs):
                stack += [(indent, is_flat, each) for each in reversed(docs)]
            case Line(text, hard):
                if is_flat and not hard:
                    page.write(text, indent)
                else:
                    page.break_line(indent)
            case Group(inner):
                stack.append((indent, is_flat or page.fits(inner, stack), inner))
            case Nest(inner, by, aligned):
                stack.append(((page.column if aligned else indent) + by, is_flat, inner))
            case Fill(items):
                stack += reversed(_filled(items, indent, page, is_flat, _tail(stack)))
            case Remark(text):
                page.remark(text, indent)
    return page.text()


def _filled(
    items: tuple[Doc, ...], outer: int, page: _Page, is_flat: bool, tail: int
) -> list[tuple[int, bool, Doc]]:
    """Decide for each item whether it begins a line; `tail` is what must stand behind the last."""
    lengths = [len(flat(item) or "") for item in items]
    if items:
        lengths[-1] += tail
    column = page.column
    fits = column + max(lengths, default=0) <= page.width
    is_apart = bool(items) and not is_flat and not fits and column > outer + 2
    indent = outer + 2 if is_apart else column
    out: list[tuple[int, bool, Doc]] = [(indent, False, TIGHT)] if is_apart else []
    column = indent
    for number, (item, length) in enumerate(zip(items, lengths, strict=True)):
        if number:
            is_broken = not is_flat and column + 1 + length > page.width
            out.append((indent, not is_broken, SOFT))
            column = indent if is_broken else column + 1
        out.append((indent, is_flat, item))
        column += length
    return [*out, (outer, False, TIGHT)] if is_apart else out


class _Page:
    """What is written so far."""

    __slots__ = ("_has_remark", "_lines", "_parts", "column", "width")

    def __init__(self, width: int) -> None:
        self.width, self.column = width, 0
        self._lines: list[str] = []
        self._parts: list[str] = []
        self._has_remark = False

    def write(self, text: str, indent: int) -> None:
        """Write text; behind a comment it goes to the next line."""
        if not text:
            return
        if self._has_remark:
            self.break_line(indent)
            text = text.lstrip(" ")
        self._parts.append(text)
        last = text.rfind("\n")
        self.column = self.column + len(text) if last < 0 else len(text) - last - 1

    def remark(self, text: str, indent: int) -> None:
        """Write a comment, two spaces behind what stands on the line."""
        if self._has_remark:
            self.break_line(indent)
        if "".join(self._parts).strip():
            self._parts.append("  ")
        self._parts.append(text)
        self._has_remark = True

    def break_line(self, indent: int) -> None:
        """End the line."""
        self._lines.append("".join(self._parts).rstrip(" "))
        self._parts, self.column, self._has_remark = [" " * indent], indent, False

    def fits(self, doc: Doc, rest: list[tuple[int, bool, Doc]]) -> bool:
        """Tell whether the doc fits on the line, with what must stand behind it."""
        text = flat(doc)
        if text is None:
            return False
        return self.column + len(text) + _tail(rest) <= self.width

    def text(self) -> str:
        """Return the page."""
        return "\n".join([*self._lines, "".join(self._parts).rstrip(" ")])


def _tail(rest: list[tuple[int, bool, Doc]]) -> int:
    """Return the length of what follows up to the next possible break."""
    length = 0
    stack = list(rest[-12:])
    while stack:
        indent, is_flat, item = stack.pop()
        match item:
            case str(text):
                length += len(text.split("\n")[0])
            case tuple(docs):
                stack += [(indent, is_flat, each) for each in reversed(docs)]
            case Line(text, hard):
                if hard or not is_flat:
                    return length
                length += len(text)
            case Remark():
                return length
            case Group(inner) | Nest(inner):
                stack.append((indent, is_flat, inner))
            case Fill(items):
                stack.append((indent, is_flat, joined(SOFT, items)))
    return length
