"""Look after topics and consumer groups: what there is, what is made, where groups stand."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import ConfigResource, OffsetSpec, OffsetTimestamp
from kafka.errors import (
    AuthorizationError,
    BrokerResponseError,
    GroupIdNotFoundError,
    KafkaError,
    RetriableError,
    for_code,
)
from kafka.net.sasl.oauth import AbstractTokenProvider
from kafka.structs import OffsetAndMetadata

from sluice.errors import SluiceError
from sluice.io.kafka.broker_settings import BrokerSettings
from sluice.io.kafka.clients import token_file_of, token_in
from sluice.io.kafka.message import Mark, TopicPlace
from sluice.io.kafka.reach import BrokerAway, reach

REQUEST_MS_MAX = 5_000
RETRY_SECONDS = 0.2

#: What `Admin.offsets` can look for, beside an instant.
Edge = Literal["earliest", "latest"]

#: A group in these states has no members.
_IDLE = ("Empty", "Dead")


class AdminRefused(SluiceError):
    """The broker answers, and does not do what was asked; the message says what and why."""


@dataclass(frozen=True, slots=True)
class TopicState:
    """A topic as it is: partitions, copies of each, and the settings that are its own."""

    name: str
    partitions: int
    replication: int
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GroupState:
    """A consumer group as it is; `members` are the clients with their hosts."""

    name: str
    state: str
    members: tuple[str, ...] = ()

    @property
    def is_active(self) -> bool:
        """Whether somebody reads as this group now, or is about to."""
        return self.state not in _IDLE


class _FileToken(AbstractTokenProvider):  # type: ignore[misc]  # kafka-python has no types
    """What `FileToken` is to aiokafka."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def token(self) -> str:
        """Return the token."""
        return token_in(self._path)


