"""Where brokers are, and how they are spoken to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """Where brokers are and how they are spoken to, as `[kafka]` says it.

    `addresses` are HOST:PORT, `protocol` and `mechanism` as Kafka spells them. `password` wins over
    `password_file`, whose first line counts; `token_file` holds the token of OAUTHBEARER.
    """

    addresses: tuple[str, ...]
    protocol: str = "PLAINTEXT"
    mechanism: str = "SCRAM-SHA-512"
    username: str | None = None
    password: str | None = None
    password_file: str | None = None
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    token_file: str | None = None

    @property
    def uses_tls(self) -> bool:
        """Whether connections are encrypted."""
        return self.protocol in ("SSL", "SASL_SSL")

    @property
    def uses_sasl(self) -> bool:
        """Whether somebody says who they are."""
        return self.protocol in ("SASL_PLAINTEXT", "SASL_SSL")

    @property
    def shows_token(self) -> bool:
        """Whether it is a token that is shown instead (RFC 7628)."""
        return self.uses_sasl and self.mechanism == "OAUTHBEARER"

    def __repr__(self) -> str:
        return f"BrokerSettings({', '.join(self.addresses)}, {self.protocol})"
