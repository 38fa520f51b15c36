"""The push through Dagster: which job a run is, what its events say of what was done, and how it may end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from sync_pipelines.lib.orchestration import metadata as keys
from sync_pipelines.sandbox.scouter.database import drop_column, with_dirt_rules
from sync_pipelines.scouter.defs.descriptions import ACCEPTED, EXPORT_KEY, PROVED, TRAVELS
from sync_pipelines_tests.scouter.dagster_runs import LaunchedRun, push
from sync_pipelines_tests.scouter.installation import FIRST, Installation

DAY = date(2025, 10, 21)
NOON = datetime(2025, 10, 21, 15, tzinfo=UTC)
BEFORE = DAY - timedelta(days=1)
#: What every day reports.
DAY_KEYS = {
    *(keys.ROWS_READ, keys.ROWS_LOADED, keys.ROWS_UNCHANGED, keys.ROWS_REJECTED, keys.ROW_COUNT),
    *(keys.CALLS, keys.PROVED, keys.DURATION, "rows_gone_meanwhile", "rows_read_back", "export_job", "proof"),
    *("unchanged_read_back", "unchanged_on_earlier_readings", "oldest_reading", "lost_at_the_destination"),
}


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def three_days(installation: Installation) -> Installation:
    """Ten leads a day on three days, the most recent of which is `DAY`."""
    installation.use(scouter_batch_size=5, scouter_in_flight=1)
    for back in range(3):
        installation.leads(range(back * 10, back * 10 + 10), NOON - timedelta(days=back))
    return installation


def betray(installation: Installation, lead: int) -> None:
    """Have the destination write something else than it was sent of one lead."""
    installation.gestao.execute(
        "create function public.betray() returns trigger language plpgsql as"
        " $$ begin new.nome = 'Outra pessoa'; return new; end $$"
    )
    installation.gestao.execute(
        f"create trigger betray before insert or update on public.leads for each row"
        f" when (new.id = {lead}) execute function public.betray()".encode()
    )


def pause_in(installation: Installation, job_id: str, day: date, reason: str = "Por hoje chega.") -> None:
    """Have a person pause a job when it comes to a day."""

    def pause() -> None:
        job = installation.job(job_id)
        if job.status == "running" and job.processing_date == day:
            installation.actions().pause(job_id, reason)

    installation.hook(pause)


def only_job(installation: Installation) -> Any:
    (job,) = installation.actions().newest()
    return job


def test_a_range_is_one_job_and_each_day_tells_what_was_done(
    three_days: Installation, instance: dg.DagsterInstance
) -> None:
    done = push(three_days, instance, DAY, oldest=DAY - timedelta(days=2))
    assert done.result.success
    job = only_job(three_days)
    assert (job.status, job.start_date, job.end_date) == ("completed", DAY, DAY - timedelta(days=2))
    assert three_days.counters(job.id) == ("completed", 30, 30, 0)
    assert done.run.tags["scouter/export_job"] == job.id
    assert job.run_ids == [done.result.run_id]
    assert sorted(map(str, done.materialized)) == ["2025-10-19", "2025-10-20", "2025-10-21"]
    for told in done.materialized.values():
        assert set(told) == DAY_KEYS
        assert (told[keys.ROWS_READ], told[keys.ROWS_LOADED], told[keys.ROW_COUNT]) == (10, 10, 10)
        assert (told[keys.PROVED], told["rows_read_back"], told["export_job"]) == (True, 10, job.id)
        assert told[keys.CALLS] >= 3
    for check in (PROVED, ACCEPTED, TRAVELS):
        verdicts = done.verdicts(check)
        assert {key: passed for key, (passed, _) in verdicts.items()} == dict.fromkeys(
            [*done.materialized, None], True
        )


def test_a_second_run_finds_nothing_to_send(three_days: Installation, instance: dg.DagsterInstance) -> None:
    push(three_days, instance, DAY, oldest=DAY)
    done = push(three_days, instance, DAY, oldest=DAY)
    told = done.materialized["2025-10-21"]
    assert (told[keys.ROWS_LOADED], told[keys.ROWS_UNCHANGED], told[keys.ROW_COUNT]) == (0, 10, 10)
    again = push(three_days, instance, DAY, oldest=DAY, send_all=True)
    assert again.materialized["2025-10-21"][keys.ROWS_LOADED] == 10
    assert [job.status for job in three_days.actions().newest()] == ["completed"] * 3


def test_a_run_of_a_pending_job_goes_by_the_jobs_days_and_not_by_its_own(
    three_days: Installation, instance: dg.DagsterInstance
) -> None:
    job_id = three_days.create(DAY, BEFORE)
    done = push(three_days, instance, DAY, oldest=DAY, export_job=job_id)
    assert done.result.success
    assert three_days.counters(job_id) == ("completed", 20, 20, 0)
    # A day that the run's range does not hold gets no event of it.
    assert list(done.materialized) == ["2025-10-21"]
    assert only_job(three_days).id == job_id


def test_a_run_over_more_days_than_the_job_marks_only_those_that_it_did(
    three_days: Installation, instance: dg.DagsterInstance
) -> None:
    job_id = three_days.create(BEFORE, BEFORE)
    done = push(three_days, instance, DAY, oldest="2025-10-01", export_job=job_id)
    assert list(done.materialized) == ["2025-10-20"]
    assert instance.get_materialized_partitions(EXPORT_KEY) == {"2025-10-20"}


def test_a_pause_in_mid_run_cancels_the_run_says_why_and_a_later_run_goes_on(
    three_days: Installation, instance: dg.DagsterInstance
) -> None:
    job_id = three_days.create(DAY, DAY - timedelta(days=2))

    pause_in(three_days, job_id, BEFORE, reason="Pausa para o almoço.")
    done = push(three_days, instance, DAY, oldest=DAY - timedelta(days=2), export_job=job_id)
    assert done.status is dg.DagsterRunStatus.CANCELED
    assert any("A exportação foi pausada" in message for message in done.messages)
    assert three_days.job(job_id).pause_reason == "Pausa para o almoço."
    three_days.hook(lambda: None)
    three_days.actions().resume(job_id)
    rest = push(three_days, instance, DAY, oldest=DAY - timedelta(days=2), export_job=job_id)
    assert rest.result.success
    # A day that was at its end is told of by the run that ended it, and by no other.
    days = ["2025-10-21", "2025-10-20", "2025-10-19"]
    assert [*done.materialized, *rest.materialized] == days
    assert "2025-10-21" in done.materialized
    assert three_days.counters(job_id) == ("completed", 30, 30, 0)
    assert three_days.job(job_id).run_ids == [done.result.run_id, rest.result.run_id]


def test_a_job_that_is_paused_and_resumed_under_its_run_is_taken_up_by_the_next_one(
    three_days: Installation, instance: dg.DagsterInstance
) -> None:
    job_id = three_days.create(DAY, BEFORE)

    def hesitate() -> None:
        if three_days.job(job_id).status == "running":
            three_days.actions().pause(job_id)
            three_days.actions().resume(job_id)

    three_days.hook(hesitate)
    done = push(three_days, instance, DAY, oldest=BEFORE, export_job=job_id)
    assert done.status is dg.DagsterRunStatus.CANCELED
    assert any("retomada durante a execução" in message for message in done.messages)
    assert three_days.job(job_id).status == "pending"
    three_days.hook(lambda: None)
    assert push(three_days, instance, DAY, oldest=BEFORE, export_job=job_id).result.success
    assert three_days.counters(job_id) == ("completed", 20, 20, 0)
    assert len(three_days.there()) == 20


def test_a_refusal_of_the_doctor_pauses_the_job_and_fails_the_run_with_the_sql(
    three_days: Installation, instance: dg.DagsterInstance
) -> None:
    drop_column(three_days.gestao, "fonte")
    three_days.gestao.execute("notify pgrst, 'reload schema'")
    done = push(three_days, instance, DAY, oldest=DAY)
    assert done.status is dg.DagsterRunStatus.FAILURE
    assert 'add column if not exists "fonte" text' in done.failure.lower()
    job = only_job(three_days)
    assert job.status == "paused"
    assert '"fonte"' in job.pause_reason
    assert "resume" in job.pause_reason
    assert done.materialized == {}
    assert three_days.posts() == []


def test_a_day_that_is_not_proved_fails_alone(three_days: Installation, instance: dg.DagsterInstance) -> None:
    betray(three_days, FIRST + 13)
    done = push(three_days, instance, DAY, oldest=DAY - timedelta(days=2))
    assert done.status is dg.DagsterRunStatus.FAILURE
    assert "2025-10-20" in done.failure
    assert "2025-10-19:" not in done.failure
    assert list(done.materialized) == ["2025-10-21", "2025-10-19"]
    verdicts = done.verdicts(PROVED)
    assert {key: passed for key, (passed, _) in verdicts.items()} == {
        "2025-10-21": True,
        "2025-10-20": False,
        "2025-10-19": True,
        # What stands for the whole asset, newest of all: not the last day's.
        None: False,
    }
    assert "1 differ in nome" in verdicts["2025-10-20"][1]
    assert only_job(three_days).status == "failed"
    assert len(three_days.there()) == 30


def test_a_job_that_fails_over_a_day_of_an_earlier_run_fails_its_run(
    three_days: Installation, instance: dg.DagsterInstance
) -> None:
    betray(three_days, FIRST + 3)
    job_id = three_days.create(DAY, BEFORE)

    pause_in(three_days, job_id, BEFORE)
    first = push(three_days, instance, DAY, oldest=BEFORE, export_job=job_id)
    three_days.hook(lambda: None)
    three_days.actions().resume(job_id)
    done = push(three_days, instance, DAY, oldest=BEFORE, export_job=job_id)
    assert three_days.job(job_id).status == "failed"
    assert done.status is dg.DagsterRunStatus.FAILURE
    assert "21/10/2025" in done.failure
    assert [*first.materialized, *done.materialized] == ["2025-10-20"]


def test_refused_leads_fail_a_check_and_not_the_run(
    three_days: Installation, instance: dg.DagsterInstance
) -> None:
    with_dirt_rules(three_days.gestao)
    three_days.lead(12, NOON - timedelta(days=1), age=1999)
    done = push(three_days, instance, DAY, oldest=BEFORE)
    assert done.result.success
    assert sorted(map(str, done.materialized)) == ["2025-10-20", "2025-10-21"]
    told = done.materialized["2025-10-20"]
    assert (told[keys.ROWS_READ], told[keys.ROWS_LOADED], told[keys.ROWS_REJECTED]) == (10, 9, 1)
    verdicts = done.verdicts(ACCEPTED)
    assert [verdicts[key][0] for key in ("2025-10-21", "2025-10-20", None)] == [True, False, False]
    assert "1 of 10 leads were rejected" in verdicts["2025-10-20"][1]
    assert all(passed for passed, _ in done.verdicts(PROVED).values())
    assert three_days.counters(only_job(three_days).id) == ("completed", 20, 19, 1)


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"accept": ["tudo"]}, "accept names tudo; what can be decided is overwrite_local_leads."),
        ({"export_job": "42"}, "O id da exportação não é um UUID."),
        ({"export_job": "00000000-0000-4000-8000-00000000dead"}, "Não existe a exportação"),
    ],
)
def test_a_wrong_configuration_is_refused_in_a_sentence(
    three_days: Installation, instance: dg.DagsterInstance, config: dict[str, Any], told: str
) -> None:
    done = push(three_days, instance, DAY, oldest=DAY, **config)
    assert done.failure.startswith(told)
    assert three_days.actions().newest() == []
    assert three_days.posts() == []


def test_a_range_the_wrong_way_round_is_refused(
    three_days: Installation, instance: dg.DagsterInstance
) -> None:
    done = push(three_days, instance, BEFORE, oldest=DAY)
    assert done.failure == "The run's range holds no day: its ends may be reversed."
    assert three_days.actions().newest() == []


def busy(installation: Installation, launched: Callable[[], LaunchedRun]) -> LaunchedRun:
    """Launch while another push to the same destination is at work."""
    installation.push = replace(installation.push, wait_seconds=0.05)
    with installation.push.open("other", days=(DAY, DAY)):
        return launched()


def test_a_second_run_beside_a_push_is_refused_in_a_sentence(
    three_days: Installation, instance: dg.DagsterInstance
) -> None:
    done = busy(three_days, lambda: push(three_days, instance, BEFORE, oldest=BEFORE))
    assert "Outro envio para o Gestão Scouter está em andamento" in done.failure
    assert [job.start_date for job in three_days.actions().newest()] == [DAY]


def test_a_run_of_a_job_that_is_not_pending_is_refused(
    three_days: Installation, instance: dg.DagsterInstance
) -> None:
    job_id = three_days.create(DAY, DAY)
    three_days.actions().pause(job_id)
    done = push(three_days, instance, DAY, oldest=DAY, export_job=job_id)
    assert done.failure == f"Não é possível executar a exportação {job_id}: ela está pausada."
    assert three_days.posts() == []


def test_an_integration_that_is_switched_off_is_refused(
    three_days: Installation, instance: dg.DagsterInstance
) -> None:
    three_days.tab.execute("update public.gestao_scouter_config set active = false")
    done = push(three_days, instance, DAY, oldest=DAY)
    assert "inativa" in done.failure
    assert three_days.actions().newest() == []
    assert list(three_days.postgrest.requests) == []


def test_a_destination_that_is_away_pauses_the_job_and_fails_the_run(
    three_days: Installation, instance: dg.DagsterInstance
) -> None:
    push(three_days, instance, DAY, oldest=DAY)  # so that the doctor knows the schemas
    three_days.postgrest.fail("bad_gateway")
    done = push(three_days, instance, DAY, oldest=BEFORE)
    assert done.status is dg.DagsterRunStatus.FAILURE
    job = three_days.actions().newest()[0]
    assert job.status == "paused"
    assert job.pause_reason in done.failure
    assert "2025-10-20" not in done.materialized


def test_a_run_that_is_terminated_leaves_its_job_paused(
    three_days: Installation, instance: dg.DagsterInstance
) -> None:
    def terminate() -> None:
        raise dg.DagsterExecutionInterruptedError

    three_days.hook(terminate)
    assert not push(three_days, instance, DAY, oldest=BEFORE).result.success
    job = only_job(three_days)
    assert job.status == "paused"
    assert str(job.pause_reason).startswith("A execução foi interrompida. Depois retome")
    three_days.hook(lambda: None)
    assert three_days.resume(job.id).status == "completed"
