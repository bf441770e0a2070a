"""Workers on a real broker: what they find, rule sets that come and go, what is in the way."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from random import Random

import pytest

from sluice.backends import RECORD_BYTES_MAX
from sluice.io import Admin, BrokerSettings, TopicWriter
from sluice.shells.stages import RuleBundle, deploy
from tests.commands import CommandLine
from tests.kafka.broker import free_port
from tests.kafka.shared import Served
from tests.kafka.topics import Outgoing, fill
from tests.kafka.workers import END_SECONDS_MAX, Group, Running, group_on, repeated
from tests.soak.events import arrivals, write
from tests.soak.soak import DEPLOYED, RULES

EVENTS, SEED = 20_000, 4

LOGINS = """
pack auth

rule failed { severity low  when auth.login where outcome == "failure"  by user }
rule guessing { when auth.login{3} where outcome == "failure" by user within 10m }
"""


@pytest.fixture
def group(sluice: CommandLine, kafka: Served, prefix: str) -> Iterator[Group]:
    """A group with rules about logins, and one partition of input."""
    with group_on(sluice, kafka.address, prefix, inputs=1) as group:
        group.rules("auth.sluice", LOGINS)
        group.configure(idle="1s")
        yield group


def login(number: int, **fields: object) -> bytes:
    """A login that fails, a second after the one before."""
    at = f"2026-03-06T01:{number // 60:02}:{number % 60:02}Z"
    own = {"user": "bob", "outcome": "failure", **fields}
    return json.dumps({"@type": "auth.login", "@time": at, "@id": f"e{number}", **own}).encode()


def send(group: Group, *values: bytes) -> None:
    """Write records to the one partition of the input."""
    fill(group.address, [Outgoing(group.topic, 0, value) for value in values])


def ready(worker: Running) -> None:
    """Wait until a worker has its partitions."""
    worker.until(lambda: "generation" in worker.log.read_text("utf-8"))


# ---------------------------------------------------------------- what is found


def test_two_workers_find_what_one_run_finds(
    sluice: CommandLine, kafka: Served, prefix: str, tmp_path: Path
) -> None:
    """Matches are those of one process, by id, for all rules that a deployment leaves as they are.

    It happens in the middle: one rule gets another title, one another condition, two are new.
    After a stop a second start repeats nothing.
    """
    with group_on(sluice, kafka.address, prefix) as group:
        shutil.copytree(RULES, tmp_path / "rules")
        assert group.sluice("topics", "apply").code == 0
        workers = [group.start(), group.start()]
        for worker in workers:
            ready(worker)
        sent = [Outgoing(group.topic, a.partition, a.line) for a in arrivals(EVENTS, SEED)]
        fill(kafka.address, sent[: EVENTS // 2])
        workers[0].until(lambda: len(group.ids()) > 100)
        text = (tmp_path / "rules" / "access.sluice").read_text("utf-8")
        text = text.replace('"A login from far away"', '"From far away"').replace("{6}", "{7}")
        group.rules("access.sluice", text)
        for path in DEPLOYED.glob("*.sluice"):
            shutil.copy(path, tmp_path / "rules")
        changes = group.json("rules", "deploy")
        # Both workers may have put their rules there as the first one.
        assert changes["deployed"] in (2, 3)
        assert (changes["changed"], changes["edited"], changes["moved"]) == (
            ["access.guessing"], ["access.far_login"], [],
        )  # fmt: skip
        assert changes["added"] == ["doors.opened", "doors.opened_twice"]
        fill(kafka.address, sent[EVENTS // 2 :])
        workers[0].until(lambda: group.lag() == 0)

        for worker in workers:
            code, seconds = worker.end()
            assert (code, seconds < END_SECONDS_MAX) == (0, True), worker.said()
        before = group.written()
        again = group.start()
        ready(again)
        code, seconds = again.end()
        assert (code, seconds < END_SECONDS_MAX) == (0, True), again.said()
        assert (repeated(before), len(group.written())) == ([], len(before))

        files = [str(path) for path in write(tmp_path / "given", EVENTS, SEED)]
        run = group.sluice(
            "run", "-q", "-r", "rules", "--lateness", "5s", "--show", "match", "-o", "json", *files
        )
        expected = {
            each["id"]
            for each in map(json.loads, run.out.splitlines())
            if each["rule"] in changes["kept"] or each["rule"] in changes["edited"]
        }
        found = [
            w.document["id"]
            for w in before
            if w.document["kind"] == "match"
            and w.document["rule"] in {*changes["kept"], *changes["edited"]}
        ]
        assert len(expected) > 100
        assert (sorted(found), len(found)) == (sorted(expected), len(set(found)))


# ---------------------------------------------------------------- rule sets


def test_a_set_that_does_not_compile_is_refused(group: Group) -> None:
    """By the command, with its diagnostics; and by workers, should it come to them anyway."""
    group.sluice("topics", "apply")
    worker = group.start()
    ready(worker)
    group.rules("broken.sluice", "rule broken { when a.b where }\n")
    said = group.sluice("rules", "deploy")
    assert (said.code, said.out) == (78, "")
    assert "rules/broken.sluice:1:30: error SL0101: expected a condition" in said.err
    assert [each["number"] for each in group.json("rules", "status")["deployments"]] == [1]

    broken = RuleBundle(["b.sluice"], {"b.sluice": "rule broken { when a.b where }\n"})
    assert put(group, broken) == 2
    worker.until(lambda: "rule set 2 is refused" in worker.said())
    assert "b.sluice:1:30: SL0101 expected a condition" in worker.said()
    shown = group.json("rules", "status")
    assert [(d["number"], d["in_force"]) for d in shown["deployments"]] == [(2, False), (1, True)]
    send(group, login(1), login(2), login(3))
    worker.until(lambda: len(group.ids()) == 4)
    # Whoever starts now goes on with the set that compiles, whatever is in the files.
    assert worker.end()[0] == 0
    again = group.start()
    ready(again)
    assert "do not load: rules/broken.sluice:1:30: SL0101 expected a condition" in again.said()
    send(group, login(4))
    again.until(lambda: len(group.ids()) == 5)


def put(group: Group, bundle: RuleBundle) -> int:
    """Deploy a bundle as another version might, unchecked."""

    async def put() -> int:
        writer = TopicWriter({"bootstrap_servers": [group.address]})
        await writer.start()
        try:
            return await deploy(writer, f"{group.prefix}.rules", bundle)
        finally:
            await writer.stop()

    return asyncio.run(put())


def test_rules_are_rolled_back(group: Group) -> None:
    """The set before is in force again, on workers too; going back twice undoes it."""
    group.sluice("topics", "apply")
    port = free_port()
    worker = group.start("--http", f"127.0.0.1:{port}")
    ready(worker)
    group.rules("auth.sluice", LOGINS.replace("{3}", "{2}"))
    changes = group.json("rules", "deploy", "--note", "two will do")
    assert (changes["deployed"], changes["changed"]) == (2, ["auth.guessing"])
    url = f"127.0.0.1:{port}"
    worker.until(lambda: group.sluice("rules", "status", "--worker", url).code == 0)
    send(group, login(1), login(2))
    worker.until(lambda: len(group.ids()) == 3)

    planned = group.json("rules", "rollback", "--dry-run")
    assert (planned["deployed"], planned["back_to"]) == (None, 1)
    assert group.json("rules", "rollback")["deployed"] == 3
    worker.until(lambda: group.sluice("rules", "status", "--worker", url).code == 0)
    shown = group.json("rules", "status", "--worker", url)
    assert shown["workers"][0]["rules_number"] == 3
    told = [(d["number"], d["back_to"], d["note"]) for d in shown["deployments"]]
    assert told == [
        (3, 1, ""),
        (2, None, "two will do"),
        (1, None, "the rules of the first worker"),
    ]
    send(group, login(3), login(4))
    worker.until(lambda: len(group.ids()) == 5)
    send(group, login(5))
    worker.until(lambda: len(group.ids()) == 7)
    assert group.json("rules", "rollback")["back_to"] == 2
    assert group.sluice("rules", "rollback", "1").code == 0
    assert group.sluice("rules", "rollback", "9").code == 1


def test_rule_files_are_watched(group: Group) -> None:
    """A change is deployed; a mistake is told and changes nothing; the same texts are no change."""
    group.sluice("topics", "apply")
    worker = group.start("--watch")
    ready(worker)

    def numbers() -> list[int]:
        return [each["number"] for each in group.json("rules", "status")["deployments"]]

    group.rules("auth.sluice", LOGINS.replace("{3}", "{2}"))
    worker.until(lambda: numbers() == [2, 1])
    group.rules("auth.sluice", LOGINS.replace("{3}", "{"))
    worker.until(lambda: "refused, the rules before stay" in worker.said())
    assert "rules/auth.sluice:5:" in worker.said()
    group.rules("auth.sluice", LOGINS.replace("{3}", "{2}"))
    group.rules("more.sluice", "pack more\nrule one { when b.c }\n")
    worker.until(lambda: numbers() == [3, 2, 1])
    newest = group.json("rules", "status")["deployments"][0]
    assert newest["note"].startswith("changed: rules/")
    # What a rule reads from elsewhere is watched from then on.
    group.rules("../names/bad.txt", "eve\n")
    text = 'pack more\nlist bad from "../names/bad.txt"\nrule one { when b.c where user in bad }\n'
    group.rules("more.sluice", text)
    worker.until(lambda: numbers() == [4, 3, 2, 1])
    group.rules("../names/bad.txt", "eve\nmallory\n")
    worker.until(lambda: numbers() == [5, 4, 3, 2, 1])
    code, seconds = worker.end()
    assert (code, seconds < END_SECONDS_MAX) == (0, True), worker.said()


def test_the_state_of_a_key_may_be_larger_than_a_record(group: Group) -> None:
    """Events of 35 MB with one key: its state is written, read back, and gone on from."""
    text = 'pack auth\nrule r { when auth.login{39} where much != "" by user within 10m }\n'
    group.rules("auth.sluice", text)
    group.sluice("topics", "apply")
    noise = base64.b64encode(Random(1).randbytes(690_000)).decode()
    worker = group.start()
    ready(worker)
    send(group, *(login(n, much=f"{n}{noise}") for n in range(38)))
    worker.until(lambda: group.lag() == 0)
    assert worker.end(signal.SIGKILL)[0] != 0
    state = sum(len(each.value or b"") for each in group.records("state.keyed"))
    assert state > RECORD_BYTES_MAX
    again = group.start()
    ready(again)
    send(group, login(38, much=noise), login(300))
    again.until(lambda: len(group.ids()) == 1)


# ---------------------------------------------------------------- what is in the way


def told(group: Group, *argv: str) -> tuple[int, list[str]]:
    """How a worker that cannot begin ends: its exit code and all that it says."""
    code, said = group.start(*argv).ended()
    return code, said.replace(group.prefix, "PREFIX").splitlines()


def test_without_topics_a_worker_ends(group: Group) -> None:
    """With one line that says what makes them."""
    code, lines = told(group)
    own = "dead events keyed late matches mitigations notes rules state.keyed".split()
    names = ", ".join(["PREFIX-in", *(f"PREFIX.{each}" for each in own)])
    assert (code, lines) == (
        78, [f"error: there is no topic {names}: `sluice topics apply` makes them"],
    )  # fmt: skip


def test_without_a_broker_a_worker_ends(group: Group) -> None:
    """With one line, whatever the clients have to say."""
    text = (group.folder / "sluice.toml").read_text("utf-8")
    (group.folder / "sluice.toml").write_text(text.replace(group.address, "127.0.0.1:1"), "utf-8")
    expected = (69, ["error: 127.0.0.1:1: no broker there (connection refused)"])
    assert told(group) == expected
    for argv in (["deploy"], ["status"], ["rollback"]):
        said = group.sluice("rules", *argv)
        assert (said.code, said.out, said.err.splitlines()) == (69, "", expected[1])


def test_another_partition_count_ends_a_worker(group: Group) -> None:
    """Keys would be looked for where nothing is known of them."""
    group.sluice("topics", "apply")
    group.configure(partitions=6)
    assert told(group) == (78, [
        "error: topic PREFIX.keyed has 4 partitions, and kafka.partitions says 6: keys would "
        "change places (see `sluice topics check`)",
    ])  # fmt: skip
    said = group.sluice("rules", "deploy")
    assert said.code == 78
    assert f"topic {group.prefix}.keyed: it has 4 partitions, and 6 are set" in said.err


def test_rules_need_their_topics(group: Group) -> None:
    """Nothing is deployed where workers could not run it."""
    said = group.sluice("rules", "deploy")
    assert (said.code, said.out) == (78, "")
    assert said.err.endswith(": `sluice topics apply` makes them\n")
    for argv in (["status"], ["rollback"]):
        said = group.sluice("rules", *argv)
        assert (said.code, said.err) == (
            78, f"error: there is no topic {group.prefix}.rules: `sluice topics apply` makes it\n",
        )  # fmt: skip


# ---------------------------------------------------------------- what comes in


def test_a_poison_record_is_a_dead_letter(group: Group) -> None:
    """With where it was and why; the worker goes on with the next one."""
    group.sluice("topics", "apply")
    worker = group.start()
    ready(worker)
    poison = [b"{", b"\xff\xfe", b'{"@type": 1}', b"[" * 100_000]
    send(group, login(1), *poison, login(2), login(3))
    worker.until(lambda: len(group.ids()) == 4)
    dead = [w.document for w in group.written("dead")]
    assert [(each["source"], each["partition"], each["offset"]) for each in dead] == [
        (group.topic, 0, n) for n in range(1, 1 + len(poison))
    ]
    assert [each["reason"] for each in dead] == ["syntax", "encoding", "type", "syntax"]


@pytest.mark.parametrize(
    ("field", "number"),
    [("outcome", 950), ("much", 950), ("outcome", 1)],
    ids=["of which little is read", "all of which is read", "that is late"],
)
def test_a_large_record_is_an_event(group: Group, field: str, number: int) -> None:
    """One of 10 MB is taken like any other; one of 17 MB is a dead letter; both go by."""
    wide = f'rule wide {{ when auth.login{{3}} where {field} != "" by user within 10m }}'
    group.rules("auth.sluice", f"{LOGINS}{wide}\n")
    group.sluice("topics", "apply")
    # As whoever writes such records has done, since brokers take 1 MB.
    with Admin(BrokerSettings((group.address,))) as admin:
        admin.change(group.topic, {"max.message.bytes": "20000000"})
    worker = group.start()
    ready(worker)
    noise = Random(number).randbytes(8_500_000).hex()  # nothing makes it much smaller
    values = [login(900), login(number, much=noise[:10_000_000]), login(960, much=noise)]
    values += [login(961), login(962), login(963)]
    fill(group.address, [Outgoing(group.topic, 0, value) for value in values], 20_000_000)
    expected = {"auth.failed": 5, "auth.guessing": 1, "auth.wide": 1}
    if field == "much":
        del expected["auth.wide"]
    worker.until(lambda: Counter(w.document["rule"] for w in group.written()) == expected, 30)
    dead = [(w.document["reason"], w.document["offset"]) for w in group.written("dead")]
    assert dead == [("size", 2)]


def has_found(group: Group, count: int) -> bool:
    """Whether there are so many different matches."""
    return len(set(group.ids())) >= count


def test_a_kill_repeats_no_match_under_another_number(group: Group) -> None:
    """Who is killed goes on; a record that is written again has the number that it had."""
    group.sluice("topics", "apply")
    for turn in range(3):
        worker = group.start()
        ready(worker)
        send(group, *(login(10 * turn + n) for n in range(10)))
        wanted = 10 * (turn + 1)
        worker.until(partial(has_found, group, wanted))
        worker.end(signal.SIGKILL)
    last = group.start()
    ready(last)
    last.until(lambda: group.lag() == 0)
    by_place = {(w.origin, w.number): w.document["id"] for w in group.written()}
    assert len(by_place) == len(set(by_place.values())) == len(set(group.ids()))
