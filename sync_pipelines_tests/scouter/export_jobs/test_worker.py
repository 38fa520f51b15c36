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
from sync_pipelines.scouter.export_jobs.job import ExportJob, Status
from sync_pipelines.scouter.export_jobs.progress import Step
from sync_pipelines.scouter.export_jobs.worker import FOREIGN_AGE, MAX_ATTEMPTS, ExportWork, Swept
from sync_pipelines.scouter.lead import Position
from sync_pipelines_tests.scouter.house import LeadHouse

DAY = date(2025, 10, 21)


@contextmanager
def worker(house: LeadHouse) -> Iterator[ExportWork]:
    """A worker with a session of its own, which ends with the block."""
    with psycopg.connect(house.settings.require("tabuladormax_database_url"), autocommit=True) as session:
        yield ExportWork(session)


def die(house: LeadHouse, job_id: str, run_id: str = "run") -> None:
    """Claim an export and be gone, without a word."""
    with worker(house) as gone:
        gone.claim(job_id, run_id)
    # The server notices a moment later: whoever asks for its lock waits for that.
    house.tab.execute("select pg_advisory_lock(hashtextextended(%s, 0))", [job_id])
    ExportWork(house.tab).release(job_id)


def foreign(house: LeadHouse, age: timedelta, *, started: bool = True) -> str:
    """A running export of the old Edge Function, which knows no lock and no progress of ours."""
    row = house.tab.execute(
        "insert into public.gestao_scouter_export_jobs (status, start_date, started_at, created_at)"
        " values ('running', %s, case when %s then now() - %s end, now() - %s) returning id::text",
        [DAY, started, age, age],
    ).fetchone()
    assert row is not None
    return str(row[0])


def test_a_claimed_export_runs_from_now_on_and_knows_its_run(board: LeadHouse) -> None:
    job_id = board.create(DAY, DAY)
    with worker(board) as one:
        job = one.claim(job_id, "first")
        assert (job.status, job.attempts, job.run_ids) == ("running", 1, ["first"])
        assert board.tab.execute(
            "select started_at = j.updated_at, watermark <= started_at from public.gestao_scouter_export_jobs as j"
            " join sync_private.export_progress as p on p.job_id = j.id"
        ).fetchone() == (True, True)


def test_a_claim_of_what_the_old_screen_wrote_itself_begins_our_side_of_it(board: LeadHouse) -> None:
    row = board.tab.execute(
        "insert into public.gestao_scouter_export_jobs (start_date) values ('2025-10-21') returning id::text"
    ).fetchone()
    assert row is not None
    assert board.job(row[0]).watermark is None
    with worker(board) as one:
        job = one.claim(row[0], "first")
    assert job.watermark is not None
    assert (job.phase, job.attempts) == ("days", 1)


@pytest.mark.parametrize("status", ["running", "paused", "completed", "failed"])
def test_only_a_pending_export_can_be_claimed(board: LeadHouse, status: Status) -> None:
    job_id = board.create(DAY, DAY)
    board.tab.execute("update public.gestao_scouter_export_jobs set status = %s", [status])
    with worker(board) as one, worker(board) as two:
        with pytest.raises(PermanentError, match="Não é possível executar"):
            one.claim(job_id, "run")
        job = board.job(job_id)
        assert (job.status, job.attempts) == (status, 0)
        # What was refused holds nothing: another may have it.
        board.tab.execute("update public.gestao_scouter_export_jobs set status = 'pending'")
        assert two.claim(job_id, "run").status == "running"


def test_of_workers_that_claim_at_one_moment_one_gets_it(board: LeadHouse) -> None:
    job_id = board.create(DAY, DAY)
    assert claimed_at_once(board, [job_id] * 4) == [job_id]
    assert board.job(job_id).attempts == 1


def test_of_exports_that_are_claimed_at_one_moment_one_runs(board: LeadHouse) -> None:
    for _ in range(4):  # written by something that asks nobody
        board.tab.execute("insert into public.gestao_scouter_export_jobs (start_date) values (now())")
    waiting = [job.id for job in board.actions().pending()]
    (got,) = claimed_at_once(board, waiting)
    assert {job.id: job.status for job in board.actions().newest()} == {
        one: "running" if one == got else "pending" for one in waiting
    }


def claimed_at_once(house: LeadHouse, job_ids: list[str]) -> list[str]:
    """The exports that workers got who claimed these at one moment; the others are refused, and hold nothing."""
    start = Barrier(len(job_ids))

    def one(job_id: str) -> ExportJob | None:
        with worker(house) as claims:
            start.wait()
            try:
                found = claims.claim(job_id, "run")
            except TransientError:
                found = None
            start.wait()
        return found

    with ThreadPoolExecutor(len(job_ids)) as pool:
        return [job.id for job in pool.map(one, job_ids) if job]


def test_the_export_of_a_living_worker_is_left_alone(board: LeadHouse) -> None:
    job_id = board.create(DAY, DAY)
    with worker(board) as living:
        living.claim(job_id, "run")
        # As old as it may be: the lock says that somebody works on it.
        board.tab.execute(
            "update public.gestao_scouter_export_jobs set started_at = now() - interval '9 hours'"
        )
        assert ExportWork(board.tab).sweep() == []
        with worker(board) as other, pytest.raises(TransientError, match="já está sendo executada"):
            other.claim(job_id, "other")
    assert board.job(job_id).attempts == 1


