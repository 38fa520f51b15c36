"""The sentences of a failed run, out of its facts alone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from sync_pipelines.lib.alerts import Alert
from sync_pipelines.operations.alerting import Alerting
from sync_pipelines.operations.failed_runs import FailedRun, LastGood, NextTry

NOW = datetime(2026, 11, 28, 19, 30, tzinfo=UTC)
MONTHS = ("2025-01-01", "2025-02-01", "2025-03-01", "2025-04-01", "2025-05-01")


def alert(**facts: Any) -> Alert:
    given = {"run_id": "r1", "job": "hitss_load", "failed_at": NOW, "detail": "It broke."} | facts
    return FailedRun(**given).alert(Alerting(ui_url="https://dagster.example.com/"))


def lines(**facts: Any) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in alert(**facts).text.splitlines())


@pytest.mark.parametrize(
    ("facts", "written"),
    [
        ({}, None),
        ({"partitions": ("2025-01-01",)}, "2025-01-01"),
        ({"partition_range": ("2025-01-01", "2025-05-01")}, "2025-01-01 a 2025-05-01"),
        ({"partition_range": ("2025-01-01", "2025-01-01")}, "2025-01-01"),
        ({"partitions": MONTHS[:3], "partition_range": (MONTHS[0], MONTHS[-1])}, ", ".join(MONTHS[:3])),
        ({"partitions": MONTHS}, f"{', '.join(MONTHS[:3])} e mais 2"),
    ],
)
def test_partitions_are_those_that_failed_and_else_the_range(
    facts: dict[str, Any], written: str | None
) -> None:
    assert lines(**facts).get("Partições") == written
    assert alert(**facts).title == "execução falhou: hitss_load" + (f" ({written})" if written else "")


def test_a_title_names_three_assets_and_the_text_all() -> None:
    assets = [f"hitss/table_{number}" for number in range(5)]
    sent = alert(assets=assets)
    assert (sent.system, sent.title) == ("hitss", "execução falhou: table_0, table_1, table_2 e mais 2")
    assert lines(assets=assets)["Ativos"] == ", ".join(assets)


def test_a_run_without_assets_is_named_by_its_job_and_has_no_good_data() -> None:
    said = lines()
    assert (said["Sistema"], said["Job"]) == ("hitss", "hitss_load")
    assert "Últimos dados bons" not in said


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({}, "não há nenhum registro"),
        ({"partitions": ("2025-01-01",)}, "não há nenhum registro destas partições"),
        ({"last_good": LastGood("hitss/a", None, NOW)}, "hitss/a em 28/11/2026 19:30 (UTC)"),
        (
            {"last_good": LastGood("hitss/a", "2025-01-01", NOW)},
            "hitss/a em 28/11/2026 19:30 (UTC), partição 2025-01-01",
        ),
    ],
)
def test_the_last_good_data_are_dated_or_there_are_none(facts: dict[str, Any], sentence: str) -> None:
    assert lines(assets=["hitss/a"], **facts)["Últimos dados bons"] == sentence


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({}, "nenhuma automática"),
        ({"knows_schedules": False}, "pelo próximo agendamento"),
        ({"next_try": NextTry("nightly", NOW)}, "28/11/2026 19:30 (UTC), pelo agendamento nightly"),
        ({"next_try": NextTry("watcher", None)}, "sozinha, pelo sensor watcher"),
    ],
)
def test_the_next_try_is_promised_only_where_something_runs_it(facts: dict[str, Any], sentence: str) -> None:
    assert lines(**facts)["Próxima tentativa"] == sentence


def test_it_links_to_the_run_and_says_what_to_do() -> None:
    said = lines()
    assert said["Execução"] == "https://dagster.example.com/runs/r1"
    assert "Materialize" in said["O que fazer"]
    assert "repita o comando" in lines(by_hand=True)["O que fazer"]
