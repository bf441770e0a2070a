"""Say what went wrong, where, and what to do about it.

    SluiceError
    ├── RuleError         the author can fix it: carries diagnostics
    ├── Unsupported       this backend cannot run this node
    ├── ConfigError       the operator can fix it
    │   └── CodecError    the codec, or an option of it
    ├── InputError        an input is missing or unreadable
    ├── CheckpointError   a saved state does not fit
    └── ProtocolError
        ├── LocalProtocolError    we broke the protocol
        └── RemoteProtocolError   the other side did

Bad bytes are values (`model.Rejected`), never exceptions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of a file; lines and columns count from 1, columns in characters, the end is
    exclusive."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int

    def to(self, other: Span) -> Span:
        """Return the span from the start of this one to the end of the other."""
        return Span(self.file, self.line, self.column, other.end_line, other.end_column)


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding about a rule file: a code of the table in `lang.codes`, a place, a remedy."""

    code: str
    severity: Severity
    message: str
    span: Span
    hint: str | None = None
    rule: str | None = None


class SluiceError(Exception):
    """Anything Sluice reports to the person who runs it."""


class RuleError(SluiceError):
    """Rules do not load; `diagnostics` says why, all of them at once."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        first = self.diagnostics[0] if self.diagnostics else None
        super().__init__(f"{first.code} {first.message}" if first else "rules do not load")


class Unsupported(SluiceError):
    """A backend was asked for a construct that it does not promise to run."""


class ConfigError(SluiceError):
    """A setting is wrong; the message names it and where it came from."""


class CodecError(ConfigError):
    """The text that names a codec and its options is wrong."""


class InputError(SluiceError):
    """An input is missing or unreadable; nothing of it was processed."""


class CheckpointError(SluiceError):
    """A checkpoint cannot be read or written, or was made by another version."""


class ProtocolError(SluiceError):
    """A coordination protocol was broken."""


class LocalProtocolError(ProtocolError):
    """This side tried what the protocol forbids."""


class RemoteProtocolError(ProtocolError):
    """The other side sent what the protocol forbids."""


def picture(diagnostic: Diagnostic, text: str | None) -> str:
    """Draw a diagnostic for a terminal: place, message, the line with carets, the hint.

    `text` is the whole file, or None when it cannot be shown.
    """
    span = diagnostic.span
    head = f"{span.file}:{span.line}:{span.column}"
    out = [f"{head}: {diagnostic.severity} {diagnostic.code}: {diagnostic.message}"]
    lines = text.split("\n") if text is not None else []
    if 1 <= span.line <= len(lines):
        line = lines[span.line - 1].rstrip("\r")
        number = str(span.line)
        end = span.end_column if span.end_line == span.line else len(line) + 1
        start = min(span.column, len(line) + 1)
        width = max(1, min(end, len(line) + 1) - start)
        shown, offset = _window(line, start)
        pad = "".join("\t" if c == "\t" else " " for c in shown[: start - 1 - offset])
        width = min(width, max(1, len(shown) - (start - 1 - offset)))
        out.append(f"  {number} | {shown}")
        out.append(f"  {' ' * len(number)} | {pad}{'^' * width}")
    if diagnostic.hint:
        out.append(f"  = hint: {diagnostic.hint}")
    return "\n".join(out)


def _window(line: str, column: int, width_max: int = 160) -> tuple[str, int]:
    """Cut a long line around the column; return the cut and how many characters it skips."""
    if len(line) <= width_max:
        return line, 0
    offset = max(0, column - 1 - width_max // 2)
    return line[offset : offset + width_max], offset
