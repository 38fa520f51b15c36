"""The command line against a small sandbox of its own: what it prints, and its exit status."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from importlib.metadata import version
from pathlib import Path

import httpx
import psycopg
import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from sync_pipelines.cli.app import app
from sync_pipelines.cli.commands import Commands
from sync_pipelines.sandbox.hitss.request import MANAGER, Caller
from sync_pipelines.sandbox.world import Sandbox
from sync_pipelines.systems import whole_class
from sync_pipelines_tests.parts import PARTS

VARIABLES = [
    *(name.upper() for name in whole_class().model_fields),
    "DAGSTER_HOME",
    "DAGSTER_EVENT_BATCH_SIZE",
]
CLOSED = "postgresql://someone:uma-senha-longa@127.0.0.1:1/nothing"


def month(back: int) -> str:
    """The month `back` months before this one: the commands go by the real clock."""
    today = date.today()
    number = today.year * 12 + today.month - 1 - back
    return f"{number // 12}-{number % 12 + 1:02d}"


@dataclass
class Terminal:
    """Types commands; remembers everything that was printed."""

    home: Path
    environment: dict[str, str] = field(default_factory=dict)
    printed: list[str] = field(default_factory=list)

    def __call__(self, command: str, **variables: str) -> Result:
        # None takes a variable away; what the machine has set is not for these tests.
        given = {**dict.fromkeys(VARIABLES), **self.environment, **variables, "COLUMNS": "200"}
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.home)  # no .env of a person
            result = CliRunner().invoke(app, shlex.split(command), env=given)
        if not command.startswith("sandbox env"):  # whose purpose it is to print secrets
            self.printed.append(result.output + str(result.exception or ""))
        return result


@pytest.fixture(scope="module")
def typed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """A terminal whose sandbox is up, with its variables set and the last ten months only."""
    home = tmp_path_factory.mktemp("cli")
    terminal = Terminal(home)
    try:
        started = start(terminal)
        assert started.returncode == 0, started.stderr
        terminal.environment = exported(terminal("sandbox env --home world")) | {
            "HITSS_FIRST_MONTH": month(9)
        }
        yield terminal
    finally:
        Sandbox(home / "world", PARTS).stop()


def start(terminal: Terminal) -> subprocess.CompletedProcess[str]:
    """`sandbox up` as a process that ends: what it starts is to outlive it."""
    command = "sandbox up --home world --scale 0.05 --wait 0"
    given = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    done = subprocess.run(
        [sys.executable, "-m", "sync_pipelines.cli.app", *command.split()],
        cwd=terminal.home,
        env=given,
        capture_output=True,
        text=True,
        check=False,
    )
    terminal.printed.append(done.stdout + done.stderr)
    return done


@pytest.fixture(scope="module")
def first_range(typed: Terminal) -> Result:
    """A few months of an empty database: those asked for are proved, and the others are nobody's question."""
    return typed(f"run hitss --from {month(9)} --to {month(9)}")


@pytest.fixture(scope="module")
def first_run(typed: Terminal, first_range: Result) -> Result:
    assert first_range.exit_code == 0, first_range.output
    return typed("run hitss")


def test_a_range_of_an_empty_database_is_a_success_of_its_own(first_range: Result) -> None:
    assert first_range.exit_code == 0, first_range.output
    assert "1/1 months" in first_range.output


def exported(result: Result) -> dict[str, str]:
    """The variables of lines such as `export NAME='value'`."""
    assert result.exit_code == 0, result.output
    lines = [shlex.split(line) for line in result.output.splitlines()]
    assert all(line[0] == "export" and len(line) == 2 for line in lines)
    return dict(line[1].split("=", 1) for line in lines)


def words(result: Result) -> str:
    return " ".join(result.output.split())


def assert_ends_in_a_sentence(result: Result, *parts: str) -> None:
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit), repr(result.exception)
    assert "Traceback" not in result.output
    for part in parts:
        assert part in words(result)


@pytest.fixture
def upstream(typed: Terminal) -> Iterator[str]:
    """The address of the fake upstream's desk, cleared afterwards."""
    ready = json.loads((typed.home / "world" / "hitss" / "hitss.json").read_text())
    desk = f"{ready['url']}/_sandbox/faults"
    yield desk
    httpx.delete(desk)


