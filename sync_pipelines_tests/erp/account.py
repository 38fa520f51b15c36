"""An ERP account as a plain object, and the session of a sync over it: for what stands behind a vendor's interface."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sync_pipelines.erp.connections.connection import ErpConnection
from sync_pipelines.erp.session import SyncSession
from sync_pipelines.erp.vendors.product_details import ProductDetails
from sync_pipelines.erp.vendors.vendor import Company, Invoice, InvoiceXml, KnownDetails, Page, Product
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.records import Records
from sync_pipelines.lib.storage.folder_store import FolderStore


@dataclass
class Account:
    """What an ERP would answer. `fails_after` is how many pages of products come before an error."""

    says: Company = field(default_factory=Company)
    #: Further companies of the installation.
    says_besides: list[Company] = field(default_factory=list)
    catalogue: list[Product] = field(default_factory=list)
    changes: list[Product] | None = None
    name: str = "Omie"
    page_size: int = 2
    fails_after: int | None = None
    error: SyncError | None = None
    asked_since: list[datetime | None] = field(default_factory=list)
    calls: int = 0
    waited: float = 0.0
    #: Whether the NCM of an active product is in a detail of its own, and whose details were asked for.
    has_details: bool = False
    asked_details: list[str] = field(default_factory=list)
    lists_product_changes: bool = field(init=False)

    def __post_init__(self) -> None:
        self.lists_product_changes = self.changes is not None

    def company(self) -> Page[Company]:
        if self.error is not None and self.fails_after is None:
            raise self.error
        return Page(b'{\n"company": 1}', [self.says, *self.says_besides])

    def products(
        self, since: datetime | None = None, known: KnownDetails | None = None
    ) -> Iterator[Page[Product]]:
        self.asked_since.append(since)
        details = ProductDetails(
            self._detail,
            product=lambda row, detail: self._product(row["product"], detail),
            needs_detail=lambda row: self.has_details and row["product"].is_active,
            known=known,
        )
        return details.pages(self._pages(self.catalogue if since is None else list(self.changes or ())))

    def _pages(self, items: Sequence[Product]) -> Iterator[Page[Mapping[str, Any]]]:
        pages = max(1, -(-len(items) // self.page_size))
        for number in range(pages):
            if self.error is not None and number == self.fails_after:
                raise self.error
            listed = items[number * self.page_size : (number + 1) * self.page_size]
            yield Page(b"{}", [{"product": one} for one in listed])

    def _product(self, one: Product, detail: Mapping[str, Any] | None) -> Product:
        """A product as the list has it, with what a detail says of its NCM."""
        if not (self.has_details and one.is_active):
            return one
        return one._replace(ncm=(detail or {}).get("ncm"), has_detail=detail is not None)

    def _detail(self, number: str) -> tuple[Mapping[str, Any] | None, bytes]:
        self.asked_details.append(number)
        found = next(one for one in self.catalogue if one.vendor_id == number)
        return ({"ncm": found.ncm} if found.has_detail else None), b"{}"

    def invoices(self, first: date, last: date) -> Iterator[Page[Invoice]]:
        yield from ()

    def invoice_xml(self, invoice: Invoice) -> InvoiceXml:
        raise NotImplementedError

    def close(self) -> None:
        return


@dataclass
class Clock:
    """A clock that a test moves."""

    now: datetime = datetime(2026, 11, 22, 15, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **parts: float) -> None:
        self.now += timedelta(**parts)


def connection_of(erp: postgres.Connection, connection_id: UUID) -> ErpConnection:
    """The connection as its row says."""
    row = erp.execute(
        "select user_id, erp_type::text, connection_name, status::text, company_id from public.erp_connections"
        " where id = %s",
        (connection_id,),
    ).fetchone()
    assert row is not None
    user_id, erp_type, name, status, company_id = row
    return ErpConnection(
        connection_id, user_id, erp_type=erp_type, name=name, status=status, company_id=company_id
    )


@dataclass
class Syncs:
    """Makes the sessions of syncs, over the databases and a store of one test."""

    erp: postgres.Connection
    records: Records
    store: Path
    clock: Clock = field(default_factory=Clock)

    def session(
        self,
        connection_id: UUID,
        account: Account | None = None,
        *,
        accepted: Sequence[str] = (),
        fence: Callable[[postgres.Connection], None] = lambda _: None,
    ) -> SyncSession:
        return SyncSession(
            connection=connection_of(self.erp, connection_id),
            vendor=account or Account(),
            database=self.erp,
            records=self.records,
            landing=FolderStore(self.store),
            xml_store=FolderStore(self.store),
            run_id="a-run",
            zone=ZoneInfo("America/Sao_Paulo"),
            started=self.clock(),
            clock=self.clock,
            fence=fence,
            accepted=frozenset(accepted),
        )
