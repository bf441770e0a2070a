"""One broker for all processes of a test session, whichever of them comes first or goes last.

A keeper, a process of its own, starts the broker and looks after leases: files that are named
after the processes that use it. When the last of these has gone, killed or not, the broker goes.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.kafka.broker import READY_SECONDS_MAX, Broker, free_ports
from tests.kafka.jars import REPOSITORY, NoBroker, fetched_jars, version_wanted
from tests.kafka.listeners import PROTOCOLS, Security

POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Served:
    """A broker that runs: its address, and its listeners with SASL and TLS where it has them."""

    address: str
    security: Security | None = None


@contextlib.contextmanager
def shared_broker(folder: Path) -> Iterator[Served]:
    """Use the one broker of a folder, which is started if nobody has; NoBroker says why not.

    `SLUICE_TEST_KAFKA=host:port` names one that runs already.
    """
    address = os.environ.get("SLUICE_TEST_KAFKA")
    if address:
        yield Served(address)
        return
    fetched_jars(version_wanted())
    lease = folder / "leases" / str(os.getpid())
    lease.parent.mkdir(parents=True, exist_ok=True)
    with _locked(folder):
        lease.touch()
        if not (folder / "served.json").exists():
            _start_keeper(folder)
    try:
        yield _served(folder)
    finally:
        lease.unlink()


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _start_keeper(folder: Path) -> None:
    argv = [sys.executable, "-m", "tests.kafka.shared", str(folder)]
    with (folder / "keeper.log").open("wb") as log:
        keeper = subprocess.Popen(
            argv, cwd=REPOSITORY, stdout=log, stderr=log, start_new_session=True
        )
    end = time.monotonic() + READY_SECONDS_MAX + 10
    while not (folder / "served.json").exists():
        if keeper.poll() is not None or time.monotonic() > end:
            raise NoBroker((folder / "keeper.log").read_text("utf-8", "replace")[-2000:].strip())
        time.sleep(POLL_SECONDS)


def _served(folder: Path) -> Served:
    found: dict[str, Any] = json.loads((folder / "served.json").read_text("utf-8"))
    return Served(
        found["address"],
        Security(found["security"]["ports"], Path(found["security"]["folder"])),
    )


def main() -> None:
    """Keep the broker of a folder until nobody has a lease."""
    folder = Path(sys.argv[1])
    ports = dict(zip(PROTOCOLS, free_ports(len(PROTOCOLS)), strict=True))
    security = Security(ports, folder / "keys")
    security.make_keys()
    try:
        with Broker(folder / "broker", security=security) as broker:
            _tell(folder, {"address": broker.address, "security": asdict(security)})
            while True:
                with _locked(folder):
                    if not broker.is_running or not any(map(_is_held, folder.glob("leases/*"))):
                        (folder / "served.json").unlink()
                        break
                time.sleep(POLL_SECONDS)
    except NoBroker as error:
        sys.exit(str(error))
    shutil.rmtree(folder / "broker")


def _tell(folder: Path, document: dict[str, Any]) -> None:
    beside = folder / "served.new"
    beside.write_text(json.dumps(document, default=str), "utf-8")
    beside.rename(folder / "served.json")


def _is_held(lease: Path) -> bool:
    try:
        os.kill(int(lease.name), 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    main()
