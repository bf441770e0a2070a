"""Where addresses are: the longest network counts, and a file that is wrong is named."""

from __future__ import annotations

import ipaddress
import random
from pathlib import Path
from typing import Any

import pytest

from sluice import builtins, load, run_tests
from sluice.lang import Texts
from sluice.plugins import ConfigError, installed
from sluice.testing import check_entries
from sluice_geo import functions
from sluice_geo.networks import Networks, Place, read_networks

HERE = Path(__file__).parent
FILE = str(HERE / "networks.csv")
HEADER = "network,country,asn,as_name\n"


def test_the_entries_keep_the_promises_of_a_plugin() -> None:
    """Names, docs, examples and types are right, and no odd value makes trouble."""
    assert check_entries(functions({"file": FILE}), "geo") == []


def test_sluice_finds_the_plugin() -> None:
    """The entry points are installed."""
    assert [plugin.refusal for plugin in installed() if plugin.name == "geo"] == [None]


def test_the_rules_pass_their_tests() -> None:
    """Every test in the rule file holds."""
    path = HERE.parent / "rules" / "geo.sluice"
    catalog = builtins().with_entries(functions({"file": FILE}))
    report = run_tests(load([path.name], Texts({path.name: path.read_text("utf-8")})), catalog)
    assert [result for result in report.results if not result.is_ok] == []
    assert report.passed == 3


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.0", ("NL", 64500, "Example Transit")),
        ("192.0.2.127", ("NL", 64500, "Example Transit")),
        ("192.0.2.128", ("DE", 64501, "Example Hosting")),
        ("192.0.2.199", ("DE", 64501, "Example Hosting")),
        ("192.0.2.200", (None, 64502, None)),
        ("192.0.2.201", ("DE", 64501, "Example Hosting")),
        ("192.0.3.0", (None, None, None)),
        ("198.51.100.7", ("FR", None, None)),
        ("203.0.113.255", ("US", 64503, "Example Cloud, Inc.")),
        ("::ffff:203.0.113.1", ("US", 64503, "Example Cloud, Inc.")),
        ("2001:db8:ffff::1", ("NL", 64500, "Example Transit")),
        ("2001:db8:1:2::3", ("JP", 64504, "Example Research")),
        ("2001:db9::", (None, None, None)),
        ("::", (None, None, None)),
        ("nowhere", (None, None, None)),
        ("", (None, None, None)),
        (3232235777, (None, None, None)),
        (["192.0.2.0"], (None, None, None)),
    ],
)
def test_the_longest_network_counts(address: Any, expected: tuple[Any, ...]) -> None:
    """Nested networks, both versions, the edges of each, and what is no address."""
    assert tuple(entry.call(address) for entry in functions({"file": FILE})) == expected


def test_it_agrees_with_a_search_through_all_networks() -> None:
    """Over random networks and addresses: the longest that holds the address, of its version."""
    rng = random.Random(7)
    rows = []
    for number in range(400):
        version = rng.choice((4, 6))
        width = 32 if version == 4 else 128
        # Few different bits, so that networks lie in each other and addresses in networks.
        bits = (rng.getrandbits(6) << (width - 6)) | rng.getrandbits(4)
        kind = ipaddress.IPv4Network if version == 4 else ipaddress.IPv6Network
        network = kind((bits, rng.choice((0, 2, 4, 6, width - 2, width))), strict=False)
        rows.append((network, Place(str(number), None, None)))
    networks = Networks(rows)
    places = dict(rows)  # of two equal networks the later one counts
    for _ in range(3_000):
        width = rng.choice((32, 128))
        bits = (rng.getrandbits(6) << (width - 6)) | rng.getrandbits(4)
        address = ipaddress.IPv4Address(bits) if width == 32 else ipaddress.IPv6Address(bits)
        if address.version == 6 and address.ipv4_mapped is not None:
            continue
        holding = [n for n in places if n.version == address.version and address in n]
        longest = max(holding, key=lambda network: network.prefixlen, default=None)
        expected = places[longest] if longest is not None else None
        assert networks.find(str(address)) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ":1: the header has no column network, country, asn, as_name"),
        ("network,asn\n", ":1: the header has no column country, as_name; it must have network"),
        (HEADER + "192.0.2.0/24,NL\n", ":2: 2 columns, and the header has more"),
        (HEADER + "\n192.0.2.1/24,NL,,\n", ":3: '192.0.2.1/24' is no network: "),
        (HEADER + "nonsense,NL,,\n", ":2: 'nonsense' is no network: "),
        (HEADER + "192.0.2.0/24,NL,ASX,\n", ":2: 'ASX' is no number of an autonomous system"),
        (HEADER + "192.0.2.0/24,NL,٣,\n", ":2: '٣' is no number of an autonomous system"),
        (HEADER + '"' + "x" * 200_000, ": this is no CSV: "),
    ],
)
def test_a_file_that_is_wrong_is_named_with_its_line(
    tmp_path: Path, text: str, message: str
) -> None:
    """The user finds what to mend."""
    path = tmp_path / "n.csv"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigError) as caught:
        read_networks(str(path))
    assert f"{path}{message}" in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """It is not there, or is no text."""
    with pytest.raises(ConfigError, match="No such file"):
        read_networks(str(tmp_path / "none.csv"))
    (tmp_path / "n.csv").write_bytes(b"network\xff")
    with pytest.raises(ConfigError, match="this is not UTF-8"):
        read_networks(str(tmp_path / "n.csv"))


def test_columns_stand_in_any_order_and_others_are_passed_over(tmp_path: Path) -> None:
    """As files come: with a byte order mark, other columns, spaces."""
    path = tmp_path / "n.csv"
    path.write_text("\ufeffasn,city,network,as_name,country\n 1 ,x,10.0.0.0/8, n ,XX\n", "utf-8")
    assert read_networks(str(path)).find("10.1.2.3") == Place("XX", 1, "n")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, r"it needs a file of networks: write `file = \"networks.csv\"` below"),
        ({"file": 3}, "it needs a file of networks"),
        ({"file": FILE, "flie": "x"}, r"\[plugins.geo\] has no setting 'flie'; it has: file"),
    ],
)
def test_wrong_settings_say_what_to_write(settings: dict[str, Any], message: str) -> None:
    """Who installs it and forgets the file reads what is missing."""
    with pytest.raises(ConfigError, match=message):
        functions(settings)
