"""Write `coordination.jsonl`: twenty minutes of three nodes and their agents, with something for
each rule of `rules/coordination`.

    python examples/make_coordination.py

One event a line, in JSON, as rules see it once its signature is checked: `@source` is who sent it,
`@subject` the one it was sent to, `@key` the key of the record. The bytes are always the same.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

TARGET = Path(__file__).with_name("coordination.jsonl")
START = datetime(2026, 3, 18, 12, 0, tzinfo=UTC)
END_S = 20 * 60
ANNOUNCE_EVERY_S = 10
#: The node `n3` is away twice, and says goodbye before the end; only the first time is unusual.
SILENT_S = range(300, 340)
GOODBYE_S = 1000


class Log:
    """The messages so far, in any order."""

    def __init__(self) -> None:
        self.events: list[tuple[float, int, str]] = []

    def add(self, at_s: float, kind: str, source: str, **rest: object) -> None:
        """Add a message; `subject` and `key` belong to its header, all others are its data."""
        at = START + timedelta(seconds=at_s)
        event: dict[str, object] = {
            "@type": f"coordination.{kind}",
            "@time": f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z",
            "@source": source,
        }
        for name, value in rest.items():
            event[f"@{name}" if name in ("subject", "key") else name.rstrip("_")] = value
        self.events.append((at_s, len(self.events), json.dumps(event)))

    def text(self) -> str:
        """Return all messages in the order of time, one a line."""
        return "".join(f"{line}\n" for _, _, line in sorted(self.events))


def text() -> str:
    """Return the whole sample."""
    log = Log()
    _signs_of_life(log)
    _votes(log)
    _leaders(log)
    _locks(log)
    _security(log)
    _work(log)
    return log.text()


def _signs_of_life(log: Log) -> None:
    """Three nodes announce themselves; an agent of one is suspected now and then."""
    for second in range(0, END_S + 1, ANNOUNCE_EVERY_S):
        for place, node in enumerate(("n1", "n2", "n3")):
            if node == "n3" and (second in SILENT_S or second >= GOODBYE_S):
                continue
            log.add(second + place / 4, "discovery.announce", node, incarnation=1)
    log.add(GOODBYE_S, "discovery.goodbye", "n3", incarnation=1, reason="maintenance")
    for second, accusers in ((100, ["n1"]), (280, ["n1", "n2"]), (460, ["n1"])):
        log.add(
            second, "agent.suspected", "host", agent="n2/slow",
            incarnation=1, state="suspect", accusers=accusers,
        )  # fmt: skip


def _votes(log: Log) -> None:
    """One agent says yes and no in turn; another one has done so once."""
    said = ((60, "n2/b", "yes", "no"), (61, "n2/b", "yes", "abstain"), (90, "n2/b", "no", "yes"))
    for number, (second, member, first, then) in enumerate((*said, (95, "n1/a", "yes", "no"))):
        log.add(
            second, "consensus.conflict", "host", proposal=f"p{1 + number // 2}",
            member=member, first=first, second=then,
        )  # fmt: skip


def _leaders(log: Log) -> None:
    """In term 4 there is one leader, in term 5 there are two; a shard has two owners as well."""
    for number in range(6):
        log.add(120 + number, "raft.append", "n1/r", subject="n3/r", term=4, leader_id="n1/r")
    for number, leader in enumerate(("n1/r", "n2/r", "n1/r")):
        log.add(130 + number, "raft.append", leader, subject="n3/r", term=5, leader_id=leader)
    for second, to, epoch in ((200, "n1", 7), (210, "n2", 8), (212, "n3", 8)):
        log.add(second, "shard.moved", "host", shard="s12", from_="n3", to=to, epoch=epoch)


def _locks(log: Log) -> None:
    """A lock that works as it should, one that is kept, one whose tokens go back."""
    for number in range(3):
        which = {"lock": "printer", "owner": f"n{1 + number % 2}/a", "token": 40 + number}
        log.add(20 + 30 * number, "lock.grant", "host", **which)
        log.add(40 + 30 * number, "lock.released", "host", **which)
    log.add(30, "lock.grant", "host", lock="ledger", owner="n2/b", token=3)
    log.add(400, "lock.grant", "host", lock="queue", owner="n1/a", token=11)
    log.add(415, "lock.expired", "host", lock="queue", owner="n1/a", token=11)
    log.add(416, "lock.grant", "host-2", lock="queue", owner="n2/b", token=9)
    log.add(
        420, "lock.deny", "host", subject="n1/a", lock="queue", owner="n1/a", error="stale_token"
    )
    log.add(430, "lock.released", "host-2", lock="queue", owner="n2/b", token=9)


def _security(log: Log) -> None:
    """Old messages come again, others are forged; a capability changes before it is called."""
    for number in range(4):
        log.add(
            500 + 7 * number, "security.rejected", "verifier", error="replayed",
            claimed_source="n1/a", kid="5f0c9a", position=8812 + number,
        )  # fmt: skip
    for number in range(12):
        log.add(
            600 + 2 * number, "security.rejected", "verifier",
            error="unknown_key" if number % 3 else "bad_signature",
            claimed_source="n2/b", position=9020 + number,
        )  # fmt: skip
    tool = {"name": "search", "provider": "n3/s"}
    log.add(
        640, "capability.changed", "host", **tool, version="1.3.0", hash="b71e", old_hash="90aa"
    )
    log.add(655, "capability.invoke", "n1/a", subject="n3/s", name="search", deadline_ms=5000)
    log.add(700, "capability.approved", "host", **tool, version="1.3.0", hash="b71e")
    log.add(720, "capability.invoke", "n1/a", subject="n3/s", name="search", deadline_ms=5000)


def _work(log: Log) -> None:
    """A task goes around, another one does not; of two auctions one is never decided."""
    for attempt, agent in enumerate(("n1/a", "n2/b", "n1/a"), start=1):
        log.add(
            700 + 40 * attempt, "task.assigned", "host", task="t77", agent=agent, attempt=attempt
        )
    log.add(745, "task.assigned", "host", task="t78", agent="n2/b", attempt=1)
    for auction, second in (("a1", 40), ("a2", 50)):
        log.add(second, "auction.bid", "n1/a", key=auction, amount=120)
        log.add(second + 4, "auction.bid", "n2/b", key=auction, amount=130)
    log.add(90, "auction.completed", "host", key="a1", winner="n2/b", price=130)


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8", newline="\n")
