"""A webhook as a process, to be killed: `python -m tests.kafka.webhook_feed REQUEST`."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
from typing import Any

from sluice.io import Metrics, Receiver
from sluice.shells import WebhookFeed, WebhookRequest


async def main(told: dict[str, Any]) -> None:
    """Tell until SIGTERM; all but `broker` and `url` is as `WebhookRequest` has it."""
    connection = {"bootstrap_servers": told.pop("broker")}
    receiver = Receiver(told.pop("url"), pause_seconds_max=0.2)
    request = WebhookRequest(connection=connection, receiver=receiver, **told)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await WebhookFeed(request, Metrics("0")).run(stop)


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(main(json.loads(sys.argv[1])))
