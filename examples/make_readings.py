"""Write `readings.jsonl`: three hours of three sensors, with a fault for each rule of `rules/iot`.

    python examples/make_readings.py

One event a line, in JSON: `@type` and `@time` are its attributes, the rest its fields. The same
seed always gives the same bytes.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

SEED = 20260309
TARGET = Path(__file__).with_name("readings.jsonl")
START = datetime(2026, 3, 9, 6, 0, tzinfo=UTC)
MINUTES = 180
SENSORS = {"boiler": 62.0, "pump": 41.0, "roof": 18.0}  # with the usual temperature
#: The boiler overheats; the pump is moved next to it; the roof falls silent.
HOT_MINUTES = range(90, 98)
MOVED_AT_MINUTE = 150
SILENT_MINUTES = range(60, 85)


def text() -> str:
    """Return all readings in the order of time, one a line."""
    random = Random(SEED)
    lines = []
    for minute in range(0, MINUTES + 1):
        for place, (sensor, usual) in enumerate(SENSORS.items()):
            temp = usual + random.randrange(-15, 16) / 10
            cpu = random.randrange(5, 45)
            if not _is_due(sensor, minute):
                continue
            if sensor == "boiler" and minute in HOT_MINUTES:
                temp, cpu = temp + 33, 84 + cpu % 10
            if sensor == "pump" and minute >= MOVED_AT_MINUTE:
                temp += 6
            at = START + timedelta(minutes=minute, seconds=5 * place)
            reading = {
                "@type": "iot.reading",
                "@time": f"{at:%Y-%m-%dT%H:%M:%SZ}",
                "sensor": sensor,
                "temp": round(temp, 1),
                "cpu": cpu,
            }
            lines.append(f"{json.dumps(reading)}\n")
    return "".join(lines)


def _is_due(sensor: str, minute: int) -> bool:
    """The boiler reports each minute while it is hot, everything else every five minutes."""
    if sensor == "roof" and minute in SILENT_MINUTES:
        return False
    return minute % 5 == 0 or (sensor == "boiler" and minute in HOT_MINUTES)


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8", newline="\n")
