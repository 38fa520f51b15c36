"""A worker's side of an export: claimed by one, taken up when that one is gone, given up after three deaths."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, timedelta
from threading import Barrier

import psycopg
import pytest

from sync_pipelines.lib.failures import PermanentError, TransientError
from sync_pipelines.lib.records.orphaned_runs import FOREIGN_AGE
from sync_pipelines.scouter.export_jobs.job import ExportJob, Status
from sync_pipelines.scouter.export_jobs.orphans import MAX_ATTEMPTS
from sync_pipelines.scouter.export_jobs.progress import Step
from sync_pipelines.scouter.export_jobs.worker import ExportWork
from sync_pipelines.scouter.lead import Position
from sync_pipelines_tests.scouter.installation import Installation

DAY = date(2025, 10, 21)


@contextmanager
def worker(installation: Installation) -> Iterator[ExportWork]:
    """A worker with a session of its own, which ends with the block."""
    with psycopg.connect(
        installation.settings.require("tabuladormax_database_url"), autocommit=True
    ) as session:
        yield ExportWork(session)


def die(installation: Installation, job_id: str, run_id: str = "run") -> None:
    """Claim an export and be gone, without a word."""
    with worker(installation) as gone:
        gone.claim(job_id, run_id)
    # The server notices a moment later: whoever asks for its lock waits for that.
    installation.tab.execute("select pg_advisory_lock(hashtextextended(%s, 0))", [job_id])
    ExportWork(installation.tab).release(job_id)


def foreign(installation: Installation, age: timedelta, *, started: bool = True) -> str:
    """A running export of the old Edge Function, which knows no lock and no progress of ours."""
    row = installation.tab.execute(
        "insert into public.gestao_scouter_export_jobs (status, start_date, started_at, created_at)"
        " values ('running', %s, case when %s then now() - %s end, now() - %s) returning id::text",
        [DAY, started, age, age],
    ).fetchone()
    assert row is not None
    return str(row[0])


def test_a_claimed_export_runs_from_now_on_and_knows_its_run(control_plane: Installation) -> None:
    job_id = control_plane.create(DAY, DAY)
    with worker(control_plane) as one:
        job = one.claim(job_id, "first")
        assert (job.status, job.attempts, job.run_ids) == ("running", 1, ["first"])
        assert control_plane.tab.execute(
            "select started_at = j.updated_at, watermark <= started_at from public.gestao_scouter_export_jobs as j"
            " join sync_private.export_progress as p on p.job_id = j.id"
        ).fetchone() == (True, True)


def test_a_claim_of_what_the_old_screen_wrote_itself_begins_our_side_of_it(
    control_plane: Installation,
) -> None:
    row = control_plane.tab.execute(
        "insert into public.gestao_scouter_export_jobs (start_date) values ('2025-10-21') returning id::text"
    ).fetchone()
    assert row is not None
    assert control_plane.job(row[0]).watermark is None
    with worker(control_plane) as one:
        job = one.claim(row[0], "first")
    assert job.watermark is not None
    assert (job.phase, job.attempts) == ("days", 1)


@pytest.mark.parametrize("status", ["running", "paused", "completed", "failed"])
def test_only_a_pending_export_can_be_claimed(control_plane: Installation, status: Status) -> None:
    job_id = control_plane.create(DAY, DAY)
    control_plane.tab.execute("update public.gestao_scouter_export_jobs set status = %s", [status])
    with worker(control_plane) as one, worker(control_plane) as two:
        with pytest.raises(PermanentError, match="Não é possível executar"):
            one.claim(job_id, "run")
        job = control_plane.job(job_id)
        assert (job.status, job.attempts) == (status, 0)
        # What was refused holds nothing: another may have it.
        control_plane.tab.execute("update public.gestao_scouter_export_jobs set status = 'pending'")
        assert two.claim(job_id, "run").status == "running"


def test_of_workers_that_claim_at_one_moment_one_gets_it(control_plane: Installation) -> None:
    job_id = control_plane.create(DAY, DAY)
    assert claimed_at_once(control_plane, [job_id] * 4) == [job_id]
    assert control_plane.job(job_id).attempts == 1


def test_of_exports_that_are_claimed_at_one_moment_one_runs(control_plane: Installation) -> None:
    for _ in range(4):  # written by something that asks nobody
        control_plane.tab.execute("insert into public.gestao_scouter_export_jobs (start_date) values (now())")
    waiting = [job.id for job in control_plane.actions().pending()]
    (got,) = claimed_at_once(control_plane, waiting)
    assert {job.id: job.status for job in control_plane.actions().newest()} == {
        one: "running" if one == got else "pending" for one in waiting
    }


def claimed_at_once(installation: Installation, job_ids: list[str]) -> list[str]:
    """The exports that workers got who claimed these at one moment; the others are refused, and hold nothing."""
    start = Barrier(len(job_ids))

    def one(job_id: str) -> ExportJob | None:
        with worker(installation) as claims:
            start.wait()
            try:
                found = claims.claim(job_id, "run")
            except TransientError:
                found = None
            start.wait()
        return found

    with ThreadPoolExecutor(len(job_ids)) as pool:
        return [job.id for job in pool.map(one, job_ids) if job]


def test_the_export_of_a_living_worker_is_left_alone(control_plane: Installation) -> None:
    job_id = control_plane.create(DAY, DAY)
    with worker(control_plane) as living:
        living.claim(job_id, "run")
        # As old as it may be: the lock says that somebody works on it.
        control_plane.tab.execute(
            "update public.gestao_scouter_export_jobs set started_at = now() - interval '9 hours'"
        )
        assert control_plane.reap() == []
        with worker(control_plane) as other, pytest.raises(TransientError, match="já está sendo executada"):
            other.claim(job_id, "other")
    assert control_plane.job(job_id).attempts == 1


def test_the_export_of_a_worker_that_is_gone_is_taken_up_at_once(control_plane: Installation) -> None:
    job_id = control_plane.create(DAY, DAY)
    die(control_plane, job_id, "first")
    assert control_plane.reap() == [(job_id, "pending", "first")]
    job = control_plane.job(job_id)
    assert (job.status, job.attempts) == ("pending", 1)
    assert "continua de onde parou" in str(job.pause_reason)
    assert control_plane.reap() == []
    with worker(control_plane) as second:
        again = second.claim(job_id, "second")
        assert (again.attempts, again.run_ids, again.pause_reason) == (2, ["first", "second"], None)


@pytest.mark.parametrize("started", [True, False])
@pytest.mark.parametrize(("beyond", "reaped"), [(timedelta(minutes=-5), 0), (timedelta(minutes=5), 1)])
def test_what_the_old_function_left_running_is_taken_up_after_an_hour(
    control_plane: Installation, beyond: timedelta, reaped: int, *, started: bool
) -> None:
    job_id = foreign(control_plane, FOREIGN_AGE + beyond, started=started)
    assert control_plane.reap() == [(job_id, "pending", None)] * reaped
    assert control_plane.job(job_id).status == ("pending" if reaped else "running")


@pytest.mark.parametrize("status", ["pending", "paused", "completed", "failed"])
def test_what_does_not_run_is_not_reaped(control_plane: Installation, status: Status) -> None:
    job_id = control_plane.create(DAY, DAY)
    die(control_plane, job_id)
    control_plane.tab.execute(
        "update public.gestao_scouter_export_jobs set status = %s, started_at = now() - interval '9 hours'",
        [status],
    )
    assert control_plane.reap() == []
    assert control_plane.job(job_id).status == status


def test_three_deaths_are_an_end_and_a_resume_between_them_counts_anew(control_plane: Installation) -> None:
    job_id = control_plane.create(DAY, DAY)
    for _ in range(MAX_ATTEMPTS - 1):
        die(control_plane, job_id)
        assert [status for _, status, _ in control_plane.reap()] == ["pending"]
    control_plane.actions().pause(job_id)
    control_plane.actions().resume(job_id)
    ends = []
    for _ in range(MAX_ATTEMPTS):
        die(control_plane, job_id)
        ends += [status for _, status, _ in control_plane.reap()]
    assert ends == ["pending", "pending", "failed"]
    job = control_plane.job(job_id)
    assert "3 vezes seguidas" in str(job.pause_reason)
    assert control_plane.tab.execute(
        "select completed_at is not null from public.gestao_scouter_export_jobs"
    ).fetchone() == (True,)
    with worker(control_plane) as one, pytest.raises(PermanentError, match="com falha"):
        one.claim(job_id, "run")
    # A reset forgets the deaths.
    control_plane.actions().reset(job_id)
    die(control_plane, job_id)
    assert [status for _, status, _ in control_plane.reap()] == ["pending"]


@pytest.mark.parametrize("status", ["running", "paused"])
def test_a_worker_moves_what_it_holds_and_what_was_paused_meanwhile(
    control_plane: Installation, status: Status
) -> None:
    job_id = control_plane.create(DAY, DAY)
    with worker(control_plane) as one:
        one.claim(job_id, "run")
        control_plane.tab.execute("update public.gestao_scouter_export_jobs set status = %s", [status])
        step = Step(exported=3, errors=1, processing_date=DAY, cursor=Position(None, 7))
        assert one.advance(job_id, step) == status
        job = control_plane.job(job_id)
        assert (job.total_leads, job.exported_leads, job.error_leads) == (4, 3, 1)
        assert (job.processing_date, job.cursor) == (DAY, Position(None, 7))
        assert one.advance(job_id, Step(last_completed_date=DAY)) == status
        assert control_plane.job(job_id).cursor is None


def test_what_was_reset_or_deleted_meanwhile_is_not_moved(control_plane: Installation) -> None:
    job_id = control_plane.create(DAY, DAY)
    with worker(control_plane) as one:
        one.claim(job_id, "run")
        control_plane.actions().reset(job_id)
        assert one.advance(job_id, Step(exported=3, processing_date=DAY)) == "pending"
        job = control_plane.job(job_id)
        assert (job.exported_leads, job.processing_date) == (0, None)
        control_plane.actions().pause(job_id)
        control_plane.actions().delete(job_id)
        assert one.advance(job_id, Step(exported=3)) is None


def test_an_end_says_what_became_of_the_leads(control_plane: Installation) -> None:
    job_id = control_plane.create(DAY, DAY)
    with worker(control_plane) as one:
        one.claim(job_id, "run")
        one.set_total(job_id, 90)
        one.advance(job_id, Step(exported=5, errors=1))
        one.finish(job_id)
    assert control_plane.counters(job_id) == ("completed", 6, 5, 1)
    assert control_plane.job(job_id).phase == "done"


@pytest.mark.parametrize("status", ["pending", "completed", "failed"])
def test_only_what_is_begun_can_fail(control_plane: Installation, status: Status) -> None:
    job_id = control_plane.create(DAY, DAY)
    control_plane.tab.execute("update public.gestao_scouter_export_jobs set status = %s", [status])
    with pytest.raises(PermanentError, match="Não é possível encerrar"):
        ExportWork(control_plane.tab).fail(job_id, "Um motivo.")
    assert control_plane.job(job_id).pause_reason is None


@pytest.mark.parametrize(("days", "left"), [(90, 1), (91, 2), (1, 0)])
def test_error_rows_are_kept_for_their_time(control_plane: Installation, days: int, left: int) -> None:
    job_id = control_plane.create(DAY, DAY)
    for age in ("90 days 1 hour", "89 days 23 hours"):
        control_plane.tab.execute(
            "insert into public.gestao_scouter_export_errors (job_id, lead_id, lead_snapshot, fields_sent,"
            " error_message, created_at) values (%s, 1, '{}', '{}', 'Não.', now() - %s::interval)",
            [job_id, age],
        )
    assert ExportWork(control_plane.tab).forget_errors(days) == 2 - left
    assert len(control_plane.errors()) == left
    assert control_plane.job(job_id).status == "pending"
