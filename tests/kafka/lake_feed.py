"""A lake feed as a process, to be killed and frozen: `python -m tests.kafka.lake_feed REQUEST`."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
from typing import Any

from sluice.shells.lake_feed import FeedRequest, FeedTopic, LakeFeed


async def main(told: dict[str, Any]) -> None:
    """Run a feed until SIGTERM; `topics` are names, all else is as `FeedRequest` has it."""
    topics = tuple(map(FeedTopic, told.pop("topics")))
    connection = {"bootstrap_servers": told.pop("broker")}
    feed = LakeFeed(FeedRequest(connection=connection, topics=topics, **told))
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await feed.run(stop)
    print(json.dumps({"repeated": feed.counts.repeated, "strange": feed.counts.strange}))


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(main(json.loads(sys.argv[1])))
