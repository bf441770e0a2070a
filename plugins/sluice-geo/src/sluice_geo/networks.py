"""Networks with what is known of them, and the longest one in which an address lies."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, NamedTuple

from sluice.plugins import ConfigError

#: The columns that are read, as the header of the file names them; others may be there too.
COLUMNS = ("network", "country", "asn", "as_name")

#: How many addresses are remembered; the least recently used one goes first.
ADDRESSES_MAX = 65_536

_WIDTHS = {4: 32, 6: 128}


class Place(NamedTuple):
    """What the file says of a network; None where it says nothing."""

    country: str | None
    asn: int | None
    as_name: str | None


class Networks:
    """Finds the longest network of an address: one look-up for each length that occurs."""

    def __init__(self, rows: Iterable[tuple[IPv4Network | IPv6Network, Place]]) -> None:
        by_length: dict[tuple[int, int], dict[int, Place]] = {}
        for network, place in rows:
            length = network.version, network.prefixlen
            first = int(network.network_address) >> (network.max_prefixlen - network.prefixlen)
            by_length.setdefault(length, {})[first] = place
        self._lengths = {
            version: [
                (width - length, places)
                for (of, length), places in sorted(by_length.items(), reverse=True)
                if of == version
            ]
            for version, width in _WIDTHS.items()
        }
        self._remembered = lru_cache(ADDRESSES_MAX)(self._find)

    def find(self, text: Any) -> Place | None:
        """Return the place of an address, None when it is none or lies in no network of the file.

        Where a field has no declared type a rule may pass anything.
        """
        return self._remembered(text) if isinstance(text, str) else None

    def _find(self, text: str) -> Place | None:
        try:
            address = ip_address(text)
        except ValueError:
            return None
        if address.version == 6 and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        number = int(address)
        for shift, places in self._lengths[address.version]:
            found = places.get(number >> shift)
            if found is not None:
                return found
        return None


def read_networks(path: str) -> Networks:
    """Read a CSV file with a header; ConfigError says in which line what is wrong."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            header = next(reader, [])
            missing = [name for name in COLUMNS if name not in header]
            if missing:
                raise ConfigError(
                    f"{path}:1: the header has no column {', '.join(missing)}; "
                    f"it must have {', '.join(COLUMNS)}"
                )
            places = [header.index(name) for name in COLUMNS]
            rows = [
                _row(path, reader.line_num, row, places)
                for row in reader
                if any(map(str.strip, row))
            ]
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: this is not UTF-8") from None
    except csv.Error as error:
        raise ConfigError(f"{path}: this is no CSV: {error}") from None
    return Networks(rows)


def _row(
    path: str, line: int, row: Sequence[str], places: Sequence[int]
) -> tuple[IPv4Network | IPv6Network, Place]:
    if len(row) <= max(places):
        raise ConfigError(f"{path}:{line}: {len(row)} columns, and the header has more")
    network, country, asn, as_name = (row[place].strip() for place in places)
    try:
        found = ip_network(network)
    except ValueError as error:
        raise ConfigError(f"{path}:{line}: '{network}' is no network: {error}") from None
    digits = asn.upper().removeprefix("AS")
    if digits and not (digits.isascii() and digits.isdigit()):
        raise ConfigError(f"{path}:{line}: '{asn}' is no number of an autonomous system")
    return found, Place(country or None, int(digits) if digits else None, as_name or None)
