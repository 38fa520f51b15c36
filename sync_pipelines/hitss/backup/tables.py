"""The backup tables beside `dre_hitss`: their names, and the mark that we leave in the comment of each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from psycopg import sql

from sync_pipelines.hitss.backup.content import Content
from sync_pipelines.lib import postgres
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.lib.postgres.digest import Digest, stored_version
from sync_pipelines.lib.records.backups import BackupCatalog

#: The key of the backups in the backup catalog.
ASSET = "hitss/dre_backup"
#: The table that is backed up.
SOURCE = "public.dre_hitss"
NAME_PATTERN = r"^dre_hitss_backup_\d{8}_\d{4}(_\d+)?$"
_MADE_BY = "sync_pipelines"


@dataclass(frozen=True)
class BackupMark:
    """What the comment of a backup table says of it."""

    made_at: datetime
    digest: str
    purpose: str

    @classmethod
    def parse(cls, comment: str | None) -> Self | None:
        """None for the comment of another program, or one that somebody edited: it must not stop tonight's backup."""
        try:
            mark = json.loads(comment or "")
            if not isinstance(mark, dict) or mark.get("made_by") != _MADE_BY:
                return None
            made_at = datetime.fromisoformat(mark["made_at"])
            made_at.astimezone()
            Digest.parse(mark["digest"])
            stored_version(mark["digest"])
        except (KeyError, TypeError, ValueError, AttributeError):
            return None
        purpose = mark.get("purpose")
        if not isinstance(purpose, str):
            return None
        return cls(made_at=made_at, digest=mark["digest"], purpose=purpose)


def write_mark(
    connection: Connection,
    table: sql.Identifier,
    *,
    made_at: datetime,
    run_id: str,
    purpose: str,
    content: Content,
) -> None:
    mark = {
        "made_by": _MADE_BY,
        "made_at": made_at.isoformat(),
        "run_id": run_id,
        "purpose": purpose,
        "rows": content.rows,
        "digest": str(content.digest),
    }
    connection.execute(sql.SQL("comment on table {} is {}").format(table, sql.Literal(json.dumps(mark))))


def find_tables(connection: Connection) -> Mapping[str, BackupMark | None]:
    """Every backup table there is, by name, with our mark; None for tables of others."""
    rows = connection.execute(
        "select relname, obj_description(oid, 'pg_class') from pg_class"
        " where relnamespace = 'public'::regnamespace and relkind = 'r' and relname ~ %s order by 1",
        (NAME_PATTERN,),
    ).fetchall()
    return {name: BackupMark.parse(comment) for name, comment in rows}


def choose_name(connection: Connection) -> tuple[str, datetime]:
    """A name that no table has, by the database's UTC clock, and that time."""
    row = connection.execute(
        "select 'dre_hitss_backup_' || to_char(now() at time zone 'UTC', 'YYYYMMDD_HH24MI'), now()"
    ).fetchone()
    assert row is not None
    taken = find_tables(connection).keys()
    names = (row[0] if number == 1 else f"{row[0]}_{number}" for number in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken), row[1]


def drop(connection: Connection, catalog: BackupCatalog, name: str) -> None:
    """Drop a backup that is in the catalog, and record that."""
    with postgres.errors_about(f"dropping the backup {name}"):
        connection.execute(sql.SQL("drop table {}").format(sql.Identifier("public", name)))
    catalog.mark_removed(ASSET, name)
