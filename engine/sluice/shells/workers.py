"""All stages of one process: those over Faust, the lake and the webhook, and what tells of them."""

from __future__ import annotations

import asyncio
import logging
import logging.config
import os
import signal
import sys
import threading
from collections.abc import Coroutine, Iterator
from typing import TYPE_CHECKING

from sluice import __version__
from sluice.errors import InputError, RuleError, SluiceError, Unsupported
from sluice.io import Metrics, log_config, reached
from sluice.shells.brokers import brokers_of
from sluice.shells.collecting import seldom_collected
from sluice.shells.deploys import Deploys, Watch, deploy_changes
from sluice.shells.stages import Meter, RuleSets
from sluice.shells.webhook import WebhookFeed
from sluice.shells.webhook_settings import secrets_of, webhook_request
from sluice.shells.worker_face import Parts, shown
from sluice.shells.worker_request import compiler_of, duty_of, fetch_bytes, fetch_seconds

if TYPE_CHECKING:
    from sluice.config import Settings
    from sluice.plugins import Plugins
    from sluice.shells.lake_feed import LakeFeed
    from sluice.shells.stages import RuleBundle, Tally
    from sluice.shells.worker import Worker

_log = logging.getLogger("sluice.worker")

#: How long an end may take after a signal; whoever stops containers kills them after ten seconds.
END_SECONDS_MAX = 9.5


def run_workers(settings: Settings, plugins: Plugins | None, changes: Watch | None = None) -> None:
    """Run the stages of the settings until a signal ends them.

    With `changes` the rule files are deployed whenever they change.
    RuleError, ConfigError and ConnectionError tell why there is nothing to begin with.
    """
    secrets = secrets_of(settings)
    logging.config.dictConfig(log_config(settings.worker.log, secrets=secrets))
    logging.getLogger("aiokafka").setLevel(logging.WARNING)
    for name in ("faust", "mode", "sluice.shells.transport"):
        logging.getLogger(name).setLevel(logging.WARNING)
    with seldom_collected(), asyncio.Runner(loop_factory=_loop) as runner:
        runner.run(_run(settings, plugins, changes))


def _end(stop: asyncio.Event) -> None:
    """End, within some seconds: brokers that do not answer may hold a client up for minutes."""
    stop.set()
    watchdog = threading.Timer(END_SECONDS_MAX, _end_now)
    watchdog.daemon = True
    watchdog.start()


def _end_now() -> None:
    # What is durable is whole, and what is not is done again by whoever goes on.
    _log.warning("the end took more than %.0f s, and is cut short", END_SECONDS_MAX)
    logging.shutdown()
    sys.stderr.flush()
    os._exit(0)


def _loop() -> asyncio.AbstractEventLoop:
    """Return a loop of uvloop where there is one: a fifth less CPU for each event."""
    try:
        import uvloop
    except ModuleNotFoundError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


async def _run(settings: Settings, plugins: Plugins | None, changes: Watch | None) -> None:
    stages = set(settings.worker.stages)
    stop, metrics = asyncio.Event(), Metrics(__version__)
    meter = Meter(metrics)
    parts = Parts(
        _worker(settings, plugins, meter, stop) if stages & {"filter", "match"} else None,
        _lake(settings) if "lake" in stages else None,
        WebhookFeed(webhook_request(settings), metrics) if "webhook" in stages else None,
    )
    # Clients would say it at length, each of them, after their own time.
    await reached(brokers_of(settings.kafka))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _end, stop)
    async with shown(parts, metrics, settings.worker):
        jobs = [asyncio.create_task(work) for work in _works(parts, stop)]
        if changes is not None and parts.worker is not None:
            deploys, sets = Deploys(settings, plugins), parts.worker.sets
            watching = deploy_changes(settings, deploys, sets, changes, stop)
            jobs.append(asyncio.create_task(watching))
        await asyncio.wait(jobs, return_when=asyncio.FIRST_COMPLETED)
        # One that fails ends the others, each in its order.
        stop.set()
        await asyncio.wait(jobs)
        for job in jobs:
            job.result()


def _works(parts: Parts, stop: asyncio.Event) -> Iterator[Coroutine[None, None, None]]:
    if parts.worker is not None:
        yield parts.worker.run()
    for feed in (parts.lake, parts.webhook):
        if feed is not None:
            yield feed.run(stop)


def _worker(
    settings: Settings, plugins: Plugins | None, tally: Tally, stop: asyncio.Event
) -> Worker:
    from sluice.shells.worker import Worker, WorkerRequest, credentials_of

    brokers = brokers_of(settings.kafka)
    compiler = compiler_of(settings, plugins)
    own: RuleBundle | SluiceError
    try:
        own = compiler.bundle(settings.rules.paths, settings.rules.set)
    except (InputError, RuleError, Unsupported) as error:
        own = error
    fetch = fetch_seconds(settings)
    request = WorkerRequest(
        duty=duty_of(settings),
        own=own,
        addresses=brokers.addresses,
        credentials=credentials_of(brokers),
        fetch_wait_ms_max=int(1000 * fetch),
        fetch_bytes_min=fetch_bytes(settings),
    )
    return Worker(request, RuleSets(compiler), tally, stop)


def _lake(settings: Settings) -> LakeFeed:
    from sluice.shells.lake_feed import FeedRequest, FeedTopic, LakeFeed

    duty = duty_of(settings)
    assert settings.run.lake is not None
    topics = tuple(FeedTopic(n, t.codec, t.options) for n, t in duty.inputs.items())
    request = FeedRequest(
        settings.run.lake, duty.connection, f"{duty.group}.lake", topics, duty.names.prefix
    )
    return LakeFeed(request)
