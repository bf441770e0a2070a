"""Where an address is: `geo.country(ip)`, `geo.asn(ip)`, `geo.as_name(ip)`.

The answers come from a CSV file that the user names in `sluice.toml`:

    [plugins.geo]
    file = "networks.csv"
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluice.plugins import INT, IP, STRING, ConfigError, Function, Parameter
from sluice_geo.networks import Networks, read_networks

_REMEDY = 'write `file = "networks.csv"` below [plugins.geo] in sluice.toml'


def functions(settings: Mapping[str, Any]) -> tuple[Function, ...]:
    """Return the functions over the file of the settings; ConfigError when it cannot be read."""
    unknown = sorted(set(settings) - {"file"})
    if unknown:
        raise ConfigError(f"[plugins.geo] has no setting '{unknown[0]}'; it has: file")
    path = settings.get("file")
    if not isinstance(path, str) or not path:
        raise ConfigError(f"it needs a file of networks: {_REMEDY}")
    return entries(read_networks(path))


def entries(networks: Networks) -> tuple[Function, ...]:
    """Return the functions over these networks."""
    address = (Parameter("address", IP),)

    def country(ip: Any) -> str | None:
        found = networks.find(ip)
        return found.country if found is not None else None

    def asn(ip: Any) -> int | None:
        found = networks.find(ip)
        return found.asn if found is not None else None

    def as_name(ip: Any) -> str | None:
        found = networks.find(ip)
        return found.as_name if found is not None else None

    return (
        Function(
            "geo.country", address, STRING, country,
            "Return the country of the longest network of the file in which the address lies.",
            ('geo.country("192.0.2.77")', '"NL"'),
        ),
        Function(
            "geo.asn", address, INT, asn,
            "Return the number of the autonomous system to which the address belongs.",
            ('geo.asn("192.0.2.77")', "64500"),
        ),
        Function(
            "geo.as_name", address, STRING, as_name,
            "Return the name of the autonomous system to which the address belongs.",
            ('geo.as_name("192.0.2.77")', '"Example Transit"'),
        ),
    )  # fmt: skip


__all__ = ["entries", "functions"]
