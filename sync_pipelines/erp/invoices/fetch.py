"""The documents of a month's invoices, several calls at once: from the store where it has them, else from the ERP.

Each invoice is decided on its own: read, no invoice after all, rejected with a rule, or unread because its document
did not come. A refused credential ends the sync at once. A vendor that throttles, or of which many documents in a row
do not come, is not called again in this sync: at some vendors each further call prolongs the block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from sync_pipelines.erp.invoices.documents import Documents, DocumentStoreError, store_errors
from sync_pipelines.erp.invoices.extract import month_of
from sync_pipelines.erp.invoices.known import Known
from sync_pipelines.erp.invoices.reading import OTHER_MONTH, DocumentRejectedError, NoInvoice, Reader, Reading
from sync_pipelines.erp.invoices.validate import VOID_STATES, Entry, access_key
from sync_pipelines.erp.vendors.vendor import InvoiceState, InvoiceXml, Vendor
from sync_pipelines.lib.completed_pool import CompletedPool
from sync_pipelines.lib.failures import RefusedError, SyncError, ThrottledError, TransientError
from sync_pipelines.lib.storage.landing import LandingStore

#: Calls at once: Bling allows three a second, Omie four at a time.
IN_FLIGHT = 3
#: Invoices given and not taken: what bounds the memory, with documents of at most 10 MB.
DEPTH = 24
#: Seconds that a batch waits for further documents, and after which the caller looks whether it goes on.
LINGER, PATIENCE = 0.25, 1.0
#: Documents in a row that do not come, after which the vendor counts as down.
DOWN_AFTER = 20
#: Rules of rejects of which no document came: the ERP says that there is none, or answers with an error.
NO_DOCUMENT, NOT_ANSWERED = NOT_THERE = ("document_is_there", "document_is_answered")
REJECTED_FOLDER = "erp/nfe_rejected"


@dataclass(frozen=True, slots=True)
class Want:
    """An invoice whose document is to be read, and what is stored of it."""

    entry: Entry
    known: Known
    #: Ask the ERP although the store has the document: its detail may say another state than its list.
    asks_vendor: bool = False


@dataclass(frozen=True, slots=True)
class Got:
    """What became of it: a reading with the document's digest and size, or a decision with its reason."""

    entry: Entry
    reading: Reading | None = None
    sha256: str = ""
    bytes: int = 0
    #: Bytes that came from the vendor.
    fetched: int = 0
    rejected: DocumentRejectedError | None = None
    raw_path: str | None = None
    problem: TransientError | None = None


