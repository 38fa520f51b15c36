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
def thirty_leads(installation: Installation) -> Installation:
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


def test_a_range_of_days_is_pushed_and_proved(thirty_leads: Installation) -> None:
    report = typed(thirty_leads, "2025-10-20", "2025-10-21")
    assert report.succeeded
    (row,) = report.rows
    assert (row.read, row.loaded, row.unchanged, row.rejected, row.proved) == (20, 20, 0, 0, "2/2 days")
    (job,) = thirty_leads.actions().newest()
    assert (job.status, job.start_date, job.end_date) == ("completed", DAY, date(2025, 10, 20))


def test_without_days_everything_goes(thirty_leads: Installation) -> None:
    thirty_leads.leads(range(30, 35), None)
    assert typed(thirty_leads).succeeded
    (job,) = thirty_leads.actions().newest()
    assert (job.start_date, job.end_date) == (DAY, None)
    assert thirty_leads.counters(job.id) == ("completed", 35, 35, 0)


def test_leads_of_before_the_calendar_go_too(thirty_leads: Installation) -> None:
    thirty_leads.leads([50], datetime(2023, 5, 1, 12, tzinfo=UTC))
    assert typed(thirty_leads, "2023-05-01", "2023-05-01").succeeded
    assert len(thirty_leads.there()) == 1


def test_refused_leads_are_no_success(thirty_leads: Installation) -> None:
    with_dirt_rules(thirty_leads.gestao)
    thirty_leads.lead(3, NOON, age=1999)
    report = typed(thirty_leads, "2025-10-21", "2025-10-21")
    assert not report.succeeded
    assert report.rows[0].rejected == 1
    assert any("1 of 10 leads were rejected" in problem for problem in report.problems)


@pytest.mark.parametrize("last", ["21/10/2025", "2025-02-30"])
def test_a_day_that_is_none_is_a_sentence(thirty_leads: Installation, last: str) -> None:
    with pytest.raises(SettingsError, match="is not a day such as 2025-10-21"):
        typed(thirty_leads, None, last)
    with pytest.raises(SettingsError, match="is not a day such as 2025-10-21"):
        typed(thirty_leads, last, "2025-10-21")
    assert thirty_leads.actions().newest() == []


def test_days_the_wrong_way_round_are_a_problem_in_a_sentence(thirty_leads: Installation) -> None:
    report = typed(thirty_leads, "2025-10-21", "2025-10-20")
    assert not report.succeeded
    assert "não pode vir antes" in report.problems[0]
    assert thirty_leads.actions().newest() == []


def test_a_second_export_is_refused_and_makes_no_job(thirty_leads: Installation) -> None:
    job_id = thirty_leads.create(DAY, DAY)
    report = typed(thirty_leads, "2025-10-21", "2025-10-21")
    assert job_id in report.problems[0]
    assert [job.id for job in thirty_leads.actions().newest()] == [job_id]


def test_while_another_push_is_at_work_nothing_is_left_behind(thirty_leads: Installation) -> None:
    with thirty_leads.push.alone():
        report = typed(thirty_leads, "2025-10-21", "2025-10-21")
    assert any("Outro envio" in problem for problem in report.problems)
    # The job that was made for this run is not one that a sensor begins later, unasked.
    (job,) = thirty_leads.actions().newest()
    assert job.status == "paused"
    assert "Outro envio" in str(job.pause_reason)
    assert thirty_leads.resume(job.id).status == "completed"
