"""One log row a run, true at its end, and a control table that says the same; lost locks and dead processes."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta
from decimal import Decimal

import psycopg
import pytest

from sync_pipelines.lib.failures import PermanentError, RefusedError, SyncError, TransientError
from sync_pipelines.lib.records.orphaned_runs import OURS, reap
from sync_pipelines.settings import read_as
from sync_pipelines.settings.sprinthub import SprinthubSettings
from sync_pipelines.sprinthub.run_logs import run_logs
from sync_pipelines.sprinthub.segments import log
from sync_pipelines.sprinthub.segments.execution import SegmentWork
from sync_pipelines.sprinthub.segments.steward import SegmentBusyError
from sync_pipelines.sprinthub.segments.tables import SEGMENT_LOG
from sync_pipelines_tests.sprinthub.segments.conftest import START, TICK, Project


def fail(project: Project, error: BaseException, **asked: bool) -> None:
    with pytest.raises(type(error)), project.runs.execution(7, run_id="run", **asked):
        raise error


def die(work: SegmentWork, project: Project) -> None:
    """Lose the session as a killed process does, and wait until the server has freed its locks."""
    assert work.opened is not None
    pid = work.opened.connection.info.backend_pid
    work.opened.connection.close()
    gone = "select not exists (select from pg_locks where pid = %s)"
    while project.connection.execute(gone, (pid,)).fetchone() != (True,):
        pass


def test_a_success_is_one_row_with_figures_and_the_next_tick(project: Project) -> None:
    project.put(7, "error", START - timedelta(hours=1))
    with project.runs.execution(7, run_id="run", only_if_due=True) as work:
        assert work.is_due
        assert project.logged("status, segment_id, stats ->> 'trigger'") == [("running", 7, "automatic")]
        work.outcome.leads, work.outcome.inserted, work.outcome.changed = 90, 60, 28
        work.outcome.rejected, work.outcome.entered = 2, 90
        work.outcome.drift["star_score_2"] = 3
        project.clock.advance(hours=30)
    ((status, message, rate, took, stats),) = project.logged(
        "status, message, success_rate, duration_seconds < 60, stats"
    )
    assert (status, rate, took) == ("success", Decimal("97.7777"), True)
    assert message == (
        "90 leads no segmento: 60 inseridos, 28 atualizados, 0 relidos sem mudança, 0 em dia, 2 rejeitados."
        " Entraram 90, saíram 0. Taxa de sucesso: 97,77 %."
    )
    original = {"totalLeadsInSegment": 90, "processed": 90, "inserted": 60, "updated": 28, "errors": 2}
    assert original.items() <= stats.items()
    assert stats["drift"] == {"star_score_2": 3}
    assert (stats["engine"], stats["run_id"], stats["full"]) == ("sync_pipelines", "run", False)
    row = project.row()
    # By the start: a run of 30 hours leaves the segment due at once, and does not skip a day.
    assert (row.status, row.last_execution, row.next_execution) == ("active", START, TICK)
    assert project.sent == []


def test_a_segment_without_leads_is_a_success_without_a_rate(project: Project) -> None:
    project.put(7)
    with project.runs.execution(7, run_id="run"):
        pass
    assert project.logged("status, success_rate") == [("success", None)]
    assert project.sent == []


def test_a_failure_keeps_what_a_success_wrote_and_is_due_again_later_each_time(project: Project) -> None:
    project.put(7, last=START - timedelta(days=1))
    waits = []
    for _ in range(9):
        fail(project, TransientError("SprintHub answered 502."), only_if_due=True)
        row = project.row()
        assert (row.status, row.last_execution) == ("error", START - timedelta(days=1))
        assert row.next_execution is not None
        waits.append((row.next_execution - project.clock.now) / timedelta(minutes=15))
        with project.runs.execution(7, run_id="early", only_if_due=True) as early:
            assert not early.is_due
            assert "its next run is at" in (early.outcome.skipped or "")
        project.clock.now = row.next_execution
    assert waits[:5] == [1, 2, 4, 8, 16]
    # Never beyond the next tick.
    assert max(waits) <= 96
    assert project.logged() == ["error"] * 9
    assert "Falha temporária: SprintHub answered 502." in project.logged("message")[0]
    assert "Próxima tentativa: 10/03/2026 03:15 (America/Sao_Paulo)." in project.logged("message")[0]
    with project.runs.execution(7, run_id="run", only_if_due=True):
        pass
    assert project.row().status == "active"
    fail(project, TransientError("SprintHub answered 502."))
    assert project.row().next_execution == project.clock.now + timedelta(minutes=15)


def test_a_wish_to_be_left_alone_is_honoured(project: Project) -> None:
    project.put(7)
    fail(project, TransientError("SprintHub asks for fewer calls.", retry_after=3600))
    assert project.row().next_execution == START + timedelta(hours=1)


def test_refused_credentials_wait_for_a_person(project: Project) -> None:
    project.put(7)
    fail(project, RefusedError("SprintHub refused the token (401).", 401), only_if_due=True)
    row = project.row()
    assert (row.status, row.next_execution, row.is_due(START + timedelta(days=9))) == ("error", None, False)
    assert "espera por uma pessoa" in project.logged("message")[0]
    with project.runs.execution(7, run_id="run", only_if_due=True) as work:
        assert not work.is_due
    assert project.logged() == ["error"]
    project.actions.reactivate(7, now=START)
    with project.runs.execution(7, run_id="run", only_if_due=True) as work:
        assert work.is_due


def test_unread_leads_make_the_run_an_error_with_its_true_rate(project: Project) -> None:
    project.put(7)
    with project.runs.execution(7, run_id="run") as work:
        work.outcome.leads, work.outcome.inserted, work.outcome.unread = 100, 94, 6
    ((status, rate, message),) = project.logged("status, success_rate, message")
    assert (status, rate) == ("error", Decimal(94))
    assert "Os detalhes de 6 leads não vieram do CRM" in message
    assert (project.row().status, project.row().last_execution) == ("error", None)


@pytest.mark.parametrize("ends_well", [True, False])
def test_a_paused_segment_runs_by_hand_and_stays_paused(project: Project, ends_well: bool) -> None:
    project.put(7, "paused")
    with project.runs.execution(7, run_id="run", only_if_due=True) as work:
        assert work.outcome.skipped == "it is paused"
    if ends_well:
        with project.runs.execution(7, run_id="run") as work:
            assert work.is_due
    else:
        fail(project, PermanentError("No."))
    row = project.row()
    assert row.status == "paused"
    assert (row.last_execution == START) is ends_well


@pytest.mark.parametrize("ends_well", [True, False])
def test_what_a_person_did_meanwhile_stays(project: Project, ends_well: bool) -> None:
    project.put(7, due=START - timedelta(hours=1))
    with ExitStack() as stack:
        stack.enter_context(pytest.raises(PermanentError) if not ends_well else ExitStack())
        stack.enter_context(project.runs.execution(7, run_id="run"))
        project.actions.run_now(7, now=START + timedelta(minutes=1))
        project.actions.pause(7)
        if not ends_well:
            raise PermanentError("No.")
    row = project.row()
    assert (row.status, row.next_execution) == ("paused", START + timedelta(minutes=1))


def test_a_row_that_a_person_deleted_meanwhile_does_not_come_back(project: Project) -> None:
    project.put(7)
    with project.runs.execution(7, run_id="run"):
        project.connection.execute("delete from sync_segments_control")
    assert project.logged() == ["success"]
    assert project.control.all() == []
    with project.runs.execution(7, run_id="run", only_if_due=True) as work:
        assert work.outcome.skipped == "it is not in the control table any more"


def test_a_second_run_of_the_segment_touches_nothing(project: Project) -> None:
    project.put(7)
    project.put(8)
    with project.runs.execution(7, run_id="first"):
        before = project.row()
        with pytest.raises(SegmentBusyError, match="another run"), project.runs.execution(7, run_id="second"):
            pytest.fail("it must not begin")
        with project.runs.execution(8, run_id="other"):
            pass
        assert project.row() == before
        assert project.logged("status, segment_id") == [("running", 7), ("success", 8)]
    assert project.sent == []


def test_a_dead_run_is_closed_by_the_reaper_counts_as_an_error_and_leaves_the_segment_due(
    project: Project,
) -> None:
    project.put(7)
    with pytest.raises(SegmentBusyError), project.runs.execution(7, run_id="run", only_if_due=True) as work:
        die(work, project)
        assert project.logged() == ["running"]
        assert [orphan.run_id for orphan in reap(project.connection, SEGMENT_LOG)] == ["run"]
        work.keep_lock()  # nobody else has the segment, so the lock is there again …
        with project.connection.transaction():
            work.fence(project.connection)  # … and the row is closed all the same
    assert project.logged("status, message") == [("error", OURS)]
    assert project.row().is_due(START)
    fail(project, TransientError("SprintHub answered 502."))
    assert project.row().next_execution == START + timedelta(minutes=30)


def test_a_run_whose_lock_was_lost_and_taken_over_writes_nothing_more(project: Project) -> None:
    project.put(7)
    with pytest.raises(SegmentBusyError, match="taken over"), project.runs.execution(7, run_id="old") as old:
        with project.connection.transaction():
            old.fence(project.connection)
        die(old, project)
        with project.runs.execution(7, run_id="new") as new:
            assert project.logged("status, stats ->> 'run_id'") == [("error", "old"), ("running", "new")]
            with pytest.raises(SegmentBusyError, match="writes nothing more"):
                old.keep_lock()
            with project.connection.transaction():
                new.fence(project.connection)
            project.clock.advance(hours=1)
        old.fence(project.connection)
    assert project.logged("status, stats ->> 'run_id'") == [("error", "old"), ("success", "new")]
    assert project.row().status == "active"
    assert project.sent == []


def test_a_run_that_ends_after_it_was_taken_over_does_not_touch_the_control_table(project: Project) -> None:
    project.put(7)
    with pytest.raises(SegmentBusyError), project.runs.execution(7, run_id="old") as old:
        die(old, project)
        with project.runs.execution(7, run_id="new"):
            pass
        project.actions.run_now(7, now=START)
    assert project.logged() == ["error", "success"]
    assert project.row().next_execution == START


def test_taking_over_waits_for_a_write_that_has_passed_its_fence(project: Project) -> None:
    project.put(7)
    with pytest.raises(SegmentBusyError), project.runs.execution(7, run_id="old") as old:
        die(old, project)
        with project.connection.transaction():
            old.fence(project.connection)
            blocked = {"options": "-c lock_timeout=200ms"}
            with (
                psycopg.connect(project.url, **blocked) as other,
                pytest.raises(psycopg.errors.LockNotAvailable),
            ):  # type: ignore[arg-type]
                other.execute("update sync_segments_logs set status = 'error' where status = 'running'")
        with project.runs.execution(7, run_id="new"):
            pass


def test_a_lost_connection_alone_costs_nothing(project: Project) -> None:
    project.put(7)
    with project.runs.execution(7, run_id="run") as work:
        die(work, project)
        work.keep_lock()
        with pytest.raises(SegmentBusyError), project.runs.execution(7, run_id="second"):
            pytest.fail("it must not begin")
        die(work, project)
    assert project.logged() == ["success"]
    assert project.row().next_execution == TICK


@pytest.mark.parametrize("table", ["sync_segments_control", "sync_segments_logs"])
def test_log_and_control_table_end_together_or_not_at_all(project: Project, table: str) -> None:
    """A process can die between any two statements: here the second one fails."""
    project.put(7)
    project.connection.execute(
        "create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$"
    )
    with pytest.raises(SyncError), project.runs.execution(7, run_id="run"):
        trigger = f"create trigger refuse before update on {table} for each row execute function refuse()"
        project.connection.execute(trigger.encode())
    assert project.logged() == ["running"]
    project.connection.execute(f"drop trigger refuse on {table}".encode())
    row = project.row()
    assert (row.status, row.last_execution, row.next_execution) == ("active", None, None)
    reap(project.connection, SEGMENT_LOG)
    assert project.logged() == ["error"]


@pytest.mark.parametrize("interruption", [KeyboardInterrupt(), SystemExit()])
def test_an_interruption_is_an_error_row_without_a_mail_and_leaves_the_segment_due(
    project: Project, interruption: BaseException
) -> None:
    project.put(7, due=START)
    before = project.row()
    fail(project, interruption, only_if_due=True)
    assert project.logged() == ["error"]
    assert "interrompida antes do fim" in project.logged("message")[0]
    assert project.row() == before
    assert project.sent == []


def test_interruptions_are_no_errors_in_a_row(project: Project) -> None:
    project.put(7, due=START)
    for _ in range(6):
        fail(project, KeyboardInterrupt())
    fail(project, TransientError("busy."))
    assert project.row().next_execution == START + timedelta(minutes=15)
    assert log.consecutive_errors(project.connection, 7) == 1


def test_an_interruption_leaves_a_segment_waiting_for_a_person(project: Project) -> None:
    project.put(7, due=START)
    fail(project, RefusedError("refused.", 401))
    fail(project, KeyboardInterrupt())
    assert project.row().waits_for_person
    assert not project.row().is_due(project.clock())


def test_nothing_of_an_unforeseen_error_but_its_kind_reaches_the_log(project: Project) -> None:
    project.put(7)
    fail(project, KeyError("maria@example.com"))
    assert project.logged() == ["error"]
    assert "Erro imprevisto" in project.logged("message")[0]


def test_the_reaper_looks_at_the_log_of_this_project(project: Project) -> None:
    given = {"oficialmed_database_url": project.url, "ops_database_url": project.ops}
    ((system, _what, url, known),) = run_logs(read_as(SprinthubSettings, None, **given))
    assert (system, url, known) == ("sprinthub", project.url, SEGMENT_LOG)
    assert run_logs(read_as(SprinthubSettings, None)) == []


@pytest.mark.parametrize("due", ["-infinity", "0044-03-15 BC", "0001-01-01Z"])
def test_a_time_before_all_times_is_moved_like_any_other(project: Project, due: str) -> None:
    project.put(7, due=due)
    with project.runs.execution(7, run_id="run", only_if_due=True) as work:
        assert work.is_due
    assert project.row().next_execution == TICK
    assert not project.row().is_due(project.clock())
