"""How large the databases and the landing store have become: nothing of the originals was ever pruned, and a full
database turns read-only (contract of the backup, fact 10).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.storage.landing import LandingStore
from sync_pipelines.settings import Settings
from sync_pipelines.settings.databases import databases_of

MEGABYTE = 1 << 20
#: The share of a limit from which on a person is warned.
WARN_FROM = 0.8


class TableSize(NamedTuple):
    """A table with its indexes, in bytes, and Postgres's estimate of its rows."""

    name: str
    bytes: int
    rows: int


@dataclass(frozen=True)
class DatabaseSize:
    """A database in bytes, with its largest tables; `problem` says why it could not be measured."""

    name: str
    bytes: int = 0
    largest: Sequence[TableSize] = ()
    problem: str | None = None

    @property
    def megabytes(self) -> float:
        return round(self.bytes / MEGABYTE, 1)


def configured_databases(settings: Settings) -> dict[str, str]:
    """The URLs of the configured databases by name, Dagster's own among them."""
    urls = {one.name: one.url(settings) for one in databases_of(type(settings))}
    return {name: url for name, url in urls.items() if url is not None}


def measure_databases(urls: Mapping[str, str]) -> list[DatabaseSize]:
    """The size of each database by its name; one that cannot be reached has a problem, and is not zero."""
    return [_measure(name, url) for name, url in urls.items()]


def measure_store(store: LandingStore) -> float:
    """The landing store in megabytes. Raises SyncError if it does not answer."""
    return round(store.size() / MEGABYTE, 1)


def verdict(megabytes: float, limit: int) -> str | None:
    """`warn` from four fifths of the limit on, `error` at it, None below."""
    if megabytes >= limit:
        return "error"
    return "warn" if megabytes >= limit * WARN_FROM else None


def _measure(name: str, url: str) -> DatabaseSize:
    what = f"the {name} database"
    try:
        with postgres.connect(url, what=what, read_only=True) as connection, postgres.errors_about(what):
            row = connection.execute("select pg_database_size(current_database())").fetchone()
            tables = connection.execute(
                "select nspname || '.' || relname, pg_total_relation_size(pg_class.oid), greatest(reltuples, 0)::bigint"
                " from pg_class join pg_namespace on pg_namespace.oid = relnamespace"
                " where relkind in ('r', 'm') and nspname not in ('pg_catalog', 'information_schema')"
                " order by 2 desc limit 10"
            ).fetchall()
    except SyncError as error:
        return DatabaseSize(name, problem=str(error))
    return DatabaseSize(name, int(row[0]) if row else 0, tuple(TableSize(*table) for table in tables))
