"""What stays of the backups: looked at before anything goes, pinned by a person, of the version before."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import dagster as dg
import pytest
from typer.testing import CliRunner

from sync_pipelines.cli.app import app
from sync_pipelines.hitss.backup import load, restore
from sync_pipelines.hitss.backup.content import read_whole_content
from sync_pipelines.hitss.backup.prove import verify
from sync_pipelines.hitss.backup.tables import ASSET
from sync_pipelines.hitss.defs import definitions as system
from sync_pipelines.hitss.defs.backup_assets import KEPT
from sync_pipelines.lib.archive.retention import Policy
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines_tests.hitss.copies import Kept


def with_policy(kept: Kept, policy: str) -> None:
    kept.pipeline = replace(kept.pipeline, policy=Policy.parse(policy))


def a_backup_a_day(kept: Kept, days: int) -> list[str]:
    """Backups of the last days, the oldest first; all were made today."""
    names = []
    for _ in range(days):
        kept.ops.execute("update ops.copies set made_at = made_at - interval '1 day'")
        names.append(kept.back_up().backup.name)
    return names


def test_a_backup_that_is_no_longer_what_was_proved_keeps_no_good_one_out(kept: Kept) -> None:
    good, *emptied = a_backup_a_day(kept, 3)
    for name in emptied:
        kept.database.execute(f"delete from {name}".encode())
    kept.ops.execute("update ops.copies set made_at = made_at - interval '1 day'")
    with_policy(kept, "2 daily, at least 1")
    said: list[str] = []

    report = kept.back_up(notify=said.append)

    assert report.plan.drop == ()
    assert report.plan.keep[good][0].startswith("daily")
    assert set(report.plan.altered) == set(emptied)
    for name in emptied:
        assert any(
            line.startswith(f"keep {name}: no longer as it was proved (2025-01: 0 rows") for line in said
        )
    logs = kept.database.execute("select message from system_logs where level = 'WARN'").fetchall()
    assert len([line for (line,) in logs if "não é mais o que foi conferido" in line]) == 2


def test_a_backup_whose_columns_are_gone_does_not_stop_the_next_one(kept: Kept) -> None:
    old, altered = a_backup_a_day(kept, 2)
    kept.database.execute(f"alter table {altered} drop column valor, drop column competencia".encode())
    kept.ops.execute("update ops.copies set made_at = made_at - interval '1 day'")
    with_policy(kept, "2 daily, at least 1")
    report = kept.back_up()
    assert report.plan.drop == ()
    assert {old, altered, report.backup.name} == set(report.plan.keep)


def test_the_daily_check_looks_at_every_backup_that_is_kept(kept: Kept) -> None:
    def found() -> Any:
        with dg.DagsterInstance.ephemeral() as instance:
            definitions = system.definitions(kept.settings, backup=kept.pipeline)
            result = definitions.resolve_job_def("hitss_checks").execute_in_process(
                instance=instance, raise_on_error=False
            )
        return next(one for one in result.get_asset_check_evaluations() if one.check_name == KEPT)

    first, _ = a_backup_a_day(kept, 2)
    assert found().passed
    kept.database.execute(f"update {first} set descricao = 'x' where id = 7".encode())
    assert not found().passed
    assert first in found().description
    kept.database.execute(f"drop table {first}".encode())
    assert "the table is gone" in found().description


@pytest.mark.parametrize(
    "somebody",
    [
        "drop table {0}; create table {0} as select 'precious' as note",
        "drop table {0}; create table {0} as table dre_hitss",
        "update {0} set valor = 5 where id = 7",
    ],
)
def test_what_somebody_put_under_an_old_name_is_not_dropped(kept: Kept, somebody: str) -> None:
    old, _ = a_backup_a_day(kept, 2)
    kept.database.execute(somebody.format(old).encode())
    with_policy(kept, "1 daily, at least 1")
    report = kept.back_up()
    assert old not in report.plan.drop
    assert set(report.plan.altered) == {old}
    assert kept.value(f"select to_regclass('{old}') is not null")


def test_a_backup_dated_by_a_clock_that_ran_ahead_pushes_nothing_out(kept: Kept) -> None:
    """The newest day is that of the clock: today's backup, and a safety copy of today, stay."""
    kept.back_up()
    kept.ops.execute("update ops.copies set made_at = made_at + interval '400 days'")
    with_policy(kept, "1 daily, at least 1")
    first = kept.back_up().backup.name
    kept.database.execute("update dre_hitss set valor = 5 where id = 7")
    safety = kept.pipeline.restore("run-2", first).safety.name
    report = kept.back_up()
    assert {safety, report.backup.name} <= report.plan.keep.keys()
    assert report.plan.drop == (first,)


