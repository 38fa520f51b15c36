"""An account of the fake Tiny and our adapter on it, in one virtual time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sync_pipelines.erp.vendors.tiny import TinyVendor
from sync_pipelines.erp.vendors.vendor import Invoice, InvoiceState, Side, Title
from sync_pipelines.lib.http.client import Timeouts
from sync_pipelines.sandbox.erp.company import ErpCompany
from sync_pipelines.sandbox.erp.tiny import TinyFake
from sync_pipelines.sandbox.erp.tiny_limits import TinyRules
from sync_pipelines_tests.erp.vendors.accounts import VirtualTime, connection, open_account
from sync_pipelines_tests.sandbox.erp.vendors.clients import company

FIRST, LAST = date(2026, 11, 1), date(2026, 11, 30)


@dataclass
class TinyWorld:
    """`company` is the account's, without notes, products and titles at first."""

    ops_url: str
    rules: TinyRules | None = None
    company: ErpCompany = field(default_factory=company)
    time: VirtualTime = field(default_factory=VirtualTime)

    def __post_init__(self) -> None:
        self.fake = TinyFake(self.company, rules=self.rules, clock=self.time.timestamp)

    @contextmanager
    def open(self) -> Iterator[TinyVendor]:
        """Our adapter."""
        one = connection("tiny", self.fake.account.credentials)
        settings = {"TINY_URL": self.fake.origin}
        timeouts = Timeouts(connect=5.0, read=20.0, total=20.0)
        with open_account(one, self.ops_url, self.time, settings=settings, timeouts=timeouts) as vendor:
            assert isinstance(vendor, TinyVendor)
            yield vendor

    def asked(self, method: str) -> list[dict[str, Any]]:
        """What the calls of a service asked for."""
        return [dict(call.parameters) for call in self.fake.calls.of(method)]

    def calls(self, method: str | None = None) -> int:
        return self.fake.calls.count(method)


def listed(vendor: TinyVendor, first: date = FIRST, last: date = LAST) -> list[Invoice]:
    return [invoice for page in vendor.invoices(first, last) for invoice in page.items]


def titles(vendor: TinyVendor, side: Side | None = None) -> list[Title]:
    found = [title for page in vendor.titles(FIRST, LAST) for title in page.items]
    return [title for title in found if side in (None, title.side)]


def of_number(vendor_id: int) -> Invoice:
    """The invoice of a number, to ask for its document."""
    return Invoice(str(vendor_id), InvoiceState.AUTHORISED, issued_on=FIRST)