@pytest.mark.parametrize(
    ("command", "words_of_it"),
    [
        (
            "--help",
            ["demo", "run", "sandbox", "migrate", "doctor", "nothing is a success until it is proved"],
        ),
        ("demo --help", ["--once", "--port", "--home", "--scale", "--wait"]),
        ("run --help", ["--from", "--to", "--accept", "Exit status 0 only when all is proved"]),
        ("sandbox --help", ["up", "down", "status", "env"]),
        ("migrate --help", ["--plan", "--verify", "--verbose"]),
        ("doctor --help", ["--probe-export", "--mail"]),
    ],
)
def test_help_says_what_there_is(tmp_path: Path, command: str, words_of_it: list[str]) -> None:
    result = Terminal(tmp_path)(command)
    assert result.exit_code == 0
    for word in words_of_it:
        assert word in words(result)


def test_the_version_is_printed(tmp_path: Path) -> None:
    result = Terminal(tmp_path)("--version")
    assert (result.exit_code, result.output.strip()) == (0, version("sync_pipelines"))


@pytest.mark.parametrize("command", ["migrate", "migrate --plan", "migrate --verify"])
def test_with_nothing_configured_there_is_nothing_to_migrate(tmp_path: Path, command: str) -> None:
    assert_ends_in_a_sentence(Terminal(tmp_path)(command), "No database is configured", "OPS_DATABASE_URL")


def test_a_plan_that_would_be_refused_is_no_success(
    tmp_path: Path, new_database: Callable[[str | None], str]
) -> None:
    url = new_database(None)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create schema api")
        connection.execute("create table api.leads (id bigint primary key, segmento text)")
    terminal = Terminal(tmp_path)
    terminal.environment |= {"OFICIALMED_DATABASE_URL": url, "OPS_DATABASE_URL": new_database("ops")}
    result = terminal("migrate --plan")
    assert "segmento is text instead of integer" in words(result)
    assert result.exit_code == 1


def test_a_comparison_prints_what_is_wrong_and_the_rest_as_a_number(typed: Terminal) -> None:
    short, long = typed("migrate --verify"), typed("migrate --verify --verbose")
    assert (short.exit_code, long.exit_code) == (0, 0), short.output
    assert "things are as they should be, nothing is missing" in words(short)
    assert len(short.output.splitlines()) < 20 < 200 < len(long.output.splitlines())
    with psycopg.connect(typed.environment["OPS_DATABASE_URL"], autocommit=True) as connection:
        connection.execute("drop index ops.proofs_newest")
        try:
            broken = typed("migrate --verify")
        finally:
            connection.execute("create index proofs_newest on ops.proofs (asset, partition_key, id desc)")
    assert broken.exit_code == 1
    assert "WRONG" in broken.output
    assert "proofs_newest" in broken.output


def test_what_nobody_foresaw_ends_in_a_sentence_too(capsys: pytest.CaptureFixture[str]) -> None:
    from sync_pipelines.lib.redaction import register

    register("uma-senha-longa")
    app = typer.Typer(cls=Commands)

    @app.command()
    def broken() -> None:
        raise LookupError("login with uma-senha-longa\nand a row of somebody")

    @app.command()
    def interrupted() -> None:
        signal.raise_signal(signal.SIGTERM)

    ended = CliRunner().invoke(app, ["broken"])
    assert (ended.exit_code, type(ended.exception)) == (1, SystemExit)
    said = ended.output + capsys.readouterr().out
    assert "It ended by an error that nobody foresaw, at test_app.py:" in " ".join(said.split())
    assert "LookupError: login with ***" in " ".join(said.split())
    assert "a row of somebody" not in said
    assert CliRunner().invoke(app, ["interrupted"]).exit_code == 128 + signal.SIGTERM


def test_a_run_loads_what_changed_and_the_next_one_nothing(typed: Terminal, first_run: Result) -> None:
    first, second = first_run, typed("run hitss")
    assert (first.exit_code, second.exit_code) == (0, 0), first.output + second.output
    assert "Everything is proved." in first.output
    assert "nothing to do" in words(second)
    assert first.output.startswith("hitss: asking HITSS for the export.\n")  # which may take it minutes
    with psycopg.connect(typed.environment["FABRICIO_DATABASE_URL"]) as connection:
        (rows,) = connection.execute("select count(*) from sync_private.dre_lines").fetchall()[0]
    (before,) = [line.split() for line in first.output.splitlines() if "dre_lines" in line]
    (after,) = [line.split() for line in second.output.splitlines() if "dre_lines" in line]
    assert f"{rows:,}" in before
    assert f"{rows:,}" in after
    assert "DAGSTER_HOME" not in second.output  # it has a history, and says nothing about it


@pytest.mark.usefixtures("first_run")
def test_a_range_of_months_is_loaded_though_nothing_changed(typed: Terminal) -> None:
    result = typed(f"run hitss --from {month(9)} --to {month(7)}")
    assert result.exit_code == 0, result.output
    assert "3/3 months" in result.output
    assert "Read the workbook that landed" in result.output
    assert "asking HITSS" not in result.output
    assert "without --from and --to a new one is downloaded" in words(result)


