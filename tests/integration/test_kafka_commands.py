"""`sluice topics`, `offsets` and `lag`, against a broker."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from kafka import KafkaConsumer

from sluice.io import Admin, BrokerSettings, Mark, group_lag, with_ages
from tests.commands import CommandLine, Said, write
from tests.kafka.broker import Broker
from tests.kafka.listeners import PASSWORD, USER
from tests.kafka.shared import Served

NOON = 1_767_268_800_000  # 2026-01-01T12:00:00Z


class Place:
    """A prefix of topics on a broker, with settings and rules in the current folder."""

    def __init__(self, sluice: CommandLine, kafka: Served, prefix: str) -> None:
        self.sluice, self.address, self.prefix = sluice, kafka.address, prefix
        self.events = f"{prefix}-events"
        self.configure()
        write("rules/r.sluice", "rule pair { when a then b within 1m by user }\n")

    def configure(self, partitions: int = 2, topic: str = "partitions = 3") -> None:
        """Write `sluice.toml`."""
        write(
            "sluice.toml",
            f'[kafka]\nbrokers = ["{self.address}"]\nprefix = "{self.prefix}"\n'
            f'group = "{self.prefix}"\npartitions = {partitions}\n'
            f'[kafka.topics."{self.events}"]\n{topic}\n',
        )

    def json(self, *argv: str, code: int = 0) -> Any:
        """What a command says as JSON."""
        said = self.sluice(*argv, "-o", "json")
        assert (said.code, said.err) == (code, "")
        return json.loads(said.out)

    def text(self, *argv: str, code: int = 0) -> list[str]:
        """What a command says as text, line by line, the prefix as PREFIX."""
        said = self.sluice(*argv)
        assert (said.code, said.err) == (code, "")
        return said.out.replace(self.prefix, "PREFIX").splitlines()

    def admin(self) -> Admin:
        """A client that looks after topics."""
        return Admin(BrokerSettings((self.address,)))

    def verdicts(self, *argv: str, code: int = 0) -> Mapping[str, str]:
        """What a command about topics says of each."""
        found = self.json("topics", *argv, code=code)["topics"]
        return {each["topic"].removeprefix(self.prefix): each["verdict"] for each in found}

    def produce(self, *records: tuple[int, int], compression: str | None = None) -> None:
        """Write records with the partitions and times given."""

        async def send() -> None:
            made = AIOKafkaProducer(bootstrap_servers=self.address, compression_type=compression)
            async with made as producer:
                for partition, at in records:
                    await producer.send_and_wait(
                        self.events, b"{}", partition=partition, timestamp_ms=at
                    )

        asyncio.run(send())


@pytest.fixture
def place(sluice: CommandLine, kafka: Served, prefix: str) -> Place:
    """An empty place on the broker."""
    return Place(sluice, kafka, prefix)


# ---------------------------------------------------------------- topics


def test_topics_are_planned_made_and_checked(place: Place) -> None:
    """`plan` changes nothing, `apply` makes all, `check` is content; again, and all is there."""
    planned = place.verdicts("plan")
    assert set(planned.values()) == {"make"}
    assert set(place.verdicts("check", code=1).values()) == {"make"}
    assert place.verdicts("apply") == planned
    assert set(place.verdicts("check").values()) == {"ok"}
    assert place.text("topics", "apply")[-1] == f"{len(planned)} topics: all as they are to be"
    with place.admin() as admin:
        there = admin.topics([place.events, f"{place.prefix}.state.keyed"])
    assert there[place.events].partitions == 3
    state = there[f"{place.prefix}.state.keyed"]
    assert (state.partitions, state.settings["cleanup.policy"]) == (2, "compact")


def test_what_is_in_the_way_keeps_apply_from_anything(place: Place) -> None:
    """An input topic that nobody has made is told with what to do; nothing else is made."""
    place.configure(topic="")
    lines = place.text("topics", "apply", code=1)
    assert lines[:2] == [
        "blocked  PREFIX-events       -                     it is not there",
        '         make it, or set partitions below [kafka.topics."PREFIX-events"]',
    ]
    assert lines[-1].endswith(" to make, 0 to change, 1 in the way")
    with place.admin() as admin:
        assert admin.topics([f"{place.prefix}.keyed"]) == {}


def test_another_partition_count_is_refused(place: Place) -> None:
    """Stateful rules remember by partition; the remedy stands once below the topics it is for."""
    place.sluice("topics", "apply")
    place.configure(partitions=4)
    lines = place.text("topics", "apply", code=1)
    remedies = [line for line in lines if "another prefix" in line]
    told = [line for line in lines if "it has 2 partitions, and 4 are set" in line]
    assert told[0].startswith("blocked  PREFIX.keyed")
    assert remedies == [
        "         set partitions = 2 below [kafka], or begin anew with another prefix below "
        "[kafka]; what rules remember is lost then"
    ]
    with place.admin() as admin:
        assert admin.topics([f"{place.prefix}.keyed"])[f"{place.prefix}.keyed"].partitions == 2


def test_topics_grow_below_rules_without_state(place: Place) -> None:
    """More partitions are a change like any other where nothing is remembered."""
    write("rules/r.sluice", "rule flat { when a }\n")
    place.sluice("topics", "apply")
    place.configure(partitions=4)
    assert place.verdicts("apply")[".matches"] == "change"
    assert set(place.verdicts("check").values()) == {"ok"}


def test_a_setting_that_was_changed_is_put_right(place: Place) -> None:
    """State that is deleted after a while is found, and mended."""
    place.sluice("topics", "apply")
    name = f"{place.prefix}.state.keyed"
    with place.admin() as admin:
        admin.change(name, {"cleanup.policy": "delete"})
    found = [line for line in place.text("topics", "check", code=1) if line.startswith("change")]
    assert [" ".join(line.split()) for line in found] == [
        "change PREFIX.state.keyed 2 partitions, 1 copy cleanup.policy delete → compact"
    ]
    place.sluice("topics", "apply")
    assert set(place.verdicts("check").values()) == {"ok"}


# ---------------------------------------------------------------- offsets and lag


def test_lag_is_told_by_partition(place: Place) -> None:
    """Records, and the age of the oldest that is not read, whatever its compression is."""
    place.sluice("topics", "apply")
    place.produce((0, NOON), (0, NOON + 1_000), compression="zstd")
    place.produce((1, NOON + 2_000), compression="lz4")
    with place.admin() as admin:
        admin.put_marks(place.prefix, {(place.events, 0): Mark(1), (place.events, 2): Mark(0)})
    document = place.json("lag")
    keys = ("partition", "committed", "start", "end", "lag", "oldest")
    assert [[each[key] for key in keys] for each in document["partitions"]] == [
        [0, 1, 0, 2, 1, "2026-01-01T12:00:01.000Z"],
        [1, None, 0, 1, 1, "2026-01-01T12:00:02.000Z"],
        [2, 0, 0, 0, 0, None],
    ]
    assert document["lag"] == 2
    lines = place.text("lag")
    assert lines[0].split() == "group topic partition committed end lag oldest unread".split()
    assert lines[3].split() == "PREFIX PREFIX-events 2 0 0 0 -".split()
    assert lines[-1] == "2 records behind"


def test_sinks_are_told_when_they_have_been_somewhere(place: Place) -> None:
    """The lake and the webhook read as groups of their own."""
    place.sluice("topics", "apply")
    with place.admin() as admin:
        admin.put_marks(f"{place.prefix}.lake", {(f"{place.prefix}.matches", 1): Mark(0)})
    found = place.json("lag")["partitions"]
    groups = {each["group"].removeprefix(place.prefix): each["topic"] for each in found}
    assert groups == {"": place.events, ".lake": f"{place.prefix}.matches"}


def test_lag_is_watched_until_ctrl_c(place: Place) -> None:
    """A line of JSON every two seconds."""
    place.sluice("topics", "apply")
    argv = [sys.executable, "-W", "ignore", "-m", "sluice", "lag", "--watch", "-o", "json"]
    watching = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    assert watching.stdout is not None
    lines = [json.loads(watching.stdout.readline()) for _ in range(2)]
    watching.send_signal(signal.SIGINT)
    assert watching.wait(10) == 130
    assert [len(each["partitions"]) for each in lines] == [3, 3]


def test_missing_topics_are_warned_of(place: Place) -> None:
    """Nothing to read is no reason to be content."""
    said = place.sluice("lag")
    assert (said.code, said.out) == (0, "nothing to read\n")
    assert said.err == f"warning: there is no topic {place.events}; see `sluice topics plan`\n"


def test_a_topic_that_was_made_anew_is_found(place: Place) -> None:
    """Who stands behind the end of a topic has read another one of this name."""
    place.sluice("topics", "apply")
    with place.admin() as admin:
        admin.put_marks(place.prefix, {(place.events, 0): Mark(7)})
    for command in (["lag"], ["offsets", "show"]):
        assert place.sluice(*command).err == (
            f"warning: {place.events}/0 ends at 0, and the group {place.prefix} stands at 7: "
            "has the topic been made anew?\n"
        )


def moves(document: Mapping[str, Any]) -> list[tuple[int, int | None, int]]:
    """The moves of a reset."""
    return [(each["partition"], each["from"], each["to"]) for each in document["moves"]]


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        ("earliest", [0, 0, 0]),
        ("latest", [3, 1, 0]),
        ("2", [2, 1, 0]),
        ("2026-01-01T12:00:01Z", [1, 1, 0]),
        ("2027-01-01T00:00:00Z", [3, 1, 0]),
    ],
)
def test_offsets_are_reset(place: Place, to: str, expected: list[int]) -> None:
    """A dry run says what would move; with --yes it moves, within what there is."""
    place.sluice("topics", "apply")
    place.produce((0, NOON), (0, NOON + 1_000), (0, NOON + 2_000), (1, NOON))
    with place.admin() as admin:
        admin.put_marks(place.prefix, {(place.events, 0): Mark(1, "a note")})
    said = place.json("offsets", "reset", "--to", to)
    wanted = [(n, 1 if n == 0 else None, offset) for n, offset in enumerate(expected)]
    assert (said["done"], moves(said)) == (False, wanted)
    before = {each["partition"]: each for each in place.json("offsets", "show")["partitions"]}
    assert (before[0]["committed"], before[0]["note"], before[1]["committed"]) == (
        1,
        "a note",
        None,
    )
    assert place.json("offsets", "reset", "--to", to, "--yes")["done"]
    shown = place.json("offsets", "show")["partitions"]
    assert [each["committed"] for each in shown] == expected
    # A watermark is true of its own offset only.
    assert {each["note"] for each in shown} == {""}


def test_a_reset_says_what_it_means(place: Place) -> None:
    """Records that are skipped, and those that are read again."""
    place.sluice("topics", "apply")
    place.produce((0, NOON), (0, NOON), (1, NOON))
    with place.admin() as admin:
        admin.put_marks(place.prefix, {(place.events, 0): Mark(1), (place.events, 1): Mark(1)})
    assert place.text("offsets", "reset", "--to", "latest") == [
        "PREFIX-events  0  1  →  2  1 skipped",
        "PREFIX-events  1  1  →  1  stays",
        "PREFIX-events  2  -  →  0  stays",
        "3 partitions would move; --yes moves them",
    ]
    again = place.text("offsets", "reset", "--to", "earliest", "--yes")
    assert (again[0], again[-1]) == ("PREFIX-events  0  1  →  0  1 again", "3 partitions moved")


def test_a_group_in_use_is_not_moved(place: Place) -> None:
    """Its workers would overwrite the offsets; who reads is named."""
    place.sluice("topics", "apply")
    reader = KafkaConsumer(
        place.events, group_id=place.prefix, bootstrap_servers=place.address, client_id="w1"
    )
    try:
        reader.poll(5_000)
        said = place.sluice("offsets", "reset", "--to", "earliest", "--yes")
        shown = place.text("offsets", "show")
    finally:
        reader.close()
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith(f"error: the group {place.prefix} is in use (w1 (")
    assert said.err.endswith("; stop its workers first\n")
    assert shown[0].startswith("group PREFIX: stable, w1 (")


def test_the_keyed_topic_is_not_reset(place: Place) -> None:
    """Its place is kept with the state; a topic that the group does not read is told too."""
    place.sluice("topics", "apply")
    keyed = f"{place.prefix}.keyed"
    with place.admin() as admin:
        admin.put_marks(place.prefix, {(keyed, 0): Mark(0)})
    assert {n for n, _, _ in moves(place.json("offsets", "reset", "--to", "0"))} == {0, 1, 2}
    said = place.sluice("offsets", "reset", "--to", "0", "--topic", keyed)
    assert (said.code, said.err.startswith(f"error: {keyed}: what rules remember says")) == (
        1,
        True,
    )
    said = place.sluice("offsets", "reset", "--to", "0", "--topic", "other")
    assert said.err == f"error: the group reads no topic other; there are {place.events}\n"


def test_a_place_that_is_none_is_wrong_usage(place: Place) -> None:
    """Said before any broker is asked."""
    said = place.sluice("offsets", "reset", "--to", "noon", "--brokers", "127.0.0.1:1")
    assert (said.code, said.out) == (2, "")
    assert "'noon' is none of earliest, latest, an offset, a time" in said.err


# ---------------------------------------------------------------- no broker

COMMANDS = [["topics", "plan"], ["topics", "apply"], ["topics", "check"], ["offsets", "show"],
            ["offsets", "reset", "--to", "latest"], ["lag"], ["lag", "--watch"]]  # fmt: skip


@pytest.mark.parametrize("argv", COMMANDS, ids=" ".join)
def test_no_broker_is_one_line(place: Place, argv: list[str]) -> None:
    """69, within seconds, nothing on stdout."""
    begun = time.monotonic()
    said = place.sluice(*argv, "--brokers", "127.0.0.1:1")
    assert said == Said(69, "", "error: 127.0.0.1:1: no broker there (connection refused)\n")
    assert time.monotonic() - begun < 5


def test_a_wrong_password_is_one_line(
    place: Place, kafka: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a process of its own: no log of a client comes between."""
    if kafka.security is None:
        pytest.skip("the broker of SLUICE_TEST_KAFKA has one listener")
    address = kafka.security.address("SASL")
    monkeypatch.setenv("SLUICE_KAFKA__SECURITY__PROTOCOL", "SASL_PLAINTEXT")
    monkeypatch.setenv("SLUICE_KAFKA__SECURITY__MECHANISM", "PLAIN")
    monkeypatch.setenv("SLUICE_KAFKA__SECURITY__USERNAME", USER)
    argv = [sys.executable, "-m", "sluice", "lag", "--brokers", address, "-q"]
    done = {}
    for password in ("0451", PASSWORD):
        env = {**os.environ, "SLUICE_KAFKA__SECURITY__PASSWORD": password}
        ran = subprocess.run(argv, capture_output=True, text=True, check=False, env=env)
        done[password] = (ran.returncode, ran.stdout, ran.stderr)
    refused = f"error: {address}: the broker refuses user 'sluice' or the password\n"
    assert done == {"0451": (69, "", refused), PASSWORD: (0, "nothing to read\n", "")}


