"""The settings of workers on a broker, for tests and benches."""

from __future__ import annotations

_TEXT = """\
[kafka]
brokers = ["{address}"]
group = "{group}"
prefix = "{group}"
partitions = {partitions}

[kafka.topics."{topic}"]
lateness = "{lateness}"
partitions = {inputs}

[worker]
http = ""
"""


def worker_settings(
    address: str, group: str, topic: str, partitions: int, inputs: int, lateness: str = "5s"
) -> str:
    """Return a `sluice.toml` up to its section [worker], with nothing to listen on.

    Sluice's own topics begin with the name of the group, and have so many partitions; `inputs`
    are those of the topic that is read.
    """
    return _TEXT.format(
        address=address, group=group, topic=topic, partitions=partitions, inputs=inputs,
        lateness=lateness,
    )  # fmt: skip
