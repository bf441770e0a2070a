"""Write `access.log`: a shop's web server, with one find for each rule of `rules/web`.

    python examples/make_access_log.py

The lines have the combined format of Apache and nginx, with the seconds that a request took behind
it. All addresses are of the networks that RFC 5737 sets aside for documentation. For a week there
is only the administrator; then comes a morning in which a lot happens. The same seed always gives
the same bytes.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import NamedTuple

SEED = 20260317
TARGET = Path(__file__).with_name("access.log")
#: The morning; everything before it is what the rule for new administrators learns from.
START = datetime(2026, 3, 17, 9, 0, tzinfo=UTC)
DAYS_BEFORE = 8

SITE = "https://shop.example"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
SCANNER = "Mozilla/5.00 (Nikto/2.5.0)"
ADMINISTRATOR = "192.0.2.10"
#: Who tries paths, who speaks to the database, who copies the shop, who gets in.
SWEEPER, INJECTOR, COPIER, INTRUDER = (
    "203.0.113.7", "198.51.100.23", "198.51.100.80", "203.0.113.40",
)  # fmt: skip
SLOW_S, BROKEN_S = range(4800, 5100), range(5400, 5640)


class Said(NamedTuple):
    """What stands behind a request: where from, by what, and how many seconds it took."""

    referer: str = "-"
    agent: str = BROWSER
    took: float | None = None


NOTHING = Said()


class Log:
    """The lines so far, in any order."""

    def __init__(self) -> None:
        self.random = Random(SEED)
        self._lines: list[tuple[float, int, str]] = []

    def add(
        self, second: float, host: str, request: str, status: int = 200, said: Said = NOTHING
    ) -> None:
        """Add a request that comes so many seconds after nine o'clock."""
        at = START + timedelta(seconds=second)
        size = {404: 153, 401: 97, 500: 170}.get(status, self.random.randrange(400, 9000))
        took = self.random.randrange(4, 90) / 1000 if said.took is None else said.took
        line = (
            f'{host} - - [{at:%d/%b/%Y:%H:%M:%S} +0000] "{request}" {status} {size} '
            f'"{said.referer}" "{said.agent}" {took:.3f}\n'
        )
        self._lines.append((second, len(self._lines), line))

    def get(
        self, second: float, host: str, path: str, status: int = 200, said: Said = NOTHING
    ) -> None:
        """Add a request for a path."""
        self.add(second, host, f"GET {path} HTTP/1.1", status, said)

    def text(self) -> str:
        """Return all lines in the order of time."""
        return "".join(line for _, _, line in sorted(self._lines))


def text() -> str:
    """Return the whole log."""
    log = Log()
    _administrator(log)
    _visitors(log)
    _sweep(log)
    _database(log)
    _copy(log)
    _stuffing(log)
    _intrusion(log)
    _searches(log)
    _orders(log)
    return log.text()


def _administrator(log: Log) -> None:
    """One person, each morning, from one address."""
    for day in range(DAYS_BEFORE + 1):
        log.get(600 - 86_400 * day, ADMINISTRATOR, "/admin", said=Said(f"{SITE}/login"))


def _visitors(log: Log) -> None:
    """Ten people look at pages, and their browsers fetch pictures and styles for them."""
    for second in range(0, 7200, 60):
        host = f"192.0.2.{20 + log.random.randrange(10)}"
        item = log.random.randrange(1, 40)
        log.get(second, host, f"/item/{item}", said=Said(f"{SITE}/"))
        log.get(second + 1, host, "/static/shop.css", said=Said(f"{SITE}/item/{item}"))
        log.get(second + 1, host, f"/static/{item}.jpg", said=Said(f"{SITE}/item/{item}"))


def _sweep(log: Log) -> None:
    """A scanner looks for what should not be there, and finds one thing."""
    names = ("backup", "test", "old", "config", "db", "phpinfo", "server-status", "console")
    for number in range(40):
        log.get(
            1200 + 3 * number, SWEEPER, f"/{names[number % 8]}{number // 8 or ''}", 404,
            Said(agent=SCANNER),
        )  # fmt: skip
    log.get(1330, SWEEPER, "/.git/config", said=Said(agent=SCANNER))
    log.get(1332, SWEEPER, "/static/%2e%2e/%2e%2e/etc/passwd", 400, Said(agent=SCANNER))
    for number in range(6):
        log.add(1340 + number, SWEEPER, r"\x16\x03\x01\x02", 400, Said(agent="-"))


def _database(log: Log) -> None:
    """Somebody finds out what the search does with a quotation mark."""
    for number, query in enumerate(("1'", "1'+or+'1'='1", "1+union+select+name,pw+from+users")):
        log.get(1800 + 20 * number, INJECTOR, f"/search?q={query}", 500 if number == 0 else 200)


def _copy(log: Log) -> None:
    """A program copies the shop, page by page."""
    for number in range(150):
        log.get(
            2400 + 3 * number,
            COPIER,
            f"/item/{number + 1}",
            said=Said(agent="python-requests/2.32.3"),
        )


def _stuffing(log: Log) -> None:
    """Stolen passwords are tried from many addresses; one in thirty fits."""
    for number in range(60):
        host = f"198.51.100.{100 + number % 25}"
        status = 302 if number % 30 == 29 else 401
        log.add(3600 + 5 * number, host, "POST /login HTTP/1.1", status, Said(f"{SITE}/login"))


def _intrusion(log: Log) -> None:
    """Somebody guesses the administrator's password, brings a program, and calls it."""
    for number in range(14):
        log.add(4200 + 7 * number, INTRUDER, "POST /login HTTP/1.1", 401)
    log.add(4305, INTRUDER, "POST /login HTTP/1.1", 302)
    log.get(4310, INTRUDER, "/admin/pictures", said=Said(f"{SITE}/login"))
    log.add(4350, INTRUDER, "POST /admin/upload HTTP/1.1", 302, Said(f"{SITE}/admin/pictures"))
    log.get(4361, INTRUDER, "/uploads/logo.php?c=id")


def _searches(log: Log) -> None:
    """The search is slow for five minutes."""
    for second in range(0, 7200, 10):
        if second in SLOW_S or second % 120 == 0:
            slow = second in SLOW_S and second % 40 == 0
            took = log.random.randrange(1800, 4200) / 1000 if slow else 0.2
            host = f"192.0.2.{40 + log.random.randrange(10)}"
            log.add(second, host, "GET /search?q=lamp HTTP/1.1", said=Said(f"{SITE}/", took=took))


def _orders(log: Log) -> None:
    """For four minutes one order in three fails."""
    for second in range(0, 7200, 4):
        if second in BROKEN_S or second % 240 == 0:
            status = 500 if second in BROKEN_S and second % 12 == 0 else 201
            host = f"192.0.2.{60 + log.random.randrange(10)}"
            log.add(second, host, "POST /order HTTP/1.1", status, Said(f"{SITE}/cart"))


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
