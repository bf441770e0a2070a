"""Actions that come with Sluice, with their parameters; what does them lives in `io`."""

from __future__ import annotations

from sluice.catalog.catalog import Action, Parameter
from sluice.catalog.signatures import takes
from sluice.model import ANY, FLOAT, INT, IP, NETWORK, STRING

_REASON = (("reason", STRING),)
_MESSAGE = (("message", STRING),)


def actions() -> tuple[Action, ...]:
    """Return the entries."""
    return (*_notifications(), *_blocks(), *_commands(), *_coordination())


def _notifications() -> tuple[Action, ...]:
    """What tells somebody cannot be taken back."""
    return (
        Action(
            "log", takes(optional=(*_MESSAGE, ("level", STRING))),
            "Write one record with its id to the log of the process.",
            'mitigate log("unusual login") auto', reversible=False,
        ),
        Action(
            "file", takes(("path", STRING), optional=_MESSAGE),
            "Append one record with its id, a line, to a file.",
            'mitigate file("alerts.jsonl") auto', reversible=False,
        ),
        Action(
            "kafka", takes(("topic", STRING), optional=_MESSAGE),
            "Write one record with its id to a topic.",
            'mitigate kafka("alerts") auto', reversible=False,
        ),
        Action(
            "webhook", takes(("url", STRING), optional=_MESSAGE),
            "Post the record to a URL, signed as Standard Webhooks say; a retry has the same id.",
            'mitigate webhook("https://hooks.example.com/sluice") auto', reversible=False,
        ),
        Action(
            "slack", takes(("channel", STRING), optional=_MESSAGE),
            "Post a message to a channel's incoming webhook, grouped, at most one a second.",
            'mitigate slack("#security", "login from a new country") auto', reversible=False,
        ),
    )  # fmt: skip


def _blocks() -> tuple[Action, ...]:
    return (
        Action(
            "block_ip", takes(("address", IP), optional=_REASON),
            "Put an address on the block list that firewalls read.",
            "mitigate block_ip(source_ip) for 15m",
        ),
        Action(
            "block_net", takes(("network", NETWORK), optional=_REASON),
            "Put a network on the block list; it may hold no address that must never be blocked.",
            'mitigate block_net(prefix(source_ip, 24), reason = "scan") for 15m',
        ),
    )  # fmt: skip


def _commands() -> tuple[Action, ...]:
    arguments = Parameter("arguments", ANY, optional=True, variadic=True)
    return (
        Action(
            "command", (Parameter("name", STRING), arguments),
            "Run a command of the configuration by name, with arguments that never meet a shell. "
            "Whether it can be undone is configured there.",
            'mitigate command("lock_account", user)', reversible=False,
        ),
        Action(
            "fail2ban", takes(("jail", STRING), ("address", IP)),
            "Ban an address in a jail of fail2ban.",
            'mitigate fail2ban("sshd", source_ip) for 15m',
        ),
    )  # fmt: skip


def _coordination() -> tuple[Action, ...]:
    return (
        Action(
            "exclude_agent", takes(("agent", STRING), optional=_REASON),
            "Give an agent no work and hear none of its votes.",
            'mitigate exclude_agent(agent, reason = "forged results") for 1h',
        ),
        Action(
            "revoke_capability",
            takes(("agent", STRING), ("capability", STRING), optional=_REASON),
            "Take one capability from an agent.",
            'mitigate revoke_capability(agent, "deploy") for 1h',
        ),
        Action(
            "rate_limit",
            takes(
                ("source", STRING), ("capability", STRING), ("per_second", FLOAT),
                optional=(("burst", INT), *_REASON),
            ),
            "Slow a source down to so many requests a second for a capability.",
            'mitigate rate_limit(source, "search", 5) for 10m',
        ),
        Action(
            "add_to_list", takes(("list", STRING), ("value", ANY), optional=_REASON),
            "Add a line to a reference list, which rules then see.",
            'mitigate add_to_list("auth.suspects", user) for 7d',
        ),
    )  # fmt: skip
