"""A vendor over Python data: the invoices of one account, what each call answers, and which calls were made."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sync_pipelines.erp.vendors.vendor import (
    Company,
    Invoice,
    InvoiceState,
    InvoiceXml,
    KnownDetails,
    Page,
    Product,
)
from sync_pipelines_tests.erp.invoices.nfe.notes import XmlNote

ISSUER = "11222333000181"


def note(number: int, issued_on: date, issuer: str = ISSUER, **xml: Any) -> XmlNote:
    """An authorised note of that number; `xml` replaces parts of it."""
    given = {"number": str(number), "issued_at": f"{issued_on}T10:00:00-03:00", "issuer": issuer}
    return XmlNote(**{**given, **xml})


@dataclass
class Book:
    """The vendor. `before_list` and `before_xml` are called first, and may raise."""

    name: str = "Livro"
    lists_product_changes: bool = False
    calls: int = 0
    waited: float = 0.0
    invoices_by_id: dict[str, Invoice] = field(default_factory=dict)
    xml: dict[str, bytes | None] = field(default_factory=dict)
    states: dict[str, InvoiceState] = field(default_factory=dict)
    page_size: int = 100
    before_page: Callable[[int], None] = lambda _number: None
    before_xml: Callable[[Invoice], None] = lambda _invoice: None
    asked: list[str] = field(default_factory=list)
    lists: list[tuple[date, date]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(
        self,
        number: int,
        issued_on: date,
        *,
        state: InvoiceState = InvoiceState.AUTHORISED,
        listed: dict[str, Any] | None = None,
        issuer: str = ISSUER,
        **xml: Any,
    ) -> str:
        """An outbound invoice; returns its key. `listed` changes what the list says, `xml` what the document says."""
        document = note(number, issued_on, issuer, **xml)
        key = document.access_key
        one = Invoice(
            vendor_id=str(7000 + number),
            state=state,
            issued_on=issued_on,
            key=key,
            model="55",
            environment="1",
            direction=1,
            series="1",
            number=str(number),
            total=Decimal("17.62"),
        )._replace(**(listed or {}))
        self.invoices_by_id[one.vendor_id] = one
        self.xml[one.vendor_id] = document.xml
        return key

    def change(self, number: int, **changes: Any) -> None:
        one = str(7000 + number)
        self.invoices_by_id[one] = self.invoices_by_id[one]._replace(**changes)

    def company(self) -> Page[Company]:
        return Page(b"{}", [Company()])

    def products(
        self, since: datetime | None = None, known: KnownDetails | None = None
    ) -> Iterator[Page[Product]]:
        yield Page(b"{}", [])

    def invoices(self, first: date, last: date) -> Iterator[Page[Invoice]]:
        self.lists.append((first, last))
        every = [one for one in self.invoices_by_id.values() if first <= one.issued_on <= last]
        for number, start in enumerate(range(0, max(len(every), 1), self.page_size)):
            self.calls += 1
            self.before_page(number)
            items = every[start : start + self.page_size]
            yield Page(json.dumps([one.vendor_id for one in items]).encode(), items)

    def invoice_xml(self, invoice: Invoice) -> InvoiceXml:
        with self._lock:
            self.calls += 1
            self.asked.append(invoice.vendor_id)
        self.before_xml(invoice)
        known = self.invoices_by_id.get(invoice.vendor_id)
        return InvoiceXml(
            key=known.key if known else None,
            xml=self.xml.get(invoice.vendor_id),
            state=self.states.get(invoice.vendor_id),
        )

    def close(self) -> None:
        return
