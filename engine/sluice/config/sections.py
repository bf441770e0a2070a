"""The sections of `sluice.toml` with their settings, types, defaults and meanings."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from sluice.config.kafka_sections import (
    KafkaSettings,
    SecuritySettings,
    TopicSettings,
    WorkerSettings,
)
from sluice.config.kinds import Cap, FailKinds, Kinds, Milliseconds, Pairs, Words
from sluice.config.webhook_section import WebhookSettings
from sluice.model import Limits

#: Some 600 bytes each, as long as rules read a few fields: 3 GB.
SORT_EVENTS_MAX = 5_000_000

FILE_NAME = "sluice.toml"
ENV_PREFIX = "SLUICE_"

_DEFAULT_LIMITS = Limits()


class RunSettings(BaseModel):
    """How `sluice run` treats time, and what it prints and keeps."""

    model_config = ConfigDict(extra="forbid")

    lateness: Milliseconds = Field(
        default=0, description="how much later than its time an event may come"
    )
    sort: bool = Field(default=False, description="read each input whole and sort it by time first")
    close: bool = Field(default=False, description="let time run on to the end of all deadlines")
    follow: bool = Field(default=False, description="go on when an input grows, until stopped")
    idle_timeout: Milliseconds = Field(
        default=10_000,
        description="how long a followed input may be silent before the others go on without it",
    )
    show: Kinds = Field(
        default=["match", "clear", "note", "mitigation", "pending"],
        description="which kinds of records are printed",
    )
    with_events: bool = Field(default=False, description="print the whole events of a match")
    output: Literal["text", "json", "none"] = Field(
        default="text", description="the form of the records"
    )
    output_file: str | None = Field(default=None, description="a file that gets the records too")
    checkpoint: str | None = Field(
        default=None, description="the file that keeps where the run stands"
    )
    rejected: str | None = Field(default=None, description="the file that gets what is no event")
    stats: str | None = Field(default=None, description="the file that gets the counts at the end")
    lake: str | None = Field(
        default=None, description="the directory that keeps events, matches and more"
    )
    fail_on: FailKinds = Field(default=[], description="what makes the exit code 1")
    progress: bool = Field(default=True, description="show a progress bar on a terminal")


class QuerySettings(BaseModel):
    """How much a question to the lake may cost."""

    model_config = ConfigDict(extra="forbid")

    memory: str = Field(
        default="1GB", pattern=r"^[0-9]+(KB|MB|GB|KiB|MiB|GiB)$",
        description="how much memory a query may use",
    )  # fmt: skip
    timeout: Milliseconds = Field(
        default=300_000, description="how long a query may take; 0s for as long as it needs"
    )


class CaptureSettings(BaseModel):
    """What `sluice capture` writes into tests."""

    model_config = ConfigDict(extra="forbid")

    mask: Words = Field(
        default=[], description="fields whose values are replaced in captured tests"
    )


class InputSettings(BaseModel):
    """How bytes become events."""

    model_config = ConfigDict(extra="forbid")

    codec: str = Field(
        default="json", description="the codec with its options, as --codec takes it"
    )
    type_field: str | None = Field(default=None, description="the field that holds an event's type")
    time_field: str | None = Field(default=None, description="the field that holds an event's time")
    id_field: str | None = Field(default=None, description="the field that holds an event's id")
    type: str | None = Field(default=None, description="the type of events that bring none")
    time_unit: Literal["s", "ms", "us", "ns"] = Field(
        default="ms", description="the unit of whole times"
    )
    strict: bool = Field(
        default=False, description="check every field, not only those that rules read"
    )
    source: str | None = Field(default=None, description="the source's name instead of the path")


class RulesSettings(BaseModel):
    """Which rules there are."""

    model_config = ConfigDict(extra="forbid")

    paths: Words = Field(default=["rules"], description="files and directories of rules")
    set: Pairs = Field(default={}, description="values of params by pack.name")
    silence: Words = Field(default=[], description="codes of diagnostics that are not shown")
    skip_broken: bool = Field(default=False, description="leave out rules that have errors")


class LimitsSettings(BaseModel):
    """Where memory ends when a rule itself sets no bound."""

    model_config = ConfigDict(extra="forbid")

    candidates_per_key_max: Cap = _DEFAULT_LIMITS.candidates_per_key_max
    keys_per_rule_max: Cap = _DEFAULT_LIMITS.keys_per_rule_max
    events_per_key_max: Cap = _DEFAULT_LIMITS.events_per_key_max
    state_bytes_max: Cap = _DEFAULT_LIMITS.state_bytes_max
    sort_events_max: Cap = SORT_EVENTS_MAX

    def limits(self) -> Limits:
        """Return them as the plan knows them."""
        return Limits(
            self.candidates_per_key_max, self.keys_per_rule_max, self.events_per_key_max,
            self.state_bytes_max,
        )  # fmt: skip


class PluginsSettings(BaseModel):
    """Which plugins may be used. A table `[plugins.NAME]` holds what the plugin itself reads."""

    model_config = ConfigDict(extra="allow")

    __pydantic_extra__: dict[str, dict[str, Any]] = Field(init=False)

    enabled: bool = Field(default=True, description="use plugins at all")
    disabled: Words = Field(
        default=[], description="names of plugins and of distributions that are not used"
    )
    load_timeout: Milliseconds = Field(
        default=10_000, description="how long the import of a plugin may take"
    )
    call_timeout: Milliseconds = Field(
        default=5_000, description="how long one call of a plugin may take"
    )

    @property
    def own(self) -> dict[str, dict[str, Any]]:
        """The tables of the plugins, by their names."""
        return dict(self.__pydantic_extra__)


class Settings(BaseSettings):
    """Everything that can be set, by section."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, env_nested_delimiter="__", extra="forbid", title=FILE_NAME
    )

    run: RunSettings = RunSettings()
    input: InputSettings = InputSettings()
    query: QuerySettings = QuerySettings()
    capture: CaptureSettings = CaptureSettings()
    rules: RulesSettings = RulesSettings()
    limits: LimitsSettings = LimitsSettings()
    plugins: PluginsSettings = PluginsSettings()
    kafka: KafkaSettings = KafkaSettings()
    worker: WorkerSettings = WorkerSettings()
    webhook: WebhookSettings = WebhookSettings()

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource, dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:  # fmt: skip
        """Read nothing behind the caller's back: `load_settings` brings the layers together."""
        return (init_settings,)


def settings_schema() -> dict[str, Any]:
    """Return the JSON Schema of `sluice.toml`."""
    return Settings.model_json_schema(mode="validation")


#: The names of the settings by section.
SECTIONS: dict[str, tuple[str, ...]] = {
    "run": tuple(RunSettings.model_fields),
    "input": tuple(InputSettings.model_fields),
    "query": tuple(QuerySettings.model_fields),
    "capture": tuple(CaptureSettings.model_fields),
    "rules": tuple(RulesSettings.model_fields),
    "limits": tuple(LimitsSettings.model_fields),
    "plugins": tuple(PluginsSettings.model_fields),
    "kafka": tuple(KafkaSettings.model_fields),
    "worker": tuple(WorkerSettings.model_fields),
    "webhook": tuple(WebhookSettings.model_fields),
}

#: The names of the settings in tables of a section: `*` stands for the name of a table.
TABLES: dict[str, tuple[str, ...]] = {
    "kafka.security": tuple(SecuritySettings.model_fields),
    "kafka.topics.*": tuple(TopicSettings.model_fields),
}

#: What stands in no file that others read: in a variable, or in a file of its own.
SECRETS = {"kafka.security.password": "kafka.security.password_file"}
