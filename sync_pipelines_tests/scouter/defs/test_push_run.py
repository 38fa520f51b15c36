"""`sync-pipelines run scouter`: a job of the control table, worked on in this process."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from sync_pipelines.lib.runs import RunReport
from sync_pipelines.sandbox.scouter.database import with_dirt_rules
from sync_pipelines.scouter.defs.push_run import run
from sync_pipelines.settings import SettingsError
from sync_pipelines_tests.scouter.installation import Installation

DAY = date(2025, 10, 21)
NOON = datetime(2025, 10, 21, 15, tzinfo=UTC)


@pytest.fixture
def installation(installation: Installation) -> Installation:
    """Ten leads a day on three days, of which the most recent is today."""
    installation.push = replace(installation.push, clock=lambda: NOON, wait_seconds=0.05)
    for back in range(3):
        installation.leads(range(back * 10, back * 10 + 10), NOON - timedelta(days=back))
    return installation


def typed(
    installation: Installation,
    first: str | None = None,
    last: str | None = None,
    accept: tuple[str, ...] = (),
) -> RunReport:
    told: list[str] = []
    report = run(
        installation.settings,
        first=first,
        last=last,
        accept=accept,
        progress=told.append,
        push=installation.push,
    )
    jobs = installation.actions().newest()
    assert not told or told == [f"export job {jobs[0].id}."]
    return report


def test_a_range_of_days_is_pushed_and_proved(installation: Installation) -> None:
    report = typed(installation, "2025-10-20", "2025-10-21")
    assert report.succeeded
    (row,) = report.rows
    assert (row.read, row.loaded, row.unchanged, row.rejected, row.proved) == (20, 20, 0, 0, "2/2 days")
    (job,) = installation.actions().newest()
    assert (job.status, job.start_date, job.end_date) == ("completed", DAY, date(2025, 10, 20))


def test_without_days_everything_goes(installation: Installation) -> None:
    installation.leads(range(30, 35), None)
    assert typed(installation).succeeded
    (job,) = installation.actions().newest()
    assert (job.start_date, job.end_date) == (DAY, None)
    assert installation.counters(job.id) == ("completed", 35, 35, 0)


def test_leads_of_before_the_calendar_go_too(installation: Installation) -> None:
    installation.leads([50], datetime(2023, 5, 1, 12, tzinfo=UTC))
    assert typed(installation, "2023-05-01", "2023-05-01").succeeded
    assert len(installation.there()) == 1


def test_refused_leads_are_no_success(installation: Installation) -> None:
    with_dirt_rules(installation.gestao)
    installation.lead(3, NOON, age=1999)
    report = typed(installation, "2025-10-21", "2025-10-21")
    assert not report.succeeded
    assert report.rows[0].rejected == 1
    assert any("1 of 10 leads were rejected" in problem for problem in report.problems)


@pytest.mark.parametrize("last", ["21/10/2025", "2025-02-30"])
def test_a_day_that_is_none_is_a_sentence(installation: Installation, last: str) -> None:
    with pytest.raises(SettingsError, match="is not a day such as 2025-10-21"):
        typed(installation, None, last)
    with pytest.raises(SettingsError, match="is not a day such as 2025-10-21"):
        typed(installation, last, "2025-10-21")
    assert installation.actions().newest() == []


def test_days_the_wrong_way_round_are_a_problem_in_a_sentence(installation: Installation) -> None:
    report = typed(installation, "2025-10-21", "2025-10-20")
    assert not report.succeeded
    assert "não pode vir antes" in report.problems[0]
    assert installation.actions().newest() == []


def test_a_second_export_is_refused_and_makes_no_job(installation: Installation) -> None:
    job_id = installation.create(DAY, DAY)
    report = typed(installation, "2025-10-21", "2025-10-21")
    assert job_id in report.problems[0]
    assert [job.id for job in installation.actions().newest()] == [job_id]


def test_while_another_push_is_at_work_nothing_is_left_behind(installation: Installation) -> None:
    with installation.push.alone():
        report = typed(installation, "2025-10-21", "2025-10-21")
    assert any("Outro envio" in problem for problem in report.problems)
    # The job that was made for this run is not one that a sensor begins later, unasked.
    (job,) = installation.actions().newest()
    assert job.status == "paused"
    assert "Outro envio" in str(job.pause_reason)
    assert installation.resume(job.id).status == "completed"
