"""Judge a soak: the matches in the lake are those of one run in one process, each once.

    python -m tests.soak.judge --events FOLDER --rules FOLDER --lake FOLDER

It knows nothing of workers: it reads the events, the rules and the lake. 0 when all is as it
should be, 1 with the first differences where it is not.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from sluice.shells import OpenLake
from tests.soak.events import LATENESS_MS

#: How many differences of a kind are shown.
SHOWN_MAX = 5


@dataclass(frozen=True, slots=True)
class Verdict:
    """What differs: ids with their rules; `duplicates` were written more than once.

    `expected` are the matches of the run. `events` counts the events of inputs in the lake by how
    many there should be.
    """

    expected: int
    rules: int
    missing: Mapping[str, str]
    extra: Mapping[str, str]
    duplicates: Mapping[str, str]
    events: tuple[int, int]

    @property
    def is_right(self) -> bool:
        """Whether nothing differs, and there was something that could."""
        wrong = self.missing or self.extra or self.duplicates
        return not wrong and self.expected > 0 and self.events[0] == self.events[1]

    def text(self) -> str:
        """Return the verdict for people."""
        lines = [
            f"{self.expected:,} matches of {self.rules} rules: missing {len(self.missing)}, "
            f"extra {len(self.extra)}, duplicates {len(self.duplicates)}; "
            f"events {self.events[0]:,} of {self.events[1]:,}"
        ]
        for what in ("missing", "extra", "duplicates"):
            found: Mapping[str, str] = getattr(self, what)
            lines += [f"  {what}: {id_} {rule}" for id_, rule in list(found.items())[:SHOWN_MAX]]
            by_rule: dict[str, int] = {}
            for rule in found.values():
                by_rule[rule] = by_rule.get(rule, 0) + 1
            lines += [f"  {what} of {rule}: {count}" for rule, count in sorted(by_rule.items())]
        return "\n".join(lines)


def judge(events: Sequence[Path], rules: Path, lake: Path) -> Verdict:
    """Compare a lake with one run over the events."""
    expected = dict(_decided(events, rules))
    kept = OpenLake(str(lake))
    if kept.troubles:
        raise SystemExit("\n".join(kept.troubles))
    # The table shows each id once; its files may hold it twice.
    files = [file.path for file in kept.files.tables["matches"]]
    rows = (
        kept.con.execute(
            "SELECT id, any_value(rule), count(*) FROM read_parquet(?, union_by_name = true) "
            "GROUP BY id ORDER BY min(time), id", [files],
        ).fetchall()
        if files else []
    )  # fmt: skip
    found = {id_: rule for id_, rule, _ in rows}
    # What was emitted and extracted has ids of another form.
    query = "SELECT count(*) FROM events WHERE regexp_full_match(\"@id\", 'e(nd)?[0-9]+')"
    has_events = kept.files.tables["events"]
    [(count,)] = kept.con.execute(query if has_events else "SELECT 0").fetchall()
    given = sum(path.read_bytes().count(b"\n") for path in events)
    return Verdict(
        len(expected), len(set(expected.values())),
        {id_: rule for id_, rule in expected.items() if id_ not in found},
        {id_: rule for id_, rule in found.items() if id_ not in expected},
        {id_: rule for id_, rule, times in rows if times > 1}, (count, given),
    )  # fmt: skip


def _decided(events: Sequence[Path], rules: Path) -> Iterator[tuple[str, str]]:
    """Yield id and rule of each match that one run finds."""
    command = [
        sys.executable, "-m", "sluice", "run", "-q", "-r", str(rules), "-o", "json",
        "--show", "match", "--lateness", f"{LATENESS_MS}ms", *map(str, events),
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE) as run:
        assert run.stdout is not None
        for line in run.stdout:
            record = orjson.loads(line)
            yield record["id"], record["rule"]
    if run.returncode:
        raise SystemExit(f"the run to compare with ended with {run.returncode}")


def main() -> int:
    """Print the verdict; 0 when nothing differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.judge", description=__doc__)
    parser.add_argument("--events", type=Path, required=True, help="the folder of event files")
    parser.add_argument("--rules", type=Path, required=True)
    parser.add_argument("--lake", type=Path, required=True)
    parser.add_argument("--json", action="store_true", help="print all differences as JSON")
    options = parser.parse_args()
    verdict = judge(sorted(options.events.glob("*.jsonl")), options.rules, options.lake)
    print(json.dumps(asdict(verdict)) if options.json else verdict.text())
    return 0 if verdict.is_right else 1


if __name__ == "__main__":
    sys.exit(main())
