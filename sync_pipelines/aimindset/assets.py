"""The assets of the system, by the names under which catalog, alerts and Dagster know them."""

BACKUP = "aimindset/backup"
ARCHIVE = "aimindset/archive"
DRILL = "aimindset/restore_drill"