def test_the_export_of_a_worker_that_is_gone_is_taken_up_at_once(board: LeadHouse) -> None:
    job_id = board.create(DAY, DAY)
    die(board, job_id, "first")
    assert ExportWork(board.tab).sweep() == [Swept(job_id, "pending", "first")]
    job = board.job(job_id)
    assert (job.status, job.attempts) == ("pending", 1)
    assert "continua de onde parou" in str(job.pause_reason)
    assert ExportWork(board.tab).sweep() == []
    with worker(board) as second:
        again = second.claim(job_id, "second")
        assert (again.attempts, again.run_ids, again.pause_reason) == (2, ["first", "second"], None)


@pytest.mark.parametrize("started", [True, False])
@pytest.mark.parametrize(("beyond", "swept"), [(timedelta(minutes=-5), 0), (timedelta(minutes=5), 1)])
def test_what_the_old_function_left_running_is_taken_up_after_an_hour(
    board: LeadHouse, beyond: timedelta, swept: int, *, started: bool
) -> None:
    job_id = foreign(board, FOREIGN_AGE + beyond, started=started)
    assert ExportWork(board.tab).sweep() == [Swept(job_id, "pending", None)] * swept
    assert board.job(job_id).status == ("pending" if swept else "running")


@pytest.mark.parametrize("status", ["pending", "paused", "completed", "failed"])
def test_what_does_not_run_is_not_swept(board: LeadHouse, status: Status) -> None:
    job_id = board.create(DAY, DAY)
    die(board, job_id)
    board.tab.execute(
        "update public.gestao_scouter_export_jobs set status = %s, started_at = now() - interval '9 hours'",
        [status],
    )
    assert ExportWork(board.tab).sweep() == []
    assert board.job(job_id).status == status


def test_three_deaths_are_an_end_and_a_resume_between_them_counts_anew(board: LeadHouse) -> None:
    job_id = board.create(DAY, DAY)
    sweeper = ExportWork(board.tab)
    for _ in range(MAX_ATTEMPTS - 1):
        die(board, job_id)
        assert [one.status for one in sweeper.sweep()] == ["pending"]
    board.actions().pause(job_id)
    board.actions().resume(job_id)
    ends = []
    for _ in range(MAX_ATTEMPTS):
        die(board, job_id)
        ends += [one.status for one in sweeper.sweep()]
    assert ends == ["pending", "pending", "failed"]
    job = board.job(job_id)
    assert "3 vezes seguidas" in str(job.pause_reason)
    assert board.tab.execute(
        "select completed_at is not null from public.gestao_scouter_export_jobs"
    ).fetchone() == (True,)
    with worker(board) as one, pytest.raises(PermanentError, match="com falha"):
        one.claim(job_id, "run")
    # A reset forgets the deaths.
    board.actions().reset(job_id)
    die(board, job_id)
    assert [one.status for one in sweeper.sweep()] == ["pending"]


@pytest.mark.parametrize("status", ["running", "paused"])
def test_a_worker_moves_what_it_holds_and_what_was_paused_meanwhile(board: LeadHouse, status: Status) -> None:
    job_id = board.create(DAY, DAY)
    with worker(board) as one:
        one.claim(job_id, "run")
        board.tab.execute("update public.gestao_scouter_export_jobs set status = %s", [status])
        step = Step(exported=3, errors=1, processing_date=DAY, cursor=Position(None, 7))
        assert one.advance(job_id, step) == status
        job = board.job(job_id)
        assert (job.total_leads, job.exported_leads, job.error_leads) == (4, 3, 1)
        assert (job.processing_date, job.cursor) == (DAY, Position(None, 7))
        assert one.advance(job_id, Step(last_completed_date=DAY)) == status
        assert board.job(job_id).cursor is None


def test_what_was_reset_or_deleted_meanwhile_is_not_moved(board: LeadHouse) -> None:
    job_id = board.create(DAY, DAY)
    with worker(board) as one:
        one.claim(job_id, "run")
        board.actions().reset(job_id)
        assert one.advance(job_id, Step(exported=3, processing_date=DAY)) == "pending"
        job = board.job(job_id)
        assert (job.exported_leads, job.processing_date) == (0, None)
        board.actions().pause(job_id)
        board.actions().delete(job_id)
        assert one.advance(job_id, Step(exported=3)) is None


def test_an_end_says_what_became_of_the_leads(board: LeadHouse) -> None:
    job_id = board.create(DAY, DAY)
    with worker(board) as one:
        one.claim(job_id, "run")
        one.set_total(job_id, 90)
        one.advance(job_id, Step(exported=5, errors=1))
        one.finish(job_id)
    assert board.counters(job_id) == ("completed", 6, 5, 1)
    assert board.job(job_id).phase == "done"


@pytest.mark.parametrize("status", ["pending", "completed", "failed"])
def test_only_what_is_begun_can_fail(board: LeadHouse, status: Status) -> None:
    job_id = board.create(DAY, DAY)
    board.tab.execute("update public.gestao_scouter_export_jobs set status = %s", [status])
    with pytest.raises(PermanentError, match="Não é possível encerrar"):
        ExportWork(board.tab).fail(job_id, "Um motivo.")
    assert board.job(job_id).pause_reason is None


@pytest.mark.parametrize(("days", "left"), [(90, 1), (91, 2), (1, 0)])
def test_error_rows_are_kept_for_their_time(board: LeadHouse, days: int, left: int) -> None:
    job_id = board.create(DAY, DAY)
    for age in ("90 days 1 hour", "89 days 23 hours"):
        board.tab.execute(
            "insert into public.gestao_scouter_export_errors (job_id, lead_id, lead_snapshot, fields_sent,"
            " error_message, created_at) values (%s, 1, '{}', '{}', 'Não.', now() - %s::interval)",
            [job_id, age],
        )
    assert ExportWork(board.tab).forget_errors(days) == 2 - left
    assert len(board.errors()) == left
    assert board.job(job_id).status == "pending"
