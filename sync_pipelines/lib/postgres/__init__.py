"""Postgres as we use it: connections, locks, COPY, and a slice replaced in one transaction.

Nothing here formats SQL text: identifiers are composed. Errors leave as `failures.SyncError`, rebuilt
without DETAIL and CONTEXT, which carry rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any, LiteralString, NamedTuple

import psycopg
from psycopg import sql

from sync_pipelines.lib import failures

COPY_BATCH = 500
_COPY_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
#: Of every connection, whatever the server, the database or the role is set to: a value has the same text.
_SESSION = {
    **{"DateStyle": "ISO, MDY", "IntervalStyle": "postgres", "TimeZone": "UTC"},
    **{"extra_float_digits": "1", "bytea_output": "hex"},
    # What is read after a lock was waited for must be what its holder left behind.
    "default_transaction_isolation": "read committed",
    # A server process that waits for a lock notices only so that its client has died.
    "client_connection_check_interval": "2000",
}
_READ_ONLY = {"default_transaction_read_only": "on"}

Connection = psycopg.Connection[tuple[Any, ...]]


class Changes(NamedTuple):
    """What a write did to a slice, in rows."""

    inserted: int = 0
    changed: int = 0
    unchanged: int = 0
    deleted: int = 0

    @property
    def written(self) -> int:
        return self.inserted + self.changed

    @property
    def touched(self) -> int:
        return self.inserted + self.changed + self.deleted


@contextmanager
def connect(
    url: str, *, what: str, read_only: bool = False, session: Mapping[str, str] | None = None
) -> Iterator[Connection]:
    """A connection whose errors are sentences about `what` (`the ops database`).

    Autocommit, so that a transaction is where the code says `with connection.transaction()`. `session` are
    parameters of the server for this connection, such as time limits.
    """
    with errors_about(what):
        connection = psycopg.connect(
            driverless(url),
            autocommit=True,
            connect_timeout=10,
            application_name="sync_pipelines",
        )
    try:
        with errors_about(what):
            parameters = {**_SESSION, **(_READ_ONLY if read_only else {}), **(session or {})}
            connection.execute(
                "select set_config(name, value, false) from unnest(%s::text[], %s::text[]) as s (name, value)",
                (list(parameters), list(parameters.values())),
            )
            yield connection
    finally:
        connection.close()


def driverless(url: str) -> str:
    """A connection URL without SQLAlchemy's driver name."""
    scheme, colon, rest = url.partition(":")
    return f"{scheme.split('+')[0]}{colon}{rest}"


@contextmanager
def errors_about(what: str) -> Iterator[None]:
    """Turn a driver's error into one without row data, chained to nothing."""
    try:
        yield
    except psycopg.Error as error:
        raise failures.from_postgres(error, what=what) from None


def lock_key(*parts: str) -> int:
    """The 64-bit advisory lock key of a name such as ("orders", "2025-08-01")."""
    text = "\x1f".join(("sync_pipelines", *parts))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big", signed=True)


def try_lock(connection: Connection, key: int) -> bool:
    """Take a lock for as long as this connection lives. False when another holds it."""
    row = connection.execute("select pg_try_advisory_lock(%s)", (key,)).fetchone()
    return bool(row and row[0])


def unlock(connection: Connection, key: int) -> None:
    connection.execute("select pg_advisory_unlock(%s)", (key,))


@contextmanager
def session_lock(connection: Connection, key: int, *, wait_seconds: float, busy: str) -> Iterator[None]:
    """Hold an advisory lock over a block, waiting for its holder up to `wait_seconds`.

    Raises TransientError with the sentence `busy` when the holder keeps it.
    """
    if not try_lock(connection, key):
        try:
            # A statement that waits for a lock is ended by lock_timeout; 0 would mean for ever.
            with connection.transaction():
                timeout = f"{max(1, int(wait_seconds * 1000))}ms"
                connection.execute("select set_config('lock_timeout', %s, true)", (timeout,))
                connection.execute("select pg_advisory_lock(%s)", (key,))
        except psycopg.errors.LockNotAvailable:
            raise failures.TransientError(busy) from None
    try:
        yield
    finally:
        if not connection.closed and not connection.broken:
            unlock(connection, key)


def lock_partition(connection: Connection, *parts: str, busy: str) -> None:
    """Take the lock of a partition until the transaction ends, or raise TransientError(`busy`)."""
    row = connection.execute("select pg_try_advisory_xact_lock(%s)", (lock_key(*parts),)).fetchone()
    if not (row and row[0]):
        raise failures.TransientError(busy)


def end_writes(connection: Connection) -> None:
    """Run what the database kept for the COMMIT (deferred triggers and constraints), then let nothing write any more.

    Call it after the last write of a transaction and before its proof: what a trigger does later was looked at by
    nobody. One that puts off another till the COMMIT makes that fail, instead of what was proved untrue.
    """
    connection.execute("set constraints all immediate")
    connection.execute("set transaction read only")


def table(name: str) -> sql.Identifier:
    """The identifier of `schema.table`."""
    return sql.Identifier(*name.split("."))


