"""Lakes for tests: small segments, runs into them, and what is in them then."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sluice.shells import OpenLake, RunRequest, RunSummary, run_local

#: Every table that runs fill, but the runs themselves.
TABLES = ("events", "matches", "evidence", "notes", "mitigations", "late", "rejected")


def small_lake(root: Path, offsets: int = 10) -> Path:
    """Make an empty lake whose segments hold so many offsets."""
    root.mkdir(parents=True)
    head = {"format": 1, "sluice": "0.1.0", "segment_offsets": offsets}
    (root / "lake.json").write_text(json.dumps(head) + "\n", "utf-8")
    return root


def write_lines(path: Path, lines: list[str | dict[str, Any]], mode: str = "w") -> Path:
    """Write events, or lines as they are."""
    with path.open(mode, encoding="utf-8") as file:
        for line in lines:
            file.write((line if isinstance(line, str) else json.dumps(line)) + "\n")
    return path


def run(
    root: Path, rules: str, *inputs: Path, stop: Callable[[], bool] = lambda: False, **options: Any
) -> RunSummary:
    """Run rules over inputs into a lake, until they end or `stop` says so."""
    file = root.parent / "rules.sluice"
    file.write_text(rules, "utf-8")
    options = {"output": "none", "lake": str(root), **options}
    request = RunRequest((str(file),), tuple(map(str, inputs)), **options)
    return run_local(request, lambda _: None, render=str, stop=stop)


def ask(root: Path, sql: str) -> list[tuple[Any, ...]]:
    """Ask a lake."""
    lake = OpenLake(str(root))
    assert lake.troubles == []
    lake.name_types(sql)
    return lake.con.execute(sql).fetchall()


def content(root: Path) -> dict[str, list[str]]:
    """Return the rows of all tables, in an order of their own."""
    lake = OpenLake(str(root))
    assert lake.troubles == []
    return {
        table: sorted(map(repr, lake.con.execute(f"FROM {table}").fetchall())) for table in TABLES
    }


def segments(root: Path, table: str = "events") -> list[str]:
    """List the files of a table."""
    return sorted(str(path.relative_to(root)) for path in (root / table).rglob("*.parquet"))
