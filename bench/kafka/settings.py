"""Settings and rules of the workers that are measured."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from bench.process import BenchError
from bench.rules import T1, T4, pack_text
from tests.kafka.settings import worker_settings

from .baseline import EVENTS
from .topics import PARTITIONS

#: Beside logins that failed (T4), hosts that are hot: together one event of twenty travels.
HOT = "rule hot { when host.metrics{3} where cpu > 90 by host within 60s }"
#: What a rule of the second stage finds at once, in one event of fifty.
FLASH = "rule flash { when host.metrics where cpu > 98 by host cooldown 1ms }"
KEPT = 'rule kept { when auth.login{5} where outcome == "failure" by source_ip within 10m }'

RULES = {
    "filter": pack_text(T1),
    "travel": pack_text(T4, HOT),
    "flash": pack_text(FLASH),
    "kept": pack_text(KEPT, FLASH),
}


def prepare(
    folder: Path, address: str, name: str, rules: str, topic: str = EVENTS,
    latency: str = "throughput",
) -> Path:  # fmt: skip
    """Make a folder with settings and rules, and the topics that they need; return it.

    Group and prefix are `name`, so that one measurement leaves nothing to another.
    """
    place = folder / name
    place.mkdir()
    # Events come in order, and what is measured is not how long late ones are waited for.
    text = worker_settings(address, name, topic, PARTITIONS, PARTITIONS, lateness="0s")
    text += f'latency = "{latency}"\n[rules]\npaths = ["rules.sluice"]\n'
    (place / "sluice.toml").write_text(text, "utf-8")
    (place / "rules.sluice").write_text(RULES[rules], "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "sluice", "topics", "apply"], cwd=place,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise BenchError(f"sluice topics apply: {done.returncode}: {done.stderr}")
    return place
