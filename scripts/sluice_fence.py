"""Colour rules in the pages: what the builder of the site calls for each block `sluice`.

The words are those of the grammar, so a new keyword is coloured without a change here.
"""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import Any

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexer import RegexLexer
from pygments.token import Comment, Keyword, Literal, Name, Number, Operator, String, Text

GRAMMAR = Path(__file__).parent.parent / "engine" / "sluice" / "lang" / "grammar.lark"

#: Keywords that are names as often as not; they are coloured only where a clause can begin.
_AMBIGUOUS = frozenset({"x", "max", "last", "to", "list", "set", "at", "late", "start", "on"})


def keywords() -> list[str]:
    """Return the words that the grammar has terminals for, in order."""
    terminal = r"^_?[A-Z_]+(?:\.\d+)?: /(?:\(\?:)?([a-z_|]+)[()~]"
    found = re.findall(terminal, GRAMMAR.read_text("utf-8"), re.MULTILINE)
    return sorted({word for group in found for word in group.split("|")})


_PLAIN = [word for word in keywords() if word not in _AMBIGUOUS]


class SluiceLexer(RegexLexer):
    """Split a rule file into what is coloured alike."""

    name = "Sluice"
    tokens = {  # noqa: RUF012 (the library wants it so)
        "root": [
            (r"#[^\n]*", Comment.Single),
            (r'"""[\s\S]*?"""', String),
            (r'"(?:[^"\\\n]|\\.)*"', String),
            (r"'[^'\n]*'", String),
            (r"`[^`\n]+`", Name),
            (r"(?<=matches )/(?:[^/\\\n]|\\.)+/[ims]*", String.Regex),
            (r"(?<=[\[,] )/(?:[^/\\\n]|\\.)+/[ims]*", String.Regex),
            (r"(?<=\[)/(?:[^/\\\n]|\\.)+/[ims]*", String.Regex),
            (r"@[A-Za-z_]\w*", Name.Attribute),
            (r"\d+(?:\.\d+){3}(?:/\d+)?", Number),
            (r"(?:\d+(?:ms|[wdhms]))+\b", Number),
            (r"0[xX][0-9a-fA-F]+|\d[\d_]*(?:\.\d+)?(?:[KMGT]i?B|%)?", Number),
            (r"(?<=[.])[A-Za-z_]\w*", Name),
            (r"(?:true|false|null)\b", Literal),
            (r"(?m)^ *(?:at|start|list|late)\b(?=[ \"\d])", Keyword),
            (r"(?<=\} )(?:x|late)\b|(?<=match )at\b|(?<= )on\b(?= [\w(])", Keyword),
            (rf"(?:{'|'.join(_PLAIN)})\b(?![.(:])~?", Keyword),
            (r"[A-Za-z_]\w*(?=\()", Name.Function),
            (r"[A-Za-z_]\w*", Name),
            (r"[=!<>]=?~?|[-+*/|?]", Operator),
            (r"[\s\S]", Text),
        ]
    }


def take(
    language: str, inputs: dict[str, str], options: dict[str, Any], attrs: Any, md: Any
) -> bool:
    """Accept the title of a block and nothing else."""
    options.update(inputs)
    return set(inputs) <= {"title"}


def draw(
    source: str, language: str, css_class: str, options: dict[str, Any], md: Any, **rest: Any
) -> str:
    """Return a block in colours, in the form of all other blocks."""
    code = highlight(source, SluiceLexer(), HtmlFormatter(nowrap=True))
    title = options.get("title")
    head = f'<span class="filename">{escape(title)}</span>' if title else ""
    return f'<div class="highlight">{head}<pre><span></span><code>{code}</code></pre></div>'
