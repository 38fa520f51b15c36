"""The assets of a day: what their events and checks say."""

from __future__ import annotations

from datetime import timedelta

import dagster as dg
import pytest

from sync_pipelines.aimindset import assets
from sync_pipelines.aimindset.archive import stored
from sync_pipelines.aimindset.defs import automation, descriptions
from sync_pipelines.lib.records.backups import Backup
from sync_pipelines_tests.aimindset.conftest import NOW, TODAY, Project
from sync_pipelines_tests.aimindset.defs.launches import failure, launch, metadata_of, verdicts


def test_a_day_reports_backup_and_archive(drilled: Project, instance: dg.DagsterInstance) -> None:
    result = launch(drilled, instance)

    assert result.success
    found = metadata_of(result)
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
    assert "already_there" in metadata_of(again)["backup"]
    assert metadata_of(again)["archive"]["rows_unchanged"] > 0
    assert "already_there" not in metadata_of(launch(drilled, instance, force=True))["backup"]


def test_a_failed_backup_leaves_the_archive_and_a_sentence(
    drilled: Project, instance: dg.DagsterInstance
) -> None:
    drilled.database.execute("insert into feedbacks (article_id, type) values (null, 'x')")
    result = launch(drilled, instance)

    assert not result.success
    assert list(metadata_of(result)) == ["archive"]
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


def test_a_loss_that_stops_no_backup_is_said(drilled: Project, instance: dg.DagsterInstance) -> None:
    """A third of the comments is gone: less than what a guard stops, and more than nobody should know of."""
    assert drilled.day().problems == {}
    drilled.database.execute(
        "delete from comments where id in (select id from comments limit (select count(*) / 3 from comments))"
    )
    before = drilled.catalog.backups(assets.BACKUP)[0].details["counts"]["comments_count"]
    said = f"comments: {drilled.value('select count(*) from comments')} rows, {before} in the last backup"
    later = drilled.with_clock(lambda: NOW + timedelta(days=1))

    result = launch(later, instance, partition="2026-11-25")

    assert metadata_of(result)["backup"]["fewer_rows_than_before"] == [said]
    assert verdicts(result)[descriptions.PLAUSIBLE].passed
    assert said in (verdicts(result)[descriptions.PLAUSIBLE].description or "")


def test_old_archives_go_by_the_policy_and_never_all(drilled: Project, instance: dg.DagsterInstance) -> None:
    short = drilled.with_(aimindset_archive_retention="2 daily, at least 2")
    for back in range(4, -1, -1):
        moment = NOW - timedelta(days=back)
        project = short.with_clock(lambda moment=moment: moment)
        assert project.day(moment.date().isoformat()).problems == {}
    kept = drilled.catalog.backups(assets.ARCHIVE)
    assert [copy.partition_key for copy in kept] == ["2026-11-24", "2026-11-23"]
    names = {file.name.split("/")[2] for file in drilled.archives.store.names(stored.PREFIX)}
    assert names == {copy.name for copy in kept}


def test_what_a_crash_left_of_an_archive_is_removed(drilled: Project) -> None:
    store = drilled.archives.store
    with store.incoming(stored.PREFIX, ".zst") as path:
        path.write_bytes(b"half")
        store.put(path, f"{stored.PREFIX}/20260101T000000000000Z/public.articles.copy.zst")
    drilled.catalog.record(
        Backup(
            asset=assets.ARCHIVE,
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
    drilled.day(log=said.append)
    assert "removed the unfinished archive 20260101T000000000000Z" in said
    assert store.names(f"{stored.PREFIX}/20260101T000000000000Z") == []


def test_the_schedule_is_at_three_in_brazil_for_today(drilled: Project) -> None:
    """Trap 16: 03:00 in São Paulo is 06:00 UTC; a late tick backs up the day on which it comes."""
    daily, weekly, hourly = automation.schedules(drilled.pipeline.today, on=True)
    assert (daily.cron_schedule, daily.execution_timezone) == ("0 3 * * *", "America/Sao_Paulo")
    assert (weekly.cron_schedule, hourly.cron_schedule) == ("0 4 * * 0", "15 * * * *")
    with dg.build_schedule_context() as context:
        request = daily(context)
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == TODAY


def test_the_backup_is_known_by_its_name_in_the_catalog(
    drilled: Project, instance: dg.DagsterInstance
) -> None:
    found = metadata_of(launch(drilled, instance))["backup"]["backup_id"]
    newest = drilled.catalog.newest_proved(assets.BACKUP)
    assert newest is not None
    assert newest.name == found
    assert newest.partition_key == TODAY
