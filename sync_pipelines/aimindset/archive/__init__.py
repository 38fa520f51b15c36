"""The project's content off its database: every column of the source tables, in the snapshot of the day's backup.

The function's own copy lies in the database that it should protect, and it lacks columns (`parent_id`, `likes` and
every later one). The archive has them all, because the columns are read from the catalog.

`pipeline` writes an archive, reads it back (`prove`) and records it (`record`); `stored` is what the landing store
holds, `retention` what may go, `drill` restores the newest archive into a scratch database.
"""
