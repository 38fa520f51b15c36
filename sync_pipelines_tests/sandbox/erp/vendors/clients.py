"""Clients that call the fakes as a stranger would, with httpx alone, and small companies for them to read."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import httpx

from sync_pipelines.sandbox.erp.bling import BlingFake
from sync_pipelines.sandbox.erp.company import ErpCompany, SandboxProfile
from sync_pipelines.sandbox.erp.notes import NoteItem, Party, SandboxNote
from sync_pipelines.sandbox.erp.omie import OmieFake
from sync_pipelines.sandbox.erp.products import SandboxProduct

BRASILIA = timezone(timedelta(hours=-3))
US = SandboxProfile(cnpj="12ABC34501DE35", legal_name="EMPRESA TESTE LTDA", trade_name="TESTE", crt="1")
CUSTOMER = Party(name="CLIENTE TESTE", cnpj="11222333000181")
SUPPLIER = Party(name="FORNECEDOR TESTE", cnpj="06117473000150", state="RJ")


@dataclass
class Clock:
    now: float = 1_795_000_000.0

    def __call__(self) -> float:
        return self.now


def key_of(number: int, model: str = "55") -> str:
    """An access key that looks like one."""
    return f"35261112ABC34501DE35{model}001{number:09d}1{number:08d}0"


def note(vendor_id: int, **fields: Any) -> SandboxNote:
    """A sale of 14.88, issued in November 2026 unless given otherwise."""
    number = vendor_id % 1000
    item = NoteItem(
        number=1,
        code="P1",
        description="ITEM",
        ncm="08119000",
        cfop="5102",
        quantity=Decimal("6"),
        unit_price=Decimal("2.48"),
        total=Decimal("14.88"),
        product_id=1,
    )
    given: dict[str, Any] = {
        "key": key_of(number, fields.get("model", "55")),
        "series": 1,
        "number": number,
        "issued_at": datetime(2026, 11, 3, 23, 30, tzinfo=BRASILIA),
        "issuer": US.party,
        "recipient": CUSTOMER,
        "items": [item],
        **fields,
    }
    return WithXml(vendor_id=vendor_id, **given)


class WithXml(SandboxNote):
    """A note whose document is short."""

    def xml(self) -> bytes:
        return f'<nfeProc><infNFe Id="NFe{self.key}">ação</infNFe></nfeProc>'.encode()


def product(vendor_id: int, **fields: Any) -> SandboxProduct:
    given = {"ncm": "0811.90.00", "price": Decimal("2.48"), **fields}
    return SandboxProduct(vendor_id=vendor_id, code=f"P{vendor_id}", name=f"ITEM {vendor_id}", **given)


def company(notes: int = 0, products: int = 0) -> ErpCompany:
    """A company with notes 7001, 7002 … and products 1, 2 …"""
    return ErpCompany(
        US,
        notes=[note(7001 + number) for number in range(notes)],
        products=[product(1 + number) for number in range(products)],
    )


@dataclass
class OmieCaller:
    """A client of a fake Omie, by default of its first account."""

    omie: OmieFake
    http: httpx.Client
    clock: Clock
    paths: dict[str, str] = field(
        default_factory=lambda: {
            "ListarNF": "/produtos/nfconsultar/",
            "ObterNfe": "/produtos/dfedocs/",
            "ListarDocumentos": "/contador/xml/",
            "ListarProdutos": "/geral/produtos/",
            "ListarEmpresas": "/geral/empresas/",
            "ListarContasReceber": "/financas/contareceber/",
            "ListarContasPagar": "/financas/contapagar/",
            "ListarCategorias": "/geral/categorias/",
        }
    )

    def call(self, method: str, *, account: int = 0, wait: float = 61.0, **parameters: Any) -> httpx.Response:
        """Call a method; `wait` seconds pass before, so that nothing is redundant."""
        self.clock.now += wait
        return self.http.post(
            self.paths[method],
            json={"call": method, **self.omie.accounts[account].credentials, "param": [parameters]},
        )

    def ids(self, **parameters: Any) -> list[int]:
        """The invoices that ListarNF gives."""
        answered = self.call("ListarNF", **parameters)
        return [one["compl"]["nIdNF"] for one in answered.json()["nfCadastro"]]


@dataclass
class BlingCaller:
    """A client of a fake Bling, by default of its first account."""

    bling: BlingFake
    http: httpx.Client
    clock: Clock

    def get(
        self, path: str, *, account: int = 0, wait: float = 1.0, token: str | None = None, **asked: Any
    ) -> httpx.Response:
        """Call a path; `wait` seconds pass before, so that no second has too many calls."""
        self.clock.now += wait
        bearer = token or self.bling.accounts[account].access_token
        return self.http.get(path, params=asked, headers={"Authorization": f"Bearer {bearer}"})

    def ids(self, path: str, **asked: Any) -> list[int]:
        """The ids of a page."""
        return [row["id"] for row in self.get(path, **asked).json()["data"]]

    def detail(self, vendor_id: int) -> Any:
        return self.get(f"/nfe/{vendor_id}").json()["data"]

    def token(self, *, account: int = 0, wait: float = 10.0, **form: str) -> httpx.Response:
        """Ask for tokens, with the account's last refresh token unless the form is given."""
        self.clock.now += wait
        one = self.bling.accounts[account]
        return self.http.post(
            "/oauth/token",
            data=form or {"grant_type": "refresh_token", "refresh_token": one.refresh_token},
            headers={"Authorization": one.basic},
        )
