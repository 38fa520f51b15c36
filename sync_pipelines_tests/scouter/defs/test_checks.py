"""The standing checks of the export, each both ways."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import dagster as dg
import psycopg
import pytest

from sync_pipelines.scouter.defs.descriptions import DATED, MOVING, NO_OLD_ERRORS
from sync_pipelines.scouter.export_jobs.worker import ExportWork
from sync_pipelines_tests.scouter.dagster_runs import launch
from sync_pipelines_tests.scouter.installation import Installation

DAY = date(2025, 10, 21)
NOON = datetime(2025, 10, 21, 15, tzinfo=UTC)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def verdicts(installation: Installation, instance: dg.DagsterInstance) -> dict[str, tuple[bool, str]]:
    done = launch(installation, instance, "scouter_checks")
    assert done.result.success
    return {
        one.check_name: (one.passed, one.description or "")
        for one in done.result.get_asset_check_evaluations()
    }


def test_where_all_is_well_every_check_passes(
    installation: Installation, instance: dg.DagsterInstance
) -> None:
    installation.leads(range(3), NOON)
    installation.export(DAY, DAY)
    found = verdicts(installation, instance)
    assert {name: passed for name, (passed, _) in found.items()} == {
        MOVING: True,
        NO_OLD_ERRORS: True,
        DATED: True,
    }


@pytest.mark.parametrize(
    ("status", "started", "moved", "stands"),
    [
        ("running", "70 minutes", "20 minutes", True),
        ("running", "70 minutes", "10 minutes", False),
        ("running", "50 minutes", "20 minutes", False),
        ("pending", None, "70 minutes", True),
        ("pending", None, "50 minutes", False),
        ("paused", "9 hours", "9 hours", False),
        ("completed", "9 hours", "9 hours", False),
        ("failed", "9 hours", "9 hours", False),
    ],
)
def test_an_export_that_stands_still_is_seen(
    installation: Installation,
    instance: dg.DagsterInstance,
    status: str,
    started: str | None,
    moved: str,
    *,
    stands: bool,
) -> None:
    job_id = installation.create(DAY, DAY)
    installation.tab.execute(
        "update public.gestao_scouter_export_jobs set status = %s, started_at = now() - %s::interval,"
        " updated_at = now() - %s::interval",
        [status, started, moved],
    )
    passed, told = verdicts(installation, instance)[MOVING]
    assert passed is not stands
    assert (job_id in told) is stands


def test_a_worker_that_does_nothing_is_seen_though_it_lives(
    installation: Installation, instance: dg.DagsterInstance
) -> None:
    job_id = installation.create(DAY, DAY)
    url = installation.settings.require("tabuladormax_database_url")
    with psycopg.connect(url, autocommit=True) as session:
        ExportWork(session).claim(job_id, "run")
        installation.tab.execute(
            "update public.gestao_scouter_export_jobs set started_at = now() - interval '2 hours',"
            " updated_at = now() - interval '1 hour'"
        )
        assert not verdicts(installation, instance)[MOVING][0]


@pytest.mark.parametrize(("age", "passes"), [("6 days", True), ("8 days", False)])
def test_refused_leads_that_nobody_looks_after_are_seen(
    installation: Installation, instance: dg.DagsterInstance, age: str, *, passes: bool
) -> None:
    job_id = installation.create(DAY, DAY)
    for _ in range(2):  # one lead twice is one lead
        installation.tab.execute(
            "insert into public.gestao_scouter_export_errors (job_id, lead_id, lead_snapshot, fields_sent,"
            " error_message, created_at) values (%s, 7, '{}', '{}', 'Não.', now() - %s::interval)",
            [job_id, age],
        )
    passed, told = verdicts(installation, instance)[NO_OLD_ERRORS]
    assert passed is passes
    assert passes or (told.startswith("1 leads") and job_id in told and "scouter_replay_errors" in told)


def test_leads_without_a_time_are_seen(installation: Installation, instance: dg.DagsterInstance) -> None:
    installation.leads(range(2), None)
    passed, told = verdicts(installation, instance)[DATED]
    assert not passed
    assert told.startswith("2 leads have no updated_at")


def test_what_waits_for_a_person_is_a_warning_and_what_stands_still_an_error(
    installation: Installation, instance: dg.DagsterInstance
) -> None:
    done = launch(installation, instance, "scouter_checks")
    severity = {one.check_name: one.severity for one in done.result.get_asset_check_evaluations()}
    assert severity == {
        MOVING: dg.AssetCheckSeverity.ERROR,
        NO_OLD_ERRORS: dg.AssetCheckSeverity.WARN,
        DATED: dg.AssetCheckSeverity.WARN,
    }


def test_a_database_without_the_tables_fails_the_checks_and_does_not_pass_them(
    installation: Installation, instance: dg.DagsterInstance
) -> None:
    installation.tab.execute("drop table public.gestao_scouter_export_jobs cascade")
    done = launch(installation, instance, "scouter_checks")
    assert not done.result.success
    assert MOVING not in {one.check_name for one in done.result.get_asset_check_evaluations()}
