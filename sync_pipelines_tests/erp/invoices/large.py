"""An account of many invoices, whose documents are made when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import psycopg

from sync_pipelines.erp.connections.connection import ErpConnection
from sync_pipelines.erp.vendors.vendor import Invoice, InvoiceState, InvoiceXml
from sync_pipelines_tests.erp.invoices.account import Account
from sync_pipelines_tests.erp.invoices.book import Book, note
from sync_pipelines_tests.erp.invoices.nfe.notes import XmlItem
from sync_pipelines_tests.erp.synced_account import Database

DAY = date(2026, 11, 3)
ITEMS = tuple(XmlItem() for _ in range(20))
TOTALS = {"vProd": "297.60", "vNF": "314.00"}


@dataclass
class LargeBook(Book):
    """Its invoices have twenty items each."""

    before_document: Callable[[int], None] = lambda _number: None

    def invoice_xml(self, invoice: Invoice) -> InvoiceXml:
        with self._lock:
            self.asked.append(invoice.vendor_id)
            self.before_document(len(self.asked))
        one = note(int(invoice.vendor_id), DAY, items=ITEMS, totals=TOTALS)
        return InvoiceXml(one.access_key, one.xml)


def given_of(account: Account) -> dict[str, str]:
    """What a process of its own needs to sync an account."""
    one = account.connection
    return {
        "erp_url": account.erp_url,
        "ops_url": account.ops_url,
        "home": str(account.home),
        **{"connection": str(one.id), "user": str(one.user_id), "company": str(one.company_id)},
    }


def large_account(
    given: Mapping[str, str], invoices: int, connections: tuple[Database, Database] | None = None
) -> Account:
    """The account over databases that are there: those of the URLs, or `connections` to them."""
    erp, ops = connections or (
        psycopg.connect(given["erp_url"], autocommit=True),
        psycopg.connect(given["ops_url"], autocommit=True),
    )
    book = LargeBook()
    for number in range(1, invoices + 1):
        one = note(number, DAY)
        book.invoices_by_id[str(number)] = Invoice(
            vendor_id=str(number),
            state=InvoiceState.AUTHORISED,
            issued_on=DAY,
            key=one.access_key,
            model="55",
            environment="1",
            direction=1,
            number=str(number),
            total=Decimal("314.00"),
        )
    return Account(
        book,
        erp=erp,
        ops=ops,
        erp_url=given["erp_url"],
        ops_url=given["ops_url"],
        home=Path(given["home"]),
        connection=ErpConnection(
            id=UUID(given["connection"]),
            user_id=UUID(given["user"]),
            erp_type="omie",
            name="Teste",
            status="active",
            company_id=UUID(given["company"]),
        ),
    )
