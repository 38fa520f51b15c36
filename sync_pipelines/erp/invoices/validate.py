"""What a list says of each invoice: which are invoices at all, which are there twice, whose document is wanted.

Model 65 (NFC-e), the test environment, what is not issued and voided numbers are no invoices of this asset (contract
of the ERPs, sections 9 and 10): they are skipped with a reason, and kept by number for the numbering's sake.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Literal

from sync_pipelines.erp.invoices.extract import month_of
from sync_pipelines.erp.vendors.vendor import Invoice, InvoiceState
from sync_pipelines.lib.records.rejects import storable

Decision = Literal["stored", "marked", "skipped", "rejected", "unread"]
#: Why something is skipped, as `sync_private.invoices.reason` has it.
NFCE, TEST, UNISSUED, VOIDED = "nfc_e", "test_environment", "unissued", "voided_number"
OTHER_MODEL, DUPLICATE = "other_model", "duplicate_key"
#: States in which an invoice counts for nothing.
VOID_STATES = (InvoiceState.CANCELLED, InvoiceState.DENIED)

#: What a list says in the vendor's own words, which may hold what Postgres does not.
_TEXTS = ("vendor_id", "key", "model", "environment", "series", "number")
_KEY = re.compile(r"[0-9]{6}[0-9A-Z]{12}[0-9]{26}")


@dataclass(frozen=True, slots=True)
class Entry:
    """An invoice of the list and what is to be done with it; without a decision its document is wanted."""

    invoice: Invoice
    #: The access key in upper case, if the list or an earlier sync knows it.
    key: str | None
    state: InvoiceState
    decision: Decision | None = None
    reason: str | None = None
    remarks: tuple[str, ...] = ()

    @property
    def vendor_id(self) -> str:
        return self.invoice.vendor_id

    @property
    def model(self) -> str | None:
        return self.invoice.model or (self.key[20:22] if self.key else None)

    @property
    def is_void(self) -> bool:
        return self.state in VOID_STATES

    def decided(self, decision: Decision, reason: str | None = None) -> Entry:
        return replace(self, decision=decision, reason=reason)


@dataclass(frozen=True)
class MonthList:
    """The list of one month, one entry a vendor's number."""

    month: date
    entries: list[Entry] = field(default_factory=list)
    #: Vendor's numbers that the list has twice with different content.
    twice: tuple[str, ...] = ()


def access_key(text: str | None) -> str | None:
    """An access key as we write it; None for what is none, whose document has to say it."""
    plain = re.sub(r"[^0-9A-Z]", "", (text or "").upper()).removeprefix("NFE")
    return plain if _KEY.fullmatch(plain) else None


def state_of(text: str) -> InvoiceState:
    """A stored state; one that somebody made up is that of an issued invoice."""
    return InvoiceState(text) if text in set(InvoiceState) else InvoiceState.AUTHORISED


def month_lists(invoices: Iterable[Invoice]) -> dict[date, MonthList]:
    """The invoices by the month of their local issue date, each vendor's number once."""
    by_id: dict[str, Invoice] = {}
    twice: set[str] = set()
    for one in invoices:
        invoice = one._replace(**{name: storable(getattr(one, name)) for name in _TEXTS})
        if by_id.get(invoice.vendor_id, invoice) != invoice:
            twice.add(invoice.vendor_id)
        # A list that moves while it is read shows a row again; the later reading is the newer one.
        by_id[invoice.vendor_id] = invoice
    months: dict[date, MonthList] = {}
    for invoice in by_id.values():
        month = month_of(invoice.issued_on)
        months.setdefault(month, MonthList(month)).entries.append(judged(invoice))
    return {
        month: MonthList(
            month,
            without_duplicates(listed.entries),
            twice=tuple(one.vendor_id for one in listed.entries if one.vendor_id in twice),
        )
        for month, listed in months.items()
    }


def judged(invoice: Invoice) -> Entry:
    """An invoice with the decision that the list alone allows."""
    entry = Entry(invoice, access_key(invoice.key), invoice.state)
    if invoice.is_voided:
        return entry.decided("skipped", VOIDED)
    if entry.model == "65":
        return entry.decided("skipped", NFCE)
    if entry.model not in (None, "55"):
        return entry.decided("skipped", OTHER_MODEL)
    if invoice.environment == "2":
        return entry.decided("skipped", TEST)
    if invoice.state is InvoiceState.UNISSUED:
        return entry.decided("skipped", UNISSUED)
    return entry


def without_duplicates(entries: Iterable[Entry]) -> list[Entry]:
    """The entries, of those with one key all but the first skipped.

    The one that stays bears the state of a cancellation if any of them does.
    """
    first: dict[str, int] = {}
    kept: list[Entry] = []
    for entry in entries:
        if entry.decision is not None or entry.key is None or entry.key not in first:
            if entry.decision is None and entry.key is not None:
                first[entry.key] = len(kept)
            kept.append(entry)
            continue
        place = first[entry.key]
        if entry.is_void and not kept[place].is_void:
            kept[place] = replace(kept[place], state=entry.state)
        kept.append(entry.decided("skipped", DUPLICATE))
    return kept
