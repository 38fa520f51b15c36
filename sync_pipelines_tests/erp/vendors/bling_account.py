"""An account of the fake Bling, and our adapter on it."""

from __future__ import annotations

from datetime import date

from sync_pipelines.erp.vendors.bling import BlingVendor
from sync_pipelines.erp.vendors.vendor import Invoice
from sync_pipelines.sandbox.erp.bling import BlingFake
from sync_pipelines_tests.erp.vendors.token_account import TokenWorld

FIRST, LAST = date(2026, 9, 1), date(2026, 11, 30)


class BlingWorld(TokenWorld[BlingFake, BlingVendor]):
    """Its tokens are given at the address of the API, so that one setting is enough."""

    erp_type = "bling"
    fake_class = BlingFake
    adapter_class = BlingVendor


def listed(vendor: BlingVendor, first: date = FIRST, last: date = LAST) -> list[Invoice]:
    return [invoice for page in vendor.invoices(first, last) for invoice in page.items]
