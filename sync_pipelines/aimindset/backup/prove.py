"""Compares the copies of one backup with their sources, in the transaction that made them.

Sources are read before the call, which keeps the function's locks short. After the COMMIT the comparison would show
false differences, because the sources change (contract, section 3.4).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from psycopg import sql

from sync_pipelines.aimindset.backup.answer import Answer
from sync_pipelines.aimindset.backup.coverage import COVERED, Covered
from sync_pipelines.lib import postgres
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.lib.postgres.catalog import columns_of, digest_columns, exists
from sync_pipelines.lib.postgres.digest import Column, Digest, Proof, digest_query, row_hash_sql

#: Logs are compared strictly up to the function's limit of 30 days; beyond it only the rows that were copied. Two
#: hours are left to a change of clocks, by which a day of its session may be longer or shorter than ours.
_STRICT = sql.SQL("created_at >= now() - interval '29 days 22 hours'")
_EDGE = sql.SQL("created_at < now() - interval '29 days 22 hours'")


@dataclass(frozen=True)
class Sources:
    """What each source table held, by its name, before the call."""

    digests: Mapping[str, Digest]


#: Settings that decide how values become text and which function a name means: a function may have changed them.
CANONICAL_SESSION = {
    "search_path": "pg_catalog, pg_temp",
    "datestyle": "ISO, MDY",
    "timezone": "UTC",
    "intervalstyle": "iso_8601",
    "bytea_output": "hex",
    "extra_float_digits": "1",
}


def set_canonical_session(connection: Connection) -> None:
    """Make values read alike until the transaction, or the block inside it, ends."""
    for name, value in CANONICAL_SESSION.items():
        connection.execute("select pg_catalog.set_config(%s, %s, true)", (name, value))


def read_sources(connection: Connection) -> Sources:
    """The digests of the copied columns of every source table that exists."""
    found = {}
    for table in COVERED:
        if exists(connection, table.source) and exists(connection, table.copy):
            where = _STRICT if table.is_log else sql.SQL("true")
            found[table.source] = _digest(connection, table.source, table.columns, where=where)
    return Sources(found)


def compare(connection: Connection, sources: Sources, answer: Answer) -> Proof:
    """The proof of a backup: the digest and count of each copy, against its source and the answer."""
    wanted: dict[str, str] = {}
    found: dict[str, str] = {}
    for table in COVERED:
        name = table.source.partition(".")[2]
        digest = sources.digests.get(table.source)
        if digest is None:
            wanted[name], found[name] = "a table and its copy", "one of them is missing"
            continue
        where = _STRICT if table.is_log else sql.SQL("backup_id = {}").format(sql.Literal(answer.backup_id))
        wanted[name] = str(digest)
        found[name] = str(_digest(connection, table.copy, table.copied_columns, where=where))
        wanted[f"{name}: rows counted"] = str(answer.counts[table.count_key])
        found[f"{name}: rows counted"] = str(_rows(connection, table, answer.backup_id))
        wanted[f"{name}: rows older than the call"] = "0"
        found[f"{name}: rows older than the call"] = str(
            _rows(connection, table, answer.backup_id, older=True)
        )
        if table.is_log:
            wanted[f"{name}: old rows that differ"] = "0"
            found[f"{name}: old rows that differ"] = str(_differing_old(connection, table))
    return Proof(wanted, found)


def _digest(connection: Connection, table: str, names: tuple[str, ...], where: sql.Composable) -> Digest:
    query = digest_query(postgres.table(table), _columns(connection, table, names), where=where)
    row = connection.execute(query).fetchone()
    return Digest.parse(row[1]) if row else Digest()


def _columns(connection: Connection, table: str, names: tuple[str, ...]) -> tuple[Column, ...]:
    """The columns of these names, in this order; a missing column is left out and makes the digests differ."""
    columns = {column.name: column for column in columns_of(connection, table)}
    return digest_columns(columns[name] for name in names if name in columns)


def _rows(connection: Connection, table: Covered, backup_id: str, *, older: bool = False) -> int:
    """The rows of the copy; `older` counts only those that this transaction did not write: a new backup has none."""
    where = sql.SQL("true") if table.is_log else sql.SQL("backup_id = {}").format(sql.Literal(backup_id))
    if older:
        where += sql.SQL(" and age(xmin) > 0")
    statement = sql.SQL("select count(*) from {} where {}").format(postgres.table(table.copy), where)
    row = connection.execute(statement).fetchone()
    return int(row[0]) if row else 0


def _differing_old(connection: Connection, table: Covered) -> int:
    """Copied rows around the limit of 30 days whose source is gone or differs."""
    statement = sql.SQL(
        "select count(*) from (select id, {copied} as hash from {copy} where {edge}) as copied"
        " left join (select id, {original} as hash from {source} where {edge}) as original using (id)"
        " where original.hash is distinct from copied.hash"
    ).format(
        copied=row_hash_sql(_columns(connection, table.copy, table.columns)),
        original=row_hash_sql(_columns(connection, table.source, table.columns)),
        copy=postgres.table(table.copy),
        source=postgres.table(table.source),
        edge=_EDGE,
    )
    row = connection.execute(statement).fetchone()
    return int(row[0]) if row else 0
