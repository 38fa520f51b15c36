"""What a call of `backup_all_data()` changed outside its copies: no earlier row may be deleted or rewritten.

The function runs with its owner's rights, and so does every trigger that it fires: either can delete what was just
copied. Postgres writes a new version of each row that a transaction touches. So the age of their transaction tells
which rows the call left alone; they are counted in every table that our role can read, without reading content.
Tables that only the site writes are also compared by digest over all columns. Triggers, policies, views and the like
are compared by their catalog entries, and no sequence may have been set back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import LiteralString

from psycopg import sql

from sync_pipelines.aimindset.backup.coverage import COVERED
from sync_pipelines.lib import postgres
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.lib.postgres.catalog import columns_of, digest_columns
from sync_pipelines.lib.postgres.digest import Digest, digest_query

#: Replaced by every call, and compared with their sources.
REPLACED = tuple(table.copy for table in COVERED if table.is_log)
#: Tables in which a backup may not even insert a row.
CONTENT = (*(table.source for table in COVERED if not table.is_log), "public.alert_subscriptions")

#: Without tables that another session holds exclusively: a backup does not wait for a VACUUM FULL. A plain VACUUM gives
#: way to who waits; it holds a table in two modes while it cuts its end off. Tables of another database may have the
#: same numbers.
_TABLES = """
select format('%%I.%%I', nspname, relname), nspname, relname,
    pg_class.oid || ' ' || coalesce((
        select string_agg(concat_ws(' ', attnum, attname, atttypid, attisdropped), ',' order by attnum)
        from pg_attribute where attrelid = pg_class.oid and attnum > 0
    ), '')
from pg_class join pg_namespace on pg_namespace.oid = relnamespace
where relkind = 'r' and relpersistence <> 't' and nspname <> 'information_schema' and nspname !~ '^pg_'
    and has_schema_privilege(relnamespace, 'usage') and has_table_privilege(pg_class.oid, 'select')
    and not row_security_active(pg_class.oid)
    and (format('%%I.%%I', nspname, relname) = any(%(known)s::text[]) or %(known)s::text[] is null and not exists (
        select from pg_locks as held
        where held.relation = pg_class.oid and held.mode = 'AccessExclusiveLock' and held.pid <> pg_backend_pid()
            and held.database = (select oid from pg_database where datname = current_database())
            and not exists (
                select from pg_locks as vacuum
                where vacuum.pid = held.pid and vacuum.mode = 'ShareUpdateExclusiveLock'
                    and (vacuum.database, vacuum.relation) = (held.database, held.relation)
            )
    ))
order by 1
"""

#: Catalog entries of objects other than tables, by their kind; of pg_class without the columns that TRUNCATE changes.
_CATALOGS: Mapping[str, LiteralString] = {
    "relations": "select oid, md5(row(relname, relnamespace, relkind, relowner, relacl, relrowsecurity,"
    " relforcerowsecurity, relispopulated, reloptions)::text) from pg_class"
    " where oid >= 16384 and relkind <> 't' and relpersistence <> 't'",
    "triggers": "select oid, md5(one::text) from pg_trigger as one where oid >= 16384",
    "rules and views": "select oid, md5(one::text) from pg_rewrite as one where oid >= 16384",
    "policies": "select oid, md5(one::text) from pg_policy as one where oid >= 16384",
    "constraints": "select oid, md5(one::text) from pg_constraint as one where oid >= 16384",
    "defaults": "select oid, md5(one::text) from pg_attrdef as one where oid >= 16384",
    "functions": "select oid, md5(one::text) from pg_proc as one where oid >= 16384",
}
#: Without those of the replaced copies, which may start again.
_SEQUENCES = """
select format('%%I.%%I', nspname, relname), pg_sequence_last_value(pg_class.oid)
from pg_sequence join pg_class on pg_class.oid = seqrelid join pg_namespace on pg_namespace.oid = relnamespace
where relpersistence <> 't' and seqincrement > 0 and not seqcycle
    and case when relkind <> 'S' then false
        when has_sequence_privilege(pg_class.oid, 'select, usage')
        then pg_sequence_last_value(pg_class.oid) is not null end
    and not exists (
        select from pg_depend
        where objid = pg_class.oid and classid = 'pg_class'::regclass and deptype in ('a', 'i')
            and refclassid = 'pg_class'::regclass
            and refobjid = any(array(select to_regclass(unnest(%(replaced)s::text[]))))
    )
