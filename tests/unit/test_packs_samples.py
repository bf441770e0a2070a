"""The samples of the packs: each rule finds its fault in them, and counting by hand agrees."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from itertools import pairwise
from math import acos, cos, radians, sin
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parent.parent.parent
EXAMPLES = REPOSITORY / "examples"

#: What stands in the samples: matches by rule, with the key of each.
FOUND = {
    "sre": {
        "sre.budget_burn": [["shop"]],
        "sre.certificate_expiring": [["www.example.com"]],
        "sre.crash_loop": [["shop", "shop-2"]],
        "sre.deploy_errors": [["shop"]],
        "sre.disk_filling": [["h2", "/var"]],
        "sre.error_ratio": [["mail"], ["search"], ["shop"]],
        "sre.flapping": [["db-1"]],
        "sre.job_overdue": [["backup", "2026-03-16"]],
        "sre.metrics_missing": [["node", "h3"]],
        "sre.saturation": [["h1", "cpu"]],
        "sre.shared_cause": [[]],
        "sre.slow_requests": [["shop", "/checkout"]],
        "sre.traffic_gone": [["mail"]],
        "sre.traffic_shift": [["shop"]],
    },
    "coordination": {
        "coordination.agent_flapping": [["n2/slow"]],
        "coordination.auction_without_award": [["a2"]],
        "coordination.forged_messages": [["n2/b"]],
        "coordination.lock_held_too_long": [["ledger", 3]],
        "coordination.lock_token_went_back": [["queue"]],
        "coordination.lost_lock_used": [["queue", "n1/a"]],
        "coordination.missed_heartbeats": [["n3"]],
        "coordination.replay": [["5f0c9a"]],
        "coordination.split_leadership": [["n3/r", 5]],
        "coordination.split_ownership": [["s12", 8]],
        "coordination.task_bounced": [["t77"]],
        "coordination.unapproved_invocation": [["search", "n3/s"]],
        "coordination.vote_flapping": [["n2/b"]],
    },
    "fraud": {
        "fraud.account_takeover": [["cem"]],
        "fraud.card_testing": [["203.0.113.50"]],
        "fraud.first_seen_device": [["cem"]],
        "fraud.impossible_travel": [["card-1"]],
        "fraud.pass_through": [["dana"]],
        "fraud.structuring": [["corner-shop"]],
        "fraud.velocity": [["card-2"]],
    },
}

EARTH_KM = 6371


@cache
def matches(pack: str) -> list[dict[str, Any]]:
    """What the command of the guide finds in the sample of a pack."""
    done = subprocess.run(
        [
            sys.executable, "-m", "sluice", "run", "-r", f"rules/{pack}", f"examples/{pack}.jsonl",
            "--output", "json", "--show", "match",
        ],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def reported(rule: str) -> dict[str, datetime]:
    """When a rule with one key has first matched for each value of it."""
    first: dict[str, datetime] = {}
    for match in matches(rule.partition(".")[0]):
        if match["rule"] == rule:
            (key,) = match["key"].values()
            first.setdefault(key, datetime.fromisoformat(match["time"]))
    return first


def sample(type_: str) -> Iterator[tuple[datetime, dict[str, Any]]]:
    """The events of one type in the sample of its pack, with their times."""
    path = EXAMPLES / f"{type_.partition('.')[0]}.jsonl"
    for line in path.read_text("utf-8").splitlines():
        event = json.loads(line)
        if event["@type"] == type_:
            yield datetime.fromisoformat(event["@time"]), event


@pytest.mark.parametrize("pack", FOUND)
def test_a_sample_is_what_its_script_writes(pack: str) -> None:
    """Who changes a script runs it: the file beside it is up to date, byte for byte."""
    script = EXAMPLES / f"make_{pack}.py"
    written = runpy.run_path(str(script))["text"]()
    assert (EXAMPLES / f"{pack}.jsonl").read_bytes() == written.encode(), f"run: python {script}"


@pytest.mark.parametrize("pack", FOUND)
def test_every_rule_finds_what_is_in_the_sample(pack: str) -> None:
    """The samples hold something for each rule, and the rules find that and nothing else."""
    found: dict[str, list[list[Any]]] = defaultdict(list)
    for match in matches(pack):
        found[match["rule"]].append(list(match["key"].values()))
    assert {rule: sorted(keys) for rule, keys in found.items()} == FOUND[pack]


def test_the_share_of_errors_counted_by_hand() -> None:
    """Five minutes, a hundred requests, one in twenty: a plain count finds the same instants."""
    seen: dict[str, list[tuple[datetime, bool]]] = defaultdict(list)
    first: dict[str, datetime] = {}
    for at, event in sample("sre.request"):
        seen[event["service"]].append((at, event["status"] >= 500))
        recent = [bad for when, bad in seen[event["service"]] if at - when <= timedelta(minutes=5)]
        if len(recent) >= 100 and sum(recent) / len(recent) > 0.05:
            first.setdefault(event["service"], at)
    assert reported("sre.error_ratio") == first


def test_missing_heartbeats_counted_by_hand() -> None:
    """A gap of more than fifteen seconds, without a goodbye at its end, is what is reported."""
    signs: dict[str, list[datetime]] = defaultdict(list)
    for kind in ("announce", "heartbeat", "goodbye"):
        for at, event in sample(f"coordination.discovery.{kind}"):
            signs[event["@source"]].append(at)
    gap = timedelta(seconds=15)
    first: dict[str, datetime] = {}
    for node, times in signs.items():
        times.sort()
        for before, after in pairwise(times):
            if after - before > gap:
                first.setdefault(node, before + gap)
    assert reported("coordination.missed_heartbeats") == first


def test_impossible_travel_counted_by_hand() -> None:
    """Another formula for the distance, and the pairs of payments that follow each other."""
    last: dict[str, tuple[datetime, dict[str, Any]]] = {}
    first: dict[str, datetime] = {}
    for at, event in sample("fraud.payment"):
        if not event.get("card_present"):
            continue
        if event["card"] in last:
            then, before = last[event["card"]]
            hours = (at - then) / timedelta(hours=1)
            if hours <= 22 and _distance_km(before, event) > max(100, 900 * hours):
                first.setdefault(event["card"], at)
        last[event["card"]] = at, event
    assert reported("fraud.impossible_travel") == first


def _distance_km(a: dict[str, Any], b: dict[str, Any]) -> float:
    """The spherical law of cosines; the engine takes the haversine formula."""
    lat_a, lon_a, lat_b, lon_b = map(radians, (a["lat"], a["lon"], b["lat"], b["lon"]))
    cosine = sin(lat_a) * sin(lat_b) + cos(lat_a) * cos(lat_b) * cos(lon_a - lon_b)
    return EARTH_KM * acos(min(1.0, cosine))