@dataclass
class Fetcher:
    """Reads documents for one sync."""

    vendor: Vendor
    reader: Reader
    documents: Documents
    landing: LandingStore
    #: Why the vendor is not called any more.
    stopped: SyncError | None = None
    is_proved_alive: bool = False
    #: The month failed beside the calls: what has not begun is not begun.
    is_leaving: bool = False

    def fetch(self, wants: Sequence[Want], on_batch: Callable[[], None]) -> Iterator[list[Got]]:
        """What became of each, in batches. Raises RefusedError, or what else is no matter of one invoice."""
        waiting, in_a_row, self.is_leaving = iter(wants), 0, False
        with CompletedPool(self._get, width=IN_FLIGHT, depth=DEPTH) as pool:
            try:
                while self._give(pool, waiting):
                    batch = []
                    for want, outcome in pool.take(LINGER, patience=PATIENCE):
                        batch.append(got := self._result(want, outcome))
                        in_a_row = in_a_row + 1 if got.problem is not None else 0
                    if in_a_row >= DOWN_AFTER and self.stopped is None:
                        self.stopped = TransientError(
                            f"{self.vendor.name}: {in_a_row} documents in a row did not come."
                        )
                    if batch:
                        yield batch
                    on_batch()
            except BaseException:
                # Whoever leaves waits for what is under way: the others must not begin a call.
                self.is_leaving = True
                raise

    def _give(self, pool: CompletedPool[Want, Got], waiting: Iterator[Want]) -> bool:
        """Fill the pool; the first call of a sync alone: credentials that are refused are refused once."""
        while not pool.is_full and (self.is_proved_alive or pool.is_empty):
            if (want := next(waiting, None)) is None:
                break
            pool.give(want)
        return not pool.is_empty

    def _get(self, want: Want) -> Got:
        return (None if want.asks_vendor else self._from_store(want)) or self._from_vendor(want)

    def _from_store(self, want: Want) -> Got | None:
        """What the stored document says; None if there is none that can be used."""
        known, key = want.known, want.known.key
        if key is None or self.documents.size(key) is None:
            return None
        content = self.documents.read(key, known.sha256)
        if content is None:
            return None
        entry = replace(want.entry, key=key)
        try:
            reading = self.reader(content)
        except DocumentRejectedError:
            return None
        if isinstance(reading, NoInvoice) or reading.key != key:
            return None
        return _read(entry, reading, content)

    def _from_vendor(self, want: Want) -> Got:
        if self.stopped is not None or self.is_leaving:
            raise self.stopped or TransientError("Not asked for: the month failed.")
        answer = self.vendor.invoice_xml(want.entry.invoice)
        entry = _said(want.entry, answer, want.known.key)
        if answer.xml is None:
            if entry.is_void:
                return Got(entry.decided("marked"))
            return self._reject(entry, NO_DOCUMENT, "the ERP has no XML of this invoice")
        try:
            reading = self.reader(answer.xml)
            if isinstance(reading, NoInvoice):
                return replace(_no_invoice(entry, reading), fetched=len(answer.xml))
            if entry.key not in (None, reading.key):
                raise DocumentRejectedError(
                    "key_is_the_lists", "the XML bears another access key than the list"
                )
        except DocumentRejectedError as error:
            return self._reject(entry, error.rule, error.reason, xml=answer.xml)
        content = self.documents.put_or_read(reading.key, answer.xml)
        if content is not answer.xml and content != answer.xml:
            reading = self._again(content, reading)
        return replace(_read(entry, reading, content), fetched=len(answer.xml))

    def _again(self, content: bytes, first: Reading) -> Reading:
        """The reading of what another connection stored for the same key meanwhile."""
        reading = self.reader(content)
        return reading if isinstance(reading, Reading) and reading.key == first.key else first

    def _reject(self, entry: Entry, rule: str, reason: str, *, xml: bytes | None = None) -> Got:
        path = None
        if xml is not None:
            with store_errors(), self.landing.incoming(REJECTED_FOLDER, ".xml") as raw:
                raw.write_bytes(xml)
                path = self.landing.keep(raw, REJECTED_FOLDER, ".xml").path
        return Got(
            entry.decided("rejected", rule),
            rejected=DocumentRejectedError(rule, reason),
            raw_path=path,
            fetched=len(xml or b""),
        )

    def _result(self, want: Want, outcome: Got | BaseException) -> Got:
        if isinstance(outcome, Got):
            self.is_proved_alive = True
            return outcome
        if isinstance(outcome, RefusedError | DocumentStoreError):
            raise outcome
        if isinstance(outcome, TransientError):
            if isinstance(outcome, ThrottledError):
                self.stopped = self.stopped or outcome
            return Got(want.entry.decided("unread"), problem=outcome)
        if isinstance(outcome, SyncError):
            return self._reject(want.entry, NOT_ANSWERED, str(outcome))
        raise outcome


def _said(entry: Entry, answer: InvoiceXml, known_key: str | None) -> Entry:
    """The entry with what the detail says besides: its key, and a state in which it is void."""
    key = entry.key or known_key or access_key(answer.key)
    state = answer.state if answer.state in VOID_STATES else entry.state
    return replace(entry, key=key, state=state or entry.state)


def _no_invoice(entry: Entry, found: NoInvoice) -> Got:
    """A document that is no invoice is skipped; one that cancels this very invoice marks it."""
    if found.cancels is not None and found.cancels == entry.key:
        return Got(replace(entry, state=InvoiceState.CANCELLED).decided("marked", found.reason))
    return Got(entry.decided("marked" if entry.is_void else "skipped", found.reason))


def _read(entry: Entry, reading: Reading, content: bytes) -> Got:
    state = reading.state if reading.state in VOID_STATES and not entry.is_void else entry.state
    remarks = reading.remarks
    if month_of(reading.issued_on) != month_of(entry.invoice.issued_on):
        remarks = (*remarks, OTHER_MONTH)
    entry = replace(entry, key=reading.key, state=state, decision="stored", remarks=remarks)
    return Got(entry, reading=reading, sha256=sha256(content).hexdigest(), bytes=len(content))