def test_a_broker_that_dies_and_comes_back(
    own_broker: Broker, sluice: CommandLine, prefix: str
) -> None:
    """What was made is there after a kill; a frozen broker is told as one that does not answer."""
    place = Place(sluice, Served(own_broker.address), prefix)
    assert set(place.verdicts("apply").values()) == {"make"}
    own_broker.kill()
    assert place.sluice("lag").code == 69
    own_broker.start()
    assert set(place.verdicts("check").values()) == {"ok"}
    with own_broker.frozen():
        said = place.sluice("lag")
    assert (said.code, said.err) == (69, f"error: {own_broker.address}: no answer within 4 s\n")


def test_who_watches_sees_a_broker_go_and_come_back(
    own_broker: Broker, sluice: CommandLine, prefix: str
) -> None:
    """`lag --watch` says that nobody answers, without the log of a client, and goes on."""
    place = Place(sluice, Served(own_broker.address), prefix)
    place.sluice("topics", "apply")
    argv = [sys.executable, "-W", "ignore", "-m", "sluice", "lag", "--watch", "-o", "json"]
    watching = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert watching.stdout is not None and watching.stderr is not None
    assert json.loads(watching.stdout.readline())["lag"] == 0
    own_broker.kill()
    first = watching.stderr.readline()
    assert first.startswith(f"error: {own_broker.address}: cannot ")
    own_broker.start()
    place.produce((0, NOON))
    while json.loads(watching.stdout.readline())["lag"] != 1:
        pass
    watching.send_signal(signal.SIGINT)
    assert watching.wait(10) == 130
    others = watching.stderr.read().splitlines()
    assert [line for line in others if not line.startswith("error: ")] == []


def test_ages_are_an_extra(
    own_broker: Broker, sluice: CommandLine, prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A broker that goes while they are looked for takes nothing but them, and logs nothing."""
    place = Place(sluice, Served(own_broker.address), prefix)
    place.sluice("topics", "apply")
    place.produce((0, NOON))
    with place.admin() as admin:
        lags = group_lag(admin, place.prefix, [place.events])
        assert [each.oldest for each in with_ages(admin, lags)] == [NOON, None, None]
        own_broker.kill()
        caplog.clear()
        assert with_ages(admin, lags) == lags
    assert [each for each in caplog.records if each.name.startswith("aiokafka")] == []
