"""Comments that accept a change which no test can notice: `# mutate: ok REASON`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sluice.lang import Unit

_OK = re.compile(r"#\s*mutate:\s*ok\b[\s:,-]*(?P<reason>.*)\Z")


@dataclass(frozen=True, slots=True)
class Remark:
    """A comment that accepts the changes of one line; `reason` may be missing."""

    file: str
    #: Where the comment stands, and the line that it is about.
    line: int
    about: int
    reason: str


def remarks_of(unit: Unit) -> list[Remark]:
    """Return the comments of a file that accept changes.

    A comment behind something is about its line, one that stands alone about the next line.
    """
    found = []
    for comment in unit.parsed.file.comments:
        text = _OK.match(comment.text)
        if text is not None:
            line = comment.span.line
            about = line + 1 if comment.own_line else line
            found.append(Remark(unit.path, line, about, text["reason"].strip()))
    return found
