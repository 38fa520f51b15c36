"""What `sync-pipelines` does with the backups."""

from __future__ import annotations

import dagster as dg
from typer.testing import CliRunner

from sync_pipelines.aimindset import assets
from sync_pipelines.cli.app import app
from sync_pipelines_tests.aimindset.conftest import Project
from sync_pipelines_tests.aimindset.defs.launches import launch, verify


def test_verify_reads_every_archive_and_ends_with_what_it_found(
    drilled: Project, instance: dg.DagsterInstance
) -> None:
    assert "There is no archive." in verify(drilled).output
    launch(drilled, instance)
    newest = drilled.catalog.newest_proved(assets.ARCHIVE)
    assert newest is not None
    good = verify(drilled)
    assert (good.exit_code, good.output.split()) == (
        0,
        ["ok", f"{newest.name}:", "as", "its", "manifest", "says"],
    )
    drilled.archives.remove(newest.name)
    gone = verify(drilled)
    assert gone.exit_code == 1
    assert f"WRONG {newest.name}" in gone.output
    assert verify(drilled, "20200101T000000000000Z").exit_code == 1


def test_the_day_by_the_command_line(drilled: Project) -> None:
    settings = drilled.settings
    ops = settings.ops_database_url
    assert ops is not None
    given = {
        "OPS_DATABASE_URL": ops.get_secret_value(),
        "LANDING_URL": settings.landing_url,
        "AIMINDSET_DATABASE_URL": drilled.url,
    }
    good = CliRunner().invoke(app, ["run", "aimindset"], env=given)
    assert good.exit_code == 0, good.output
    assert "Everything is proved." in good.output
    assert drilled.catalog.newest_proved(assets.BACKUP) is not None

    drilled.ops.execute("update ops.copies set partition_key = '2026-11-01'")
    drilled.database.execute("delete from comments where id = (select id from comments limit 1)")
    less = CliRunner().invoke(app, ["run", "aimindset"], env=given)
    assert less.exit_code == 0, less.output
    assert "backup: comments: " in less.output

    drilled.ops.execute("delete from ops.copies")
    by_rpc = {
        "AIMINDSET_BACKUP_BY": "rpc",
        "AIMINDSET_PROJECT_URL": drilled.fake.url,
        "AIMINDSET_SERVICE_KEY": drilled.fake.service_key,
    }
    unproved = CliRunner().invoke(app, ["run", "aimindset"], env={**given, **by_rpc})
    assert unproved.exit_code == 1
    assert "backup: it is there and is not proved" in " ".join(unproved.output.split())
    assert "Everything is proved." not in unproved.output

    drilled.ops.execute("delete from ops.copies")
    drilled.database.execute("insert into feedbacks (article_id, type) values (null, 'x')")
    failed = CliRunner().invoke(app, ["run", "aimindset"], env=given)
    assert failed.exit_code == 1
    assert "backup_all_data() failed" in " ".join(failed.output.split())
