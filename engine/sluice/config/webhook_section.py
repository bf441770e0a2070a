"""The section of `sluice.toml` about the webhook."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from sluice.config.kinds import AlertKinds, Milliseconds

_URL = re.compile(r"https?://[^\s/?#]+\S*", re.IGNORECASE)


def _url(url: SecretStr) -> SecretStr:
    # What is wrong is not repeated: the URL may hold a secret.
    if _URL.fullmatch(url.get_secret_value()) is None:
        raise ValueError("it is no URL; write https://HOST/PATH")
    return url


Url = Annotated[SecretStr, AfterValidator(_url)]


class WebhookSettings(BaseModel):
    """Who is told of matches: a receiver of Alertmanager's notifications (stage `webhook`)."""

    model_config = ConfigDict(extra="forbid")

    url: Url | None = Field(default=None, description="where notifications are posted")
    url_file: str | None = Field(
        default=None, description="the file whose first line is the URL, when that is a secret"
    )
    headers_file: str | None = Field(
        default=None, description="a file of lines `NAME: VALUE`, such as `Authorization: …`"
    )
    ca_file: str | None = Field(
        default=None, description="the certificates (PEM) that are trusted; none for the system's"
    )
    kinds: AlertKinds = Field(default=["match", "clear"], description="which records are told")
    severity_min: Literal["info", "low", "medium", "high", "critical"] = Field(
        default="info", description="of which severity on"
    )
    receiver: str = Field(default="sluice", description="the name of the receiver in what is sent")
    begin: Literal["start", "end"] = Field(
        default="end",
        description="where a new group begins: with what comes from now on, or with all there is",
    )
    timeout: Milliseconds = Field(default=10_000, description="how long an attempt may take")
    pause_max: Milliseconds = Field(
        default=30_000, description="the longest pause between attempts; the first is 1s"
    )
    give_up: Milliseconds = Field(
        default=0,
        description="how long the receiver may be away before the worker ends (69); 0s for ever",
    )

    @model_validator(mode="after")
    def _fits(self) -> WebhookSettings:
        if self.url is not None and self.url_file is not None:
            raise ValueError("url and url_file are both set; one of them is enough")
        return self
