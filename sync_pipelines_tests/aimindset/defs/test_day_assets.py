"""AIMindset through Dagster: what its events, checks and schedules say."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
from click.testing import Result
from typer.testing import CliRunner

from sync_pipelines.aimindset.archive import drill
from sync_pipelines.aimindset.archive import pipeline as archives
from sync_pipelines.aimindset.defs import automation, descriptions
from sync_pipelines.aimindset.defs import definitions as system
from sync_pipelines.aimindset.pipeline import ASSET
from sync_pipelines.cli.app import app
from sync_pipelines.lib.archive.write import checksum
from sync_pipelines.lib.postgres.scratch import PREFIX, scratch_database
from sync_pipelines.lib.records.backups import Backup
from sync_pipelines_tests.aimindset.conftest import NOW, TODAY, Project


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def drilled(house: Project) -> Project:
    """The project with the test's own server as the place for scratch databases."""
    info = house.database.info
    url = f"postgresql://postgres:{info.password}@127.0.0.1:{info.port}/postgres"
    return house.with_(scratch_database_url=url, backups_first_day="2026-11-01")


def launch(
    house: Project,
    instance: dg.DagsterInstance,
    job: str = "aimindset_backup",
    partition: str | None = TODAY,
    **config: object,
) -> dg.ExecuteInProcessResult:
    definitions = system.definitions(house.backups.settings, house.backups)
    return definitions.resolve_job_def(job).execute_in_process(
        instance=instance,
        raise_on_error=False,
        partition_key=partition,
        run_config={"ops": {"aimindset_day": {"config": config}}} if config else None,
    )


def told(result: dg.ExecuteInProcessResult) -> dict[str, Mapping[str, Any]]:
    made = [
        event.step_materialization_data.materialization
        for event in result.all_node_events
        if event.event_type is dg.DagsterEventType.ASSET_MATERIALIZATION
    ]
    return {
        one.asset_key.path[-1]: {name: value.value for name, value in one.metadata.items()} for one in made
    }


