"""Write `auth.log`: two weeks of an SSH server, with one attack for each rule of `rules/auth`.

    python examples/make_auth_log.py

The log looks like OpenSSH's, through a BSD syslog without a year (2026, UTC). All addresses are of
the networks that RFC 5737 sets aside for documentation, all names are made up. The same seed
always gives the same bytes.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import NamedTuple

SEED = 20260302
TARGET = Path(__file__).with_name("auth.log")
FIRST_DAY = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday
DAYS = 12
MONTH = "Mar"  # `%b` depends on the locale
HOST = "gate"
FIRST_PID = 2011

#: Who works here, with the networks that they come from.
STAFF = {
    "ann": ("192.0.2.14", "192.0.2.15"),
    "bob": ("192.0.2.33",),
    "cara": ("192.0.2.57",),
    "dora": ("198.51.100.201", "198.51.100.202"),
    "emil": ("192.0.2.140",),
}
UNKNOWN_NAMES = ("admin", "test", "oracle", "guest", "ftp", "postgres", "ubuntu", " 0101", "pi")
ACCOUNTS = ("ann", "bob", "cara", "dora", "emil", "deploy", "backup", "git", "www", "mail")


class Line(NamedTuple):
    """One line, in parts; `number` keeps what is written in one second in order."""

    at: datetime
    number: int
    connection: int
    app: str
    message: str


class AuthLog:
    """The lines so far, in any order."""

    def __init__(self) -> None:
        self.random = Random(SEED)
        self.lines: list[Line] = []
        self.connection = 0

    def text(self) -> str:
        """Return all lines in the order of time; processes are numbered as they appear."""
        pids: dict[int, int] = {}
        written = []
        for line in sorted(self.lines):
            pid = pids.setdefault(line.connection, FIRST_PID + 3 * len(pids))
            stamp = f"{MONTH} {line.at.day:2d} {line.at:%H:%M:%S}"
            written.append(f"{stamp} {HOST} {line.app}[{pid}]: {line.message}\n")
        return "".join(written)

    def write(self, at: datetime, message: str, app: str = "sshd") -> None:
        """Add a line of the current connection."""
        self.lines.append(Line(at, len(self.lines), self.connection, app, message))

    def connect(self) -> int:
        """Begin a connection, which is a new process; return the port of the other side."""
        self.connection += 1
        return self.random.randrange(32768, 61000)

    # -------------------------------------------------------- what sshd writes

    def work(self, at: datetime, user: str, address: str) -> None:
        """Somebody logs in with a key, works and leaves."""
        port = self.connect()
        key = f"ED25519 SHA256:key-of-{user}"
        self.write(at, f"Accepted publickey for {user} from {address} port {port} ssh2: {key}")
        self.write(at, f"pam_unix(sshd:session): session opened for user {user} by (uid=0)")
        end = at + timedelta(seconds=self.random.randrange(600, 9000))
        self.write(end, f"Received disconnect from {address} port {port}:11: disconnected by user")
        self.write(end, f"pam_unix(sshd:session): session closed for user {user}")

    def fail(self, at: datetime, user: str, address: str) -> int:
        """A wrong password for an account that exists; return the port."""
        port = self.connect()
        self.refuse(at, user, address, port)
        return port

    def refuse(self, at: datetime, user: str, address: str, port: int) -> None:
        """A wrong password in the connection at hand."""
        before = at - timedelta(seconds=1)
        self.write(
            before,
            "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= "
            f"rhost={address}  user={user}",
        )
        self.write(at, f"Failed password for {user} from {address} port {port} ssh2")

    def fail_unknown(self, at: datetime, user: str, address: str) -> None:
        """A wrong password for a name that does not exist."""
        port = self.connect()
        before = at - timedelta(seconds=2)
        self.write(before, f"Invalid user {user} from {address} port {port}")
        self.write(before, "pam_unix(sshd:auth): check pass; user unknown")
        self.write(at, f"Failed password for invalid user {user} from {address} port {port} ssh2")
        self.write(at, f"Connection closed by invalid user {user} {address} port {port} [preauth]")

    def log_in(self, at: datetime, user: str, address: str) -> None:
        """The right password."""
        port = self.connect()
        self.write(at, f"Accepted password for {user} from {address} port {port} ssh2")
        self.write(at, f"pam_unix(sshd:session): session opened for user {user} by (uid=0)")


def text() -> str:
    """Return the whole log."""
    log = AuthLog()
    _office(log)
    _knocking(log)
    _guessing(log, _on(2, 3, 12))
    _folded_guessing(log, _on(3, 22, 40))
    _guessing_then_success(log, _on(4, 1, 7))
    _enumeration(log, _on(5, 14, 30))
    _spraying(log, _on(6, 11, 5))
    _distributed_guessing(log, _on(7, 19, 20))
    _new_network(log, _on(8, 20, 15))
    _invalid_tokens(log, _on(9, 9, 41))
    return log.text()


def _on(day: int, hour: int, minute: int) -> datetime:
    return FIRST_DAY + timedelta(days=day, hours=hour, minutes=minute)


def _office(log: AuthLog) -> None:
    """On workdays everybody comes once; now and then with a typing error."""
    for day in range(DAYS):
        if (FIRST_DAY + timedelta(days=day)).weekday() >= 5:
            continue
        for user, addresses in STAFF.items():
            at = _on(day, 7, 30) + timedelta(seconds=log.random.randrange(7200))
            address = addresses[log.random.randrange(len(addresses))]
            if log.random.randrange(6) == 0:
                log.fail(at - timedelta(seconds=20), user, address)
            log.work(at, user, address)


def _knocking(log: AuthLog) -> None:
    """Every server on the internet is tried now and then; one or two tries are no pattern."""
    for day in range(DAYS):
        at = _on(day, 0, 0) + timedelta(seconds=log.random.randrange(80_000))
        address = f"198.51.100.{log.random.randrange(240, 255)}"
        match day % 3:
            case 0:
                log.fail_unknown(at, UNKNOWN_NAMES[log.random.randrange(4)], address)
            case 1:
                port = log.connect()
                log.write(at, f"Did not receive identification string from {address} port {port}")
            case _:
                log.connect()
                name = f"host-{address.replace('.', '-')}.example.net"
                log.write(
                    at,
                    f"reverse mapping checking getaddrinfo for {name} [{address}] failed "
                    "- POSSIBLE BREAK-IN ATTEMPT!",
                )
                log.fail(at + timedelta(seconds=3), "root", address)


def _guessing(log: AuthLog, at: datetime) -> None:
    """Twelve tries on root in a minute and a half, connection after connection."""
    for number in range(12):
        moment = at + timedelta(seconds=8 * number)
        port = log.fail(moment, "root", "203.0.113.9")
        log.write(moment, f"Received disconnect from 203.0.113.9 port {port}:11: Bye Bye [preauth]")


def _folded_guessing(log: AuthLog, at: datetime) -> None:
    """Six tries in one connection, five of them folded into one line."""
    address, port = "203.0.113.40", log.connect()
    log.refuse(at, "root", address, port)
    end = at + timedelta(seconds=13)
    said = f"Failed password for root from {address} port {port} ssh2"
    log.write(end, f"message repeated 5 times: [ {said}]")
    log.write(
        end,
        f"error: maximum authentication attempts exceeded for root from {address} port {port} ssh2 "
        "[preauth]",
    )
    log.write(end, "Disconnecting: Too many authentication failures for root [preauth]")
    log.write(
        end,
        "PAM 5 more authentication failures; logname= uid=0 euid=0 tty=ssh ruser= "
        f"rhost={address}  user=root",
    )


def _guessing_then_success(log: AuthLog, at: datetime) -> None:
    """Seven wrong passwords, then the right one."""
    for number in range(7):
        log.fail(at + timedelta(seconds=25 * number), "backup", "203.0.113.77")
    log.log_in(at + timedelta(seconds=190), "backup", "203.0.113.77")


def _enumeration(log: AuthLog, at: datetime) -> None:
    """Nine names that do not exist; one has a space in front, one looks like an address."""
    for number, name in enumerate(UNKNOWN_NAMES):
        log.fail_unknown(at + timedelta(seconds=45 * number), name, "198.51.100.23")
    trap = "x from 192.0.2.1 port 22 ssh2"
    log.fail_unknown(at + timedelta(seconds=480), trap, "198.51.100.23")


def _spraying(log: AuthLog, at: datetime) -> None:
    """Ten accounts, one try each, five minutes apart."""
    for number, name in enumerate(ACCOUNTS):
        log.fail(at + timedelta(minutes=5 * number), name, "198.51.100.66")


def _distributed_guessing(log: AuthLog, at: datetime) -> None:
    """Ten addresses try one account, each once."""
    for number in range(10):
        log.fail(at + timedelta(minutes=4 * number), "deploy", f"203.0.113.{101 + number}")


def _new_network(log: AuthLog, at: datetime) -> None:
    """Bob, who has always come from the office, comes from elsewhere."""
    log.work(at, "bob", "198.51.100.140")


def _invalid_tokens(log: AuthLog, at: datetime) -> None:
    """A gateway refuses three tokens of one address within a minute, among good ones."""
    said = (
        (0, "access token 5b1e from 192.0.2.33 accepted"),
        (5, "access token 7f31 from 203.0.113.50 rejected: expired"),
        (22, "access token 7f32 from 203.0.113.50 rejected: unknown"),
        (30, "access token 5b1e from 192.0.2.33 accepted"),
        (48, "access token 7f33 from 203.0.113.50 rejected: unknown"),
        (90, "access token 90aa from 192.0.2.57 rejected: expired"),
        (92, "access token 90ab from 192.0.2.57 accepted"),
    )
    log.connect()
    for second, message in said:
        log.write(at + timedelta(seconds=second), message, app="api-gateway")


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8", newline="\n")
