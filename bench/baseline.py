"""What an expert writes by hand for exactly these tasks: plain `if`, dicts for state, orjson.

    python -m bench.baseline TASK FILE

Prints as JSON the CPU seconds of reading, decoding and matching, and how often each rule matched.
Imports and the making of the code are not counted, as the start of the engine is not.
"""

from __future__ import annotations

import ipaddress
import json
import re
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

import orjson

from .rules import DRAWN, Condition, FilterRule, filter_rules

Run = Callable[[Iterable[bytes]], dict[str, int]]

MINUTE_MS = 60_000
SILENCE_MS = 15_000


def hot_and_busy(lines: Iterable[bytes]) -> dict[str, int]:
    """T1: one condition over one event."""
    loads, found = orjson.loads, 0
    for line in lines:
        event = loads(line)
        if event["type"] == "host.metrics" and event["temp"] > 90 and event["cpu"] > 80:
            found += 1
    return {"t1": found}


def five_failures(lines: Iterable[bytes]) -> dict[str, int]:
    """T4: five failures of an address within a minute; then its count starts again."""
    loads, found = orjson.loads, 0
    failures: dict[str, list[int]] = {}
    for line in lines:
        event = loads(line)
        if event["type"] == "auth.login" and event["outcome"] == "failure":
            now = event["ts"]
            times = failures.get(event["source_ip"])
            if times is None:
                failures[event["source_ip"]] = [now]
                continue
            while times and now - times[0] > MINUTE_MS:
                del times[0]
            times.append(now)
            if len(times) == 5:
                found += 1
                times.clear()
    return {"t4": found}


def guessed(lines: Iterable[bytes]) -> dict[str, int]:
    """T5: three failures of an address and user, then at once a success, within a minute."""
    loads, found = orjson.loads, 0
    failures: dict[tuple[str, str], list[int]] = {}
    for line in lines:
        event = loads(line)
        if event["type"] != "auth.login":
            continue
        key = (event["source_ip"], event["user"])
        if event["outcome"] == "failure":
            times = failures.get(key)
            if times is None:
                failures[key] = [event["ts"]]
            else:
                times.append(event["ts"])
                if len(times) > 3:
                    del times[0]
        else:
            times = failures.pop(key, None)
            if times is not None and len(times) == 3 and event["ts"] - times[0] <= MINUTE_MS:
                found += 1
    return {"t5": found}


def fallen_silent(lines: Iterable[bytes]) -> dict[str, int]:
    """T6: no heartbeat of a host for 15 seconds; the dict holds the hosts by their last one."""
    loads, found, now = orjson.loads, 0, 0
    last: dict[str, int] = {}
    for line in lines:
        event = loads(line)
        now = event["ts"]
        while last:
            host = next(iter(last))
            if last[host] + SILENCE_MS >= now:
                break
            del last[host]
            found += 1
        if event["type"] == "agent.heartbeat":
            last.pop(event["host"], None)
            last[event["host"]] = now
    # A deadline in the very instant of the last event has passed when the input ends.
    return {"t6": found + sum(at + SILENCE_MS <= now for at in last.values())}


def filters(rules: list[FilterRule]) -> Run:
    """T2, T3: one `if` a rule, the constants prepared, addresses remembered as numbers."""
    names: dict[str, Any] = {"number_of": Addresses().__getitem__}
    source = ["def match(event, counts):"]
    for number, rule in enumerate(rules):
        tests = [f"event['type'] == {rule.type!r}"] if rule.type else []
        tests += [_test(condition, names) for condition in rule.conditions]
        source.append(f"    if {' and '.join(tests) or True}: counts[{number}] += 1")
    exec(compile("\n".join(source), "<baseline>", "exec"), names)
    match = names["match"]

    def run(lines: Iterable[bytes]) -> dict[str, int]:
        loads, counts = orjson.loads, [0] * len(rules)
        for line in lines:
            match(loads(line), counts)
        return {rule.name: count for rule, count in zip(rules, counts, strict=True)}

    return run


class Addresses(dict[str | None, int]):
    """The number of an IPv4 address by its text, remembered; -1 where there is none."""

    def __missing__(self, text: str | None) -> int:
        number = -1
        if text is not None:
            number = int.from_bytes(bytes(map(int, text.split("."))), "big")
        self[text] = number
        return number


def _test(condition: Condition, names: dict[str, Any]) -> str:
    field, value = condition.field, condition.value
    holder, name = "event", field
    if "." in field:
        outer, name = field.split(".")
        holder = f"(event.get({outer!r}) or {{}})"
    bare = f"{holder}.get({name!r})"
    constant = f"value{len(names)}"
    match condition.operator:
        case "==":
            return f"{bare} == {value!r}"
        case ">":
            return f"{holder}.get({name!r}, -1) > {value!r}"
        case "starts with":
            return f"{holder}.get({name!r}, '').startswith({value!r})"
        case "contains":
            return f"{value!r} in {holder}.get({name!r}, '')"
        case "in":
            assert isinstance(value, tuple)
            names[constant] = frozenset(value)
            return f"{bare} in {constant}"
        case "matches":
            names[constant] = re.compile(str(value)).search
            return f"{constant}({holder}.get({name!r}, ''))"
        case "net":
            net = ipaddress.IPv4Network(str(value))
            mask, first = int(net.netmask), int(net.network_address)
            return f"number_of({bare}) & {mask} == {first}"
        case operator:
            raise ValueError(f"no such operator: {operator}")


BY_TASK: dict[str, Run] = {
    "T1": hot_and_busy,
    "T4": five_failures,
    "T5": guessed,
    "T6": fallen_silent,
}


def main(task: str, file: str) -> None:
    """Run a task over a file and print what it cost and found."""
    run = filters(filter_rules(DRAWN[task])) if task in DRAWN else BY_TASK[task]
    with open(file, "rb") as lines:
        start = time.process_time()
        counts = run(lines)
        seconds = time.process_time() - start
    print(json.dumps({"cpu_seconds": seconds, "counts": counts}))


if __name__ == "__main__":
    main(*sys.argv[1:])
