"""What is to be done about topics: made, changed, left alone, or decided by people."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest

from sluice.backends import InputTopic, TopicNames, Topology, topology_of
from sluice.catalog import builtins
from sluice.io import Copies, Finding, find_drift
from sluice.lang import Texts, check, load
from sluice.plan import lower

STATELESS = "rule flat { when a }\n"
STATEFUL = "rule pair { when a then b within 1m by user }\n"
ONE = Copies(1, 1)


@dataclass(frozen=True)
class There:
    """A topic that there is."""

    partitions: int = 8
    replication: int = 1
    settings: Mapping[str, str] = field(default_factory=dict)


def needed(rules: str = STATEFUL, partitions: int = 8, *inputs: InputTopic) -> Topology:
    """What a rule file needs."""
    catalog = builtins()
    checked = check(load(["r.sluice"], Texts({"r.sluice": rules})), catalog, {})
    return topology_of(lower(checked, catalog), inputs, TopicNames("sluice", partitions))


def made(topology: Topology, copies: Copies = ONE) -> dict[str, There]:
    """The topics as `apply` makes them where there are none."""
    return {
        each.topic.name: There(each.partitions, each.replication, each.settings)
        for each in find_drift(topology, {}, copies)
        if each.verdict == "make"
    }


def finding(topology: Topology, there: Mapping[str, There], name: str) -> Finding:
    """What is found about one topic."""
    return next(each for each in find_drift(topology, there, ONE) if each.topic.name == name)


def test_what_lacks_is_made() -> None:
    """All topics of Sluice's own are made, those with state compacted; then all is well."""
    topology = needed()
    there = made(topology)
    assert len(there) == len(topology.topics)
    policies = {name: each.settings["cleanup.policy"] for name, each in there.items()}
    compacted = {name for name, policy in policies.items() if policy == "compact"}
    assert compacted == {"sluice.state.keyed", "sluice.rules"}
    assert int(there["sluice.state.keyed"].settings["min.compaction.lag.ms"]) >= 3_600_000
    assert {each.verdict for each in find_drift(topology, there, ONE)} == {"ok"}


def test_three_copies_mean_two_that_hold() -> None:
    """What was acknowledged survives the loss of a broker."""
    there = made(needed(), Copies(3, 3))
    assert {each.settings["min.insync.replicas"] for each in there.values()} == {"2"}


def test_copies_need_brokers() -> None:
    """Three copies on one broker would be refused by Kafka, topic by topic."""
    found = find_drift(needed(), {}, Copies(3, 1))
    assert {(each.verdict, each.detail) for each in found} == {
        ("blocked", "3 copies need as many brokers, and there are 1")
    }


def test_an_input_is_made_on_demand_only() -> None:
    """A topic of others is made when the settings say how many partitions it has."""
    topology = needed(STATELESS, 8, InputTopic("in", None), InputTopic("own", 4))
    absent = finding(topology, {}, "in")
    assert (absent.verdict, absent.detail) == ("blocked", "it is not there")
    assert absent.remedy == 'make it, or set partitions below [kafka.topics."in"]'
    asked = finding(topology, {}, "own")
    assert (asked.verdict, asked.partitions, asked.settings) == ("make", 4, {})


def test_an_input_stays_as_it_is() -> None:
    """Its settings are its owner's, and more partitions would send keys elsewhere."""
    topology = needed(STATELESS, 8, InputTopic("in", None), InputTopic("own", 4))
    there = {"in": There(3), "own": There(3)}
    assert finding(topology, there, "in").verdict == "ok"
    found = finding(topology, there, "own")
    assert (found.verdict, found.detail) == ("blocked", "it has 3 partitions, and 4 are set")
    assert found.remedy == 'set partitions = 3 below [kafka.topics."own"], or leave it out'


@pytest.mark.parametrize("partitions", [4, 16])
@pytest.mark.parametrize("name", ["sluice.keyed", "sluice.state.keyed", "sluice.matches"])
def test_partitions_below_stateful_rules_are_for_ever(name: str, partitions: int) -> None:
    """Another count would send keys away from what is remembered of them."""
    found = finding(needed(partitions=partitions), made(needed()), name)
    assert found.verdict == "blocked"
    assert found.detail == f"it has 8 partitions, and {partitions} are set"
    assert found.remedy == (
        "set partitions = 8 below [kafka], or begin anew with another prefix below [kafka]; "
        "what rules remember is lost then"
    )


def test_without_state_there_may_be_more_partitions() -> None:
    """Nothing is remembered by key, so topics grow; fewer partitions Kafka does not know."""
    there = made(needed(STATELESS))
    more = finding(needed(STATELESS, 16), there, "sluice.matches")
    assert (more.verdict, more.grows, more.partitions) == ("change", True, 16)
    assert more.detail == "partitions 8 → 16"
    assert finding(needed(STATELESS, 4), there, "sluice.matches").verdict == "blocked"


def test_settings_that_were_changed_are_put_right() -> None:
    """A compacted topic that deletes would lose state; other settings are nobody's business."""
    topology = needed()
    there = made(topology)
    state = there["sluice.state.keyed"]
    other = {**state.settings, "cleanup.policy": "delete", "segment.bytes": "1"}
    there["sluice.state.keyed"] = replace(state, settings=other)
    found = finding(topology, there, "sluice.state.keyed")
    assert (found.verdict, found.detail) == ("change", "cleanup.policy delete → compact")
    assert (dict(found.settings), found.grows) == ({"cleanup.policy": "compact"}, False)


def test_fewer_copies_than_set_are_told() -> None:
    """More copies of what there is are made by a tool of Kafka's; more than set are fine."""
    topology = needed()
    there = made(topology)
    found = find_drift(topology, there, Copies(3, 3))
    assert {each.detail for each in found} == {"it has 1 copy, and 3 are set"}
    assert {each.verdict for each in found} == {"blocked"}
    three = {name: replace(each, replication=3) for name, each in there.items()}
    assert finding(topology, three, "sluice.dead").verdict == "change"  # min.insync.replicas


def test_state_without_its_topic_is_told() -> None:
    """State says where in the keyed topic each key stands: a new one begins at 0."""
    topology = needed()
    there = made(topology)
    del there["sluice.keyed"]
    found = finding(topology, there, "sluice.keyed")
    assert found.verdict == "blocked"
    assert (
        found.detail == "it is gone, and sluice.state.keyed still says where in it each key stands"
    )


def test_without_the_extra_what_lacks_is_told(elsewhere: None) -> None:
    """Whoever has installed Sluice without the extra `kafka` reads how to get it."""
    program = (
        "import sys; sys.modules['kafka'] = None; "
        "from sluice.cli.app import execute; sys.exit(execute(['lag']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    told = "error: this needs the package kafka: pip install 'sluice[kafka]'\n"
    assert (done.returncode, done.stdout, done.stderr) == (78, "", told)
