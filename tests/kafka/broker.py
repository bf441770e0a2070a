"""One Kafka broker that is also its own controller, on free ports of 127.0.0.1.

    with Broker(folder) as broker:
        ... broker.address ...

`python -m tests.kafka.broker` runs one in the foreground for a developer.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from types import TracebackType

from kafka import KafkaAdminClient
from kafka.errors import RetriableError

from tests.kafka.jars import NoBroker, fetched_jars, version_wanted
from tests.kafka.listeners import Security, listener_settings

#: On a machine under load a broker has taken 20 s.
READY_SECONDS_MAX = 90
STOP_SECONDS_MAX = 20

#: Below the ports that systems give to clients, so that a port is still free at a second start.
PORTS = range(20_000, 32_000)

JAVA = ("java", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
CLUSTER = "c2x1aWNlLXRlc3Qta2Fma2E"

SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    # One node cannot replicate, and one partition of offsets is loaded soonest.
    "offsets.topic.num.partitions": "1",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "500",
    # Else a broker that was killed is away for 12 s instead of 3.5.
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "400",
    "auto.create.topics.enable": "false",
    "log.cleaner.backoff.ms": "1000",
}


class Broker:
    """A broker with its data in a folder; it can be killed, frozen and started again.

    `port` 0 means any free one; `security` adds listeners with SASL and TLS; `settings` are
    further lines of `server.properties`.
    """

    def __init__(
        self, folder: Path, port: int = 0, security: Security | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        self.folder = folder
        self.version = version_wanted()
        self.security = security
        self._jars = fetched_jars(self.version)
        self._process: subprocess.Popen[bytes] | None = None
        plain, controller = free_ports(2, security.ports.values() if security else ())
        plain = port or plain
        self.address = f"127.0.0.1:{plain}"
        listeners, secured = listener_settings(plain, controller, security)
        self._settings = {**SETTINGS, **listeners, **secured, **(settings or {})}

    @property
    def pid(self) -> int:
        """The id of the broker's process."""
        assert self._process is not None, "the broker is not running"
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> Broker:
        """Start, the second time on the same ports and data, and wait until clients are served."""
        assert not self.is_running, "the broker is running"
        _check_free(self.address)
        properties = self.folder / "server.properties"
        if not properties.exists():
            self._format(properties)
        log = (self.folder / "broker.log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [*_tied_to_parent(), *self._java("kafka.Kafka", str(properties))],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the tests, which stop the broker last
            )  # fmt: skip
        try:
            self._wait_until_ready()
        except BaseException:
            self.kill()
            raise
        return self

    def stop(self) -> None:
        """Let the broker end by itself: what it has is on disk."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the broker as a crash would."""
        self._end(signal.SIGKILL)

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Keep the broker from running for a while: its connections stay open, nothing answers."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)

    def __enter__(self) -> Broker:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.kill()

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _java(self, main: str, *argv: str) -> list[str]:
        return [*JAVA, "-cp", f"{self._jars}{os.sep}*", main, *argv]

    def _format(self, properties: Path) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        settings = {**self._settings, "log.dirs": str(self.folder / "data")}
        written = self.folder / "server.properties.new"
        written.write_text("".join(f"{key}={value}\n" for key, value in settings.items()), "utf-8")
        argv = ["format", "-t", CLUSTER, "-c", str(written)]
        if self.security is not None:
            argv += self.security.users_at_format()
        done = subprocess.run(
            self._java("kafka.tools.StorageTool", *argv),
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise NoBroker(f"Kafka {self.version} cannot format: {done.stdout}{done.stderr}")
        written.rename(properties)

    def _wait_until_ready(self) -> None:
        end = time.monotonic() + READY_SECONDS_MAX
        while time.monotonic() < end:
            assert self._process is not None
            if self._process.poll() is not None:
                said = (self.folder / "broker.log").read_text("utf-8", "replace")[-2000:]
                code = self._process.returncode
                raise NoBroker(f"Kafka {self.version} ended at its start with {code}: {said}")
            if is_serving(self.address):
                return
            time.sleep(0.1)
        raise NoBroker(f"Kafka {self.version} served nobody after {READY_SECONDS_MAX} s")


def _tied_to_parent() -> list[str]:
    """Return what lets the kernel end a process with the one that started it, where there is it."""
    return ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []


def is_serving(address: str) -> bool:
    """Say whether a broker answers there with its own metadata."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), 1).close()
        client = KafkaAdminClient(bootstrap_servers=address, bootstrap_timeout_ms=3000)
    except (OSError, RetriableError):
        return False
    try:
        return bool(client.describe_cluster()["brokers"])
    except RetriableError:
        return False
    finally:
        client.close()


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    return free_ports(1)[0]


def free_ports(count: int, taken: Collection[int] = ()) -> list[int]:
    """Return different ports of 127.0.0.1 that nobody listens on, none of those taken."""
    found: list[int] = []
    while len(found) < count:
        port = random.choice(PORTS)
        if port in found or port in taken:
            continue
        with socket.socket() as each:
            try:
                each.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
    return found


def _check_free(address: str) -> None:
    """Raise NoBroker where somebody listens: that one would pass for the broker that is started."""
    host, _, port = address.rpartition(":")
    with socket.socket() as each:
        each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Kafka does
        try:
            each.bind((host, int(port)))
            each.listen()
        except OSError as error:
            raise NoBroker(f"{address}: {error.strerror}") from None


def main() -> None:
    """Run a broker in the foreground on 127.0.0.1:9092 until Ctrl-C; its data goes with it."""
    folder = Path(tempfile.mkdtemp(prefix="sluice-kafka-"))
    port = int(os.environ.get("KAFKA_PORT", "9092"))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with contextlib.suppress(KeyboardInterrupt), Broker(folder, port) as broker:
            print(f"Kafka {broker.version} at {broker.address}; Ctrl-C ends it and drops its data")
            sys.stdout.flush()
            while broker.is_running:
                time.sleep(0.2)
            raise NoBroker("Kafka ended by itself")
    except NoBroker as error:
        sys.exit(f"no broker: {error}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
