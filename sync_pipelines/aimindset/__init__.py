"""AIMindset: the daily backup of a Supabase project, proved, and an archive of it off the database.

Replaces pg_cron's `auto-backup-daily` and `auto-backup-secondary` and the Edge Function `auto-backup`, which looked at
the transport and never at the answer.

The way of the data, once a day at 03:00 in Brazil (`pipeline`):

    recover     what a crash of an earlier run interrupted                         recovery
    backup/     validate   the function is the known one, our role may call it
                load       `backup_all_data()`, in one transaction on a snapshot
                prove      copies = sources, and nothing else changed
                report     the log rows that the project's panel reads
    archive/    pipeline   every column of the same snapshot, to the landing store
                prove      the files read back as written, nothing was lost
                retention  what goes, after what stays was verified
    notify      one error row and one alert for a failed day                       notification

Once a week `archive/drill` restores the newest archive into a scratch database and compares it.

| asset | grain | key | done means |
|---|---|---|---|
| `aimindset/backup` | a day | the backup's id | copies of six tables were proved before the COMMIT and read after it |
| `aimindset/archive` | a day | its folder in the landing store | every file was read back |
| `aimindset/restore_drill` | none | – | rows and content of every table are those that were archived |

Outside: the project's database (`database`) and its endpoints (`client`, reached through `access`); our own: the
backup catalog (`lib.records.backups`) and the landing store (`archive.stored`). `request` has what a run is asked to
do, `day` what it reached, `assets` the names of the assets, `exclusion` the locks.
"""
