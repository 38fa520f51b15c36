"""One month of a connection's invoices: what is known, the documents that are wanted, one transaction, its proof."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from sync_pipelines.erp.invoices import guard, statements
from sync_pipelines.erp.invoices.content import name_imports, read_live_contents
from sync_pipelines.erp.invoices.extract import ASSET, partition_key
from sync_pipelines.erp.invoices.fetch import Fetcher, Got
from sync_pipelines.erp.invoices.known import parameters, read_known, stage, uploads, void_elsewhere
from sync_pipelines.erp.invoices.load import InvoiceLoader, Loaded, RefusedInvoice
from sync_pipelines.erp.invoices.prove import MonthProof, Stored, prove
from sync_pipelines.erp.invoices.validate import DUPLICATE, Entry, MonthList
from sync_pipelines.erp.invoices.work_list import work_list
from sync_pipelines.erp.outcome import Counts
from sync_pipelines.erp.session import SyncSession
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError, TransientError
from sync_pipelines.lib.records.proofs import RecordableProof
from sync_pipelines.lib.records.rejects import RejectedRow


@dataclass
class MonthRun:
    """The way of one month; `counts` are its figures, once it is stored."""

    session: SyncSession
    month: MonthList
    #: The vendor's numbers of the whole list, each with its month.
    listed: Mapping[str, date]
    landed: int
    fetcher: Fetcher
    loader: InvoiceLoader
    #: Shown to a person: invoices of the sync that are done before this month.
    done: int = 0
    total: int = 0
    entries: dict[str, Entry] = field(default_factory=dict)
    stored: dict[str, Stored] = field(default_factory=dict)
    read_at: dict[str, datetime] = field(default_factory=dict)
    problems: list[TransientError] = field(default_factory=list)
    void: dict[str, str] = field(default_factory=dict)
    counts: Counts = field(default_factory=Counts)
    bytes: int = 0
    #: Invoices that the user uploaded by hand as well.
    uploads: int = 0

    @property
    def partition(self) -> str:
        return partition_key(self.session, self.month.month)

    def sync(self) -> None:
        """Raises SyncError with nothing of the month changed. Invoices that did not come are in `problems`."""
        found = guard.vanished(self.session, self.month.month, self.listed)
        self.loader.begin()
        self._read()
        found = guard.asked(self.session, found, self.fetcher)
        loaded, proved, vanished, marked = self._store(found)
        self._count(loaded, marked)
        self.uploads = uploads(self.session)
        self.counts.vanished = vanished
        self.counts.digest = proved.proof.destination["content"]
        self.counts.oldest_reading = proved.oldest_reading

    def _read(self) -> None:
        """Decide on every entry, with the documents that are wanted."""
        documents = self.fetcher.documents
        known = read_known(self.session, self.month.entries)
        work = work_list(
            self.month.entries,
            known,
            void_elsewhere(self.session),
            size=documents.size,
            now=self.session.started,
        )
        self.entries = {entry.vendor_id: entry for entry in work.decided}
        self.stored = work.stored
        self._show()
        for batch in self.fetcher.fetch(work.wants, self._show):
            self._take(batch)

    def _show(self) -> None:
        self.session.report("xml", done=self.done + len(self.entries), total=self.total)

    def _take(self, batch: Sequence[Got]) -> None:
        usable: dict[str, Got] = {}
        for got in batch:
            self.bytes += got.fetched
            entry = got.entry
            if got.problem is not None:
                self.problems.append(got.problem)
            else:
                self.read_at[entry.vendor_id] = self.session.clock()
            if got.reading is not None:
                key = got.reading.key
                if key in self.stored:
                    entry = self._duplicate(entry, key)
                else:
                    self.stored[key] = Stored(entry.state.value, got.sha256, got.bytes)
                    usable[key] = got
            self.entries[entry.vendor_id] = entry
        self._reject([(got.entry, got.entry.reason or "", _reason(got), got.raw_path) for got in batch])
        self._refuse(self.loader.stage(usable.values()))

    def _duplicate(self, entry: Entry, key: str) -> Entry:
        """An invoice whose key another one of the month has, which only its document said."""
        if entry.is_void:
            self.void[key] = entry.state.value
        return entry.decided("skipped", DUPLICATE)

    def _reject(self, rejected: Sequence[tuple[Entry, str, str, str | None]]) -> None:
        """Keep the rejects of entries: entry, rule, reason, where the raw document lies."""
        rows = [
            RejectedRow(
                partition_key=self.partition,
                locator={"invoice": entry.vendor_id, "key": entry.key or ""},
                value=None,
                rule=rule,
                reason=reason,
                raw={"document": path},
            )
            for entry, rule, reason, path in rejected
            if entry.decision == "rejected"
        ]
        if rows:
            self.session.records.rejects.record(
                ASSET, rows, run_id=self.session.run_id, landed_id=self.landed
            )

    def _refuse(self, refused: Sequence[RefusedInvoice]) -> None:
        """Reject invoices that the database does not take."""
        reasons = {one.key: one.reason for one in refused}
        for key in reasons:
            del self.stored[key]
        bad = [
            entry.decided("rejected", "row_is_taken")
            for entry in self.entries.values()
            if entry.key in reasons and entry.decision == "stored"
        ]
        self.entries |= {entry.vendor_id: entry for entry in bad}
        name = self.fetcher.documents.name
        self._reject(
            [(entry, "row_is_taken", reasons[entry.key or ""], name(entry.key or "")) for entry in bad]
        )

    def _store(self, found: Sequence[guard.Vanished]) -> tuple[Loaded, MonthProof, int, set[str]]:
        """The transaction of the month. Raises PermanentError or TransientError if it is not proved."""
        database = self.session.database
        given = {**parameters(self.session), "month": self.month.month}
        stage(self.session, self.entries.values(), self.read_at)
        with database.transaction():
            self.session.fence(database)
            user = postgres.lock_key("erp", "invoices", str(self.session.connection.user_id))
            database.execute(statements.LOCK_USER, (user,))
            self._apply_void()
            loaded = self.loader.load()
            if loaded.refused:
                self._refuse(loaded.refused)
                stage(self.session, self.entries.values(), self.read_at)
            database.execute(statements.RECORD, given)
            marked = {key for (key,) in database.execute(statements.MARK, given).fetchall()}
            guard.move(self.session, self.month.month, self.listed)
            vanished, voided = guard.mark(self.session, self.month.month, found)
            given |= {"marked": [*marked, *voided]}
            name_imports(database, statements.IMPORTS_OF_MONTH, given)
            database.execute(statements.WANT_CREDITS, given)
            read_live_contents(database, statements.WRITTEN, given)
            database.execute(statements.HASH)
            postgres.end_writes(database)
            proved = self._prove()
        self._record(proved)
        return loaded, proved, vanished, marked

    def _apply_void(self) -> None:
        """Cancellations that other rows know of, now that no other connection of the user writes."""
        void = {**self.void, **{key: one.value for key, one in void_elsewhere(self.session).items()}}
        void = {
            key: state
            for key, state in void.items()
            if key in self.stored and self.stored[key].state not in ("cancelada", "denegada")
        }
        self.session.database.execute(statements.VOID, {"keys": list(void), "states": list(void.values())})
        self.stored |= {key: self.stored[key]._replace(state=state) for key, state in void.items()}

    def _prove(self) -> MonthProof:
        if differences := self.loader.differences():
            first = differences[0]
            where = "is not there" if first.is_missing else f"differs in {', '.join(first.columns[:5])}"
            raise PermanentError(
                f"{len(differences)} rows of {self.partition} are not what was written; the first one {where}: a"
                " trigger of the application alters what is written. Nothing of the month was committed."
            )
        proved = prove(
            self.session,
            self.month.month,
            self.entries.values(),
            stored=self.stored,
            documents=self.fetcher.documents,
        )
        if not proved.proof.holds:
            self._record(proved)
            raise TransientError(
                f"{self.partition} is not proved: {proved.sentence()}. Nothing of the month was committed; the next"
                " sync reads what differs again."
            )
        return proved

    def _record(self, proved: MonthProof) -> None:
        version = self.session.started.isoformat()
        self.session.records.proofs.record(
            self.session.run_id,
            [RecordableProof(ASSET, self.partition, source_version=version, proof=proved.proof)],
        )

    def _count(self, loaded: Loaded, marked: Collection[str]) -> None:
        counts = self.counts
        decisions = Counter(entry.decision for entry in self.entries.values())
        counts.read = len(self.entries)
        counts.inserted = len(loaded.inserted)
        counts.changed = len(loaded.changed - loaded.inserted)
        counts.unchanged = decisions["stored"] - counts.inserted - counts.changed
        counts.skipped = decisions["skipped"] + decisions["marked"]
        counts.rejected, counts.unread = decisions["rejected"], decisions["unread"]
        counts.skipped_because = Counter(
            entry.reason or "without_document"
            for entry in self.entries.values()
            if entry.decision in ("skipped", "marked")
        )


def _reason(got: Got) -> str:
    return got.rejected.reason if got.rejected is not None else ""