@pytest.mark.parametrize("more", ["", ', "made_at": "x", "digest": "y", "purpose": "daily"', ', "digest": 7'])
def test_a_mark_that_somebody_edited_stops_no_backup(kept: Kept, more: str) -> None:
    table = "dre_hitss_backup_20200101_0200"
    kept.database.execute(f"create table {table} as table dre_hitss".encode())
    kept.database.execute(f"""comment on table {table} is '{{"made_by": "sync_pipelines"{more}}}'""".encode())
    assert kept.back_up().foreign == (table,)


def typed(kept: Kept, *command: str) -> Any:
    url = kept.settings.require("ops_database_url")
    return CliRunner().invoke(app, list(command), env={"OPS_DATABASE_URL": url}, terminal_width=200)


def test_a_pinned_backup_stays_until_it_is_unpinned(kept: Kept) -> None:
    pinned, _, _ = a_backup_a_day(kept, 3)
    with_policy(kept, "1 daily, at least 1")

    assert "stays until it is unpinned" in typed(kept, "backup", "pin", pinned).output
    report = kept.back_up()
    assert pinned not in report.plan.drop
    assert report.plan.keep[pinned] == ("pinned by a person",)

    assert typed(kept, "backup", "unpin", pinned).exit_code == 0
    assert pinned in kept.back_up().plan.drop


def test_what_is_not_in_the_catalog_cannot_be_pinned(kept: Kept) -> None:
    unknown = typed(kept, "backup", "pin", "dre_hitss_backup_20200101_0000")
    assert unknown.exit_code == 1
    assert "There is no backup dre_hitss_backup_20200101_0000" in " ".join(unknown.output.split())


def as_the_version_before_wrote_it(kept: Kept, name: str) -> None:
    """Digests of the first formula, in three parts, in the catalog and in the table's comment."""
    table = f"public.{name}"
    content = read_whole_content(kept.database, table, version=1)
    months = {
        month: [str(side.digest).removeprefix("v2:"), side.total] for month, side in content.months.items()
    }
    digest = str(content.digest).removeprefix("v2:")
    kept.ops.execute(
        "update ops.copies set details = details || %s where name = %s",
        (json.dumps({"digest": digest, "months": months}), name),
    )
    mark = json.loads(kept.value(f"select obj_description('{table}'::regclass)")) | {"digest": digest}
    kept.database.execute(f"comment on table {table} is '{json.dumps(mark)}'".encode())


MARKED = "update dre_hitss set descricao = E'a\\x1fb', conta = E'\\x1e' where id % 7 = 0"


@pytest.mark.parametrize("values", ["select 1", MARKED])
def test_a_backup_of_the_version_before_is_verified_and_restored(kept: Kept, values: str) -> None:
    kept.database.execute(values.encode())
    name, wanted = kept.back_up().backup.name, kept.rows()
    as_the_version_before_wrote_it(kept, name)
    with load.connect(kept.url) as connection:
        assert verify(connection, restore.find(kept.catalog, name)) == []

    kept.database.execute("update dre_hitss set valor = 0")
    assert kept.pipeline.difference(name) != []
    kept.pipeline.restore("run-2", name)
    assert [row[:4] for row in kept.rows()] == [row[:4] for row in wanted]
    assert kept.pipeline.difference(name) == []


@pytest.mark.parametrize("values", ["select 1", MARKED])
def test_a_backup_of_the_version_before_that_was_altered_is_named(kept: Kept, values: str) -> None:
    kept.database.execute(values.encode())
    name = kept.back_up().backup.name
    as_the_version_before_wrote_it(kept, name)
    kept.database.execute(f"update {name} set descricao = 'b' where id = 14".encode())
    with pytest.raises(PermanentError, match="rows were altered"):
        kept.pipeline.restore("run-2", name)


@pytest.mark.parametrize("values", ["select 1", MARKED])
def test_a_backup_of_the_version_before_that_a_crash_kept_out_is_entered_as_proved(
    kept: Kept, values: str
) -> None:
    kept.database.execute(values.encode())
    name = kept.back_up().backup.name
    as_the_version_before_wrote_it(kept, name)
    kept.ops.execute("delete from ops.copies")

    assert kept.back_up().recovered == (name,)
    (copy,) = [one for one in kept.catalog.backups(ASSET) if one.name == name]
    assert copy.proved
    with load.connect(kept.url) as connection:
        assert verify(connection, copy) == []