def verdicts(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    return {one.check_name: one for one in result.get_asset_check_evaluations()}


def failure(result: dg.ExecuteInProcessResult) -> str:
    (event,) = [event for event in result.all_node_events if event.is_step_failure]
    return str(event.step_failure_data.user_failure_data.description)


def test_a_day_tells_of_backup_and_archive(drilled: Project, instance: dg.DagsterInstance) -> None:
    result = launch(drilled, instance)

    assert result.success
    found = told(result)
    assert found["backup"]["proved"] is True
    assert found["backup"]["articles_count"] == 12
    assert found["backup"]["locks_held_seconds"] > 0
    assert found["backup"]["generations_in_the_database"] == 4
    assert found["archive"]["bytes"] > 0
    assert "keep" in found["archive"]["retention"]
    checks = verdicts(result)
    assert checks[descriptions.PROVED].passed
    assert checks[descriptions.READ_BACK].passed
    gap = checks[descriptions.COMPLETE]
    assert (gap.passed, gap.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "parent_id" in str(gap.description)


def test_a_rerun_of_the_day_says_that_it_is_done(drilled: Project, instance: dg.DagsterInstance) -> None:
    launch(drilled, instance)
    again = launch(drilled, instance)
    assert again.success
    assert "already_there" in told(again)["backup"]
    assert told(again)["archive"]["rows_unchanged"] > 0
    assert "already_there" not in told(launch(drilled, instance, force=True))["backup"]


def test_a_failed_backup_leaves_the_archive_and_a_sentence(
    drilled: Project, instance: dg.DagsterInstance
) -> None:
    drilled.database.execute("insert into feedbacks (article_id, type) values (null, 'x')")
    result = launch(drilled, instance)

    assert not result.success
    assert list(told(result)) == ["archive"]
    assert "aimindset/backup: backup_all_data() failed" in failure(result)
    assert "Alert: alert-processor (1 e-mails)." in failure(result)


@pytest.mark.parametrize("day", ["2026-11-02", "2026-11-23"])
def test_a_backfill_of_past_days_is_refused_with_a_sentence(
    drilled: Project, instance: dg.DagsterInstance, day: str
) -> None:
    result = launch(drilled, instance, partition=day)
    assert not result.success
    assert f"{day} has passed" in failure(result)
    assert drilled.fake.alerts == []


def test_a_drill_restores_the_newest_archive_and_leaves_nothing_behind(
    drilled: Project, instance: dg.DagsterInstance
) -> None:
    launch(drilled, instance)
    result = launch(drilled, instance, "aimindset_drill", partition=None)

    assert result.success
    found = told(result)["restore_drill"]
    assert found["proved"] is True
    assert found["seconds_to_restore"] > 0
    assert drilled.catalog.drills(drill.ASSET)[0].equal
    left = drilled.database.execute("select count(*) from pg_database where datname like %s", (f"{PREFIX}%",))
    assert left.fetchone() == (0,)


def test_a_drill_catches_a_swapped_file_and_is_written_down(
    drilled: Project, instance: dg.DagsterInstance
) -> None:
    launch(drilled, instance)
    store, newest = drilled.backups.archiver.store, drilled.catalog.newest_proved(archives.ASSET)
    assert newest is not None
    folder = f"{archives.PREFIX}/{newest.name}"
    paths = [store.locate(f"{folder}/public.{name}.copy.zst") for name in ("articles", "comments")]
    contents = [path.read_bytes() for path in paths]
    for path, content in zip(paths, reversed(contents), strict=True):
        path.write_bytes(content)

    result = launch(drilled, instance, "aimindset_drill", partition=None)

    assert "the files were swapped" in failure(result)
    assert not drilled.catalog.drills(drill.ASSET)[0].equal


def test_a_drill_catches_a_manifest_that_the_book_does_not_know(
    drilled: Project, instance: dg.DagsterInstance
) -> None:
    launch(drilled, instance)
    drilled.ops.execute(
        "update ops.copies set details = jsonb_set(details, '{tables,public.articles}', '999') where asset = %s",
        (archives.ASSET,),
    )
    assert "the backup catalog" in failure(launch(drilled, instance, "aimindset_drill", partition=None))


def test_a_manifest_that_was_signed_anew_is_not_run_in_the_scratch_database(
    drilled: Project, instance: dg.DagsterInstance
) -> None:
    """Types and keys of a manifest become statements: one that the catalog does not know is not restored."""
    launch(drilled, instance)
    store, newest = drilled.backups.archiver.store, drilled.catalog.newest_proved(archives.ASSET)
    assert newest is not None
    path = store.locate(f"{archives.PREFIX}/{newest.name}/manifest.json")
    manifest = json.loads(path.read_text())["manifest"]
    manifest["tables"][0]["columns"][1][1] = "text(); create database taken_over; --"
    path.write_text(json.dumps({"manifest": manifest, "sha256": checksum(manifest)}, indent=1))

    said = failure(launch(drilled, instance, "aimindset_drill", partition=None))

    assert "manifest.json is not the one that the backup catalog knows" in said
    taken = drilled.database.execute("select count(*) from pg_database where datname = 'taken_over'")
    assert taken.fetchone() == (0,)
    verified = verify(drilled)
    assert verified.exit_code == 1
    assert "backup catalog knows" in verified.output


def verify(house: Project, *arguments: str) -> Result:
    settings = house.backups.settings
    ops = settings.ops_database_url
    assert ops is not None
    given = {"OPS_DATABASE_URL": ops.get_secret_value(), "LANDING_URL": settings.landing_url}
    return CliRunner().invoke(app, ["verify", *arguments], env=given)


def test_verify_reads_every_archive_and_ends_with_what_it_found(
    drilled: Project, instance: dg.DagsterInstance
) -> None:
    assert "There is no archive." in verify(drilled).output
    launch(drilled, instance)
    newest = drilled.catalog.newest_proved(archives.ASSET)
    assert newest is not None
    good = verify(drilled)
    assert (good.exit_code, good.output.split()) == (
        0,
        ["ok", f"{newest.name}:", *["as", "its", "manifest", "says"]],
    )
    drilled.backups.archiver.remove(newest.name)
    gone = verify(drilled)
    assert gone.exit_code == 1
    assert f"WRONG {newest.name}" in gone.output
    assert verify(drilled, "20200101T000000000000Z").exit_code == 1


def test_the_day_by_the_command_line(drilled: Project) -> None:
    settings = drilled.backups.settings
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
    assert drilled.catalog.newest_proved(ASSET) is not None

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


def test_a_loss_that_stops_no_backup_is_said(drilled: Project, instance: dg.DagsterInstance) -> None:
    """A third of the comments is gone: less than what a guard stops, and more than nobody should know of."""
    assert drilled.day().problems == {}
    drilled.database.execute(
        "delete from comments where id in (select id from comments limit (select count(*) / 3 from comments))"
    )
    before = drilled.catalog.backups(ASSET)[0].details["counts"]["comments_count"]
    said = f"comments: {drilled.value('select count(*) from comments')} rows, {before} in the last backup"
    later = replace(drilled, backups=replace(drilled.backups, clock=lambda: NOW + timedelta(days=1)))

    result = launch(later, instance, partition="2026-11-25")

    assert told(result)["backup"]["fewer_rows_than_before"] == [said]
    assert verdicts(result)[descriptions.PLAUSIBLE].passed
    assert said in (verdicts(result)[descriptions.PLAUSIBLE].description or "")


def test_a_drill_without_an_archive_is_a_sentence(drilled: Project, instance: dg.DagsterInstance) -> None:
    assert "nothing to restore" in failure(launch(drilled, instance, "aimindset_drill", partition=None))


def test_a_scratch_database_is_dropped_after_an_error_too(drilled: Project) -> None:
    url = drilled.backups.settings.require("scratch_database_url")
    with pytest.raises(KeyError), scratch_database(url):
        raise KeyError("in the middle")
    left = drilled.database.execute("select count(*) from pg_database where datname like %s", (f"{PREFIX}%",))
    assert left.fetchone() == (0,)


def test_what_a_killed_drill_left_is_dropped_by_the_next(drilled: Project) -> None:
    url = drilled.backups.settings.require("scratch_database_url")
    drilled.database.execute(f"create database {PREFIX}0123456789ab".encode())
    with scratch_database(url):
        rows = drilled.database.execute(
            "select count(*) from pg_database where datname = %s", (f"{PREFIX}0123456789ab",)
        )
        assert rows.fetchone() == (0,)


def test_the_standing_checks_know_age_and_absence(drilled: Project, instance: dg.DagsterInstance) -> None:
    checks = verdicts(launch(drilled, instance, "aimindset_checks", partition=None))
    assert [check.passed for check in checks.values()] == [False] * 3

    launch(drilled, instance)
    launch(drilled, instance, "aimindset_drill", partition=None)
    fresh = replace(drilled, backups=replace(drilled.backups, clock=lambda: datetime.now(UTC)))
    drilled.ops.execute("update ops.copies set made_at = now()")
    assert all(
        check.passed
        for check in verdicts(launch(fresh, instance, "aimindset_checks", partition=None)).values()
    )

    late = replace(
        fresh, backups=replace(fresh.backups, clock=lambda: datetime.now(UTC) + timedelta(hours=26))
    )
    checks = verdicts(launch(late, instance, "aimindset_checks", partition=None))
    assert not checks[descriptions.YOUNG].passed
    assert checks[descriptions.DRILLED].passed
    much_later = datetime.now(UTC) + timedelta(days=9)
    later = replace(fresh, backups=replace(fresh.backups, clock=lambda: much_later))
    assert not verdicts(launch(later, instance, "aimindset_checks", partition=None))[
        descriptions.DRILLED
    ].passed


def test_a_backup_that_was_dated_ahead_is_no_young_one(
    drilled: Project, instance: dg.DagsterInstance
) -> None:
    """A clock that ran ahead would keep the check green for as long as it did."""
    launch(drilled, instance)
    drilled.ops.execute("update ops.copies set made_at = made_at + interval '30 days'")
    assert not verdicts(launch(drilled, instance, "aimindset_checks", partition=None))[
        descriptions.YOUNG
    ].passed


def test_an_unproved_backup_is_no_young_one(drilled: Project, instance: dg.DagsterInstance) -> None:
    rpc = drilled.with_(aimindset_backup_by="rpc")
    result = launch(rpc, instance)
    assert result.success
    assert told(result)["backup"]["proved"] is False
    check = verdicts(result)[descriptions.PROVED]
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert not verdicts(launch(rpc, instance, "aimindset_checks", partition=None))[descriptions.YOUNG].passed


def test_copies_that_anybody_deleted_are_missed(drilled: Project, instance: dg.DagsterInstance) -> None:
    """Trap 12: the anonymous role may delete from the copies."""
    launch(drilled, instance)
    with drilled.database.transaction():
        drilled.database.execute("set local role anon")
        drilled.database.execute("delete from backup_articles")
    check = verdicts(launch(drilled, instance, "aimindset_checks", partition=None))[descriptions.BACKED]
    assert not check.passed


def test_old_archives_go_by_the_policy_and_never_all(drilled: Project, instance: dg.DagsterInstance) -> None:
    short = drilled.with_(aimindset_archive_retention="2 daily, at least 2")
    for back in range(4, -1, -1):
        moment = NOW - timedelta(days=back)
        house = replace(short, backups=replace(short.backups, clock=lambda moment=moment: moment))
        assert house.day(moment.date().isoformat()).problems == {}
    kept = drilled.catalog.backups(archives.ASSET)
    assert [copy.partition_key for copy in kept] == ["2026-11-24", "2026-11-23"]
    names = {file.name.split("/")[2] for file in drilled.backups.archiver.store.names(archives.PREFIX)}
    assert names == {copy.name for copy in kept}


def test_what_a_crash_left_of_an_archive_is_removed(drilled: Project) -> None:
    store = drilled.backups.archiver.store
    with store.incoming(archives.PREFIX, ".zst") as path:
        path.write_bytes(b"half")
        store.put(path, f"{archives.PREFIX}/20260101T000000000000Z/public.articles.copy.zst")
    drilled.catalog.record(
        Backup(
            asset=archives.ASSET,
            partition_key=TODAY,
            name="20260101T000000000000Z",
            made_at=NOW,
            proved=False,
            rows=0,
            bytes=None,
            details={"begun": True},
            run_id="killed",
        )
    )
    said: list[str] = []
    drilled.day(tell=said.append)
    assert "removed the unfinished archive 20260101T000000000000Z" in said
    assert store.names(f"{archives.PREFIX}/20260101T000000000000Z") == []


def test_the_schedule_is_at_three_in_brazil_for_today(drilled: Project) -> None:
    """Trap 16: 03:00 in São Paulo is 06:00 UTC; a late tick backs up the day on which it comes."""
    daily, weekly, hourly = automation.schedules(drilled.backups.today, dg.DefaultScheduleStatus.RUNNING)
    assert (daily.cron_schedule, daily.execution_timezone) == ("0 3 * * *", "America/Sao_Paulo")
    assert (weekly.cron_schedule, hourly.cron_schedule) == ("0 4 * * 0", "15 * * * *")
    with dg.build_schedule_context() as context:
        request = daily(context)
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == TODAY


def test_the_backup_is_known_by_its_name_in_the_book(drilled: Project, instance: dg.DagsterInstance) -> None:
    found = told(launch(drilled, instance))["backup"]["backup_id"]
    newest = drilled.catalog.newest_proved(ASSET)
    assert newest is not None
    assert newest.name == found
    assert newest.partition_key == TODAY
