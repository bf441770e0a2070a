"""Split a text with `{expr}` holes into strings and expressions."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

from sluice.errors import Diagnostic, Span
from sluice.lang.declarations import Def
from sluice.lang.infer import Inferrer
from sluice.lang.parse import parse
from sluice.lang.scope import Scope
from sluice.lang.syntax import Expr, String
from sluice.lang.typed import Typed


def text_parts(text: String, inferrer: Inferrer, scope: Scope) -> tuple[str | Typed, ...]:
    """Return the strings and the checked expressions of a text in turn; `{{` is a brace."""
    out: list[str | Typed] = []
    for piece in split(text.value):
        if isinstance(piece, str):
            out.append(piece)
            continue
        start, source = piece
        if source is None:
            inferrer.findings.add(
                "SL0313", text.span, "a brace in this text is not closed or opened",
                "a plain brace is written `{{` or `}}`",
            )  # fmt: skip
            continue
        span = _span(text, start, source)
        if not source.strip():
            hole = replace(span, column=span.column - 1, end_column=span.end_column + 1)
            inferrer.findings.add(
                "SL0313", hole if span != text.span else span, "nothing stands in these braces",
                "name what is filled in: `{user}`; plain braces are written `{{}}`",
            )  # fmt: skip
            continue
        expr, diagnostics = parse_expression(source, span)
        if expr is None:
            for found in diagnostics:
                hint = found.hint
                if found.message.endswith("found `:`"):
                    hint = "a value has no format behind a `:`; write `{round(x, 2)}`"
                inferrer.findings.add(found.code, found.span, found.message, hint)
            continue
        out.append(inferrer.infer(expr, scope))
    return tuple(out)


def split(text: str) -> list[str | tuple[int, str | None]]:
    """Split a text: strings, and holes as (offset, source); source None marks a stray brace."""
    out: list[str | tuple[int, str | None]] = []
    plain, at = "", 0
    while at < len(text):
        two, one = text[at : at + 2], text[at]
        if two in ("{{", "}}"):
            plain, at = plain + one, at + 2
        elif one == "{":
            end = _closing(text, at)
            if plain:
                out.append(plain)
            plain = ""
            if end is None:
                out.append((at, None))
                return out
            out.append((at + 1, text[at + 1 : end]))
            at = end + 1
        elif one == "}":
            out.append((at, None))
            at += 1
        else:
            plain, at = plain + one, at + 1
    if plain:
        out.append(plain)
    return out


def _closing(text: str, at: int) -> int | None:
    """Return where the hole that opens here ends; quotes hide braces."""
    quote = ""
    for place in range(at + 1, len(text)):
        letter = text[place]
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter == "}":
            return place
    return None


def _span(text: String, start: int, source: str) -> Span:
    """Return where a hole stands: exact in a text of one line, else the whole text."""
    span = text.span
    width = span.end_column - span.column - 2
    if span.line != span.end_line or width != len(text.value):
        return span
    column = span.column + 1 + start
    return Span(span.file, span.line, column, span.line, column + len(source))


_BEFORE = "def x = "


def parse_expression(source: str, span: Span) -> tuple[Expr | None, tuple[Diagnostic, ...]]:
    """Parse an expression that stands at a span; places outside it are moved into it."""
    parsed = parse(f"{_BEFORE}{source}", span.file)
    exact = span.end_column - span.column == len(source) and span.line == span.end_line

    def move(old: Span) -> Span:
        if not exact or old.line != 1 or old.end_line != 1:
            return span
        shift = span.column - len(_BEFORE) - 1
        start = min(max(old.column + shift, span.column), span.end_column)
        end = min(max(old.end_column + shift, start + 1), max(span.end_column, start + 1))
        return Span(span.file, span.line, start, span.line, end)

    found = parsed.file.declarations
    moved = tuple(
        replace(d, span=move(d.span), message=_without_file(d.message)) for d in parsed.diagnostics
    )
    if moved or len(found) != 1 or not isinstance(found[0], Def):
        return None, moved or (
            Diagnostic("SL0101", "error", "an expression is needed here", span),
        )  # fmt: skip
    expr: Expr = _moved(found[0].expr, move)
    return expr, ()


def _without_file(message: str) -> str:
    """No declaration follows an expression that stands alone, and no file ends there."""
    for words in ("a declaration such as `rule`, ", "a declaration such as `rule` or "):
        message = message.replace(words, "")
    return message.replace("the end of the file", "the end")


def _moved(node: Any, move: Any) -> Any:
    if isinstance(node, Span):
        return move(node)
    if isinstance(node, tuple):
        return tuple(_moved(item, move) for item in node)
    if is_dataclass(node) and not isinstance(node, type):
        return replace(node, **{f.name: _moved(getattr(node, f.name), move) for f in fields(node)})
    return node
