"""Write `fraud.jsonl`: four weeks of a small bank, with a fraud for each rule of `rules/fraud`.

    python examples/make_fraud.py

One event a line, in JSON; amounts are cents. All names are made up, and all addresses are of the
networks that RFC 5737 sets aside for documentation. The same seed always gives the same bytes.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

SEED = 20260302
TARGET = Path(__file__).with_name("fraud.jsonl")
START = datetime(2026, 3, 2, tzinfo=UTC)
DAYS = 28
MINUTE, HOUR, DAY = 60, 3600, 86400
#: The customers, each with a card, a device and the place where they live.
CUSTOMERS = {
    "anna": ("card-1", "phone-a", (52.5200, 13.4050)),
    "ben": ("card-2", "laptop-b", (48.1371, 11.5754)),
    "cem": ("card-3", "phone-c", (50.1109, 8.6821)),
    "dana": ("card-4", "tablet-d", (53.5511, 9.9937)),
}
MERCHANTS = ("bakery", "grocery", "fuel", "books")


class Ledger:
    """The events so far, in any order."""

    def __init__(self) -> None:
        self.random = Random(SEED)
        self.events: list[tuple[int, int, str]] = []

    def add(self, second: int, kind: str, **fields: object) -> None:
        """Add an event that happens so many seconds after the start."""
        at = START + timedelta(seconds=second)
        event = {"@type": f"fraud.{kind}", "@time": f"{at:%Y-%m-%dT%H:%M:%SZ}", **fields}
        self.events.append((second, len(self.events), json.dumps(event)))

    def pay(self, second: int, card: str, merchant: str, amount: int, **rest: object) -> None:
        """Somebody pays with a card."""
        self.add(
            second, "payment", card=card, merchant=merchant, amount=amount, currency="EUR",
            **{"outcome": "approved", **rest},
        )  # fmt: skip

    def transfer(self, second: int, whence: str, to: str, amount: int, channel: str) -> None:
        """Money goes from one account to another."""
        self.add(
            second, "transfer", from_account=whence, to_account=to, amount=amount,
            currency="EUR", channel=channel,
        )  # fmt: skip

    def text(self) -> str:
        """Return all events in the order of time, one a line."""
        return "".join(f"{line}\n" for _, _, line in sorted(self.events))


def text() -> str:
    """Return the whole sample."""
    ledger = Ledger()
    _usual(ledger)
    _travel(ledger, 9 * DAY + 12 * HOUR)
    _velocity(ledger, 11 * DAY + 20 * HOUR)
    _card_testing(ledger, 15 * DAY + 3 * HOUR)
    _takeover(ledger, 20 * DAY + 1 * HOUR)
    _structuring(ledger, 22 * DAY + 10 * HOUR)
    _pass_through(ledger, 24 * DAY + 9 * HOUR)
    return ledger.text()


def _usual(ledger: Ledger) -> None:
    """Everybody pays near home every other day, logs in twice a week, and gets a salary."""
    for place, (name, (card, device, home)) in enumerate(CUSTOMERS.items()):
        for day in range(place % 2, DAYS, 2):
            second = day * DAY + 9 * HOUR + ledger.random.randrange(9 * HOUR)
            near = [round(degrees + ledger.random.randrange(-9, 10) / 100, 4) for degrees in home]
            merchant = MERCHANTS[ledger.random.randrange(len(MERCHANTS))]
            amount = ledger.random.randrange(2_00, 90_00)
            ledger.pay(second, card, merchant, amount, card_present=True, lat=near[0], lon=near[1])
        for day in range(place, DAYS, 4):
            second = day * DAY + 7 * HOUR + ledger.random.randrange(HOUR)
            ledger.add(second, "login", account=name, device=device)
        salary = ledger.random.randrange(2_100_00, 3_900_00)
        ledger.transfer(25 * DAY + place * MINUTE, "employer", name, salary, "wire")


def _travel(ledger: Ledger, second: int) -> None:
    """The card of Anna is used in Berlin, and two hours later in Lisbon."""
    spot = {"card_present": True, "lat": 52.5200, "lon": 13.4050}
    ledger.pay(second, "card-1", "bakery", 4_20, **spot)
    spot = {"card_present": True, "lat": 38.7223, "lon": -9.1393}
    ledger.pay(second + 2 * HOUR, "card-1", "jeweller", 870_00, **spot)


def _velocity(ledger: Ledger, second: int) -> None:
    """Seven payments in six minutes, at four merchants; at the end the limit is reached."""
    shops = ("games", "shoes", "games", "phones", "shoes", "perfume", "phones")
    for number, merchant in enumerate(shops):
        outcome = "approved" if number < 6 else "declined"
        ledger.pay(
            second + 55 * number, "card-2", merchant, 149_00,
            outcome=outcome, source_ip="198.51.100.17",
        )  # fmt: skip


def _card_testing(ledger: Ledger, second: int) -> None:
    """Nine cards are tried with one euro each; the ninth works."""
    for number in range(9):
        ledger.pay(
            second + 20 * number, f"card-{301 + number}", "donations", 1_00,
            outcome="approved" if number == 8 else "declined", source_ip="203.0.113.50",
        )  # fmt: skip


def _takeover(ledger: Ledger, second: int) -> None:
    """A new device, a new phone number, and then the money goes."""
    ledger.add(second, "login", account="cem", device="desktop-z", source_ip="203.0.113.88")
    ledger.add(second + 4 * MINUTE, "contact_changed", account="cem", what="phone")
    ledger.transfer(second + 30 * MINUTE, "cem", "quick-cash", 4_800_00, "online")


def _structuring(ledger: Ledger, second: int) -> None:
    """Four deposits of cash in five days, each a little less than ten thousand."""
    for day, amount in ((0, 9_800_00), (1, 9_400_00), (3, 9_900_00), (5, 9_650_00)):
        ledger.transfer(second + day * DAY, "cash", "corner-shop", amount, "cash")
    ledger.transfer(second + HOUR, "cash", "garage", 2_300_00, "cash")


def _pass_through(ledger: Ledger, second: int) -> None:
    """What Dana receives is sent on within the hour."""
    ledger.transfer(second, "victim", "dana", 3_500_00, "online")
    ledger.transfer(second + 40 * MINUTE, "dana", "far-away", 3_350_00, "wire")


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8", newline="\n")
