"""The weekly comparison of every lead, and the repair that sends exactly what differs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest

from sync_pipelines.sandbox.scouter.database import drop_column, with_dirt_rules
from sync_pipelines.scouter.defs.descriptions import (
    ACCEPTED,
    DATED,
    DESTINATION_KEY,
    EQUAL,
    EXPORT_KEY,
    MOVING,
    NO_OLD_ERRORS,
    PROVED,
    TRAVELS,
)
from sync_pipelines.scouter.push.full_comparison import compare_all
from sync_pipelines.scouter.push.options import PushOptions
from sync_pipelines_tests.scouter.dagster_runs import launch, push
from sync_pipelines_tests.scouter.installation import FIRST, Installation

DAY = date(2025, 10, 21)
NOON = datetime(2025, 10, 21, 15, tzinfo=UTC)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def pushed(installation: Installation) -> Installation:
    """Thirty leads of two days and of none, all of them pushed and proved."""
    installation.push = replace(installation.push, clock=lambda: NOON + timedelta(hours=1))
    installation.leads(range(10), NOON, etapa="Agendado")
    installation.leads(range(10, 20), NOON - timedelta(days=300), etapa="Agendado")
    installation.leads(range(20, 30), None, etapa="Agendado")
    installation.export(DAY, None)
    installation.postgrest.clear()
    return installation


def verdict(installation: Installation, instance: dg.DagsterInstance) -> tuple[bool, str]:
    done = launch(installation, instance, "scouter_compare")
    assert done.result.success
    (found,) = done.result.get_asset_check_evaluations()
    assert (found.asset_key, found.check_name, found.severity) == (
        DESTINATION_KEY,
        EQUAL,
        dg.AssetCheckSeverity.ERROR,
    )
    return found.passed, str(found.description)


def test_where_all_is_there_the_check_says_so_and_makes_a_recent_reading(
    pushed: Installation, instance: dg.DagsterInstance
) -> None:
    pushed.ops.execute("update ops.lead_exchanges set exchanged_at = '2025-01-01', doubted = true")
    told = "Of 30 leads 30 are at the destination as they are here."
    assert verdict(pushed, instance) == (True, told)
    pushed.export(DAY, DAY, PushOptions(compare=False))
    assert pushed.total().unchanged_check.oldest_day is not None
    assert pushed.total().unchanged_check.oldest_day > date(2025, 1, 1)
    assert pushed.posts() == []


def test_what_differs_is_named_without_a_value_and_the_repair_sends_exactly_that(
    pushed: Installation, instance: dg.DagsterInstance
) -> None:
    pushed.gestao.execute("delete from public.leads where id in (600003, 600013)")
    pushed.gestao.execute("update public.leads set etapa = 'Segredo' where id in (600005, 600025)")
    passed, told = verdict(pushed, instance)
    assert not passed
    assert told == (
        "Of 30 leads 26 are at the destination as they are here. 2 are missing there (such as 600003)."
        " 2 differ in etapa (such as 600005). Launch scouter_repair: it sends exactly these."
    )
    assert pushed.posts() == []
    assert launch(pushed, instance, "scouter_repair").result.success
    (job, _) = pushed.actions().newest()
    assert (job.status, job.start_date, job.end_date, job.options["compare"]) == ("pending", DAY, None, True)
    pushed.run(job.id)
    assert sum(pushed.posts()) == 4
    assert verdict(pushed, instance)[0]
    assert len(pushed.there()) == 30


def test_leads_that_wait_for_a_push_or_for_the_reverse_sync_are_no_difference(
    pushed: Installation, instance: dg.DagsterInstance
) -> None:
    pushed.use(scouter_way_back=True)
    pushed.edit(FIRST + 1, etapa="Mudou aqui")
    pushed.lead(99, datetime.now(UTC))
    pushed.gestao.execute("update public.leads set etapa = 'Mudou lá' where id = 600002")
    pushed.ops.execute(
        "insert into ops.inbox (source, key, payload) values ('gestaoscouter', '600002', '{}')"
    )
    passed, told = verdict(pushed, instance)
    assert passed
    assert told == (
        "Of 31 leads 28 are at the destination as they are here. 2 are new or were changed here, and wait for a push."
        " 1 were changed there and wait for the reverse sync."
    )


def test_a_lead_that_is_edited_between_the_two_readings_is_no_difference(pushed: Installation) -> None:
    """The second reading is of leads as they are then: those that a push brought over meanwhile are equal."""
    pushed.gestao.execute("update public.leads set etapa = 'Outra' where id = 600004")
    first = compare_all(pushed.push, "run")
    assert (first.wrong_ids, first.read) == ([FIRST + 4], 30)
    assert first.requests >= 2


def test_a_lead_that_came_from_there_differs_by_its_date_alone_and_is_let_be(
    pushed: Installation, instance: dg.DagsterInstance
) -> None:
    pushed.ops.execute("update ops.lead_exchanges set direction = 'taken_back' where lead_id = 600006")
    pushed.gestao.execute("update public.leads set updated_at = now() where id in (600006, 600007)")
    for _ in range(2):  # it stays one that came from there
        passed, told = verdict(pushed, instance)
        assert "1 differ in updated_at (such as 600007)" in told
        assert not passed
    pushed.export(DAY, DAY)
    assert sum(pushed.posts()) == 1


def test_a_destination_that_lost_a_column_fails_the_check_in_a_sentence(
    pushed: Installation, instance: dg.DagsterInstance
) -> None:
    drop_column(pushed.gestao, "etapa")
    pushed.gestao.execute("notify pgrst, 'reload schema'")
    done = launch(pushed, instance, "scouter_compare")
    assert not done.result.success
    assert "has no column etapa" in done.failure


def test_no_check_of_a_run_is_left_unevaluated(pushed: Installation, instance: dg.DagsterInstance) -> None:
    """Dagster calls a check skipped that was planned for a day and not evaluated."""
    job_id = pushed.create(DAY, None)
    pushed.tab.execute("delete from public.leads where updated_at < '2025-10-01'")
    done = push(pushed, instance, DAY, oldest=DAY - timedelta(days=20), export_job=job_id)
    assert done.result.success
    for name in (PROVED, ACCEPTED, TRAVELS):
        history = instance.event_log_storage.get_asset_check_execution_history(
            dg.AssetCheckKey(EXPORT_KEY, name), limit=1000
        )
        assert {one.status.value for one in history} == {"SUCCEEDED"}
        assert len({one.partition for one in history}) == 22  # the days, and the run as a whole
    assert done.verdicts(PROVED)["2025-10-01"] == (True, "Nothing to do: no lead in this range.")
    standing = {one.check_name for one in done.result.get_asset_check_evaluations()}
    assert {MOVING, NO_OLD_ERRORS, DATED} < standing
    assert done.verdicts(PROVED)[None] == (
        True,
        "Nothing was sent. 20 unchanged leads were read there now and are equal.",
    )


def spoil_everything(installation: Installation) -> None:
    installation.gestao.execute(
        "create function spoil() returns trigger language plpgsql as $$ begin new.etapa := 'X'; return new; end $$"
    )
    installation.gestao.execute(
        "create trigger spoil before insert or update on public.leads for each row execute function spoil()"
    )
    installation.gestao.execute("truncate public.leads")


def test_leads_whose_proof_failed_do_not_wait_for_a_push(
    pushed: Installation, instance: dg.DagsterInstance
) -> None:
    spoil_everything(pushed)
    job = pushed.export(DAY, None)
    assert job.status == "failed"
    passed, told = verdict(pushed, instance)
    assert not passed
    assert "30 differ in etapa" in told


def test_where_our_own_database_was_lost_the_finished_exports_tell_what_must_be_there(
    pushed: Installation, instance: dg.DagsterInstance
) -> None:
    pushed.lead(99, datetime.now(UTC))  # after the export: this one waits
    pushed.ops.execute("truncate ops.lead_exchanges")
    pushed.gestao.execute("truncate public.leads")
    passed, told = verdict(pushed, instance)
    assert not passed
    assert "30 are missing there" in told
    assert "1 are new or were changed here" in told


def test_a_lead_that_was_pushed_and_is_missing_is_no_new_one_because_it_was_edited_here(
    pushed: Installation, instance: dg.DagsterInstance
) -> None:
    pushed.edit(FIRST + 1, etapa="Mudou aqui")
    pushed.gestao.execute("delete from public.leads where id = 600001")
    passed, told = verdict(pushed, instance)
    assert (passed, "1 are missing there (such as 600001)" in told) == (False, True)


def test_a_refused_lead_waits_as_long_as_it_has_its_row(
    pushed: Installation, instance: dg.DagsterInstance
) -> None:
    with_dirt_rules(pushed.gestao)
    pushed.lead(40, NOON, age=1999)
    pushed.export(DAY, DAY)
    assert verdict(pushed, instance)[0]
    pushed.tab.execute("delete from public.gestao_scouter_export_errors")
    passed, told = verdict(pushed, instance)
    assert (passed, "1 are missing there (such as 600040)" in told) == (False, True)


def test_an_export_with_its_own_mapping_is_compared_and_repaired_by_that(
    pushed: Installation, instance: dg.DagsterInstance
) -> None:
    own = {"id": "id", "nome": "name", "etapa": "fonte", "updated_at": "updated_at"}
    pushed.run(pushed.actions().create(DAY, None, field_mappings=own).id)
    assert verdict(pushed, instance) == (True, "Of 30 leads 30 are at the destination as they are here.")
    pushed.gestao.execute("update public.leads set etapa = 'Outra' where id = 600004")
    pushed.gestao.execute("delete from public.leads where id = 600005")
    passed, told = verdict(pushed, instance)
    assert not passed
    assert "1 are missing there (such as 600005). 1 differ in etapa (such as 600004)" in told
    pushed.postgrest.clear()
    assert launch(pushed, instance, "scouter_repair").result.success
    pushed.run(pushed.actions().newest()[0].id)
    assert sum(pushed.posts()) == 2
    assert verdict(pushed, instance)[0]