class Admin:
    """A client that looks after topics and groups.

    BrokerAway when no broker can be used, AdminRefused when one does not do what it is asked,
    ConfigError for settings whose files cannot be used.
    """

    def __init__(self, brokers: BrokerSettings) -> None:
        self._brokers = brokers
        #: What every client is made with.
        self.options = reach(brokers)
        limits = {"bootstrap_timeout_ms": REQUEST_MS_MAX, "request_timeout_ms": REQUEST_MS_MAX}
        options = {**limits, **self.options}
        if brokers.shows_token:
            options["sasl_oauth_token_provider"] = _FileToken(token_file_of(brokers))
        self._client: Any = self._ask("connect", lambda: KafkaAdminClient(**options))

    def __enter__(self) -> Admin:
        return self

    def __exit__(self, *failure: object) -> None:
        self._client.close()

    def broker_count(self) -> int:
        """Return how many brokers there are."""
        return len(self._ask("describe the cluster", self._client.describe_cluster)["brokers"])

    def topics(self, names: Collection[str]) -> dict[str, TopicState]:
        """Return those of the topics that there are."""
        # Not by name: a broker that makes topics when it is asked for them would do so.
        every = self._ask("describe topics", self._client.describe_topics)
        found = [each for each in every if each["name"] in names]
        settings = self._settings([each["name"] for each in found])
        return {
            each["name"]: TopicState(
                each["name"], len(each["partitions"]),
                min((len(p["replica_nodes"]) for p in each["partitions"]), default=0),
                settings[each["name"]],
            )
            for each in found
        }  # fmt: skip

    def _settings(self, names: list[str]) -> dict[str, dict[str, str]]:
        if not names:
            return {}
        asked = [ConfigResource("topic", name) for name in names]
        found = self._ask(
            "read the settings of topics",
            lambda: self._client.describe_configs(asked, config_filter="all"),
        )
        return {
            name: {key: str(each["value"]) for key, each in configs.items()}
            for name, configs in found["topic"].items()
        }

    def make(self, topics: Collection[TopicState]) -> None:
        """Make topics, and wait until all their partitions can be used."""
        if not topics:
            return
        names = [each.name for each in topics]
        wanted = {
            each.name: {
                "num_partitions": each.partitions, "replication_factor": each.replication,
                "configs": dict(each.settings),
            }
            for each in topics
        }  # fmt: skip
        what = f"make the topic{'s' * (len(names) > 1)} {', '.join(names)}"
        ask = self._client.create_topics
        _check(what, self._ask(what, lambda: ask(wanted, raise_errors=False))["topics"])
        self._ask("use what was made", lambda: self._client.wait_for_topics(names))

    def grow(self, name: str, partitions: int) -> None:
        """Give a topic more partitions, and wait until they can be used."""
        what = f"give the topic {name} more partitions"
        ask = self._client.create_partitions
        found = self._ask(what, lambda: ask({name: partitions}, raise_errors=False))
        _check(what, found.to_dict()["results"])
        self._wait(name, lambda state: state.partitions == partitions)

    def change(self, name: str, settings: Mapping[str, str]) -> None:
        """Change settings of a topic, and wait until they are in force; the others stay."""
        resource = ConfigResource("topic", name, dict(settings))
        what = f"change the topic {name}"
        try:
            found = self._ask(what, lambda: self._client.alter_configs([resource]))
        except ValueError as error:  # how the library says that there is no such setting
            raise AdminRefused(f"cannot {what}: {error}") from None
        if (result := found["topic"][name]) != "OK":
            raise AdminRefused(f"cannot {what}: {result}")
        self._wait(name, lambda state: settings.items() <= state.settings.items())

    def group(self, name: str) -> GroupState:
        """Return a consumer group; one that nobody has ever used is `Dead`."""
        try:
            found = self._ask(
                f"describe the group {name}", lambda: self._client.describe_groups([name])[name]
            )
        except GroupIdNotFoundError:
            return GroupState(name, "Dead")
        members = (f"{m['client_id']} ({m['client_host'].strip('/')})" for m in found["members"])
        return GroupState(name, found["group_state"], tuple(sorted(members)))

    def marks(self, group: str) -> dict[TopicPlace, Mark]:
        """Return where a group stands in all partitions in which it has been."""
        found = self._ask(
            f"read the offsets of the group {group}",
            lambda: self._client.list_group_offsets({group: None}),
        )
        return {
            (place.topic, place.partition): Mark(each.offset, each.metadata or "")
            for place, each in found.get(group, {}).items()
            if each.offset >= 0
        }

    def put_marks(self, group: str, marks: Mapping[TopicPlace, Mark]) -> None:
        """Let a group that nobody uses stand elsewhere; AdminRefused names what was refused."""
        told = {
            TopicPartition(*place): OffsetAndMetadata(mark.offset, mark.note, -1)
            for place, mark in marks.items()
        }
        what = f"set offsets of the group {group}"
        results = self._ask(what, lambda: self._client.alter_group_offsets(group, told))
        for place, error in results.items():
            if error.errno:
                reason = f"{place.topic}/{place.partition}: {_reason(error())}"
                raise AdminRefused(f"cannot {what}: {reason}")

    def offsets(self, places: Collection[TopicPlace], at: Edge | int) -> dict[TopicPlace, int]:
        """Return the first, the next, or the first offset at or after an instant (ms).

        Where nothing is that late it is the next offset. Topics must be there.
        """
        spec: Any = OffsetTimestamp(at) if isinstance(at, int) else OffsetSpec[at.upper()]
        asked = {TopicPartition(*place): spec for place in places}
        if not asked:
            return {}
        found = self._ask(
            "read the ends of topics", lambda: self._client.list_partition_offsets(asked)
        )
        offsets = {(p.topic, p.partition): each.offset for p, each in found.items()}
        beyond = [place for place, offset in offsets.items() if offset < 0]
        return {**offsets, **self.offsets(beyond, "latest")}

    def _wait(self, name: str, is_so: Callable[[TopicState], bool]) -> None:
        """Wait until brokers tell of a topic what their controller has agreed to."""
        end = time.monotonic() + REQUEST_MS_MAX / 1000
        while not all(map(is_so, self.topics([name]).values())) and time.monotonic() < end:
            time.sleep(RETRY_SECONDS)

    def _ask(self, what: str, call: Callable[[], Any]) -> Any:
        """Return what a call returns; tried again while the broker says that it is not ready."""
        end = time.monotonic() + REQUEST_MS_MAX / 1000
        while True:
            try:
                return call()
            except GroupIdNotFoundError:
                raise
            except AuthorizationError as error:
                who = f"user '{self._brokers.username}'" if self._brokers.username else "a guest"
                raise AdminRefused(f"cannot {what}: {who} may not ({_reason(error)})") from None
            except RetriableError as error:
                if time.monotonic() > end:
                    where = ", ".join(self._brokers.addresses)
                    raise BrokerAway(f"{where}: cannot {what}: {_reason(error)}") from None
                time.sleep(RETRY_SECONDS)
            except KafkaError as error:
                raise AdminRefused(f"cannot {what}: {_reason(error)}") from None


def _check(what: str, results: Iterable[Mapping[str, Any]]) -> None:
    for each in results:
        if each["error_code"]:
            reason = each["error_message"] or _reason(for_code(each["error_code"])())
            raise AdminRefused(f"cannot {what}: {each['name']}: {reason}")


def _reason(error: KafkaError) -> str:
    """Return what an error means; its own text repeats the whole request."""
    name = type(error).__name__.removesuffix("Error")
    return f"{name}: {error.description}" if isinstance(error, BrokerResponseError) else str(error)