@pytest.mark.usefixtures("first_run")
def test_what_others_did_to_any_table_is_repaired_by_the_next_run(typed: Terminal) -> None:
    url, key = typed.environment["FABRICIO_DATABASE_URL"], f"{month(4)}-01"
    with psycopg.connect(url, autocommit=True) as connection:
        before = connection.execute(
            "select receita from dre_summary where competencia = %s", (key,)
        ).fetchone()
        connection.execute("delete from dre_orcado where competencia = %s", (key,))
        connection.execute("update dre_summary set receita = 0 where competencia = %s", (key,))
    result = typed("run hitss")
    assert result.exit_code == 0, result.output
    with psycopg.connect(url) as connection:
        after = connection.execute(
            "select receita, linhas_orcadas > 0 from dre_summary where competencia = %s", (key,)
        )
        assert before
        assert after.fetchone() == (before[0], True)


@pytest.mark.usefixtures("first_run")
def test_a_run_first_closes_what_a_dead_one_left_open(typed: Terminal) -> None:
    """Where no daemon runs, no sensor does it."""
    with psycopg.connect(typed.environment["FABRICIO_DATABASE_URL"], autocommit=True) as connection:
        ((dead,),) = connection.execute(
            "insert into automation_executions (status, started_at, execution_details)"
            " values ('running', now(), '{\"engine\": \"sync_pipelines\"}') returning id"
        ).fetchall()
        result = typed("run hitss")
        assert result.exit_code == 0, result.output
        found = connection.execute("select status from automation_executions where id = %s", (dead,))
        assert found.fetchone() == ("failed",)


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("run hitss --from 2026-13", "a month is written 2025-08"),
        ("run hitss --to 08/2026", "a month is written 2025-08"),
    ],
)
def test_a_month_that_is_none_is_refused_before_anything_runs(
    typed: Terminal, command: str, sentence: str
) -> None:
    result = typed(command)
    assert result.exit_code == 2
    assert sentence in words(result)


@pytest.mark.parametrize(
    ("first", "last"), [(month(2), month(4)), (month(-2), month(-1)), (month(12), month(11))]
)
def test_a_range_that_holds_no_month_is_not_a_success(typed: Terminal, first: str, last: str) -> None:
    assert_ends_in_a_sentence(typed(f"run hitss --from {first} --to {last}"), "month")


def test_an_unknown_system_and_an_unknown_guard_are_named(typed: Terminal) -> None:
    assert_ends_in_a_sentence(typed("run sap"), "There is no 'sap' to run; there are hitss,")
    assert_ends_in_a_sentence(
        typed("run hitss --accept all"), "all cannot be accepted; there are single_sheet,"
    )


def test_a_mistyped_guard_is_named_before_any_database_is_opened(typed: Terminal) -> None:
    result = typed("run hitss --accept all", FABRICIO_DATABASE_URL=CLOSED, HITSS_DATABASE_URL=CLOSED)
    assert_ends_in_a_sentence(result, "all cannot be accepted; there are single_sheet,")


@pytest.mark.parametrize("variable", ["FABRICIO_DATABASE_URL", "OPS_DATABASE_URL", "HITSS_DOWNLOAD_URL"])
def test_a_missing_variable_is_named(typed: Terminal, variable: str) -> None:
    assert_ends_in_a_sentence(typed("run hitss", **{variable: ""}), f"{variable} is not set")


@pytest.mark.parametrize("command", ["run hitss", "migrate", "migrate --plan", "doctor"])
def test_a_wrong_variable_is_a_sentence_in_every_command(typed: Terminal, command: str) -> None:
    result = typed(command, SYNC_TIMEZONE="America/Sao_Pedro")
    assert_ends_in_a_sentence(result, "SYNC_TIMEZONE is not a time zone of the IANA database")


def test_an_upstream_that_refuses_fails_with_a_sentence(typed: Terminal, upstream: str) -> None:
    httpx.post(upstream, json={"name": "unauthorized"}).raise_for_status()
    assert_ends_in_a_sentence(
        typed("run hitss"),
        "The HITSS export",
        "answered 401",
        "HITSS_DOWNLOAD_URL",
        "Not everything is proved.",
    )


