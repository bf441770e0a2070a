"""Run workers over a broker while everything is killed, and judge what they have found.

    python -m tests.soak.soak --events 100000 --seconds 120 --seed 1

Three workers and a lake stage read eight partitions. Every few seconds one of them is killed,
asked to end, or frozen for longer than its session lasts; once the broker is killed; in the middle
further rules are deployed. When all is done, `judge` compares the matches in the lake with those
of one run in one process.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from tests.kafka.broker import Broker
from tests.kafka.settings import worker_settings
from tests.soak.events import LAST_KIND, LATENESS_MS, PARTITIONS, arrivals, write
from tests.soak.judge import judge
from tests.soak.programs import Program
from tests.soak.standing import Standing, standing

HERE = Path(__file__).parent
RULES, DEPLOYED = HERE / "rules", HERE / "deployed"
WORKERS = 3
#: The group's own topics begin with its name.
TOPIC, GROUP = "events", "soak"
#: A worker's session lasts 10 s; who is frozen for longer is taken to be dead.
FROZEN_SECONDS = 13.0
#: What is produced before the next is waited for: less than the lateness, in milliseconds.
SLICE = 1_000
#: When nothing has come for so long, and nothing waits, all is done.
QUIET_SECONDS = 20.0
SETTLE_SECONDS_MAX = 300.0
READY_SECONDS_MAX = 120.0
DEPLOY_AT, BROKER_AT = 0.5, 0.35


def settings_of(address: str, group: str, topic: str) -> str:
    """Return the `sluice.toml` of a group."""
    text = worker_settings(address, group, topic, PARTITIONS, PARTITIONS, f"{LATENESS_MS}ms")
    return f'{text}idle_timeout = "5s"\n[run]\nlake = "lake"\n[rules]\npaths = ["rules"]\n'


@dataclass(frozen=True, slots=True)
class Plan:
    """What a soak does; `is_calm` leaves everybody alone."""

    events: int
    seconds: float
    seed: int
    is_calm: bool = False
    deploys: bool = True


class Soak:
    """A broker, workers and a lake in a folder."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan, self.folder = plan, folder
        self.rng = Random(f"chaos {plan.seed}")
        self.broker = Broker(folder / "broker")
        self.produced = 0
        #: Set when the rules are in force that look at the last kind of events.
        self.in_force = threading.Event()
        self.programs: list[Program] = []

    def run(self) -> bool:
        """Do everything; return whether the verdict is good."""
        write(self.folder / "given", self.plan.events, self.plan.seed)
        shutil.copytree(RULES, self.folder / "rules")
        with self.broker:
            try:
                self._begin()
                self._go()
                is_settled = self._settle()
            finally:
                for program in self.programs:
                    program.wake()
            for program in self.programs:
                program.end()
            self._drop()
        return self._judge() and is_settled

    def _begin(self) -> None:
        text = settings_of(self.broker.address, GROUP, TOPIC)
        (self.folder / "sluice.toml").write_text(text, "utf-8")
        self.sluice("topics", "apply")
        for number in range(WORKERS):
            argv = ["worker", "-c", "sluice.toml", "--stages", "filter,match"]
            self.programs.append(Program(f"worker{number}", argv, self.folder))
        argv = ["worker", "-c", "sluice.toml", "--stages", "lake"]
        self.programs.append(Program("lake-stage", argv, self.folder))
        for program in self.programs:
            program.start()
        end = time.monotonic() + READY_SECONDS_MAX
        while not all(program.is_ready for program in self.programs):
            if time.monotonic() > end:
                raise SystemExit(f"not ready after {READY_SECONDS_MAX:.0f} s: see {self.folder}")
            for program in self.programs:
                program.keep_up()
            time.sleep(0.5)
        self.say("all are ready")

    def sluice(self, *argv: str) -> str:
        """Run a command of Sluice to its end."""
        done = subprocess.run(
            [sys.executable, "-m", "sluice", *argv, "-c", "sluice.toml"], cwd=self.folder,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise SystemExit(f"sluice {' '.join(argv)}: {done.returncode}: {done.stderr}")
        return done.stdout

    # ------------------------------------------------------------ what happens

    def _go(self) -> None:
        """Produce, and do what is to be done meanwhile."""
        failures: list[BaseException] = []

        def produce() -> None:
            try:
                asyncio.run(self._produce())
            except BaseException as error:
                failures.append(error)

        thread = threading.Thread(target=produce)
        thread.start()
        turns: list[tuple[float, Callable[[], None]]] = [(DEPLOY_AT, self._deploy)]
        if not self.plan.is_calm:
            turns.append((BROKER_AT, self._kill_broker))
        turns.sort(key=lambda turn: turn[0])
        next_blow = time.monotonic() + 8
        while thread.is_alive():
            time.sleep(0.2)
            while turns and self.produced >= turns[0][0] * self.plan.events:
                turns.pop(0)[1]()
            for program in self.programs:
                program.keep_up()
            if not self.plan.is_calm and time.monotonic() >= next_blow:
                self._strike()
                next_blow = time.monotonic() + self.rng.uniform(2, 5)
        if failures:
            raise failures[0]

    async def _produce(self) -> None:
        """Write the events in the order of their arrival, spread over the time."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self.broker.address, enable_idempotence=True, linger_ms=5,
            max_batch_size=128 * 1024, request_timeout_ms=120_000,
        )  # fmt: skip
        await producer.start()
        begun = time.monotonic()
        waiting = []
        try:
            for arrival in arrivals(self.plan.events, self.plan.seed):
                if not self.in_force.is_set() and LAST_KIND.encode() in arrival.line:
                    await asyncio.to_thread(self.in_force.wait)
                sent = await producer.send(TOPIC, arrival.line, partition=arrival.partition)
                waiting.append(sent)
                if len(waiting) < SLICE:
                    continue
                await asyncio.gather(*waiting)
                self.produced += len(waiting)
                waiting = []
                due = begun + self.plan.seconds * self.produced / self.plan.events
                await asyncio.sleep(max(0.0, due - time.monotonic()))
            await asyncio.gather(*waiting)
            self.produced += len(waiting)
        finally:
            await producer.stop()

    def _strike(self) -> None:
        """Kill, end or freeze one of the programs."""
        victim = self.rng.choice(self.programs)
        match self.rng.choices(("kill", "renew", "freeze"), (5, 3, 2)):
            case ["kill"]:
                victim.kill()
            case ["renew"]:
                victim.renew()
            case ["freeze"]:
                victim.freeze()
                time.sleep(FROZEN_SECONDS)
                victim.wake()

    def _kill_broker(self) -> None:
        self.broker.kill()
        time.sleep(2)
        self.broker.start()
        self.say("the broker was killed and is back")

    def _deploy(self) -> None:
        """Put further rules in force; those that are there stay as they are, but for a title."""
        if not self.plan.deploys:
            self.in_force.set()
            return
        rules = self.folder / "rules"
        for path in DEPLOYED.glob("*.sluice"):
            shutil.copy(path, rules)
        access = rules / "access.sluice"
        text = access.read_text("utf-8")
        access.write_text(text.replace('"A login from far away"', '"From far away"'), "utf-8")
        told = self.sluice("rules", "deploy").strip()
        self.say(told.replace("\n", "; "))
        # Workers that begin at once each deploy what they have.
        deployed = int(told.partition("deployed as ")[2].split()[0])
        # A worker that begins reads the newest first; the others say which they have.
        for program in self.programs[:WORKERS]:
            while program.rules_number not in (None, deployed):
                time.sleep(0.2)
        self.in_force.set()
        self.say("the rules are in force")

    # ------------------------------------------------------------ the end

    def _settle(self) -> bool:
        """Wait until nothing waits and nothing comes any more."""
        end = time.monotonic() + SETTLE_SECONDS_MAX
        last: Standing | None = None
        since = time.monotonic()
        while time.monotonic() < end:
            time.sleep(2)
            for program in self.programs:
                program.keep_up()
            try:
                now = asyncio.run(standing(self.broker.address, GROUP, GROUP, [TOPIC]))
            except KafkaError:
                continue
            if last is None or now.outputs != last.outputs or now.input_lag or now.lake_lag:
                since = time.monotonic()
                self.say(now.text())
            last = now
            if time.monotonic() - since >= QUIET_SECONDS:
                return True
        self.say("NOT SETTLED: " + ("no broker" if last is None else last.text()))
        return False

    def _judge(self) -> bool:
        given = sorted((self.folder / "given").glob("*.jsonl"))
        verdict = judge(given, self.folder / "rules", self.folder / "lake")
        for program in self.programs:
            fate = ", ".join(f"{what} {n}" for what, n in sorted(program.fate.items()))
            self.say(f"{program.name}: {fate}; slowest end {program.slowest_end:.1f} s")
        self.say(verdict.text())
        return verdict.is_right

    def _drop(self) -> None:
        for program in self.programs:
            program.drop()

    def say(self, text: str) -> None:
        """Print something."""
        print(f"[{self.produced:>9,}] {text}", flush=True)


def main() -> int:
    """Run a soak; 0 when the verdict is good."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.soak", description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=120.0, help="how long is produced")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--calm", action="store_true", help="nobody is killed or frozen")
    parser.add_argument("--no-deploy", action="store_true", help="the rules stay as they are")
    parser.add_argument("--keep", type=Path, help="the folder to leave everything in")
    options = parser.parse_args()
    # That nobody answers while the broker is away is what is meant to happen.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    plan = Plan(options.events, options.seconds, options.seed, options.calm, not options.no_deploy)
    folder = options.keep or Path(tempfile.mkdtemp(prefix="sluice-soak-"))
    folder.mkdir(parents=True, exist_ok=True)
    soak = Soak(plan, folder)
    try:
        is_right = soak.run()
    finally:
        soak._drop()
    if is_right and options.keep is None:
        shutil.rmtree(folder)
    else:
        print(f"everything is in {folder}")
    return 0 if is_right else 1


if __name__ == "__main__":
    sys.exit(main())
