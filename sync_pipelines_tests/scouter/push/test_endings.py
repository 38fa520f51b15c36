"""However a push ends in its own process, its job does not stay `running` without a worker."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest

from sync_pipelines.lib.failures import PermanentError, SyncError
from sync_pipelines.scouter.push.job_end import PausedError
from sync_pipelines_tests.scouter.installation import Installation

DAY = date(2025, 10, 21)
NOON = datetime(2025, 10, 21, 15, tzinfo=UTC)


@pytest.fixture
def days(installation: Installation) -> Installation:
    for back in range(2):
        installation.leads(range(back * 10, back * 10 + 10), NOON - timedelta(days=back))
    return installation


@pytest.mark.parametrize(
    "error",
    [ZeroDivisionError("of us"), psycopg.DataError("a value"), psycopg.errors.QueryCanceled("too long")],
    ids=lambda error: type(error).__name__,
)
def test_an_error_that_nobody_expected_pauses_the_job_and_the_next_run_does_the_rest(
    days: Installation, error: Exception
) -> None:
    job_id = days.create(DAY, DAY - timedelta(days=1))

    def fail() -> None:
        raise error

    days.hook(fail)
    pause = days.paused(job_id)
    assert not pause.by_person
    job = days.job(job_id)
    assert job.status == "paused"
    assert "O envio não pôde continuar." in str(job.pause_reason)
    assert "resume" in str(job.pause_reason)
    days.hook(lambda: None)
    days.resume(job_id)
    assert days.counters(job_id) == ("completed", 20, 20, 0)


def test_an_error_between_two_days_pauses_the_job(days: Installation) -> None:
    job_id = days.create(DAY, DAY - timedelta(days=1))
    with pytest.raises(ZeroDivisionError), days.push.open("run", job_id=job_id) as run:
        run.push_day(DAY)
        raise ZeroDivisionError
    assert days.job(job_id).status == "paused"


def test_an_error_before_the_first_day_pauses_the_job(days: Installation) -> None:
    job_id = days.create(DAY, DAY)
    without_key = replace(days.push.destination, key=None)
    whole, days.push = days.push, replace(days.push, destination=without_key)
    with pytest.raises((SyncError, PausedError)):
        days.run(job_id)
    assert days.job(job_id).status == "paused"
    assert "GESTAO_SCOUTER_SERVICE_KEY is not set" in str(days.job(job_id).pause_reason)
    days.push = whole
    assert days.resume(job_id).status == "completed"


def test_a_job_from_the_last_day_that_python_has_is_done_or_paused_and_not_left(days: Installation) -> None:
    job_id = days.create(DAY, None)
    days.tab.execute("update public.gestao_scouter_export_jobs set start_date = '9999-12-31'")
    with pytest.raises(PermanentError, match="está no futuro"):
        days.run(job_id)
    assert days.job(job_id).status == "paused"


def test_a_lost_connection_leaves_the_job_to_the_sensor_which_takes_it_up(days: Installation) -> None:
    job_id = days.create(DAY, DAY)

    def lose() -> None:
        days.tab.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'"
        )

    days.hook(lose)
    days.paused(job_id)
    days.hook(lambda: None)
    assert days.job(job_id).status == "running"
    assert days.reap() == [(job_id, "pending", "run")]
    assert days.run(job_id, "again").status == "completed"
