"""Which leads a job's days hold, and in which order they are pushed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.scouter.export_jobs.days import day_span, days_between
from sync_pipelines_tests.scouter.installation import FIRST, Installation

DAY = date(2025, 10, 21)
NOON = datetime(2025, 10, 21, 15, tzinfo=UTC)
TICK = timedelta(microseconds=1)
ZONES = ("America/Sao_Paulo", "UTC", "Asia/Kathmandu")


@pytest.mark.parametrize("zone", ZONES)
def test_a_day_begins_at_its_midnight_and_ends_before_the_next(installation: Installation, zone: str) -> None:
    installation.use(sync_timezone=zone)
    midnight = datetime(2025, 10, 21, tzinfo=ZoneInfo(zone))
    next_midnight = datetime(2025, 10, 22, tzinfo=ZoneInfo(zone))
    moments = [midnight - TICK, midnight, next_midnight - TICK, next_midnight]
    for number, moment in enumerate(moments):
        installation.lead(number, moment)
    job = installation.export(DAY, DAY)
    assert list(installation.there()) == [FIRST + 1, FIRST + 2]
    assert installation.counters(job.id) == ("completed", 2, 2, 0)
    assert installation.export(DAY + timedelta(days=1), DAY - timedelta(days=1)).exported_leads == 4


@given(st.dates(date(1990, 1, 1), date(2040, 1, 1)), st.sampled_from(ZONES))
def test_days_leave_no_gap_between_them_and_do_not_overlap(day: date, zone: str) -> None:
    here, there = day_span(day, ZoneInfo(zone)), day_span(day + timedelta(days=1), ZoneInfo(zone))
    assert here.end is not None
    assert there.begin is not None
    assert here.end.astimezone(UTC) == there.begin.astimezone(UTC)
    assert here.begin is not None
    assert here.begin.astimezone(UTC) < here.end.astimezone(UTC)


def test_days_go_from_the_most_recent_day_backwards(installation: Installation) -> None:
    for number in range(3):
        installation.leads(range(number * 10, number * 10 + 10), NOON - timedelta(days=2 * number))
    job_id = installation.create(DAY, DAY - timedelta(days=4))
    pushed: list[tuple[date | None, date | None, bool]] = []

    def look() -> None:
        job = installation.job(job_id)
        there = {(lead - FIRST) // 10 for lead in installation.there()}
        pushed.append((job.processing_date, job.last_completed_date, {*range(len(pushed) + 1)} <= there))

    installation.hook(look)
    installation.run(job_id)
    assert pushed == [
        (DAY, None, True),
        (DAY - timedelta(days=2), DAY - timedelta(days=1), True),
        (DAY - timedelta(days=4), DAY - timedelta(days=3), True),
    ]
    assert installation.job(job_id).last_completed_date == DAY - timedelta(days=4)


def test_without_an_end_it_stops_at_the_oldest_lead_and_takes_those_without_a_time(
    installation: Installation,
) -> None:
    installation.lead(1, NOON)
    installation.lead(2, NOON - timedelta(days=3))
    installation.leads(range(3, 63), None)
    job = installation.export(DAY)
    assert list(installation.outcomes) == [*(DAY - timedelta(days=n) for n in range(4)), None]
    assert installation.counters(job.id) == ("completed", 62, 62, 0)
    assert len(installation.there()) == 62


def test_with_an_end_leads_without_a_time_are_of_no_day(installation: Installation) -> None:
    installation.lead(1, NOON)
    installation.lead(2, None)
    assert installation.export(DAY, DAY).exported_leads == 1
    assert list(installation.there()) == [FIRST + 1]


@pytest.mark.parametrize("oldest", [DAY, None])
def test_an_empty_range_completes_with_zeros(installation: Installation, oldest: date | None) -> None:
    installation.lead(1, NOON + timedelta(days=3))
    job = installation.export(DAY, oldest)
    assert installation.counters(job.id) == ("completed", 0, 0, 0)
    assert installation.posts() == []


def test_no_lead_at_all_completes_with_zeros(installation: Installation) -> None:
    job = installation.export(DAY)
    assert installation.counters(job.id) == ("completed", 0, 0, 0)


def test_a_range_the_wrong_way_round_is_refused_and_makes_no_job(installation: Installation) -> None:
    with pytest.raises(PermanentError, match="startDate"):
        installation.create(DAY, DAY + timedelta(days=1))
    assert installation.actions().newest() == []
    with pytest.raises(PermanentError, match=r"21/10/2025.*22/10/2025"):
        days_between(DAY, DAY + timedelta(days=1))


def test_twenty_thousand_leads_of_one_instant(installation: Installation) -> None:
    installation.tab.execute(
        "insert into public.leads (id, name, updated_at) select %s + n, 'Pessoa ' || n, %s"
        " from generate_series(1, 20000) as n",
        (FIRST, NOON),
    )
    job = installation.export(DAY, DAY)
    assert installation.counters(job.id) == ("completed", 20_000, 20_000, 0)
    assert installation.posts() == [50] * 400
    assert installation.outcomes[DAY].proof.equal == 20_000
    assert list(installation.there("nome").items()) == [(FIRST + n, f"Pessoa {n}") for n in range(1, 20_001)]


def test_days_before_the_first_lead_are_no_work(installation: Installation) -> None:
    installation.leads(range(3), NOON)
    installation.leads(range(3, 6), NOON - timedelta(days=2))
    job = installation.export(DAY, date(1, 1, 1))
    assert installation.counters(job.id) == ("completed", 6, 6, 0)
    assert [day for day in installation.outcomes if day] == [DAY - timedelta(days=back) for back in range(3)]
