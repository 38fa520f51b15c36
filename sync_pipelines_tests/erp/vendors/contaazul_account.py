"""An account of the fake Conta Azul, and our adapter on it."""

from __future__ import annotations

from datetime import date

from sync_pipelines.erp.vendors.contaazul import ContaAzulVendor
from sync_pipelines.erp.vendors.vendor import Invoice, Title
from sync_pipelines.sandbox.erp.contaazul import ContaAzulFake
from sync_pipelines_tests.erp.vendors.token_account import TokenWorld

FIRST, LAST = date(2026, 11, 1), date(2026, 11, 30)


class ContaAzulWorld(TokenWorld[ContaAzulFake, ContaAzulVendor]):
    """Its tokens are given by a host of their own."""

    erp_type = "contaazul"
    fake_class = ContaAzulFake
    adapter_class = ContaAzulVendor

    @property
    def settings(self) -> dict[str, str]:
        return {**super().settings, "CONTAAZUL_AUTH_URL": self.fake.auth_url}


def listed(vendor: ContaAzulVendor, first: date = FIRST, last: date = LAST) -> list[Invoice]:
    return [invoice for page in vendor.invoices(first, last) for invoice in page.items]


def titles_of(vendor: ContaAzulVendor, first: date = FIRST, last: date = LAST) -> list[Title]:
    return [title for page in vendor.titles(first, last) for title in page.items]