"""


@dataclass(frozen=True)
class TableState:
    """A table's identity with its columns, and how many of its rows this transaction has not touched."""

    shape: str
    rows: int


@dataclass(frozen=True)
class State:
    """The database outside the copies, at one moment of a transaction."""

    tables: Mapping[str, TableState]
    contents: Mapping[str, Digest]
    objects: Mapping[str, Mapping[int, str]]
    sequences: Mapping[str, int]


def read_state(connection: Connection, known: Collection[str] | None = None) -> State:
    """The state now, in a transaction at REPEATABLE READ: of the tables `known`, or of all that our role can read."""
    names = None if known is None else list(known)
    rows = connection.execute(_TABLES, {"known": names}).fetchall()
    shapes = {name: shape for name, _, _, shape in rows}
    counts: dict[str, int] = {}
    if rows:
        each = [
            sql.SQL("select {}, (select count(*) from only {} where age(xmin) > 0)").format(
                sql.Literal(name), sql.Identifier(schema, relation)
            )
            for name, schema, relation, _ in rows
        ]
        counts = dict(connection.execute(sql.SQL(" union all ").join(each)).fetchall())
    contents = {table: _digest(connection, table) for table in CONTENT if _is_readable(connection, table)}
    return State(
        tables={name: TableState(shapes[name], counts[name]) for name in shapes},
        contents=contents,
        objects={kind: dict(connection.execute(query).fetchall()) for kind, query in _CATALOGS.items()},
        sequences=dict(connection.execute(_SEQUENCES, {"replaced": list(REPLACED)}).fetchall()),
    )


def changes(before: State, after: State, *, may_change: Collection[str] = ()) -> list[str]:
    """The differences, a sentence each, without row content.

    `may_change` are tables whose rows the call may delete and rewrite, without effect for those of CONTENT.
    """
    sentences = []
    for name, was in before.tables.items():
        if name in may_change and name not in CONTENT:
            continue
        now = after.tables.get(name)
        if now is None:
            sentences.append(f"the table {name} is gone")
        elif now.shape != was.shape:
            sentences.append(f"{name} is another table or has other columns")
        elif now.rows != was.rows:
            sentences.append(f"{was.rows - now.rows} of {was.rows} rows of {name} were deleted or rewritten")
        elif before.contents.get(name) != after.contents.get(name):
            sentences.append(f"{name} has other rows than before")
    unlisted = [name for name in before.contents if name not in before.tables]
    sentences += [
        f"{name} has other rows than before"
        for name in unlisted
        if before.contents[name] != after.contents.get(name)
    ]
    return [*sentences, *_changed_objects(before, after)]


def _changed_objects(before: State, after: State) -> Iterator[str]:
    for kind, were in before.objects.items():
        now = after.objects[kind]
        if gone := sum(now.get(oid) != was for oid, was in were.items()):
            yield f"{gone} of {len(were)} {kind} were dropped or altered"
    for name, was in before.sequences.items():
        # A sequence that went with its table is reported with the table.
        if after.sequences.get(name, was) < was:
            yield f"the sequence {name} was set back, which no rollback undoes"


def _is_readable(connection: Connection, table: str) -> bool:
    row = connection.execute(
        "select coalesce(has_table_privilege(to_regclass(%s)::oid, 'select'), false)", (table,)
    ).fetchone()
    return bool(row and row[0])


def table_names(text: str) -> tuple[str, ...]:
    """The tables of a list such as `page_views, site.counters`; those without a schema are in `public`."""
    found = filter(None, (name.strip() for name in text.split(",")))
    return tuple(name if "." in name else f"public.{name}" for name in found)


def _digest(connection: Connection, table: str) -> Digest:
    columns = digest_columns(columns_of(connection, table))
    row = connection.execute(digest_query(postgres.table(table), columns)).fetchone()
    return Digest.parse(row[1]) if row else Digest()