@pytest.mark.usefixtures("first_run")
def test_what_is_loaded_beside_a_stopped_month_is_counted_as_loaded(typed: Terminal, upstream: str) -> None:
    """The table is read where a month failed: that its neighbours were written must not look like nothing."""
    bad, good = month(8), month(7)
    year, number = bad.split("-")
    fault = {"name": "realizado_restated", "times": 1, "month": f"{int(number)}/{year}"}
    httpx.post(upstream, json=fault).raise_for_status()
    assert_ends_in_a_sentence(typed("run hitss"), "closed_months_are_unchanged failed")
    with psycopg.connect(typed.environment["FABRICIO_DATABASE_URL"], autocommit=True) as connection:
        gone = connection.execute(
            "delete from sync_private.dre_lines where competencia = %s", (f"{good}-01",)
        )
    result = typed(f"run hitss --from {bad} --to {good}")
    assert_ends_in_a_sentence(result, "1 of 2 partitions failed", f"{bad}-01: Realizado of the closed month")
    # Brackets are no markup: the guard to accept has to be readable.
    assert "accept: [closed_months_unchanged]" in words(result)
    (line,) = [line for line in result.output.splitlines() if "dre_lines" in line]
    assert line.split("│")[3].strip() == f"{gone.rowcount:,}"
    assert typed("run hitss").exit_code == 0


def test_a_database_that_is_down_fails_with_a_sentence(typed: Terminal) -> None:
    for variable, name in (
        ("FABRICIO_DATABASE_URL", "the fabricio database"),
        ("OPS_DATABASE_URL", "the ops database"),
    ):
        assert_ends_in_a_sentence(typed("run hitss", **{variable: CLOSED}), name)


def test_the_data_do_not_wait_for_dagsters_database(typed: Terminal) -> None:
    result = typed("run hitss", DAGSTER_PG_URL=CLOSED)
    assert result.exit_code == 0, result.output
    assert "Dagster's database" in words(result)
    assert "The run goes on without history in the UI." in words(result)
    assert "Everything is proved." in result.output


def test_a_variable_that_is_set_already_wins(typed: Terminal) -> None:
    own = exported(typed("sandbox env --home world"))
    given = {
        "HITSS_DOWNLOAD_URL": "https://hitss.example/export?a={inicio}&b={fim}",
        "SYNC_ENV": "development",
    }
    mixed = exported(typed("sandbox env --home world", **given))
    own.pop("SANDBOX_HITSS_FAULTS")  # the fake is out of play
    assert mixed == {**own, **given}


def test_the_sandbox_names_every_variable_that_a_run_needs(typed: Terminal) -> None:
    known = exported(typed("sandbox env --home world"))
    assert {name for name in known if not name.startswith("SANDBOX_")} <= set(VARIABLES)
    assert set(known) >= {"FABRICIO_DATABASE_URL", "OPS_DATABASE_URL", "HITSS_DOWNLOAD_URL", "DAGSTER_HOME"}
    assert str(typed.home / "world") in known["LANDING_URL"]


def test_a_sandbox_that_never_was_is_a_sentence(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    assert_ends_in_a_sentence(terminal("sandbox env --home nowhere"), "start it first")
    stopped = terminal("sandbox status --home nowhere")
    assert stopped.exit_code == 1
    assert stopped.output.count("stopped") == len(stopped.output.splitlines()) > 4
    assert terminal("sandbox down --home nowhere").exit_code == 0


def test_no_secret_was_printed_by_any_command(typed: Terminal) -> None:
    """Looks at what all tests above printed; alone, at one run."""
    typed("run hitss")
    everything = "\n".join(typed.printed)
    password = (typed.home / "world" / "postgres" / "password").read_text()
    caller = Caller()
    for secret in (password, "uma-senha-longa", caller.login, MANAGER, "usuarioFiltro=", "FICTICI"):
        assert secret not in everything


def test_down_stops_everything_and_up_finds_the_data_again(typed: Terminal) -> None:
    up = typed("sandbox status --home world")
    own = exported(typed("sandbox env --home world"))
    processes = len(up.output.splitlines())
    assert (up.exit_code, up.output.count("running")) == (0, processes)
    assert up.output.count("faults: http://") == processes - 2  # neither Postgres nor the mail server has any
    assert f"hitss      running  faults: {own['SANDBOX_HITSS_FAULTS']}\n" in up.output
    assert typed("sandbox down --home world").exit_code == 0
    stopped = typed("sandbox status --home world")
    assert (stopped.exit_code, stopped.output.count("stopped")) == (1, processes)
    assert start(typed).returncode == 0
    again = exported(typed("sandbox env --home world", **dict.fromkeys(typed.environment, "")))
    with psycopg.connect(again["FABRICIO_DATABASE_URL"]) as connection:
        assert connection.execute("select count(*) > 0 from dre_hitss").fetchone() == (True,)
