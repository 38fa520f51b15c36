"""`sync-pipelines run erp`: what it takes, what it prints, and when it is a success."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from sync_pipelines.erp.connection_pool import ConnectionPool, SyncOptions
from sync_pipelines.erp.defs.keys import INVOICES_KEY
from sync_pipelines.erp.defs.sync_run import run, sync_connections
from sync_pipelines.lib.runs import RunReport
from sync_pipelines_tests.erp.defs.dagster_runs import PARTITIONS, Dagster
from sync_pipelines_tests.erp.installation import Connected

ASSETS = ("empresa", "produtos", "nfe", "credits")


@pytest.fixture
def today(dagster: Dagster) -> Dagster:
    """The command knows no other time than that of now."""
    dagster.installed.clock.now = datetime.now(UTC)
    return dagster


def ran(dagster: Dagster, *connections: Connected | str, **asked: Any) -> RunReport:
    names = [one if isinstance(one, str) else str(one.id) for one in connections]
    shown = asked.pop("progress", lambda _sentence, **_figures: None)
    return run(dagster.installed.settings, connections=names, progress=shown, sync=dagster.sync, **asked)


def proved(report: RunReport) -> dict[str, str]:
    return {row.asset: row.proved for row in report.rows}


def test_every_due_connection_is_synced_whatever_lies_between(today: Dagster) -> None:
    installed = today.installed
    later = installed.clock.now + timedelta(hours=1)
    ones = [installed.connect("omie"), installed.connect("bling")]
    left = installed.connect("omie", next_sync_at=later)
    installed.connect_unknown(left.user_id)
    shown: list[str] = []
    report = ran(today, progress=lambda sentence, **_figures: shown.append(sentence))
    assert report.succeeded, report.problems
    months = len(installed.months)
    of_months, of_each = ("nfe", "financeiro"), ("empresa", "produtos", "dre", "credits", "ncm_analysis")
    counts = {**dict.fromkeys(of_months, f"{2 * months}/{2 * months}"), **dict.fromkeys(of_each, "2/2")}
    assert proved(report) == {**counts, "opportunities": "2/2", "tax_score": "2/2"}
    assert "2 connections: 2 succeeded, 0 failed." in report.notes
    assert any("No adapter yet, left alone: protheus_" in note for note in report.notes)
    assert shown
    assert installed.logs(left) == []
    assert [installed.log(one)["sync_type"] for one in ones] == ["auto", "auto"]
    assert installed.truth(*ones) == []
    again = ran(today)
    assert (again.succeeded, again.nothing_to_do) == (True, True)


def test_a_named_connection_is_synced_whatever_its_time_with_modules_and_months(today: Dagster) -> None:
    installed = today.installed
    one = installed.connect("omie", next_sync_at=installed.clock.now + timedelta(hours=1))
    month = installed.months[-2]
    report = ran(today, one.key, modules=["nfe,produtos"], first=f"{month:%Y-%m}", last=f"{month:%Y-%m}")
    assert report.succeeded, report.problems
    made = ("produtos", "nfe", "credits", "ncm_analysis", "opportunities", "tax_score")
    assert proved(report) == dict.fromkeys(made, "1/1")
    log = installed.log(one)
    assert (log["sync_type"], list(log["details"]["months"])) == ("manual", [month.isoformat()])


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"modules": ["nfe,estoque"]}, "There is no module estoque"),
        ({"first": "2026-13"}, "A month is written as 2026-01"),
        ({"first": "2999-01"}, "there is no month that has begun"),
    ],
)
def test_what_cannot_be_done_is_a_problem_in_a_sentence(
    today: Dagster, asked: dict[str, Any], said: str
) -> None:
    one = today.installed.connect("omie")
    report = ran(today, one, **asked)
    assert not report.succeeded
    assert said in report.problems[0]
    assert today.installed.logs(one) == []


def test_an_unknown_connection_and_one_without_an_adapter_are_problems(today: Dagster) -> None:
    report = ran(today, "omie_ffffffff")
    assert "erp_connections has no row omie_ffffffff" in report.problems[0]
    one = today.installed.connect("omie", months=1)
    number = today.installed.connect_unknown(one.user_id)
    report = ran(today, one, str(number))
    assert not report.succeeded
    assert any("no adapter for protheus" in problem for problem in report.problems)
    assert proved(report)["empresa"] == "1/1"


def test_a_failed_connection_fails_the_run_and_the_others_are_done(today: Dagster) -> None:
    ones = [today.installed.connect("omie") for _ in range(3)]
    bad = ones[1]
    today.installed.omie.fail("ListarNF_fault", account=bad.name)
    report = ran(today)
    assert not report.succeeded
    months = len(today.installed.months)
    assert proved(report)["nfe"] == f"{2 * months}/{3 * months}"
    assert proved(report)["produtos"] == "3/3"
    assert any(bad.key in problem for problem in report.problems)
    assert "3 connections: 2 succeeded, 1 failed." in report.notes


def test_functions_that_are_down_fail_the_command_though_the_log_is_a_success(today: Dagster) -> None:
    one = today.installed.connect("omie")
    today.installed.functions.fail("analyze-credits_server_error")
    report = ran(today)
    assert not report.succeeded
    assert proved(report)["credits"] == "0/1"
    assert any("every_invoice_is_analysed" in problem for problem in report.problems)
    assert today.installed.log(one)["status"] == "success"


def test_a_connection_that_another_run_has_is_not_called_proved(today: Dagster) -> None:
    ones = [today.installed.connect("omie") for _ in range(2)]
    with today.sync.runs.execution(ones[1].id, run_id="other"):
        report = ran(today)
    assert not report.succeeded
    assert proved(report)["empresa"] == "1/1"
    assert any("being synced by another run" in problem for problem in report.problems)


def test_a_database_that_is_away_is_a_problem_in_a_sentence(today: Dagster) -> None:
    away = "postgresql://x:senha-longa@127.0.0.1:1/erp"
    settings = today.installed.settings.model_copy(update={"erp_database_url": away})
    report = run(settings, progress=lambda *_, **__: None, sync=today.sync)
    assert not report.succeeded
    assert "senha-longa" not in str(report)


def test_a_partition_that_is_removed_before_its_turn_costs_nothing(today: Dagster) -> None:
    ones = [today.installed.connect("omie", months=1) for _ in range(4)]
    keys = today.add(*ones)
    wanted = [keys[0], keys[2], keys[3]]
    # As the sensor does, when people took the connection out of the table.
    delete = today.instance.delete_dynamic_partition
    today.installed.omie.before("ListarEmpresas", 2, lambda: delete(PARTITIONS, keys[2]))
    report, ids = RunReport(), {one.key: one.id for one in ones}
    with ConnectionPool(today.sync, ids, width=1) as pool:
        sync_connections(
            today.installed.settings,
            today.instance,
            pool,
            wanted=wanted,
            options=SyncOptions(),
            report=report,
        )
    assert report.succeeded, report.problems
    assert proved(report)["empresa"] == "3/3"
    done = today.instance.get_materialized_partitions(dg.AssetKey(["erp", "empresa"]))
    assert done == set(wanted)
    assert len(today.instance.get_materialized_partitions(INVOICES_KEY)) == 3 * len(today.installed.months)
