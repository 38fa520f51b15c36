"""What a person does to a job while it is pushed: pause, reset, delete, switch the integration off."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.sandbox.scouter.database import with_dirt_rules
from sync_pipelines.scouter.export_jobs.worker import ExportWork
from sync_pipelines_tests.scouter.installation import FIRST, Installation

DAY = date(2025, 10, 21)
NOON = datetime(2025, 10, 21, 15, tzinfo=UTC)
SWITCH = "update public.gestao_scouter_config set {} = {}"


def at_commit(installation: Installation, number: int, act: Callable[[], object]) -> None:
    """Do something once, before the commit of this number."""
    seen: list[int] = []

    def hook() -> None:
        seen.append(1)
        if len(seen) == number:
            act()

    installation.hook(hook)


@pytest.mark.parametrize("commit", [1, 2])
@pytest.mark.parametrize("in_flight", [1, 4])
def test_a_pause_in_mid_day_loses_nothing_and_counts_nothing_twice(
    installation: Installation, commit: int, in_flight: int
) -> None:
    installation.use(scouter_in_flight=in_flight, scouter_batch_size=10)
    installation.leads(range(300), NOON)
    job_id = installation.create(DAY, DAY)
    at_commit(installation, commit, lambda: installation.actions().pause(job_id, "Pausa para o almoço."))
    pause = installation.paused(job_id)
    job = installation.job(job_id)
    assert pause.by_person
    assert (job.status, job.pause_reason) == ("paused", "Pausa para o almoço.")
    # What was under way is committed; on a quick destination that may be the whole day, with its end or without it.
    assert 0 < job.exported_leads == len(installation.there()) <= 300
    assert job.last_completed_date in ((DAY, None) if job.exported_leads == 300 else (None,))
    assert job.processing_date == DAY
    installation.hook(lambda: None)
    installation.resume(job_id)
    assert installation.counters(job_id) == ("completed", 300, 300, 0)
    assert installation.job(job_id).last_completed_date == DAY
    assert sum(installation.posts()) == len(installation.there()) == 300
    assert sorted(installation.events()) == [(FIRST + n, "create", "success") for n in range(300)]


def test_a_batch_that_fails_behind_a_pause_leaves_no_gap_in_what_is_counted(
    installation: Installation,
) -> None:
    installation.use(scouter_in_flight=4, scouter_batch_size=10)
    installation.leads(range(100), NOON)
    job_id = installation.create(DAY, DAY)
    installation.postgrest.fail(
        "gateway_401", lead_id=FIRST + 85
    )  # in the second batch; the next two are under way
    at_commit(installation, 1, lambda: installation.actions().pause(job_id))
    assert installation.paused(job_id).by_person
    assert installation.counters(job_id) == ("paused", 100, 10, 0)
    installation.postgrest.clear()
    installation.hook(lambda: None)
    installation.resume(job_id)
    assert installation.counters(job_id) == ("completed", 100, 100, 0)
    assert len(installation.there()) == 100


def test_a_pause_after_the_last_batch_leaves_only_the_end_to_do(installation: Installation) -> None:
    installation.leads(range(10), NOON)
    job_id = installation.create(DAY, DAY)
    at_commit(installation, 1, lambda: installation.actions().pause(job_id))
    installation.paused(job_id)
    installation.resume(job_id)
    assert installation.counters(job_id) == ("completed", 10, 10, 0)
    assert installation.posts() == [10]


@pytest.mark.parametrize("phase", ["days", "undated", "catch_up"])
def test_a_pause_in_any_part_of_a_job_loses_nothing_and_counts_nothing_twice(
    installation: Installation, phase: str
) -> None:
    installation.use(scouter_batch_size=5, scouter_in_flight=1)
    installation.leads(range(60), NOON)
    installation.leads(range(60, 120), None)
    job_id = installation.create(DAY, None)
    installation.edit(FIRST + 3, etapa="Mudou")  # above the watermark from the first moment
    installation.edit(FIRST + 63, etapa="Mudou")

    def pause() -> None:
        job = installation.job(job_id)
        if (job.status, job.phase) == ("running", phase):
            installation.actions().pause(job_id)

    installation.hook(pause)
    installation.paused(job_id)
    assert installation.job(job_id).phase == phase
    installation.hook(lambda: None)
    installation.resume(job_id)
    assert installation.counters(job_id) == ("completed", 118, 118, 0)
    assert len(installation.there()) == 120
    assert sum(installation.posts()) == 120


def test_a_job_that_is_paused_before_its_end_is_written_is_not_at_its_end(installation: Installation) -> None:
    job_id = installation.create(DAY, DAY)
    work = ExportWork(installation.tab)
    work.claim(job_id, "run")
    installation.actions().pause(job_id)
    with pytest.raises(PermanentError, match="pausada"):
        work.finish(job_id)
    assert installation.job(job_id).phase == "days"
    work.release(job_id)
    installation.resume(job_id)
    assert installation.counters(job_id) == ("completed", 0, 0, 0)


def test_the_counters_are_true_at_every_moment(installation: Installation) -> None:
    installation.use(scouter_batch_size=10)
    with_dirt_rules(installation.gestao)
    for number in range(3):
        installation.leads(range(number * 100, number * 100 + 60), NOON - timedelta(days=number))
    bad = [*range(0, 300, 25)]
    installation.leads([n for n in bad if n % 100 < 60], NOON, age=1999)
    installation.leads(range(400, 420), None)
    job_id = installation.create(DAY, None)
    rejected = len([n for n in bad if n % 100 < 60])
    seen: list[int] = []

    def look() -> None:
        job = installation.job(job_id)
        done = job.exported_leads + job.error_leads
        assert job.total_leads == 200
        assert seen[-1:] <= [done]
        assert done <= 200
        assert job.error_leads == len(installation.errors())
        # What is counted is there; what is there and not counted yet is on its way.
        assert job.exported_leads <= len(installation.there())
        assert job.last_completed_date is None or job.processing_date is not None
        if job.last_completed_date and job.processing_date:
            assert job.processing_date <= job.last_completed_date
        seen.append(done)

    installation.hook(look)
    installation.run(job_id)
    assert len(seen) > 3
    assert installation.counters(job_id) == ("completed", 200, 200 - rejected, rejected)


def test_leads_that_come_into_an_older_day_meanwhile_do_not_pass_the_total(
    installation: Installation,
) -> None:
    installation.leads(range(10), NOON)
    installation.leads(range(10, 20), NOON - timedelta(days=1))
    job_id = installation.create(DAY, DAY - timedelta(days=1))
    seen: list[tuple[str, int, int, int]] = []
    with installation.push.open("run", job_id=job_id) as run:
        installation.leads(range(20, 40), NOON - timedelta(days=1))
        for day in run.days:
            run.push_day(day)
            seen.append(installation.counters(job_id))
        run.close()
    assert [exported <= total for _, total, exported, _ in seen] == [True, True]
    assert installation.counters(job_id) == ("completed", 40, 40, 0)


@pytest.mark.parametrize("commit", [1, 3])
def test_a_reset_in_mid_run_begins_anew_and_leaves_nothing_of_before(
    installation: Installation, commit: int
) -> None:
    # One batch after the other, each under way for longer than a commit takes: so many commits there are.
    installation.use(scouter_batch_size=10, scouter_in_flight=1)
    installation.postgrest.latency_seconds = 0.03
    with_dirt_rules(installation.gestao)
    installation.leads(range(100), NOON)
    installation.leads(range(0, 100, 9), NOON, age=1999)
    job_id = installation.create(DAY, DAY)
    at_commit(installation, commit, lambda: installation.actions().reset(job_id))
    pause = installation.paused(job_id)
    job = installation.job(job_id)
    assert pause.by_person
    assert "reset" in str(pause)
    assert installation.counters(job_id) == ("pending", 0, 0, 0)
    assert (job.processing_date, job.last_completed_date, job.cursor) == (None, None, None)
    assert installation.errors() == []
    installation.hook(lambda: None)
    installation.run(job_id)
    assert installation.counters(job_id) == ("completed", 100, 88, 12)
    assert [row["lead_id"] for row in installation.errors()] == [FIRST + n for n in range(0, 100, 9)]


@pytest.mark.parametrize("bad", [0, 5])
def test_a_job_deleted_in_mid_run_ends_quietly(installation: Installation, bad: int) -> None:
    installation.use(scouter_batch_size=10)
    with_dirt_rules(installation.gestao)
    installation.leads(range(100), NOON)
    installation.leads(range(100 - bad, 100), NOON, age=1999)
    job_id = installation.create(DAY, DAY)

    def delete() -> None:
        installation.actions().pause(job_id)
        installation.actions().delete(job_id)

    at_commit(installation, 1, delete)
    pause = installation.paused(job_id)
    assert pause.by_person
    assert "excluída" in str(pause)
    assert "resume" not in str(pause)
    assert installation.actions().newest() == []
    assert installation.errors() == []
    # What was sent before the end is in the audit trail all the same.
    sent = {lead for lead, _, status in installation.events() if status == "success"}
    assert sent == set(installation.there())


@pytest.mark.parametrize("switch", ["active", "sync_enabled"])
def test_switching_the_integration_off_stops_a_job_between_two_batches(
    installation: Installation, switch: str
) -> None:
    installation.use(scouter_batch_size=10)
    installation.leads(range(300), NOON)
    job_id = installation.create(DAY, DAY)
    off, on = SWITCH.format(switch, "false"), SWITCH.format(switch, "true")
    at_commit(installation, 1, lambda: installation.tab.execute(off.encode()))
    pause = installation.paused(job_id)
    job = installation.job(job_id)
    assert pause.by_person
    assert job.status == "paused"
    assert job.pause_reason is not None
    assert "Config > Integrações" in job.pause_reason
    assert job.exported_leads == len(installation.there()) < 300
    installation.tab.execute(on.encode())
    installation.resume(job_id)
    assert installation.counters(job_id) == ("completed", 300, 300, 0)
