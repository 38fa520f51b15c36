"""The assets of AIMindset as the UI describes them."""

from __future__ import annotations

from datetime import timedelta

import dagster as dg

from sync_pipelines.aimindset import assets
from sync_pipelines.aimindset.backup.coverage import COVERED
from sync_pipelines.lib.orchestration.metadata import table_definition

GROUP = "aimindset"
OWNER = "team:aimindset"
ZONE = "America/Sao_Paulo"

BACKUP_KEY = dg.AssetKey(assets.BACKUP.split("/"))
ARCHIVE_KEY = dg.AssetKey(assets.ARCHIVE.split("/"))
DRILL_KEY = dg.AssetKey(assets.DRILL.split("/"))
DATABASE_KEY = dg.AssetKey(["aimindset", "database"])
FUNCTION_KEY = dg.AssetKey(["aimindset", "backup_all_data"])

PROVED = "copy_equals_its_sources"
UNTOUCHED = "call_changed_nothing_else"
PLAUSIBLE = "content_has_not_collapsed"
COMPLETE = "every_column_has_a_copy"
READ_BACK = "archive_was_read_back"
KEPT = "kept_archives_are_intact"
CAME_BACK = "archive_came_back_equal"
YOUNG = "last_proved_backup_is_younger_than_25_hours"
DRILLED = "last_drill_is_younger_than_eight_days"
BACKED = "recorded_backups_have_data_behind_them"

BACKUP_LIMIT, DRILL_LIMIT = timedelta(hours=25), timedelta(days=8)

BACKUP_DESCRIPTION = """The project's own daily backup: `backup_all_data()`, called as it is, and proved.

Replaces pg_cron's `auto-backup-daily` and `auto-backup-secondary` and the Edge Function `auto-backup`, which took
every answer for a success. Key: the backup's id in `backup_articles`, `backup_comments`, `backup_feedbacks`; the three
log copies are replaced each time. Done means: in the snapshot of the call, before its COMMIT and after deferred
triggers, count and digest of the copied columns of all six tables equal the sources, and nothing else changed; after
the COMMIT the copy was read once more. Columns that the function does not copy are named."""

ARCHIVE_DESCRIPTION = """Every column of the source tables, off the database, in the snapshot of the day's backup.

One compressed COPY stream a table, encrypted to an age recipient if one is set, under a manifest with counts, checksums
and digests that is written last. It holds personal data. Done means: all files were read back and are as written."""

DRILL_DESCRIPTION = """The newest proved archive, restored into a scratch database and compared with its manifest.

A backup counts only when it has been restored. Done means: rows and digest of every table are those of the day it was
archived; the scratch database is removed. Time to restore is plotted."""

DAILY = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=26), warn_window=BACKUP_LIMIT)
WEEKLY = dg.FreshnessPolicy.time_window(fail_window=DRILL_LIMIT, warn_window=timedelta(days=7, hours=6))


def external_specs() -> list[dg.AssetSpec]:
    """The project's tables and its function, so that the lineage starts there."""
    columns = {
        f"{table.source.partition('.')[2]}.{name}": ("", f"copied to {table.copy}")
        for table in COVERED
        for name in table.columns
    }
    return [
        dg.AssetSpec(
            DATABASE_KEY,
            group_name=GROUP,
            kinds={"supabase"},
            owners=[OWNER],
            description="Articles, comments, feedbacks and logs of the AIMindset project.",
            metadata=table_definition("public", columns),
        ),
        dg.AssetSpec(
            FUNCTION_KEY,
            group_name=GROUP,
            kinds={"plpgsql"},
            owners=[OWNER],
            deps=[DATABASE_KEY],
            description="The project's own `backup_all_data()`. It is called and never changed.",
        ),
    ]