def copy_rows(
    connection: Connection, target: str, columns: Sequence[str], rows: Iterable[Sequence[object]]
) -> None:
    """COPY rows (values in the order of `columns`) into a table."""
    with connection.cursor() as cursor, cursor.copy(_copy_into(target, columns)) as copy:
        for row in rows:
            copy.write_row(row)


def copy_texts(
    connection: Connection, target: str, columns: Sequence[str], rows: Iterable[Sequence[str]], *, null: str
) -> None:
    """COPY rows whose values are texts already, of which `null` stands for NULL.

    A third of the time of `copy_rows`: nothing is converted, and only a row that needs it is escaped.
    """
    statement = _copy_into(target, columns) + sql.SQL(" (null {})").format(sql.Literal(null))
    tabs = len(columns) - 1
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for batch in batched(rows, COPY_BATCH):
            lines = []
            for row in batch:
                line = "\t".join(row)
                if "\\" in line or "\n" in line or "\r" in line or line.count("\t") != tabs:
                    line = "\t".join(value.translate(_COPY_ESCAPES) for value in row)
                lines.append(line)
            copy.write("\n".join(lines) + "\n")


def array(values: Iterable[object]) -> str:
    """An array as text, to be cast where it is used; None is NULL.

    For values whose text has no comma, brace, quote or backslash: numbers, uuids, times, words. A list as a parameter
    says the same in five times the time, which is felt where arrays have thousands of elements.
    """
    return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"


def batched(rows: Iterable[Sequence[str]], size: int) -> Iterator[list[Sequence[str]]]:
    """Lists of at most `size` rows (itertools has it from Python 3.12 on)."""
    rest = iter(rows)
    while batch := list(islice(rest, size)):
        yield batch


def _copy_into(target: str, columns: Sequence[str]) -> sql.Composed:
    return sql.SQL("copy {} ({}) from stdin").format(
        table(target), sql.SQL(", ").join(map(sql.Identifier, columns))
    )


@dataclass(frozen=True)
class SliceMerge:
    """Makes the slice `where` of `target` equal to `source`, rewriting only what differs.

    `source` is a table or a bracketed query with the columns `key` + `columns`; `stamped` are parameters for
    written rows only (a run id), which do not count as a difference. Composed once, run for many slices.
    """

    source: sql.Composable
    target: str
    key: Sequence[str]
    columns: Sequence[str]
    stamped: Sequence[str]
    where: sql.Composable

    def run(self, connection: Connection, parameters: Mapping[str, object]) -> Changes:
        """Merge in the caller's transaction. Rows of the slice that the source lacks are deleted, and counted."""

        def rows(statement: str) -> int:
            return int(connection.execute(self._statements[statement], parameters).rowcount)

        if connection.execute(self._statements["is_filled"], parameters).fetchone() == (False,):
            return Changes(inserted=rows("fill"))
        deleted, changed, inserted = rows("delete"), rows("update"), rows("insert")
        total = connection.execute(self._statements["count"], parameters).fetchone()
        return Changes(
            inserted=inserted,
            changed=changed,
            unchanged=(total[0] if total else 0) - inserted - changed,
            deleted=deleted,
        )

    @cached_property
    def _statements(self) -> dict[str, bytes]:
        names = [*self.key, *self.columns]
        stamps = [(sql.Identifier(name), sql.Placeholder(name)) for name in self.stamped]
        parts = {
            "source": self.source,
            "target": table(self.target),
            "where": self.where,
            "on": _each("target.{0} = source.{0}", self.key, " and "),
            "names": _each("{0}", [*names, *self.stamped], ", "),
            "values": sql.SQL(", ").join(
                [_each("source.{0}", names, ", "), *(placeholder for _, placeholder in stamps)]
            ),
            "before": _each("target.{0}", self.columns, ", "),
            "after": _each("source.{0}", self.columns, ", "),
            "changes": sql.SQL(", ").join(
                [
                    _each("{0} = source.{0}", self.columns, ", "),
                    *(sql.SQL("{} = {}").format(name, placeholder) for name, placeholder in stamps),
                ]
            ),
        }
        return {name: sql.SQL(text).format(**parts).as_bytes(None) for name, text in _MERGE.items()}


_MERGE: dict[str, LiteralString] = {
    "is_filled": "select exists (select from {target} as target where {where})",
    "fill": "insert into {target} ({names}) select {values} from {source} as source",
    "delete": "delete from {target} as target where {where}"
    " and not exists (select from {source} as source where {on})",
    "update": "update {target} as target set {changes} from {source} as source"
    " where {where} and {on} and ({before}) is distinct from ({after})",
    "insert": "insert into {target} as target ({names}) select {values} from {source} as source"
    " where not exists (select from {target} as target where {where} and {on})",
    "count": "select count(*) from {target} as target where {where}",
}


def _each(template: LiteralString, names: Sequence[str], between: LiteralString) -> sql.Composed:
    return sql.SQL(between).join(sql.SQL(template).format(sql.Identifier(name)) for name in names)
