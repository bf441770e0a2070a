"""A DuckDB of its own for one backtest: nothing is kept, nothing is loaded from elsewhere."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb

#: How many rows are fetched at once.
FETCH_ROWS = 5_000


@contextmanager
def connected() -> Iterator[tuple[duckdb.DuckDBPyConnection, str]]:
    """Open a database in memory, with a folder that goes away with it for what is too much."""
    with tempfile.TemporaryDirectory(prefix="sluice-backtest-") as folder:
        config: dict[str, Any] = {
            "autoinstall_known_extensions": False, "autoload_known_extensions": False,
            "threads": os.cpu_count() or 1, "temp_directory": folder,
        }  # fmt: skip
        with duckdb.connect(":memory:", config=config) as connection:
            connection.execute("SET enable_progress_bar = false")
            yield connection, folder


def one(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    """Return the only row of a query."""
    row = connection.execute(sql).fetchone()
    assert row is not None
    return tuple(row)
