"""The site: every link leads somewhere, nothing comes from elsewhere, a browser can search it."""

from __future__ import annotations

import json
import queue
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

REPOSITORY = Path(__file__).parents[2]
FRAME = (Path(__file__).parent / "site_check.html").read_bytes()
ELSEWHERE = b'<!doctype html><img src="http://192.0.2.1/x.png">'
SECONDS_MAX = 60

#: The browser may ask this server only; what it is kept from it reports to `/blocked`.
POLICY = "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; report-uri /blocked"

#: What a page loads by itself; `a` only leads away.
LOADED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}


class Page(HTMLParser):
    """The links, the anchors and the parts of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take a tag."""
        values = {name: value or "" for name, value in attrs}
        self.anchors.add(values.get("id", ""))
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if LOADED.get(tag, "") in values:
            self.loaded.append(values[LOADED[tag]])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` builds it."""
    target = tmp_path_factory.mktemp("site") / "site"
    command = [sys.executable, str(REPOSITORY / "scripts" / "build_site.py"), str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr
    return target


@pytest.fixture(scope="module")
def parsed(site: Path) -> dict[Path, Page]:
    """Every page of the site by its file."""
    return {path: Page(path.read_text("utf-8")) for path in sorted(site.rglob("*.html"))}


def is_outside(link: str) -> bool:
    """Whether a link names another machine."""
    return link.startswith(("//", "http:", "https:"))


def test_every_page_of_the_project_is_in_the_site(parsed: dict[Path, Page], site: Path) -> None:
    """No page is lost on the way."""
    written = {path.relative_to(site).with_suffix("") for path in parsed}
    docs = REPOSITORY / "docs"
    pages = {path.relative_to(docs).with_suffix("") for path in docs.rglob("*.md")}
    named = {path.with_name("index") if path.name == "README" else path for path in pages}
    assert named - written == set()


def test_every_link_of_the_site_leads_somewhere(parsed: dict[Path, Page], site: Path) -> None:
    """Files and anchors that links name are there; other sites are left alone."""
    dead = []
    for path, page in parsed.items():
        if path.name == "404.html":  # its links begin at the root of a server
            continue
        for link in page.links:
            if is_outside(link) or link.startswith(("mailto:", "javascript:")):
                continue
            name, _, anchor = unquote(link).partition("#")
            target = (path.parent / name).resolve() if name else path
            target = target / "index.html" if target.is_dir() else target
            if target not in parsed or (anchor and anchor not in parsed[target].anchors):
                dead.append(f"{path.relative_to(site)}: {link}")
    assert dead == []


def test_nothing_is_loaded_from_elsewhere(parsed: dict[Path, Page], site: Path) -> None:
    """Scripts, styles, fonts and pictures are files of the site."""
    found = {link for page in parsed.values() for link in page.loaded if is_outside(link)}
    for sheet in site.rglob("*.css"):
        found |= set(re.findall(r"url\(\s*[\"']?(?:https?:)?//[^)]*", sheet.read_text("utf-8")))
    assert found == set()


def test_rules_are_coloured(site: Path) -> None:
    """A rule has its keywords, texts and numbers in colours, and a file its name above it."""
    page = (site / "cookbook" / "sequences.html").read_text("utf-8")
    assert '<span class="k">rule</span> <span class="n">guessed</span> <span class="s">' in page
    assert '<span class="m">10m</span>' in page
    tour = (site / "tutorial" / "tour.html").read_text("utf-8")
    assert '<span class="filename">logins.sluice</span>' in tour


def test_tables_hold_pipes(site: Path) -> None:
    """What is `\\|` in a table of Markdown is a pipe on the page."""
    page = (site / "coming-from" / "sigma.html").read_text("utf-8")
    assert "<code>|contains|all</code>" in page
    assert "\\|" not in page


class Server(SimpleHTTPRequestHandler):
    """Serve the site and the frame that looks at it; keep what is posted."""

    posted: queue.Queue[tuple[str, bytes]]

    def end_headers(self) -> None:
        """Forbid everything from elsewhere."""
        self.send_header("Content-Security-Policy", POLICY)
        super().end_headers()

    def do_GET(self) -> None:
        """Answer with a file of the site or with one of the pages that look at it."""
        page = {"/check.html": FRAME, "/elsewhere.html": ELSEWHERE}.get(self.path)
        if page is None:
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def do_POST(self) -> None:
        """Keep what the browser says."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.posted.put((self.path, body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing."""


@contextmanager
def browsing(site: Path, page: str, profile: Path) -> Iterator[queue.Queue[tuple[str, bytes]]]:
    """Open a page of the site in a real browser; yield what it posts."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("NO BROWSER HERE: nobody has looked at the site; install chromium")
    posted: queue.Queue[tuple[str, bytes]] = queue.Queue()
    serve = partial(type("Here", (Server,), {"posted": posted}), directory=str(site))
    with ThreadingHTTPServer(("127.0.0.1", 0), serve) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        place = [f"--user-data-dir={profile}", "--remote-debugging-port=0"]
        url = f"http://127.0.0.1:{server.server_port}{page}"
        running = subprocess.Popen([browser, *flags, *place, url], stderr=subprocess.DEVNULL)
        try:
            yield posted
        finally:
            running.terminate()
            running.wait(SECONDS_MAX)
            server.shutdown()


def test_the_start_page_renders_and_can_be_searched(site: Path, tmp_path: Path) -> None:
    """A browser shows the page with its tabs, finds a word, and asks no other machine."""
    with browsing(site, "/check.html", tmp_path) as posted:
        path, body = posted.get(timeout=SECONDS_MAX)
    assert (path, body) == ("/seen", body), "the page asked for something from elsewhere"
    seen = json.loads(body)
    assert seen["heading"] == "Sluice"
    assert {"Learn", "Cookbook", "Coming from", "Do", "Look up"} <= set(seen["tabs"])
    assert seen["height"] > 1_000
    assert any("guides/absence.html" in hit for hit in seen["hits"])
    assert posted.empty(), "the page asked for something from elsewhere"


def test_what_is_loaded_from_elsewhere_is_noticed(site: Path, tmp_path: Path) -> None:
    """The test above would see a picture of another machine."""
    with browsing(site, "/elsewhere.html", tmp_path) as posted:
        path, body = posted.get(timeout=SECONDS_MAX)
    assert path == "/blocked"
    assert b"192.0.2.1" in body
