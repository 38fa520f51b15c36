"""The mirror through Dagster: events, checks, records in both projects, decisions."""

from collections.abc import Callable
from typing import Any

import dagster as dg
import psycopg
import pytest

from sync_pipelines.hitss.defs import definitions as system
from sync_pipelines.hitss.defs.mirror_assets import COLUMNS, MIRROR_KEY, OWN_ROWS, PLACED, PROOF
from sync_pipelines.hitss.mirror.pipeline import ASSET
from sync_pipelines.hitss.run_logs import run_logs
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.records import open_records
from sync_pipelines.settings.hitss import HitssSettings
from sync_pipelines_tests.conftest import House
from sync_pipelines_tests.cut_line import Cut, CutLine
from sync_pipelines_tests.hitss.defs.conftest import FIRST, LAST, Mirrored, quick


def executions(connection: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    return connection.execute(
        "select status, records_processed, records_failed, error_message is null from automation_executions"
        " order by started_at"
    ).fetchall()


def test_a_range_is_reported_month_by_month_and_recorded_in_both_projects(mirrored: Mirrored) -> None:
    result = mirrored.run()

    assert result.success
    told = mirrored.materialized(result)
    assert sorted(told) == [f"2025-{month:02}-01" for month in range(1, 9)]
    assert told[FIRST]["rows_loaded"] == 10
    assert told[FIRST]["proved"] is True
    assert mirrored.verdicts(result, PROOF)[FIRST] is True
    for project in (mirrored.source, mirrored.destination):
        assert executions(project) == [("completed", 80, 0, True)]
        logs = project.execute("select source, count(*) from system_logs group by 1").fetchall()
        assert logs == [("sync-dre-data", 10)]
    with open_records(mirrored.settings.require("ops_database_url")) as records:
        assert sorted(records.proofs.newest(ASSET)) == sorted(told)


def test_a_scheduled_run_reports_what_differs_and_the_current_month(mirrored: Mirrored) -> None:
    assert mirrored.run(only_changes=True).success
    mirrored.source.execute("update dre_hitss set valor = valor + 1 where competencia = '2025-03-01'")

    result = mirrored.run(only_changes=True)

    assert result.success
    assert sorted(mirrored.materialized(result)) == ["2025-03-01", LAST]
    assert mirrored.verdicts(result, PROOF)[None] is True


def test_a_month_outside_the_calendar_is_mirrored_too(mirrored: Mirrored) -> None:
    mirrored.source.execute(
        "insert into dre_hitss (execution_id, valor, competencia) values ('x', 1, '2019-02-01')"
    )
    result = mirrored.run(only_changes=True)

    assert result.success
    assert "2019-02-01" not in mirrored.materialized(result)
    assert mirrored.destination.execute(
        "select count(*) from dre_hitss where competencia = '2019-02-01'"
    ).fetchone() == (1,)


def test_rows_without_a_month_make_an_error_check_fail(mirrored: Mirrored) -> None:
    mirrored.source.execute("insert into dre_hitss (execution_id, periodo) values ('x', 'agosto')")
    result = mirrored.run()

    assert result.success
    assert mirrored.verdicts(result, PLACED) == {None: False}
    # The applications' own record says what the run says.
    for project in (mirrored.source, mirrored.destination):
        assert executions(project) == [("failed", 80, 1, False)]
        assert project.execute("select error_message from automation_executions").fetchall() == [
            ("1 linhas da origem não indicam o mês e não foram copiadas.",)
        ]


def test_a_column_that_does_not_travel_is_a_warning(mirrored: Mirrored) -> None:
    assert mirrored.verdicts(mirrored.run(), COLUMNS) == {None: True}
    mirrored.source.execute("alter table dre_hitss add column centro_de_custo text")

    result = mirrored.run(only_changes=True)

    assert result.success
    (found,) = [one for one in result.get_asset_check_evaluations() if one.check_name == COLUMNS]
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "centro_de_custo" in str(found.description)
    said = "Colunas da origem que não são espelhadas: centro_de_custo."
    assert mirrored.source.execute(
        "select level from system_logs where message = %s", (said,)
    ).fetchall() == [("WARN",)]


def test_a_total_that_is_no_number_is_reported(mirrored: Mirrored) -> None:
    mirrored.source.execute("update dre_hitss set valor = 'NaN' where valor = 8")
    result = mirrored.run()
    assert result.success
    assert mirrored.materialized(result)[FIRST]["total"] == "NaN"


def test_months_without_rows_are_said_to_have_none(mirrored: Mirrored) -> None:
    mirrored.source.execute("delete from dre_hitss where competencia = '2025-01-01'")
    result = mirrored.run()
    records = mirrored.instance.all_logs(result.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    found = [one.get_dagster_event().asset_check_evaluation_data for one in records]
    (said,) = [one.description for one in found if (one.partition, one.check_name) == (FIRST, PROOF)]
    assert said == "Neither side has rows of the month; nothing to write."


def cut_ops(mirrored: Mirrored) -> None:
    """End every server process of the ops database, as a restart of its server would."""
    with psycopg.connect(mirrored.settings.require("ops_database_url"), autocommit=True) as ops:
        ops.execute(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid() and application_name = 'sync_pipelines'"
        )


def test_months_that_were_mirrored_count_although_our_own_database_was_lost(mirrored: Mirrored) -> None:
    mirror = quick(mirrored.settings)
    with mirror.open("run-1") as run:
        outcomes = [run.mirror(FIRST)]
        cut_ops(mirrored)
        outcomes += [run.mirror(month) for month in run.databases.months[1:]]

    assert len(outcomes) == 8
    assert all(one.proof.holds for one in outcomes)
    for project in (mirrored.source, mirrored.destination):
        assert executions(project) == [("completed", 80, 0, True)]
    with open_records(mirrored.settings.require("ops_database_url")) as records:
        assert len(records.proofs.newest(ASSET)) == 8


@pytest.mark.parametrize("cut", ["before", "after"])
def test_a_line_that_is_cut_at_a_commit_changes_no_count(mirrored: Mirrored, cut: Cut) -> None:
    with CutLine(mirrored.settings.require("hitss_database_url")) as line:
        values = mirrored.settings.model_dump() | {"hitss_database_url": line.url}
        settings = mirrored.settings.model_validate(values)
        with quick(settings).open("run-1") as run:
            for number, month in enumerate(run.databases.months):
                line.cut = cut if number == 3 else None
                assert run.mirror(month).changes.inserted == 10
        assert line.cuts == 1
    for project in (mirrored.source, mirrored.destination):
        assert executions(project) == [("completed", 80, 0, True)]
    assert mirrored.destination.execute("select count(*) from dre_hitss").fetchone() == (80,)


@pytest.mark.slow
def test_proofs_that_could_not_be_written_down_are_said(mirrored: Mirrored) -> None:
    """The months are mirrored, the run is no success, and its record says both. It waits a minute for the database."""
    url = mirrored.settings.require("ops_database_url")
    name = url.rpartition("/")[2]
    mirror = quick(mirrored.settings)
    try:
        with pytest.raises(SyncError, match="did not take their proofs"), mirror.open("run-1") as run:
            mirrored.source.execute(f"alter database {name} allow_connections false".encode())
            cut = "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = %s"
            mirrored.source.execute(cut, (name,))
            for month in run.databases.months:
                assert run.mirror(month).proof.holds
    finally:
        mirrored.source.execute(f"alter database {name} allow_connections true".encode())
    for project in (mirrored.source, mirrored.destination):
        assert executions(project) == [("failed", 80, 0, False)]
    assert mirrored.run(only_changes=True).success


def test_a_mirror_whose_servers_were_restarted_says_what_it_did(mirrored: Mirrored) -> None:
    """Every connection of the run is lost after the second month: run logs, records, both ends of the mirror."""
    mirror = quick(mirrored.settings)
    with mirror.open("run-1") as run:
        months = run.databases.months
        outcomes = [run.mirror(month) for month in months[:2]]
        for side in (mirrored.source, mirrored.destination):
            side.execute(
                "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
                " where datname = current_database() and application_name = 'sync_pipelines'"
            )
        cut_ops(mirrored)
        outcomes += [run.mirror(month) for month in months[2:]]

    assert sum(one.changes.inserted for one in outcomes) == 80
    for project in (mirrored.source, mirrored.destination):
        assert executions(project) == [("completed", 80, 0, True)]
        lines = project.execute(
            "select count(*) from system_logs where message like '%espelhadas e provadas%'"
        )
        assert lines.fetchone() == (8,)


def test_a_mirrored_row_that_lost_its_month_does_not_stay_beside(mirrored: Mirrored) -> None:
    mirrored.run()
    mirrored.destination.execute("update dre_hitss set competencia = null, periodo = 'x' where valor = 8")
    assert mirrored.run(only_changes=True).success
    assert mirrored.destination.execute("select count(*), sum(valor) from dre_hitss").fetchone() == (80, 3240)


def test_own_rows_are_reported_wherever_they_are(mirrored: Mirrored) -> None:
    """In months that the source does not know, and without any month, too: no partition tells of those."""
    mirrored.destination.execute(
        "insert into dre_hitss (execution_id, valor, competencia) values ('meu', 1, '1999-01-01'), ('meu', 2, null)"
    )
    assert mirrored.run(only_changes=True).success
    said = "2 linhas em 2 meses são do próprio destino e não são alteradas."
    for project in (mirrored.source, mirrored.destination):
        rows = project.execute("select level from system_logs where message = %s", (said,)).fetchall()
        assert rows == [("WARN",)]


def test_a_month_with_rows_of_both_kinds_fails_alone_until_it_is_decided(mirrored: Mirrored) -> None:
    mirrored.destination.execute(
        "insert into dre_hitss (execution_id, valor, periodo) values ('meu', 5, '2/2025')"
    )
    result = mirrored.run()

    assert not result.success
    assert "2025-02" in mirrored.failure(result)
    assert "set_aside_own_rows" in mirrored.failure(result)
    assert len(mirrored.materialized(result)) == 7
    assert mirrored.verdicts(result, PROOF)["2025-02-01"] is False
    for project in (mirrored.source, mirrored.destination):
        assert executions(project) == [("failed", 70, 10, False)]

    decided = mirrored.run("2025-02-01", "2025-02-01", accept=["keep_own_rows"])
    assert decided.success
    assert mirrored.verdicts(decided, OWN_ROWS)["2025-02-01"] is False
    later = mirrored.run()
    assert later.success
    assert mirrored.materialized(later)["2025-02-01"]["own_rows_of_the_destination"] == 1


def test_unknown_decisions_are_refused_before_anything_happens(mirrored: Mirrored) -> None:
    result = mirrored.run(accept=["everything"])
    assert "keep_own_rows" in mirrored.failure(result)
    assert executions(mirrored.source) == []

    both = mirrored.run(accept=["keep_own_rows", "set_aside_own_rows"])
    assert "either" in mirrored.failure(both)
    assert mirrored.destination.execute("select count(*) from dre_hitss").fetchone() == (0,)


def test_a_destination_of_another_shape_is_refused_before_anything_is_read(
    mirrored: Mirrored, new_database: Callable[[str | None], str]
) -> None:
    url = new_database("hitss")
    with psycopg.connect(url, autocommit=True) as other:
        other.execute("alter table dre_hitss drop column empresa")
        values = mirrored.settings.model_dump() | {"hitss_database_url": url}
        mirrored.settings = mirrored.settings.model_validate(values)

        result = mirrored.run()

        assert 'alter table "public"."dre_hitss" add column "empresa" text;' in mirrored.failure(result)
        assert executions(mirrored.source) == []
        assert executions(other) == []


def test_an_old_destination_is_sent_to_the_migration(
    mirrored: Mirrored, new_database: Callable[[str | None], str]
) -> None:
    url = new_database("hitss")
    with psycopg.connect(url, autocommit=True) as other:
        other.execute("update sync_private.alembic_version set version_num = '0001'")
    mirrored.settings = mirrored.settings.model_validate(
        mirrored.settings.model_dump() | {"hitss_database_url": url}
    )
    assert "sync-pipelines migrate" in mirrored.failure(mirrored.run())


def test_without_a_second_project_there_is_no_mirror(house: House) -> None:
    keys = {key for one in system.definitions(house.settings).assets or [] for key in _keys(one)}
    assert MIRROR_KEY not in keys
    assert len(run_logs(house.settings)) == 1


def _keys(asset: Any) -> set[dg.AssetKey]:
    return set(asset.keys) if isinstance(asset, dg.AssetsDefinition) else {asset.key}


def test_two_way_is_refused_with_a_sentence(house: House) -> None:
    with pytest.raises(ValueError, match="does not exist yet"):
        HitssSettings.model_validate(house.settings.model_dump() | {"hitss_mirror_mode": "two_way"})
