"""A backup is compared with its source when it is made, and later with what was proved then."""

from __future__ import annotations

from collections.abc import Sequence

from sync_pipelines.hitss.backup.content import Content, read_content, read_whole_content
from sync_pipelines.hitss.backup.tables import SOURCE
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.lib.postgres.catalog import columns_of, digest_columns, exists
from sync_pipelines.lib.postgres.digest import stored_version
from sync_pipelines.lib.records.backups import Backup


def prove_copy(connection: Connection, name: str, content: Content) -> None:
    """Compare a new backup with `content`, which the source held when the backup began; after all writes.

    Raises PermanentError: a trigger may alter what is written.
    """
    _compare(connection, f"public.{name}", content, what=f"The backup {name}")


def prove_source(connection: Connection, content: Content) -> None:
    """Compare the source with what it held when the backup began: an event trigger may alter the table itself."""
    _compare(connection, SOURCE, content, what=SOURCE)


def _compare(connection: Connection, table: str, content: Content, *, what: str) -> None:
    if differences := content.differences(read_whole_content(connection, table)):
        raise PermanentError(
            f"{what} is not what {SOURCE} was when its backup began ({'; '.join(differences[:5])}):"
            " something in the database alters what a backup writes. No backup was made."
        )


def verify(connection: Connection, backup: Backup) -> list[str]:
    """Where a backup is no longer what was proved; empty if it is.

    The comparison uses the version of the digest formula that the backup was proved with.
    """
    table = f"public.{backup.name}"
    with postgres.errors_about(f"the backup {backup.name}"):
        if not exists(connection, table):
            return ["the table is gone"]
        columns = {column.name: column for column in columns_of(connection, table)}
        recorded: Sequence[str] = backup.details["columns"]
        if missing := sorted(set(recorded) - columns.keys()):
            return [f"it lacks the columns {', '.join(missing)}"]
        kept = digest_columns(columns[name] for name in recorded)
        found = read_content(connection, table, kept, version=stored_version(backup.details["digest"]))
    return Content.from_json(backup.details["months"]).differences(found)
