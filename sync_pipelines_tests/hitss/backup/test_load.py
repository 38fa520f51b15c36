"""The DRE's backup and the way back, in a real database."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import dagster as dg
import psycopg
import pytest

from sync_pipelines.hitss.backup import load
from sync_pipelines.hitss.backup.tables import ASSET
from sync_pipelines.hitss.defs import automation
from sync_pipelines.hitss.defs import definitions as system
from sync_pipelines.hitss.defs.backup_assets import EQUAL, YOUNG
from sync_pipelines.hitss.defs.checks import HEALTH_CHECKS
from sync_pipelines.lib import postgres
from sync_pipelines.lib.archive.retention import Policy
from sync_pipelines.lib.failures import PermanentError, SyncError, TransientError
from sync_pipelines_tests.hitss.copies import Kept


def test_a_backup_is_the_table_with_its_keys_and_without_its_readers(kept: Kept) -> None:
    made = kept.back_up().backup

    assert kept.rows(made.name) == kept.rows()
    assert made.content.rows == 300
    indexes = "select count(*) from pg_index where indrelid = '{}'::regclass"
    assert kept.value(indexes.format(made.name)) == kept.value(indexes.format("dre_hitss"))
    assert kept.value(f"select relrowsecurity from pg_class where relname = '{made.name}'") is True
    for role in ("anon", "authenticated", "service_role"):
        assert kept.value(f"select has_table_privilege('{role}', '{made.name}', 'select')") is False
    (copy,) = kept.catalog.backups(ASSET)
    assert (copy.name, copy.proved, copy.rows) == (made.name, True, 300)
    mark = json.loads(kept.value(f"select obj_description('{made.name}'::regclass)"))
    assert mark["digest"] == str(made.content.digest)
    assert kept.value("select string_agg(status, ',') from automation_executions where status = 'completed'")


def test_a_backup_does_not_hold_the_source_by_its_sequence(kept: Kept) -> None:
    made = kept.back_up().backup
    kept.database.execute(f"drop table {made.name}".encode())
    assert kept.value("select nextval('dre_hitss_id_seq')") > 300


def test_two_backups_in_a_minute_have_two_names(kept: Kept) -> None:
    names = {kept.back_up().backup.name for _ in range(3)}
    assert len(names) == 3
    assert len(kept.catalog.backups(ASSET)) == 3


def test_two_backups_at_once_both_succeed(kept: Kept) -> None:
    names: list[str] = []

    def work() -> None:
        names.append(kept.back_up().backup.name)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(names)) == 3


def test_an_empty_table_is_no_backup(kept: Kept) -> None:
    kept.database.execute("delete from dre_hitss")
    with pytest.raises(PermanentError, match="is empty"):
        kept.back_up()
    assert kept.catalog.backups(ASSET) == []
    assert kept.value("select count(*) from pg_class where relname like 'dre_hitss_backup%'") == 0
    assert kept.value("select count(*) from automation_executions where status = 'failed'") == 1


def test_an_error_is_an_error_and_leaves_nothing(kept: Kept) -> None:
    kept.database.execute(
        "create function stop() returns event_trigger language plpgsql as"
        " $$begin raise exception 'disco cheio'; end$$;"
        " create event trigger stop on ddl_command_end when tag in ('COMMENT') execute function stop()"
    )
    with pytest.raises(SyncError, match="the backup of"):
        kept.back_up()
    assert kept.value("select count(*) from pg_class where relname like 'dre_hitss_backup%'") == 0


def test_another_day_than_today_is_refused(kept: Kept) -> None:
    with pytest.raises(PermanentError, match="has passed"):
        kept.pipeline.back_up("run-1", "2020-01-01")
    with pytest.raises(PermanentError, match="has not come"):
        kept.pipeline.back_up("run-1", "2999-01-01")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("delete from {} where id = 1", "2025-02: 99 rows instead of 100"),
        (
            "insert into {} (id, execution_id, competencia) values (9999, 'x', '2025-02-01')",
            "101 rows instead of 100",
        ),
        ("update {} set valor = valor + 1 where id = 1", "2025-02: rows were altered"),
        ("update {} set descricao = 'x' where id = 1", "2025-02: rows were altered"),
        ("update {} set competencia = '2025-03-01' where id = 1", "2025-02: 99 rows instead of 100"),
        ("delete from {}", "2025-01: 0 rows instead of 100"),
        ("alter table {} drop column tipo", "it lacks the columns tipo"),
    ],
)
def test_a_backup_that_was_tampered_with_is_named_and_not_restored(
    kept: Kept, damage: str, said: str
) -> None:
    name = kept.back_up().backup.name
    kept.database.execute(damage.format(name).encode())
    before = kept.rows()
    with pytest.raises(PermanentError) as refused:
        kept.pipeline.restore("run-2", name)
    assert said in str(refused.value)
    assert kept.rows() == before


def test_a_restore_shows_the_difference_then_brings_everything_back(kept: Kept) -> None:
    name, before = kept.back_up().backup.name, kept.rows()
    kept.database.execute(
        "delete from dre_hitss where id <= 10; update dre_hitss set valor = 0 where id = 20;"
        " insert into dre_hitss (execution_id, valor, competencia) values ('novo', 5, '2025-09-01')"
    )
    months = {one.month[:7]: one for one in kept.pipeline.difference(name)}
    assert months["2025-09"][1:3] == (1, 0)
    assert sum(one.only_then for one in months.values()) == 11
    assert sum(one.only_now for one in months.values()) == 2
    after_edit = kept.rows()

    report = kept.pipeline.restore("run-2", name)

    assert kept.rows() == before
    assert report.rows == 300
    assert kept.rows(report.safety.name) == after_edit
    assert sorted(month[:7] for month in report.months) == sorted(months)
    assert kept.value("insert into dre_hitss (execution_id) values ('z') returning id") > 300
    assert kept.pipeline.difference(report.safety.name) != []


def test_a_restore_of_what_is_there_changes_nothing(kept: Kept) -> None:
    name = kept.back_up().backup.name
    assert kept.pipeline.difference(name) == []


def test_a_column_that_came_since_is_said_and_one_that_went_is_refused(kept: Kept) -> None:
    name = kept.back_up().backup.name
    kept.database.execute("alter table dre_hitss add column centro text default 'x'")
    assert kept.pipeline.restore("run-2", name).added_since == ("centro",)
    kept.database.execute("alter table dre_hitss drop column id_homs")
    with pytest.raises(PermanentError, match="no longer has id_homs"):
        kept.pipeline.restore("run-3", name)


def test_a_restore_waits_for_a_load(kept: Kept) -> None:
    name = kept.back_up().backup.name
    with (
        psycopg.connect(kept.url, autocommit=True) as loading,
        load.connect(kept.url) as connection,
    ):
        postgres.try_lock(loading, postgres.lock_key("hitss", "chain"))
        from sync_pipelines.hitss.backup import restore

        with pytest.raises(TransientError, match="A run of the DRE chain"):
            restore.restore(
                connection,
                kept.catalog,
                restore.find(kept.catalog, name),
                run_id="r",
                partition_key="x",
                wait_seconds=0.05,
            )


def test_an_unknown_backup_is_a_sentence_with_those_there_are(kept: Kept) -> None:
    name = kept.back_up().backup.name
    with pytest.raises(PermanentError, match=name):
        kept.pipeline.difference("dre_hitss_backup_20200101_0000")


def test_retention_goes_by_the_catalog_and_leaves_what_is_not_ours(kept: Kept) -> None:
    kept.database.execute("create table dre_hitss_backup_20250101_0200 as select * from dre_hitss")
    old = kept.back_up().backup.name
    kept.ops.execute("update ops.copies set made_at = made_at - interval '3 days'")
    kept.back_up()
    kept.ops.execute("update ops.copies set made_at = made_at - interval '1 day'")
    kept.pipeline = replace(kept.pipeline, policy=Policy.parse("2 daily, at least 2"))
    said: list[str] = []

    report = kept.back_up(notify=said.append)

    assert report.plan.drop == (old,)
    assert f"drop {old}" in said
    assert kept.value(f"select to_regclass('{old}') is null") is True
    assert report.foreign == ("dre_hitss_backup_20250101_0200",)
    assert kept.value("select count(*) from dre_hitss_backup_20250101_0200") == 300
    assert len(kept.catalog.backups(ASSET)) == 2


def test_a_backup_that_somebody_dropped_is_not_counted(kept: Kept) -> None:
    kept.back_up()
    kept.ops.execute("update ops.copies set name = 'dre_hitss_backup_20260101_0200'")
    kept.back_up()
    assert "dre_hitss_backup_20260101_0200" not in {copy.name for copy in kept.catalog.backups(ASSET)}


def test_a_backup_that_the_catalog_missed_is_recorded_as_what_it_is(kept: Kept) -> None:
    with load.connect(kept.url) as connection:
        good, bad = (load.back_up(connection, "killed").name for _ in range(2))
    kept.database.execute(f"delete from {bad} where id = 1".encode())

    assert kept.back_up().recovered == (good, bad)
    assert {copy.name: copy.proved for copy in kept.catalog.backups(ASSET) if copy.name in (good, bad)} == {
        good: True,
        bad: False,
    }


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def launch(
    kept: Kept, instance: dg.DagsterInstance, job: str, partition: str | None
) -> dg.ExecuteInProcessResult:
    definitions = system.definitions(kept.settings, backup=kept.pipeline)
    return definitions.resolve_job_def(job).execute_in_process(
        instance=instance, raise_on_error=False, partition_key=partition
    )


def test_the_asset_tells_of_the_backup_and_its_retention(kept: Kept, instance: dg.DagsterInstance) -> None:
    result = launch(kept, instance, "hitss_backup", partition=kept.today)

    assert result.success
    (made,) = result.asset_materializations_for_node("hitss__dre_backup")
    values = {name: value.value for name, value in made.metadata.items()}
    assert values["rows_loaded"] == 300
    assert values["proved"] is True
    assert "keep dre_hitss_backup_" in values["retention"]
    assert {one.check_name: one.passed for one in result.get_asset_check_evaluations()} == {EQUAL: True}


def test_a_backfill_of_a_past_day_fails_with_the_sentence(kept: Kept, instance: dg.DagsterInstance) -> None:
    result = launch(kept, instance, "hitss_backup", partition="2026-11-02")
    (event,) = [event for event in result.all_node_events if event.is_step_failure]
    assert "has passed" in str(event.step_failure_data.user_failure_data.description)


def test_the_age_check_misses_old_absent_and_altered_backups(
    kept: Kept, instance: dg.DagsterInstance
) -> None:
    def young() -> bool:
        result = launch(kept, instance, "hitss_watch", partition=None)
        return {one.check_name: one.passed for one in result.get_asset_check_evaluations()}[YOUNG]

    assert not young()
    name = kept.back_up().backup.name
    assert young()
    kept.ops.execute("update ops.copies set made_at = made_at - interval '26 hours'")
    kept.pipeline.restore("run-2", name)
    assert not young()  # the safety copy is no backup of the night
    kept.ops.execute("delete from ops.copies where name <> %s", (name,))
    kept.ops.execute("update ops.copies set made_at = made_at + interval '26 hours'")
    kept.pipeline = replace(kept.pipeline, clock=lambda: datetime.now(UTC) + timedelta(hours=26))
    assert not young()
    kept.pipeline = replace(kept.pipeline, clock=lambda: datetime.now(UTC))
    kept.database.execute(f"update {name} set valor = 1 where id = 1".encode())
    assert not young()


def test_health_checks_ask_the_requirements_view(kept: Kept, instance: dg.DagsterInstance) -> None:
    def health() -> dict[str, bool]:
        result = launch(kept, instance, "hitss_watch", partition=None)
        found = {one.check_name: one.passed for one in result.get_asset_check_evaluations()}
        return {key.name: found[key.name] for key in HEALTH_CHECKS}

    assert set(health().values()) == {True}
    kept.database.execute(
        "insert into automation_executions (status, started_at) values ('failed', now()), ('running', '2020-01-01')"
    )
    assert set(health().values()) == {False}
    kept.database.execute("delete from automation_executions")
    assert set(health().values()) == {True}
    # A view without its rows counts nothing, which is no zero.
    kept.database.execute(
        "create or replace view public.monitor_health as"
        " select null::text as type, null::bigint as count, null::text as message where false"
    )
    assert set(health().values()) == {False}
    kept.database.execute("drop view public.monitor_health")
    assert set(health().values()) == {False}


def test_the_schedule_is_at_two_utc_for_the_day_on_which_it_comes(kept: Kept) -> None:
    schedules = automation.schedules(kept.pipeline.clock, on=True)
    (schedule,) = [one for one in schedules if one.name == "hitss_backup_daily"]
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 2 * * *", "UTC")
    with dg.build_schedule_context() as context:
        request = schedule(context)
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == kept.today
