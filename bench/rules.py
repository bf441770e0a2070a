"""The rules of the tasks: a few written ones, and filter rules that are drawn.

A drawn rule is data, so that the engine and the baseline get the same work: conditions joined by
`and`, each false where its field is missing. Four of five ask for a type of event, as most rules
in use do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from . import events

SEED = 20260215

T1 = "rule t1 { when host.metrics where temp > 90 and cpu > 80 }"
T4 = 'rule t4 { when auth.login{5} where outcome == "failure" by source_ip within 60s }'
T5 = """rule t5 {
  when    auth.login{3} where outcome == "failure" without auth.login where outcome == "success"
          then immediately auth.login where outcome == "success"
  by      source_ip, user
  within  60s
}"""
T6 = "rule t6 { when no agent.heartbeat within 15s by host }"
WRITTEN = {"T1": T1, "T4": T4, "T5": T5, "T6": T6}
#: Tasks of drawn rules, with how many.
DRAWN = {"T2": 100, "T3": 1000}

#: A threshold over ten minutes, and a rule that reads the same fields and keeps nothing.
IDLE = 'rule idle { when auth.login{5} where outcome == "failure" by source_ip within 10m }'
STATELESS = 'rule idle { when auth.login where outcome == "failure" and source_ip == "nobody" }'

#: One rule of each kind that keeps something for a key; none matches on one event of it.
IDLE_RULES = {
    "threshold": IDLE,
    "sequence": """rule idle {
  when auth.login where outcome == "failure" then auth.login where outcome == "success"
  by source_ip within 10m
}""",
    "sequence, other overlap": """rule idle {
  when auth.login where outcome == "failure" then auth.login where outcome == "success"
  by source_ip within 10m overlap shared
}""",
    "silence": "rule idle { when no auth.login within 10m by source_ip }",
    "unseen": "rule idle { when auth.login by source_ip unseen user for 10m after 10m }",
    "sliding": "rule idle { when auth.login by source_ip within 10m having count() >= 5 }",
    "session": """rule idle {
  when auth.login by source_ip window session 10m having count() >= 5
}""",
    "tumbling": """rule idle {
  when auth.login by source_ip window tumbling 10h having count() >= 5
}""",
}

Scalar = str | int | float


@dataclass(frozen=True, slots=True)
class Condition:
    """A field, an operator (==, >, in, starts with, contains, matches, net) and its value."""

    field: str
    operator: str
    value: Scalar | tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class FilterRule:
    """A rule that looks at one event; `type` None is any."""

    name: str
    type: str | None
    conditions: tuple[Condition, ...]


Draw = Callable[[Random], Condition]


def task_text(task: str) -> str:
    """Return the rules of a task as Sluice text."""
    if task in WRITTEN:
        return pack_text(WRITTEN[task])
    return pack_text(*map(rule_text, filter_rules(DRAWN[task])))


def pack_text(*rules: str) -> str:
    """Join the texts of rules into a file of the pack `bench`."""
    return "\n".join(["pack bench", *rules, ""])


def rule_text(rule: FilterRule) -> str:
    """Write a drawn rule as Sluice text."""
    where = " and ".join(map(_condition_text, rule.conditions))
    return f"rule {rule.name} {{ when {rule.type or 'any'}{where and f' where {where}'} }}"


def filter_rules(count: int, seed: int = SEED) -> list[FilterRule]:
    """Draw `count` filter rules; the first ones are the same for every count."""
    random = Random(seed)
    return [_filter_rule(f"r{number:05d}", random) for number in range(count)]


def _filter_rule(name: str, random: Random) -> FilterRule:
    kind: str | None = None
    draws: Sequence[Draw] = _ANY
    counts: Sequence[int] = (1, 2)
    if random.random() < 0.8:
        kind = random.choices(tuple(_SHARES), tuple(_SHARES.values()))[0]
        draws, counts = _BY_TYPE[kind], (1, 2, 2)
    drawn = [draw(random) for draw in random.sample(draws, random.choice(counts))]
    if random.random() < 0.3:
        drawn.append(random.choice(_LABELS)(random))
    by_field: dict[str, Condition] = {}
    for condition in drawn:  # one a field: two of them hardly ever hold together
        by_field.setdefault(condition.field, condition)
    return FilterRule(name, kind, tuple(by_field.values()))


def _condition_text(condition: Condition) -> str:
    field, operator, value = condition.field, condition.operator, condition.value
    match operator:
        case "in":
            assert isinstance(value, tuple)
            return f"{field} in [{', '.join(map(_scalar_text, value))}]"
        case "matches":
            pattern = str(value).replace("/", "\\/")
            return f"{field} matches /{pattern}/"
        case "net":
            return f"{field} in {value}"
        case _:
            assert not isinstance(value, tuple)
            return f"{field} {operator} {_scalar_text(value)}"


def _scalar_text(value: Scalar) -> str:
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return repr(value)


def _equal(field: str, *values: Scalar) -> Draw:
    return lambda random: Condition(field, "==", random.choice(values))


def _among(field: str, size: int, *values: Scalar) -> Draw:
    return lambda random: Condition(field, "in", tuple(sorted(random.sample(values, size))))


def _above(field: str, low: float, high: float) -> Draw:
    return lambda random: Condition(field, ">", round(random.uniform(low, high), 1))


def _more_bytes(low: int, high: int) -> Draw:
    return lambda random: Condition("bytes", ">", random.randrange(low, high))


def _text(field: str, operator: str, *values: str) -> Draw:
    """`{n}` in a text becomes a number below 1,000, `{d}` one below ten."""

    def draw(random: Random) -> Condition:
        text = random.choice(values).replace("{n}", str(random.randrange(1, 999)))
        return Condition(field, operator, text.replace("{d}", str(random.randrange(1, 9))))

    return draw


def _net(random: Random) -> Condition:
    a, b, c, _ = events.address(random.randrange(events.ADDRESSES)).split(".")
    size = random.random()
    if size < 0.6:
        return Condition("source_ip", "net", f"{a}.{b}.{c}.0/24")
    if size < 0.9:
        return Condition("source_ip", "net", f"{a}.{b}.{int(c) & 0xF8}.0/21")
    return Condition("source_ip", "net", f"{a}.{b}.0.0/16")


def _one_user(random: Random) -> Condition:
    return Condition("user", "==", events.user_name(random.randrange(250)))


def _some_users(random: Random) -> Condition:
    numbers = sorted({random.randrange(800) for _ in range(20)})
    return Condition("user", "in", tuple(map(events.user_name, numbers)))


def _one_host(random: Random) -> Condition:
    return Condition("host", "==", events.host_name(random.randrange(events.HOSTS)))


def _some_hosts(random: Random) -> Condition:
    return Condition("host", "starts with", f"node-{random.randrange(50):02d}")


_AGENT_WORDS = _text(
    "user_agent", "contains", "sqlmap", "curl", "Firefox", "python-httpx", "Nikto", "okhttp"
)
_SHARES = {
    "http.request": 35, "host.metrics": 14, "net.conn": 14, "auth.login": 18, "file.write": 14,
    "agent.heartbeat": 5,
}  # fmt: skip
_BY_TYPE: dict[str, tuple[Draw, ...]] = {
    "http.request": (
        _equal("status", 304, 403, 404, 500, 503),
        _among("status", 3, 304, 401, 403, 404, 500, 502, 503),
        _above("latency_ms", 200, 900),
        _more_bytes(20_000, 120_000),
        _text(
            "path", "starts with", "/api/v1", "/api/v2", "/admin", "/static", "/api/v3/export",
            "/api/v1/users/{n}", "/files",
        ),
        _text(
            "path", "contains", "..", ".git", "admin", "config", "export", "users/{n}", "app.{n}",
            "orders/{n}",
        ),
        _text(
            "path", "matches", r"^/api/v\d+/orders/\d{3}$", r"/v[13]/", r"^/admin/(users|config)",
            r"\.(php|git)", r"\.\./\.\./", r"export/[0-9]+\.csv$", r"^/static/app\.\d{2,3}\.js$",
            r"users/(3|4)\d+",
        ),
        _AGENT_WORDS,
        _text(
            "user_agent", "matches", r"(?i)sqlmap|nikto", r"curl/8\.\d+", r"Firefox/1[0-9]{2}",
            "^Go-http", r"Chrome/1[12]\d",
        ),
        _text("user_agent", "starts with", "curl/", "Go-", "kube-", "sqlmap"),
        _one_user, _some_users, _net,
    ),
    "host.metrics": (
        _above("temp", 75, 105), _above("cpu", 70, 99), _one_host, _some_hosts,
        _text("host", "matches", r"node-\d[0-{d}]\d\.[ab]\."),
        _more_bytes(10**8, 3 * 10**9), _net,
    ),
    "net.conn": (
        _equal("dst_port", 22, 53, 80, 3306, 4444),
        _among("dst_port", 3, 22, 53, 80, 443, 3306, 5432, 4444),
        _more_bytes(50_000, 300_000), _net, _above("latency_ms", 20, 80),
        _one_user, _one_host, _some_users,
    ),
    "auth.login": (
        _equal("outcome", "failure", "success"), _net, _one_user, _some_users,
        _text("user_agent", "contains", "sqlmap", "curl", "python-httpx", "Nikto"),
        _text("user", "matches", r"user0[0-{d}]\d{2}[0-4]$"),
        _above("latency_ms", 150, 600), _some_hosts,
    ),
    "file.write": (
        _text("path", "starts with", "/etc/", "/home/u{d}", "/tmp/x{d}", "/usr/lib",
              "/var/log/app-{d}"),
        _text("path", "contains", ".ssh", "passwd", "cron", ".so", "cfg", "db/{n}"),
        _text(
            "path", "matches", r"^/etc/(passwd|shadow)$", r"\.ssh/authorized_keys$",
            r"^/home/u\d{1,3}/", r"\.(tmp|so)$", r"/app-\d{2}\.log", r"^/var/lib/.*\.sst$",
        ),
        _more_bytes(8_000, 60_000), _one_user, _one_host, _net,
    ),
    "agent.heartbeat": (_above("latency_ms", 8, 30), _some_hosts, _one_host, _net),
}  # fmt: skip
_LABELS: tuple[Draw, ...] = (
    _equal("labels.env", "prod", "test", "dev"),
    _equal("labels.region", *events.REGIONS),
    _among("labels.team", 2, *events.TEAMS),
)
_ANY: tuple[Draw, ...] = (
    _net, _one_user, _one_host, _more_bytes(60_000, 10**9),
    _text("user_agent", "contains", "sqlmap", "Nikto", "curl"),
    _text("path", "contains", "passwd", "..", ".ssh", "/{n}"),
    _among("status", 2, 401, 403, 500, 503),
)  # fmt: skip
