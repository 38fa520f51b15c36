"""Compares recorded backups with their rows in the database, which anybody may delete or alter there.

The digests recorded with the proof are compared with live ones, table by table. Log copies are left out, because every
later call replaces them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from psycopg import sql

from sync_pipelines.aimindset.backup import prove
from sync_pipelines.aimindset.backup.coverage import COVERED, Covered
from sync_pipelines.aimindset.backup.record import ANNOUNCED
from sync_pipelines.lib import postgres
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.lib.postgres.catalog import columns_of, digest_columns
from sync_pipelines.lib.postgres.digest import Digest, Version, digest_query, stored_version
from sync_pipelines.lib.records.backups import Backup

#: How many recorded backups are compared every hour; the project itself never removes one.
NEWEST = 14
CONTENT = tuple(table for table in COVERED if not table.is_log)


def digests_of(backup: Backup) -> Mapping[str, str] | None:
    """The digests that a backup was proved by, or announced with before its COMMIT; None if none is recorded."""
    found = backup.details.get("proof") or backup.details.get(ANNOUNCED)
    if isinstance(found, dict) and all(_name(table) in found for table in CONTENT):
        return found
    return None


@dataclass(frozen=True)
class Comparison:
    """The newest recorded backups by how they compare with their rows; `wrong`, `gone`, `unknown` hold sentences."""

    equal: tuple[str, ...]
    wrong: tuple[str, ...]
    gone: tuple[str, ...]
    unknown: tuple[str, ...]
    is_serious: bool

    def sentences(self) -> list[str]:
        """The result for a person."""
        equal = (
            f"{len(self.equal)} backups are as they were proved." if self.equal else "No backup is as proved."
        )
        return [*self.wrong, *self.gone, *self.unknown, equal]


def compare(connection: Connection, backups: Sequence[Backup]) -> Comparison:
    """Compare the newest of the proved `backups` (newest first) with their rows.

    An altered backup is serious, and so is the newest one without rows. An older one without rows may have been
    deleted by a person on purpose.
    """
    newest = backups[:NEWEST]
    known = {backup.name: digests for backup in newest if (digests := digests_of(backup)) is not None}
    found = differences(connection, known)
    dates = {backup.name: f"{backup.made_at:%Y-%m-%d}" for backup in newest}
    unknown = [name for name in dates if name not in known]
    missing = {name for name in (*found, *unknown) if not has_rows(connection, name)}
    last = newest[0].name
    return Comparison(
        equal=tuple(name for name in known if name not in found),
        wrong=tuple(
            f"{name} of {dates[name]}: {'; '.join(wrong)}."
            for name, wrong in found.items()
            if name not in missing
        ),
        gone=tuple(f"{name} of {dates[name]} has no row any more." for name in dates if name in missing),
        unknown=tuple(
            f"{name} of {dates[name]} was recorded without digests; only its rows' presence is known."
            for name in unknown
            if name not in missing
        ),
        is_serious=last in missing or bool(set(found) - missing),
    )


def has_rows(connection: Connection, backup_id: str) -> bool:
    """Whether a backup has any row; a log row about it proves nothing."""
    row = connection.execute(
        "select exists (select from public.backup_articles where backup_id = %(id)s)"
        " or exists (select from public.backup_comments where backup_id = %(id)s)"
        " or exists (select from public.backup_feedbacks where backup_id = %(id)s)",
        {"id": backup_id},
    ).fetchone()
    return bool(row and row[0])


def generations(connection: Connection) -> int:
    """How many backups the database holds: the project never removes one."""
    row = connection.execute("select count(distinct backup_id) from public.backup_articles").fetchone()
    return int(row[0]) if row else 0


def differences(connection: Connection, backups: Mapping[str, Mapping[str, str]]) -> dict[str, list[str]]:
    """The differences of each backup from its recorded digests by table, a sentence each; equal ones are absent."""
    found: dict[str, list[str]] = {}
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read")
        prove.set_canonical_session(connection)
        for table in CONTENT:
            live = _live(connection, table, backups)
            for backup_id, digests in backups.items():
                wanted = Digest.parse(digests[_name(table)])
                now = live.get(backup_id, Digest())
                if now.rows != wanted.rows:
                    sentence = f"{table.copy} has {now.rows} of its {wanted.rows} rows"
                elif now != wanted:
                    sentence = (
                        f"{table.copy} holds other content than was proved, in as many rows ({now.rows})"
                    )
                else:
                    continue
                found.setdefault(backup_id, []).append(sentence)
    return found


def _live(
    connection: Connection, table: Covered, backups: Mapping[str, Mapping[str, str]]
) -> dict[str, Digest]:
    """The digest of each backup's rows now, in the version of the formula that its recorded digest has."""
    by_version: dict[Version, list[str]] = {}
    for backup_id, digests in backups.items():
        by_version.setdefault(stored_version(digests[_name(table)]), []).append(backup_id)
    columns = {column.name: column for column in columns_of(connection, table.copy)}
    copied = digest_columns(columns[name] for name in table.copied_columns if name in columns)
    found: dict[str, Digest] = {}
    for version, ids in by_version.items():
        query = digest_query(
            postgres.table(table.copy),
            copied,
            by=sql.SQL("backup_id"),
            where=sql.SQL("backup_id = any({}::uuid[])").format(sql.Literal(ids)),
            version=version,
        )
        found |= {key: Digest.parse(text) for key, text, *_ in connection.execute(query).fetchall()}
    return found


def _name(table: Covered) -> str:
    return table.source.partition(".")[2]
