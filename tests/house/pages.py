"""Check the pages: links lead somewhere, terms are in order, examples can be tried."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.house.tree import Finding

#: Folders that hold no pages of ours.
FOREIGN_FOLDERS = frozenset(
    {".git", ".venv", "build", "dist", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis"}
)

RUN_MARK = "<!-- run -->"

_FENCE = re.compile(r"^(?P<indent> *)(?P<ticks>`{3,}|~{3,})(?P<tag>[^`\n]*)$")
_CODE_SPAN = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)")
_LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
_LINK_BY_NAME = re.compile(r"^ {0,3}\[[^\]]+\]:\s+<?(\S+?)>?(?:\s|$)")
_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*\s*$")
_SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_TERM = re.compile(r"^\*\*(?P<term>[^*]+)\*\*: \S")
_TEST_NAME = re.compile(r"`(tests/[\w./-]+\.\w+)(?:::([\w:\[\]-]+))?`")


@dataclass(frozen=True, slots=True)
class Fence:
    """A fenced block of a page: its first word, its text, whether it is marked to be run."""

    file: str
    line: int
    tag: str
    text: str
    is_run: bool


def pages(root: Path) -> list[Path]:
    """Every Markdown page of the repository, in the order of their paths."""
    found = root.rglob("*.md")
    return sorted(p for p in found if not FOREIGN_FOLDERS & set(p.relative_to(root).parts))


def fences(root: Path, page: Path) -> Iterator[Fence]:
    """Every fenced block of a page."""
    file = page.relative_to(root).as_posix()
    lines = page.read_text(encoding="utf-8").splitlines()
    opened: re.Match[str] | None = None
    start, body, is_run, last = 0, list[str](), False, ""
    for number, line in enumerate(lines, 1):
        found = _FENCE.match(line)
        if opened is None:
            if found is not None:
                opened, start, body, is_run = found, number, [], last == RUN_MARK
            elif line.strip():
                last = line.strip()
        elif found is not None and found["ticks"].startswith(opened["ticks"]) and not found["tag"]:
            tag = opened["tag"].split()[0] if opened["tag"].split() else ""
            yield Fence(file, start, tag, "".join(f"{text}\n" for text in body), is_run)
            opened, last = None, ""
        else:
            body.append(line.removeprefix(opened["indent"]))
    if opened is not None:
        raise AssertionError(f"{file}:{start}: the fenced block is never closed")


def check_links(root: Path) -> Iterator[Finding]:
    """Every relative link leads to a file, and every anchor to a heading."""
    for page in pages(root):
        file = page.relative_to(root).as_posix()
        for number, line in _prose(page):
            for target in (*_LINK.findall(line), *_LINK_BY_NAME.findall(line)):
                if _SCHEME.match(target) or target.startswith("//"):
                    continue
                what = _dead_end(root, page, target)
                if what is not None:
                    yield Finding(file, number, what, "mend the link")


def check_run_marks(root: Path) -> Iterator[Finding]:
    """What is marked to be run is a block `sh` whose first command is `sluice`."""
    for page in pages(root):
        lines = page.read_text(encoding="utf-8").splitlines()
        marks = sum(line.strip() == RUN_MARK for line in lines)
        marked = [fence for fence in fences(root, page) if fence.is_run]
        for fence in marked:
            if fence.tag != "sh" or not fence.text.startswith("sluice "):
                what = "a block is marked to be run, but is no `sh` block that starts with sluice"
                yield Finding(fence.file, fence.line, what, "drop the mark or write the command")
        if marks != len(marked):
            file = page.relative_to(root).as_posix()
            what = f"{marks} marks {RUN_MARK}, but {len(marked)} blocks behind them"
            yield Finding(file, 1, what, "put the mark on the line before the block")


def check_glossary(root: Path) -> Iterator[Finding]:
    """The terms of the glossary are sorted, and each has one entry."""
    page = root / "docs" / "glossary.md"
    file = page.relative_to(root).as_posix()
    last = ""
    count = 0
    for number, line in _prose(page, with_code=True):
        found = _TERM.match(line)
        if found is None:
            if line.startswith("**"):
                yield Finding(file, number, "an entry is not readable", "write `**term**: meaning`")
            continue
        count += 1
        term = found["term"].casefold()
        if term == last:
            yield Finding(file, number, f"the term '{term}' has two entries", "join them")
        elif term < last:
            yield Finding(file, number, f"the term '{term}' stands after '{last}'", "sort them")
        last = term
    if not count:
        yield Finding(file, 1, "the glossary has no terms", "write `**term**: meaning`")


def check_coverage(root: Path) -> Iterator[Finding]:
    """Every test that the coverage table names exists."""
    page = root / "docs" / "reference" / "coverage.md"
    file = page.relative_to(root).as_posix()
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if not line.startswith("|"):
            continue
        for path, name in _TEST_NAME.findall(line):
            target = root / path
            if not target.exists():
                yield Finding(file, number, f"{path} does not exist", "name the test as it is")
            elif name and path.endswith(".py") and not _defines(target, name):
                yield Finding(file, number, f"{path} has no {name}", "name the test as it is")


def slug(heading: str) -> str:
    """The anchor of a heading: lower case, spaces as hyphens, punctuation dropped."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
    return re.sub(r"[^\w\- ]", "", text).strip().replace(" ", "-")


def _defines(path: Path, name: str) -> bool:
    """Whether a test file defines `function` or `Class::method`; parameters are cut off."""
    body: list[ast.stmt] = ast.parse(path.read_text(encoding="utf-8")).body
    for part in name.partition("[")[0].split("::"):
        found = [n for n in body if getattr(n, "name", None) == part]
        if not found:
            return False
        body = getattr(found[0], "body", [])
    return True


def _dead_end(root: Path, page: Path, target: str) -> str | None:
    path, _, anchor = target.partition("#")
    goal = (root / path.lstrip("/") if path.startswith("/") else page.parent / path).resolve()
    if not path:
        goal = page
    if not goal.exists():
        return f"the link {target} leads to nothing"
    if not goal.is_relative_to(root.resolve()):
        return f"the link {target} leaves the repository"
    if anchor and goal.suffix == ".md" and anchor not in _anchors(goal):
        return f"the link {target} names a heading that is not there"
    return None


def _anchors(page: Path) -> set[str]:
    found: set[str] = set()
    for _, line in _prose(page, with_code=True):
        heading = _HEADING.match(line)
        if heading is not None:
            base, anchor, number = slug(heading[1]), slug(heading[1]), 0
            while anchor in found:
                number += 1
                anchor = f"{base}-{number}"
            found.add(anchor)
    return found


def _prose(page: Path, *, with_code: bool = False) -> Iterator[tuple[int, str]]:
    """The lines of a page outside fenced blocks, without code spans unless asked for."""
    ticks = ""
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        found = _FENCE.match(line)
        if found is not None and not ticks:
            ticks = found["ticks"]
        elif found is not None and found["ticks"].startswith(ticks) and not found["tag"]:
            ticks = ""
        elif not ticks:
            yield number, line if with_code else _CODE_SPAN.sub("", line)
