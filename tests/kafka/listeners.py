"""The listeners of a broker: one without security, and those that ask for a password or a key."""

from __future__ import annotations

import base64
import datetime
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography.hazmat.primitives import serialization

_NO_LOCK = serialization.NoEncryption()

USER = "sluice"
PASSWORD = "let me in % 100;"  # what a careless mapper gets wrong

#: Listener, its protocol, and the mechanisms that it takes.
PROTOCOLS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "SASL": ("SASL_PLAINTEXT", ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER")),
    "TLS": ("SSL", ()),
    "MUTUAL": ("SSL", ()),
    "EXPIRED": ("SSL", ()),
    "BOTH": ("SASL_SSL", ("PLAIN", "SCRAM-SHA-512", "OAUTHBEARER")),
    "AWAY": ("PLAINTEXT", ()),
}

#: Where the listener AWAY sends its clients: nobody is there.
NOWHERE = "127.0.0.1:1"


@dataclass(frozen=True, slots=True)
class Security:
    """The listeners beside the plain one: their ports by name, and the files of their keys.

    `ca` signed the broker's certificate, `client` (key and certificate) is one that the listener
    MUTUAL lets in, `locked` the same with an encrypted key, `stranger` is another authority that
    signed nothing here.
    """

    ports: Mapping[str, int]
    folder: Path

    def address(self, name: str) -> str:
        """Return host and port of a listener."""
        return f"127.0.0.1:{self.ports[name]}"

    def file(self, name: str) -> str:
        """Return the path of `ca.pem`, `client.pem`, `stranger.pem` or one of a listener."""
        return str(self.folder / f"{name}.pem")

    def make_keys(self) -> None:
        """Write an authority and the certificates that it signed; that of EXPIRED is too old."""
        self.folder.mkdir(parents=True, exist_ok=True)
        authority, stranger = trustme.CA(), trustme.CA()
        authority.cert_pem.write_to_path(self.file("ca"))
        stranger.cert_pem.write_to_path(self.file("stranger"))
        good = authority.issue_cert("127.0.0.1")
        past = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
        old = authority.issue_cert(
            "127.0.0.1", not_before=past, not_after=past + datetime.timedelta(days=1)
        )
        _write(good, self.file("good"))
        _write(old, self.file("old"))
        client = authority.issue_cert(USER)
        _write(client, self.file("client"))
        _write(client, self.file("locked"), serialization.BestAvailableEncryption(b"secret"))

    def users_at_format(self) -> list[str]:
        """Return the arguments of the formatter that make the user of SCRAM."""
        return [
            part
            for kind in ("SCRAM-SHA-256", "SCRAM-SHA-512")
            for part in ("--add-scram", f'{kind}=[name="{USER}",password="{PASSWORD}"]')
        ]


def _write(
    cert: trustme.LeafCert, path: str, lock: serialization.KeySerializationEncryption = _NO_LOCK
) -> None:
    # Kafka reads keys in PKCS 8 only; `trustme` writes the older form.
    key = serialization.load_pem_private_key(cert.private_key_pem.bytes(), None)
    form = serialization.PrivateFormat.PKCS8
    chain = b"".join(each.bytes() for each in cert.cert_chain_pems)
    written = key.private_bytes(serialization.Encoding.PEM, form, lock)
    Path(path).write_bytes(written + chain)


def token(seconds: float = 600) -> str:
    """Return an unsigned token (RFC 7519) that is good for so long from now."""
    now = time.time()
    claims = {"sub": USER, "iat": now - 60 if seconds > 0 else now - 120, "exp": now + seconds}
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
             for part in ({"alg": "none"}, claims)]  # fmt: skip
    return ".".join([*parts, ""])


def listener_settings(
    plain: int, controller: int, security: Security | None
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the lines of `server.properties` about listeners, and about their keys and users."""
    ports = {"PLAIN": plain, **(security.ports if security else {})}
    at = {name: f"{name}://127.0.0.1:{port}" for name, port in ports.items()}
    told = {**at, **({"AWAY": f"AWAY://{NOWHERE}"} if "AWAY" in at else {})}
    protocols = {"PLAIN": "PLAINTEXT", "CONTROLLER": "PLAINTEXT"}
    protocols |= {name: PROTOCOLS[name][0] for name in ports if name in PROTOCOLS}
    return {
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "controller.listener.names": "CONTROLLER",
        "listeners": ",".join([*at.values(), f"CONTROLLER://127.0.0.1:{controller}"]),
        "advertised.listeners": ",".join(told.values()),
        "inter.broker.listener.name": "PLAIN",
        "listener.security.protocol.map": ",".join(f"{n}:{p}" for n, p in protocols.items()),
    }, (_secured(security) if security else {})


def _secured(security: Security) -> dict[str, str]:
    lines: dict[str, str] = {}
    for name in security.ports:
        protocol, mechanisms = PROTOCOLS[name]
        head = f"listener.name.{name.lower()}"
        if "SSL" in protocol:
            lines |= {
                f"{head}.ssl.keystore.type": "PEM",
                f"{head}.ssl.keystore.location": security.file(
                    "old" if name == "EXPIRED" else "good"
                ),
                f"{head}.ssl.truststore.type": "PEM",
                f"{head}.ssl.truststore.location": security.file("ca"),
                f"{head}.ssl.client.auth": "required" if name == "MUTUAL" else "none",
            }
        if mechanisms:
            lines[f"{head}.sasl.enabled.mechanisms"] = ",".join(mechanisms)
        for mechanism in mechanisms:
            lines[f"{head}.{mechanism.lower()}.sasl.jaas.config"] = _login(mechanism)
    return lines


def _login(mechanism: str) -> str:
    package = "org.apache.kafka.common.security"
    if mechanism == "PLAIN":
        return f'{package}.plain.PlainLoginModule required user_{USER}="{PASSWORD}";'
    if mechanism == "OAUTHBEARER":
        # Who signed a token is for the broker to say; without another handler it takes any.
        module = f"{package}.oauthbearer.OAuthBearerLoginModule"
        return f'{module} required unsecuredLoginStringClaim_sub="{USER}";'
    return f"{package}.scram.ScramLoginModule required;"
