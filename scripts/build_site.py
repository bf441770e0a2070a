"""Build the pages as a static site: `python scripts/build_site.py [FOLDER]`, default `site`.

The navigation is read from `docs/index.md`, so that there is one list of pages. Pages outside of
`docs` that a page links to come along under `repository/`. Nothing is fetched from a network.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"

_LINK = re.compile(r"(\[(?:[^\[\]`]|`[^`]*`|\[[^\]]*\])*\])\(([^)\s]+)\)")
_ITEM = re.compile(r"^(?:\* |\| \d+ \| )\[([^\]]+)\]\(([^)#\s]+)\)")
_CODE = re.compile(r"`[^`]+`")
_FENCE = re.compile(r"^ *(`{3,}|~{3,})")
_BULLET = re.compile(r"^(?:[*-]|\d+\.) ")


def staged_name(page: Path) -> Path:
    """Return where a page of the repository stands among the staged pages."""
    if page.is_relative_to(DOCS):
        return page.relative_to(DOCS)
    return "repository" / page.relative_to(ROOT)


def staged_text(page: Path, found: list[Path]) -> str:
    """Return the text of a page with its links as the site needs them; add what it leads to."""
    lines: list[str] = []
    ticks = ""
    for line in page.read_text("utf-8").splitlines():
        fence = _FENCE.match(line)
        if fence is not None and not ticks:
            ticks = fence[1]
        elif fence is not None and fence[1].startswith(ticks):
            ticks = ""
        elif not ticks:
            if _BULLET.match(line) and lines and lines[-1] and not _is_in_list(lines):
                lines.append("")  # Python-Markdown begins no list right behind a paragraph
            text = _LINK.sub(lambda link: _staged_link(page, link, found), line)
            lines.append(_CODE.sub(_pipes, text) if text.startswith("|") else text)
            continue
        lines.append(line)
    return "\n".join(lines) + "\n"


def _pipes(code: re.Match[str]) -> str:
    """Write code in a row of a table: GitHub wants `\\|` for a pipe, Python-Markdown `|`."""
    return code[0].replace("\\|", "|")


def _is_in_list(lines: list[str]) -> bool:
    for line in reversed(lines):
        if _BULLET.match(line):
            return True
        if not line.startswith("  "):
            return False
    return False


def _staged_link(page: Path, link: re.Match[str], found: list[Path]) -> str:
    path, hash_sign, anchor = link[2].partition("#")
    if not path or re.match(r"[a-z][a-z0-9+.-]*:", path):
        return link[0]
    target = (page.parent / path).resolve()
    if target.is_dir() or target.suffix != ".md":
        return link[1][1:-1]  # a file of the repository that is no page: only its name
    found.append(target)
    there = os.path.relpath(staged_name(target), staged_name(page).parent)
    return f"{link[1]}({Path(there).as_posix()}{hash_sign}{anchor})"


def stage(folder: Path) -> None:
    """Write all pages into a folder: those of `docs`, and those that they lead to."""
    waiting = sorted(DOCS.rglob("*.md"))
    done: set[Path] = set()
    while waiting:
        page = waiting.pop()
        if page in done:
            continue
        done.add(page)
        target = folder / staged_name(page)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(staged_text(page, waiting), "utf-8")
    shutil.copyfile(DOCS / "pages.css", folder / "pages.css")


def navigation() -> list[dict[str, object]]:
    """Return the sections of `docs/index.md` with their pages, in its order."""
    sections: list[dict[str, object]] = [{"Sluice": "index.md"}]
    pages: list[dict[str, str]] = []
    for line in (DOCS / "index.md").read_text("utf-8").splitlines():
        item = _ITEM.match(line)
        if line.startswith("## "):
            pages = []
            sections.append({line[3:]: pages})
        elif item is not None:
            target = staged_name((DOCS / item[2]).resolve())
            pages.append({item[1].replace("`", ""): target.as_posix()})
    return [section for section in sections if next(iter(section.values()))]


def build(target: Path) -> int:
    """Put the pages together and build them; a warning of the builder makes it 1."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stage(folder / "docs")
        settings = (ROOT / "mkdocs.yml").read_text("utf-8")
        settings += f"docs_dir: docs\nsite_dir: site\nnav: {json.dumps(navigation())}\n"
        (folder / "mkdocs.yml").write_text(settings, "utf-8")
        command = [sys.executable, "-m", "zensical", "build", "--strict", "-f", "mkdocs.yml"]
        scripts = str(Path(__file__).parent)  # the colours of rules: scripts/sluice_fence.py
        environment = {**os.environ, "NO_COLOR": "1", "PYTHONPATH": scripts}
        code = subprocess.run(command, cwd=folder, env=environment, check=False).returncode
        if code == 0:
            shutil.rmtree(target, ignore_errors=True)
            shutil.move(folder / "site", target)
    return code


def main() -> int:
    """Build the site, and say how to look at it."""
    target = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "site").absolute()
    code = build(target)
    if code == 0:
        sys.stdout.write(f"\nlook at it with: python -m http.server --directory {target}\n")
    return code


if __name__ == "__main__":
    raise SystemExit(main())
