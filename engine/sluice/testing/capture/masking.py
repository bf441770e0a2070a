"""Replace values so that nobody is told of, and events that belonged together still do."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from sluice.catalog import Catalog
from sluice.model import canonical_ip, in_networks, ip_number, parse_network
from sluice.plan import Plan, RulePlan, atoms_of, effect_exprs, names_of, text_of, walk
from sluice.plan import exprs as x
from sluice.testing.capture.literals import NotCaptured
from sluice.testing.capture.scene import Take

#: Networks for examples and documentation (RFC 5737, RFC 3849); nobody has their addresses.
EXAMPLE_NETWORKS = ("192.0.2.0", "198.51.100.0", "203.0.113.0")
_EXAMPLE_6 = int(ipaddress.IPv6Address("2001:db8::"))
_HOSTS = 254
#: How many addresses of version 6 are tried.
_TRIES_MAX = 64
_SHORT_TRIES = 32
#: An integer of more digits may be none of 64 bits.
DIGITS_MAX = 18

_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+\Z")
#: A shorter value stands in other texts by chance.
_TELLING_MIN = 4

#: A condition on an address, as it is written, and what it says of one.
Condition = tuple[str, Callable[[str], Any]]


@dataclass(slots=True)
class Mask:
    """Replaces the values of fields: the same value by the same one, whichever field it is in.

    `secret` makes replacements that only its owner can repeat. An address becomes one for
    documentation for which the conditions of the rules on networks say the same, those of one
    network of 24 bits neighbours; a mail address becomes one of `.example`; digits stay digits.
    """

    secret: bytes
    names: Collection[str]
    plan: Plan
    catalog: Catalog
    #: How many different values each name had.
    counts: dict[str, set[str]] = field(default_factory=dict)
    _known: dict[tuple[str, Any], Any] = field(default_factory=dict)
    _taken: set[Any] = field(default_factory=set)
    _nets: dict[int, int] = field(default_factory=dict)
    _conditions: list[Condition] = field(init=False)

    def __post_init__(self) -> None:
        self._conditions = list(_conditions(self.plan, self.catalog))

    def takes(self, takes: Sequence[Take]) -> tuple[Take, ...]:
        """Return events with the values replaced."""
        return tuple(replace(take, fields=self._object(take.fields, "")) for take in takes)

    def leaks(self, takes: Sequence[Take]) -> list[str]:
        """Return the names of fields that were not masked and hold a value that was."""
        hidden = [v for _, v in self._known if isinstance(v, str) and len(v) >= _TELLING_MIN]
        found: dict[str, None] = {}
        for take in takes:
            for path, text in _texts(take.fields, ""):
                if path not in self.names and any(value in text for value in hidden):
                    found[path] = None
        return list(found)

    def _object(self, values: Mapping[str, Any], before: str) -> dict[str, Any]:
        return {name: self._value(value, before + name) for name, value in values.items()}

    def _value(self, value: Any, path: str) -> Any:
        if isinstance(value, Mapping):
            if path in self.names:
                return {name: self._masked(each, path) for name, each in value.items()}
            return self._object(value, f"{path}.")
        if isinstance(value, list) and path not in self.names:
            return [self._value(each, path) if isinstance(each, dict) else each for each in value]
        return self._masked(value, path) if path in self.names else value

    def _masked(self, value: Any, path: str) -> Any:
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, list):
            return [self._masked(each, path) for each in value]
        if isinstance(value, Mapping):
            return {name: self._masked(each, path) for name, each in value.items()}
        # An address is the same however it is written.
        key = (value.__class__.__name__, canonical_ip(value) or value)
        if key not in self._known:
            self._known[key] = self._new(value, path)
        self.counts.setdefault(path, set()).add(repr(key))
        return self._known[key]

    def _new(self, value: Any, path: str) -> Any:
        """Return a replacement that no other value has."""
        for candidate in self._candidates(value, path):
            if candidate not in self._taken and candidate != value:
                self._taken.add(candidate)
                return candidate
        raise NotCaptured(f"there are too many values of {path} to give each one of its own")

    def _candidates(self, value: Any, path: str) -> Iterator[Any]:
        if isinstance(value, str) and (address := canonical_ip(value)) is not None:
            yield from self._addresses(address, path)
            return
        for number in range(_TRIES_MAX):
            drawn = self._draw(f"{value}", number)
            # Where numbers of so many digits are used up, longer ones follow.
            longer = number // _SHORT_TRIES
            if isinstance(value, int | float):
                count = min(len(str(abs(int(value)))) + longer, DIGITS_MAX)
                yield value.__class__(_digits(drawn, count) * (-1 if value < 0 else 1))
            elif value.isascii() and value.isdigit():
                yield str(_digits(drawn, len(value) + longer))
            elif _MAIL.match(value):
                domain = self._draw(value.rpartition("@")[2], 0)
                yield f"masked-{drawn:016x}"[:15] + f"@masked-{domain:016x}"[:12] + ".example"
            else:
                yield f"masked-{drawn:016x}"[:15]

    def _addresses(self, address: str, path: str) -> Iterator[str]:
        wanted = [holds(address) for _, holds in self._conditions]
        failed: dict[str, None] = {}
        for candidate in self._examples(address):
            pairs = zip(self._conditions, wanted, strict=True)
            wrong = [text for (text, holds), held in pairs if holds(candidate) != held]
            if not wrong:
                yield candidate
            failed.update(dict.fromkeys(wrong))
        if failed:
            raise NotCaptured(
                f"masking {path} would change {' and '.join(f'`{text}`' for text in failed)}: no "
                "address for documentation (192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24, "
                "2001:db8::/32) is in the same networks; leave the field out of the mask"
            )

    def _examples(self, address: str) -> Iterator[str]:
        number = ip_number(address)
        assert number is not None
        version, value = number
        if version == 6:
            net = self._draw(f"net {value >> 64}", 0) & 0xFFFFFFFF
            for tried in range(_TRIES_MAX):
                host = self._draw(address, tried) & 0xFFFFFFFF
                yield str(ipaddress.IPv6Address(_EXAMPLE_6 | net << 64 | host))
            return
        first = self._net(value >> 8)
        host = self._draw(address, 0)
        for net in range(len(EXAMPLE_NETWORKS)):
            base = EXAMPLE_NETWORKS[(first + net) % len(EXAMPLE_NETWORKS)].rpartition(".")[0]
            for tried in range(_HOSTS):
                yield f"{base}.{(host + tried) % _HOSTS + 1}"

    def _net(self, network: int) -> int:
        """Return which network for examples stands for one of 24 bits: each for one, if it can."""
        if network not in self._nets:
            count = len(EXAMPLE_NETWORKS)
            drawn = self._draw(f"net {network}", 0)
            wished = [(drawn + tried) % count for tried in range(count)]
            free = [each for each in wished if each not in self._nets.values()]
            self._nets[network] = (free or wished)[0]
        return self._nets[network]

    def _draw(self, text: str, number: int) -> int:
        """Return 64 bits that only the secret can tell."""
        message = f"{number} {text}".encode("utf-8", "surrogatepass")
        return int.from_bytes(hmac.new(self.secret, message, hashlib.sha256).digest()[:8], "big")


def _digits(drawn: int, count: int) -> int:
    """Return a number of so many digits."""
    low = int("1".ljust(count, "0")) if count > 1 else 0
    return low + drawn % (int("9" * count) + 1 - low)


def _texts(values: Mapping[str, Any], before: str) -> Iterator[tuple[str, str]]:
    """Yield the paths and values of all texts of an object."""
    for name, value in values.items():
        path = before + name
        if isinstance(value, Mapping):
            yield from _texts(value, f"{path}.")
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, str):
                yield path, each


def _conditions(plan: Plan, catalog: Catalog) -> Iterator[Condition]:
    """Yield what all rules ask of addresses."""
    for rule in plan.rules:
        for node in _nodes(rule):
            match node:
                case x.InNetworks(networks=networks, list_name=name):
                    listed = plan.lists[name].values if name is not None else networks
                    known = [net for net in map(parse_network, listed) if net is not None]
                    yield text_of(node, names_of(rule)), partial(in_networks, networks=known)
                case x.Func(name="is_private"):
                    yield text_of(node, names_of(rule)), catalog.functions[node.name].call
                case _:
                    pass


def _nodes(rule: RulePlan) -> Iterator[x.Expr]:
    exprs = [atom.where for atom in atoms_of(rule) if atom.where is not None]
    exprs += [key for atom in atoms_of(rule) for key in atom.key]
    exprs += [*rule.excepts, *(value for _, value in rule.select)]
    exprs += [expr for effect in rule.effects for expr in effect_exprs(effect)]
    if rule.having is not None:
        exprs.append(rule.having.condition)
    if rule.unseen is not None:
        exprs += rule.unseen.values
    for expr in exprs:
        yield from walk(expr)
