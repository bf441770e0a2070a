"""The sections of `sluice.toml` about Kafka and the workers."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from sluice.config.kinds import Cap, Milliseconds, Stages, Words

_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/\[\],]+):(\d{1,5})")
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")


def _address(text: str) -> str:
    found = _ADDRESS.fullmatch(text)
    if found is None or int(found[2]) > 65_535:
        raise ValueError(f"'{text}' is not HOST:PORT, such as 127.0.0.1:9092")
    return text


def _brokers(addresses: list[str]) -> list[str]:
    if not addresses:
        raise ValueError('name one broker at least, such as ["127.0.0.1:9092"]')
    return [_address(each) for each in addresses]


def _topic(name: str) -> str:
    if _TOPIC.fullmatch(name) is None or name in (".", ".."):
        raise ValueError(
            f"'{name}' cannot name a topic: letters, digits, '.', '_' and '-', 249 at most"
        )
    return name


def _http(text: str) -> str:
    return text and _address(text)


Address = Annotated[str, AfterValidator(_http)]
TopicName = Annotated[str, AfterValidator(_topic)]
Brokers = Annotated[Words, AfterValidator(_brokers)]


class SecuritySettings(BaseModel):
    """How brokers are told who comes, and how it is known who they are."""

    model_config = ConfigDict(extra="forbid")

    protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT",
        description="SSL for TLS, SASL for a user's name and password, or a token",
    )
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] = Field(
        default="SCRAM-SHA-512",
        description="how the password is shown to the broker, or OAUTHBEARER for a token",
    )
    username: str | None = Field(default=None, description="the user")
    password: SecretStr | None = Field(
        default=None, description="the password; in the variable only, never in `sluice.toml`"
    )
    password_file: str | None = Field(
        default=None, description="the file whose first line is the password"
    )
    token_file: str | None = Field(
        default=None,
        description="the file with the token of OAUTHBEARER; read again for each connection",
    )
    ca_file: str | None = Field(
        default=None, description="the certificates (PEM) that are trusted; none for the system's"
    )
    cert_file: str | None = Field(
        default=None, description="the certificate (PEM) that brokers ask for, if they do"
    )
    key_file: str | None = Field(default=None, description="the key (PEM) of that certificate")

    @model_validator(mode="after")
    def _fits(self) -> SecuritySettings:
        """Refuse what the protocol would leave unused: somebody thinks that it protects."""
        for word, names in (
            ("SASL", ("username", "password", "password_file", "token_file")),
            ("SSL", ("ca_file", "cert_file", "key_file")),
        ):
            unused = [name for name in names if getattr(self, name) is not None]
            if unused and word not in self.protocol:
                remedy = "SSL or SASL_SSL" if word == "SSL" else "SASL_PLAINTEXT or SASL_SSL"
                raise ValueError(
                    f"{unused[0]} is set, and protocol {self.protocol} does not use it; "
                    f"set protocol to {remedy}"
                )
        if "SASL" in self.protocol:
            self._says_who()
        if self.key_file is not None and self.cert_file is None:
            raise ValueError("key_file is set and cert_file is not; both are needed")
        return self

    def _says_who(self) -> None:
        by_password = [self.username, self.password, self.password_file]
        if self.mechanism == "OAUTHBEARER":
            if self.token_file is None:
                raise ValueError("mechanism OAUTHBEARER needs a token_file")
            if any(each is not None for each in by_password):
                raise ValueError("mechanism OAUTHBEARER shows a token, and no name or password")
        elif self.token_file is not None:
            raise ValueError(f"token_file is set, and mechanism {self.mechanism} does not use it")
        elif self.username is None:
            raise ValueError(f"protocol {self.protocol} needs a username")
        elif self.password is None and self.password_file is None:
            raise ValueError(
                f"protocol {self.protocol} needs a password; name a password_file, "
                "or set SLUICE_KAFKA__SECURITY__PASSWORD"
            )


class TopicSettings(BaseModel):
    """How the records of a topic become events; what is absent is that of [input]."""

    model_config = ConfigDict(extra="forbid")

    codec: str | None = Field(default=None, description="the codec with its options")
    type_field: str | None = Field(default=None, description="the field that holds an event's type")
    time_field: str | None = Field(default=None, description="the field that holds an event's time")
    id_field: str | None = Field(default=None, description="the field that holds an event's id")
    type: str | None = Field(default=None, description="the type of events that bring none")
    time_unit: Literal["s", "ms", "us", "ns"] | None = Field(
        default=None, description="the unit of whole times"
    )
    lateness: Milliseconds | None = Field(
        default=None, description="how much later than its time an event may come"
    )
    partition_key: str | None = Field(
        default=None,
        description="the field that decides the partition, if whoever writes the topic keeps to it",
    )
    partitions: Cap | None = Field(
        default=None,
        description="how many partitions `sluice topics apply` makes; none to leave it alone",
    )


class KafkaSettings(BaseModel):
    """Where Kafka is, and which topics there are. `[kafka.topics.NAME]` is about an input topic."""

    model_config = ConfigDict(extra="forbid")

    brokers: Brokers = Field(
        default=["127.0.0.1:9092"], description="some brokers; these know the others"
    )
    group: str = Field(
        default="sluice", min_length=1, description="the consumer group of the workers"
    )
    prefix: TopicName = Field(
        default="sluice", description="what the names of Sluice's own topics begin with"
    )
    partitions: Cap = Field(
        default=8, description="how many partitions each of Sluice's own topics has"
    )
    replication: Cap = Field(
        default=1, description="how many brokers hold each partition; 3 where it matters"
    )
    extracted: bool = Field(
        default=True,
        description="whether events that rules extract go to PREFIX.events, for the lake; "
        "the rules have them either way",
    )
    security: SecuritySettings = SecuritySettings()
    topics: dict[TopicName, TopicSettings] = Field(default={})

    @model_validator(mode="after")
    def _reads_no_topic_of_its_own(self) -> KafkaSettings:
        for name in self.topics:
            if name.startswith(f"{self.prefix}."):
                raise ValueError(
                    f"topic '{name}' is one that Sluice writes (prefix '{self.prefix}'); "
                    "another prefix would do"
                )
        return self


class WorkerSettings(BaseModel):
    """What `sluice worker` does."""

    model_config = ConfigDict(extra="forbid")

    stages: Stages = Field(
        default=["filter", "match"], min_length=1, description="the work that is done here"
    )
    http: Address = Field(
        default="127.0.0.1:6066",
        description="where /livez, /readyz, /metrics and /version are; empty for nowhere",
    )
    live_timeout: Milliseconds = Field(
        default=60_000,
        description="how long records may wait, and none be done, before /livez says no",
    )
    log: Literal["text", "json"] = Field(default="text", description="the form of the log")
    idle_timeout: Milliseconds = Field(
        default=10_000,
        description="how long a partition may be silent before the others go on without it",
    )
    latency: Literal["throughput", "low"] = Field(
        default="throughput", description="whether records wait to be sent together"
    )
