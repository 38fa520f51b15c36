"""A month's invoices in the application's tables and in ours, in the caller's transaction.

`xml_imports` has one row an invoice by its access key, `xml_analysis` one row an import. An error that one invoice
brings (a constraint of the application that its value breaks, a trigger that raises) is that invoice's: the batch is
halved until it stands alone, and the others are loaded. What is there already and equal is not rewritten.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

import psycopg

from sync_pipelines.erp.invoices import statements
from sync_pipelines.erp.invoices.content import (
    ANALYSES,
    ANALYSIS_COLUMNS,
    IMPORT_COLUMNS,
    IMPORTS,
    prepare_live_contents,
)
from sync_pipelines.erp.invoices.documents import SUFFIX, Documents
from sync_pipelines.erp.invoices.fetch import Got
from sync_pipelines.erp.invoices.known import parameters
from sync_pipelines.erp.session import SyncSession
from sync_pipelines.lib import exact_json, postgres
from sync_pipelines.lib.failures import from_postgres
from sync_pipelines.lib.postgres import KeyMerge
from sync_pipelines.lib.postgres.key_merge import Difference

#: SQLSTATE classes of errors that one row brings: data, integrity, limits, what a trigger raises.
_OF_A_ROW = ("22", "23", "54", "P0")


class RefusedInvoice(NamedTuple):
    """An invoice that the database does not take, and why."""

    key: str
    reason: str


@dataclass
class Loaded:
    """What a load did, by access key."""

    inserted: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)
    refused: list[RefusedInvoice] = field(default_factory=list)

    def __iadd__(self, other: Loaded) -> Self:
        self.inserted |= other.inserted
        self.changed |= other.changed
        self.refused += other.refused
        return self


@dataclass(frozen=True)
class InvoiceLoader:
    """Stages readings as they come, and merges them a month at once."""

    session: SyncSession
    documents: Documents
    imports: KeyMerge
    analyses: KeyMerge

    @classmethod
    def open(cls, session: SyncSession, documents: Documents) -> Self:
        """Raises PermanentError if a table of the application lacks a column that is written."""
        imports = KeyMerge.of_table(
            session.database,
            source=statements.IMPORTS_MEANT,
            target=IMPORTS,
            key=["user_id", "nfe_key"],
            columns=[*IMPORT_COLUMNS, "connection_id", "company_id"],
        )
        analyses = KeyMerge.of_table(
            session.database,
            source=statements.ANALYSES_MEANT,
            target=ANALYSES,
            key=["id"],
            columns=["user_id", "import_id", *ANALYSIS_COLUMNS],
        )
        return cls(session, documents, imports, analyses)

    def begin(self) -> None:
        """Forget what was staged for another month."""
        for statement in statements.STAGES:
            self.session.database.execute(statement)
        prepare_live_contents(self.session.database)

    def stage(self, batch: Iterable[Got]) -> list[RefusedInvoice]:
        """Stage what was read; returns what no column can hold."""
        return self._stage([self._meant(one) for one in batch if one.reading is not None])

    def _stage(self, rows: list[tuple[str, str, str]]) -> list[RefusedInvoice]:
        if not rows:
            return []
        try:
            with self.session.database.transaction():
                postgres.copy_rows(
                    self.session.database,
                    "pg_temp.meant_invoices",
                    ["nfe_key", "import_doc", "analysis_doc"],
                    rows=rows,
                )
        except psycopg.Error as error:
            if not _is_of_a_row(error):
                raise
            if len(rows) == 1:
                return [RefusedInvoice(rows[0][0], str(from_postgres(error, what=ANALYSES)))]
            middle = len(rows) // 2
            return [*self._stage(rows[:middle]), *self._stage(rows[middle:])]
        return []

    def _meant(self, got: Got) -> tuple[str, str, str]:
        reading = got.reading
        assert reading is not None
        columns: dict[str, Any] = {
            "file_name": f"{reading.key}{SUFFIX}",
            "file_path": self.documents.name(reading.key),
            "file_size": got.bytes,
            "issue_date": reading.issued_on.isoformat(),
            "content_sha256": got.sha256,
            "nfe_status": got.entry.state.value,
        }
        return reading.key, exact_json.dumps(columns), exact_json.dumps(dict(reading.analysis))

    def load(self) -> Loaded:
        """Merge what is staged. The caller has passed the fence and holds the user's lock."""
        database, given = self.session.database, parameters(self.session)
        database.execute("analyze pg_temp.meant_invoices")
        database.execute(statements.OWN, given)
        row = database.execute("select coalesce(max(place), 0) from pg_temp.meant_invoices").fetchone()
        last = int(row[0]) if row else 0
        return self._load(0, last, given) if last else Loaded()

    def differences(self) -> list[Difference]:
        """What is not as it was written, after all that the database still had to run."""
        given = {**parameters(self.session), "first": 0, "last": 2**31 - 1}
        return [
            *self.imports.differences(self.session.database, given),
            *self.analyses.differences(self.session.database, given),
        ]

    def _load(self, first: int, last: int, given: Mapping[str, Any]) -> Loaded:
        """Merge these places of the staged invoices, in halves where one of them is refused."""
        database = self.session.database
        given = {**given, "first": first, "last": last}
        keys = [key for (key,) in database.execute(statements.KEYS, given).fetchall()]
        if not keys:
            return Loaded()
        try:
            with database.transaction():
                return self._merge(given)
        except psycopg.Error as error:
            if not _is_of_a_row(error):
                raise
            if len(keys) > 1:
                middle = (first + last) // 2
                loaded = self._load(first, middle, given)
                loaded += self._load(middle + 1, last, given)
                return loaded
            database.execute(statements.WITHDRAW, given)
            return Loaded(refused=[RefusedInvoice(keys[0], str(from_postgres(error, what=IMPORTS)))])

    def _merge(self, given: Mapping[str, Any]) -> Loaded:
        database = self.session.database
        adopted = {key for (key,) in database.execute(statements.RECLAIM, given).fetchall()}
        adopted |= {key for (key,) in database.execute(statements.ADOPT, given).fetchall()}
        imports = self.imports.run(database, given)
        extra = {key for (key,) in database.execute(statements.REMOVE_EXTRA, given).fetchall()}
        database.execute(statements.STAGE_ANALYSES, given)
        database.execute("analyze pg_temp.meant_analyses")
        analyses = self.analyses.run(database, given)
        written = [key for (key,) in (analyses.inserted | analyses.changed)]
        of_analyses = database.execute(statements.KEYS_OF_ANALYSES, {"ids": written}).fetchall()
        completed = database.execute(statements.COMPLETE, given).fetchall()
        # What a deferred trigger says of one of these invoices is said while they can still be told apart.
        database.execute("set constraints all immediate")
        database.execute("set constraints all deferred")
        inserted = {key for _, key in imports.inserted}
        touched = {key for _, key in imports.changed} | {key for (key,) in [*of_analyses, *completed]}
        return Loaded(inserted=inserted, changed=(touched | adopted | extra) - inserted)


def _is_of_a_row(error: psycopg.Error) -> bool:
    """Whether a value of one row is at fault, or a constraint of the application that it breaks."""
    return (error.sqlstate or "")[:2] in _OF_A_ROW or isinstance(error, psycopg.DataError)
