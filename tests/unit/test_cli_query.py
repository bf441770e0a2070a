"""`sluice query`: forms of answers, what it refuses, what SQL that is wrong looks like."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from sluice.cli.app import execute
from sluice.cli.plots import bars, columns
from sluice.cli.prompt import Completer
from sluice.shells import Bounds, Desk
from tests.lakes import run, small_lake, write_lines

RULES = "pack p\nrule big { when auth.login where n >= 8 by user select n }\n"

Ask = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A lake of ten logins."""
    folder = tmp_path_factory.mktemp("query")
    lines = [
        {"@type": "auth.login", "@time": 3_600_000 * n, "n": n, "user": f"u{n % 3}", "x": [n]}
        for n in range(10)
    ]
    run(small_lake(folder / "lake"), RULES, write_lines(folder / "in.jsonl", [*lines]), source="s")
    return str(folder / "lake")


@pytest.fixture
def ask(lake: str, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Run `sluice query`; return exit code, stdout and stderr."""

    def call(*argv: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = execute(["query", "--lake", lake, *argv])
        return (code, *capsys.readouterr())

    return call


SQL = """SELECT "@time" AS t, user, n, n / 4 AS q, x, NULL AS z FROM auth_login WHERE n > 7"""


def test_forms_of_answers(ask: Ask) -> None:
    """Times with three decimals, numbers to the right, nested values as JSON, null as such."""
    assert ask(SQL)[:2] == (0, """\
t                         user  n     q  x    z
------------------------  ----  -  ----  ---  -
1970-01-01T08:00:00.000Z  u2    8     2  [8]  -
1970-01-01T09:00:00.000Z  u0    9  2.25  [9]  -
""")  # fmt: skip
    assert (
        ask(SQL, "-o", "csv")[1]
        == """\
t,user,n,q,x,z
1970-01-01T08:00:00.000Z,u2,8,2,[8],
1970-01-01T09:00:00.000Z,u0,9,2.25,[9],
"""
    )
    assert (
        ask(SQL + " LIMIT 1", "-o", "markdown")[1]
        == """\
| t | user | n | q | x | z |
| --- | --- | --: | --: | --- | --- |
| 1970-01-01T08:00:00.000Z | u2 | 8 | 2 | [8] |  |
"""
    )
    assert ask(SQL + " LIMIT 1", "-o", "json")[1] == (
        '{"t":"1970-01-01T08:00:00.000Z","user":"u2","n":8,"q":2.0,"x":[8],"z":null}\n'
    )


@pytest.mark.parametrize(
    ("sql", "shown"),
    [
        ("170141183460469231731687303715884105727", "170141183460469231731687303715884105727"),
        ("9007199254740993::BIGINT", "9007199254740993"),
        ("12.50::DECIMAL(9,2)", "12.5"),
        ("'nan'::DOUBLE", "null"),
        ("DATE '2020-02-29'", '"2020-02-29"'),
        ("INTERVAL 90 MINUTE", '"1h30m"'),
        ("TIMESTAMP '2020-01-01 00:00:00.123999'", '"2020-01-01T00:00:00.123Z"'),
        ("TIMESTAMPTZ '2020-01-01 02:00:00+02'", '"2020-01-01T00:00:00.000Z"'),
        ("'\\x01a'::BLOB", '"0161"'),
        ("{'a': [1, NULL], 'b': TIME '01:02:03'}", '{"a":[1,null],"b":"01:02:03"}'),
        ("MAP {1: 'x'}", '{"1":"x"}'),
        ("'{\"a\":1.0}'::JSON", '{"a":1.0}'),
        ("'text'", '"text"'),
        ("'95fb1ee1-d4cd-4cb6-9ec9-ee0ec0a0ec3c'::UUID", '"95fb1ee1-d4cd-4cb6-9ec9-ee0ec0a0ec3c"'),
    ],
)  # fmt: skip
def test_values_of_every_type(ask: Ask, sql: str, shown: str) -> None:
    """Integers are exact whatever their size; what JSON cannot say is null or a text."""
    assert ask(f"SELECT {sql} AS v", "-o", "json")[:2] == (0, f'{{"v":{shown}}}\n')


def test_where_the_sql_comes_from(ask: Ask, tmp_path: Path, lake: str) -> None:
    """The argument, a file, stdin; not two of them."""
    file = tmp_path / "q.sql"
    file.write_text("SELECT count(*) AS n FROM events;\n")
    assert ask("-f", str(file), "-o", "csv")[:2] == (0, "n\n10\n")
    assert ask("-f", str(file), "SELECT 1")[0] == 2
    assert ask("-f", str(tmp_path / "nowhere.sql"))[0] == 66
    argv = [sys.executable, "-m", "sluice", "query", "--lake", lake, "-o", "csv"]
    done = subprocess.run(argv, input="SELECT 7 AS n", capture_output=True, text=True, check=True)
    assert done.stdout == "n\n7\n"


def test_files_for_answers(ask: Ask, tmp_path: Path) -> None:
    """Parquet and the other forms go to a file; a failure leaves what was there."""
    file = tmp_path / "out"
    assert ask(SQL, "-o", "parquet", "--output-file", str(file))[0] == 0
    assert duckdb.sql(f"SELECT user FROM read_parquet('{file}')").fetchall() == [("u2",), ("u0",)]
    assert ask(SQL, "-o", "csv", "--output-file", str(file))[:2] == (0, "")
    assert file.read_text().startswith("t,user")
    assert ask("SELECT nope", "-o", "csv", "--output-file", str(file))[0] == 2
    assert file.read_text().startswith("t,user")
    assert ask(SQL, "-o", "parquet")[0] == 2
    assert ask("SELECT 1; SELECT 2", "-o", "parquet", "--output-file", str(file))[0] == 2
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


REFUSED = [
    "COPY matches TO '{out}'", "COPY (SELECT 1) TO '{lake}/events/x.parquet'",
    "EXPLAIN ANALYZE COPY (SELECT 1) TO '{out}'", "COPY (SELECT 1) TO '{segment}'",
    "EXPLAIN ANALYZE COPY (SELECT 1) TO '{segment}' (USE_TMP_FILE false)",
    "EXPLAIN (ANALYZE) COPY (SELECT 1) TO '{segment}' (USE_TMP_FILE false)",
    "/* a */ EXPLAIN ANALYZE COPY (SELECT 1) TO '{segment}' (USE_TMP_FILE false)",
    "ATTACH '{out}'", "INSTALL httpfs", "LOAD json",
    "SET threads = 1", "PRAGMA threads = 1", "EXPORT DATABASE '{out}'", "CALL pragma_version()",
    "PREPARE p AS COPY (SELECT 1) TO '{out}'", "CREATE SECRET s (TYPE s3)",
    "SELECT * FROM read_text('/etc/hostname')", "SELECT * FROM read_csv('{lake}/lake.json')",
    "SELECT * FROM '/etc/hostname'", "SELECT * FROM glob('/*')", "INSERT INTO matches SELECT 1",
    "SELECT 1; COPY (SELECT 1) TO '{out}'", "/* a */ SET memory_limit = '9GB'", "CHECKPOINT",
]  # fmt: skip


@pytest.mark.parametrize("sql", REFUSED)
def test_it_reads_the_lake_and_nothing_else(ask: Ask, lake: str, tmp_path: Path, sql: str) -> None:
    """What writes, reads other files, loads code or changes settings is refused."""
    segment = next(Path(lake).glob("matches/*/*.parquet"))
    before = {path: path.stat().st_mtime_ns for path in Path(lake).rglob("*")}
    code, out, err = ask(sql.format(out=tmp_path / "out", lake=lake, segment=segment))
    assert (code, out) == (2, "")
    assert "Traceback" not in err and err.startswith("error: ")
    assert {path: path.stat().st_mtime_ns for path in Path(lake).rglob("*")} == before
    assert list(tmp_path.iterdir()) == []


def test_what_is_outside_when_that_is_wanted(ask: Ask, tmp_path: Path) -> None:
    """With --allow-external other files can be read and written."""
    file = tmp_path / "out.csv"
    assert ask("--allow-external", f"COPY (SELECT 7 AS n) TO '{file}'")[0] == 0
    assert ask("--allow-external", f"SELECT n FROM '{file}'", "-o", "csv")[1] == "n\n7\n"


def test_sql_that_is_wrong_shows_the_place(ask: Ask) -> None:
    """The line, and a mark below the word."""
    code, out, err = ask("SELECT user FROM matches\nWHERE rul = 'x'")
    assert (code, out) == (2, "")
    assert "error: Referenced column" in err
    assert "\nLINE 2: WHERE rul = 'x'\n              ^" in err
    assert ask("SELECT")[0] == 2
    assert ask("")[0] == 2
    assert ask(";")[0] == 2


def test_limits(ask: Ask) -> None:
    """A query that takes too long or too much ends with 74, and says what to do."""
    endless = "SELECT count(*) FROM range(100000000000) t(a) WHERE a % 7 = 3"
    code, _, err = ask(endless, "--timeout", "200ms")
    assert code == 74 and "--timeout" in err
    large = "SELECT count(DISTINCT list) FROM (SELECT list(a) AS list FROM range(20000000) t(a))"
    code, _, err = ask(large, "--memory", "50MB")
    assert code == 74 and "--memory" in err
    assert ask("SELECT 1", "--memory", "much")[0] == 2
    assert ask("SELECT 1", "--timeout", "soon")[0] == 2


def test_an_interrupt_ends_it(lake: str, tmp_path: Path) -> None:
    """Ctrl-C ends a query that runs, quietly, with 130; nothing is left of it."""
    argv = [sys.executable, "-m", "sluice", "query", "--lake", lake]
    endless = "SELECT count(*) FROM range(100000000000) t(a) WHERE a % 7 = 3"
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [*argv, endless], stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        end = time.monotonic() + 30
        while not list(tmp_path.iterdir()) and time.monotonic() < end:
            time.sleep(0.05)
        time.sleep(1.0)
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(30) == 130
        finally:
            process.kill()
        assert process.stderr is not None and process.stderr.read() == ""
    assert list(tmp_path.iterdir()) == []


def test_pictures(ask: Ask) -> None:
    """Bars for names, columns over time; what cannot be drawn is said."""
    assert bars(["a", "bb"], [1, 4], 20) == "a   ███▎ 1\nbb  █████████████ 4\n"
    drawn = columns(["start", "end"], [0, 1, 2, 4] * 3, 80).splitlines()
    assert len(drawn) == 12 and drawn[0] == "4 │   █   █   █" and drawn[-2] == "0 └────────────"
    code, out, _ = ask("SELECT user, count(*) FROM auth_login GROUP BY 1 ORDER BY 1", "--plot")
    assert (code, [line.split()[0] for line in out.splitlines()]) == (0, ["u0", "u1", "u2"])
    assert ask('SELECT per_hour("@time"), n FROM auth_login ORDER BY 1', "--plot")[1].startswith(
        "1970-01-01 00:00  "
    )
    assert ask("SELECT user FROM auth_login", "--plot")[0] == 2
    assert ask("SELECT 'a', -1", "--plot")[0] == 2
    assert ask("SELECT 'a', 1", "--plot", "-o", "json")[0] == 2


def test_macros(ask: Ask) -> None:
    """Spans of time, the events of a match, the timeline of a key."""
    spans = "SELECT per('2 hours', \"@time\") AS t, count(*) AS n FROM auth_login GROUP BY 1"
    assert len(ask(spans, "-o", "json")[1].splitlines()) == 5
    during = "SELECT count(*) AS n FROM auth_login WHERE during(\"@time\", '1970-01-01 02:00', "
    assert ask(during + "'1970-01-01 05:00')", "-o", "csv")[1] == "n\n3\n"
    line = json.loads(ask("SELECT id FROM matches ORDER BY time LIMIT 1", "-o", "json")[1])
    found = ask(f"SELECT \"@id\" FROM events_of('{line['id'][:8]}')", "-o", "csv")[1]
    assert found == "@id\ns:0:9\n"
    timeline = ask("SELECT kind, what FROM timeline('u2')", "-o", "csv")[1].splitlines()
    assert timeline == ["kind,what", *["event,auth.login"] * 3, "match,p.big"]


def test_names_that_complete(lake: str) -> None:
    """Tables, types, words of SQL, and columns of what the line names."""
    with Desk(lake, Bounds()) as desk:
        completer = Completer(desk)
        assert completer.candidates("mat", "SELECT * FROM mat") == ["matches"]
        assert completer.candidates("auth", "FROM auth") == ['"auth.login"']
        assert "severity" in completer.candidates("sev", "SELECT sev FROM matches")
        assert completer.candidates("sel", "sel") == ["SELECT"]


def read_until(terminal: int, *wanted: bytes) -> None:
    """Read a terminal until each of these came, one behind the other."""
    seen, end = b"", time.monotonic() + 60
    for each in wanted:
        while each not in seen:
            assert time.monotonic() < end and select.select([terminal], [], [], 60)[0], seen
            seen += os.read(terminal, 4096)
        seen = seen[seen.index(each) :] if each.endswith(b"> ") else seen.partition(each)[2]


def test_a_prompt_on_a_terminal(lake: str, tmp_path: Path) -> None:
    """It answers, goes on behind an error, keeps a history, and ends with Ctrl-D."""
    main, side = pty.openpty()
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path), "TERM": "dumb", "NO_COLOR": "1"}
    argv = [sys.executable, "-m", "sluice", "query", "--lake", lake, "-o", "csv"]
    with subprocess.Popen(argv, stdin=side, stdout=side, stderr=side, env=environment) as process:
        os.close(side)
        # Each line is typed at a prompt: what is typed before one is the terminal's, Ctrl-D too.
        for typed, answer in (
            (b"", b"lake> "), (b"SELECT count(*) AS n\n", b"...> "),
            (b"FROM auth_login;\n", b"10"), (b"SELECT nope;\n", b"error: "),
            (b".tables\n", b"auth.login"), (b".plot\n", b"lake> "),
            (b"SELECT user, 1 FROM auth_login;\n", "█".encode()), (b"\x04", None),
        ):  # fmt: skip
            os.write(main, typed)
            if answer is not None:
                read_until(main, answer, b"> ")
        assert process.wait(60) == 0
    os.close(main)
    assert "SELECT nope;" in (tmp_path / "sluice" / "query_history").read_text()


def test_duckdb_is_loaded_by_whoever_needs_it() -> None:
    """Help, checks and runs without a lake start without it."""
    code = (
        "import sys\nfrom sluice.cli.app import execute\n"
        "for argv in (['--help'], ['query', '--help'], ['lake', '--help'], ['run', '--help'],"
        " ['run', '-r', 'nowhere']):\n    execute(argv)\n"
        "assert 'duckdb' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("FROM mathces", "there is no table mathces, did you mean 'matches'?"),
        ("FROM auth_logins", "there is no table auth_logins, did you mean 'auth_login'?"),
        (
            "FROM auth.login",
            'there is no table auth.login; write it in double quotes: "auth.login"',
        ),
        ("FROM zzzzzzzzzz", "there is no table zzzzzzzzzz; SHOW TABLES lists those that there are"),
        (
            "FROM '/etc/passwd'",
            "there is no table /etc/passwd: a query reads the lake, and no other file; "
            "--allow-external lifts that",
        ),
    ],
)
def test_a_table_that_is_not_there(ask: Ask, sql: str, told: str) -> None:
    """The nearest of the lake is named, not one of the database's own, and the place is shown."""
    code, out, err = ask(sql)
    assert (code, out) == (2, "")
    first, line, place = err.splitlines()
    assert first == f"error: {told}"
    assert line == f"LINE 1: {sql}"
    assert place.index("^") == len("LINE 1: FROM ")


def test_a_question_does_not_wait_for_the_language_of_rules(lake: str) -> None:
    """Half of the start would be that of parser, checker and plan."""
    code = (
        "import sys; from sluice.cli.app import execute; "
        f"execute(['query', '--lake', {lake!r}, 'SELECT 1']); "
        "print([m for m in ('sluice.lang', 'sluice.plan', 'sluice.stream') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
