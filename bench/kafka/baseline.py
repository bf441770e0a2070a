"""Stock Faust with one agent that does task T1 by hand.

    python -m bench.kafka.baseline HOST:PORT GROUP

Values are JSON, which Faust reads with orjson where that is installed, as it is here.
"""

from __future__ import annotations

import sys
from typing import Any

import faust

EVENTS, FOUND, GROUP = "bench.events", "bench.found", "bench-faust"


def app_of(address: str, group: str) -> faust.App:
    """Return the app: what is hot and busy is written to a topic."""
    app = faust.App(
        group, broker=f"kafka://{address}", value_serializer="json", store="memory://",
        topic_disable_leader=True, topic_allow_declare=False, consumer_auto_offset_reset="earliest",
        web_enabled=False, broker_commit_interval=0.5,
    )  # fmt: skip
    found = app.topic(FOUND)

    # Faust leaves this decorator without types.
    @app.agent(app.topic(EVENTS))  # type: ignore[untyped-decorator]
    async def hot(stream: Any) -> None:
        async for event in stream:
            if (
                event["type"] == "host.metrics"
                and event.get("temp", 0) > 90
                and event.get("cpu", 0) > 80
            ):
                await found.send(value={"rule": "bench.t1", "time": event["ts"], "event": event})

    return app


if __name__ == "__main__":
    sys.argv, own = sys.argv[:1], app_of(*sys.argv[1:3])
    sys.argv += ["worker", "--without-web", "--loglevel", "warn"]
    own.main()
