"""The demo's accounts: three users, seven companies, an ERP each. A user has one connection for each ERP.

| connection | ERP | company | credentials |
|---|---|---|---|
| Loja Aurora | Omie | normal regime, letters in its CNPJ | sealed |
| Padaria Estrela | Bling | Simples, first of its user | sealed; its access token has expired: it is renewed first |
| Distribuidora Estrela | Omie | normal regime, second of the same user | a plain object; left in `error` |
| Ateliê Horizonte | Conta Azul | normal regime | sealed; expired, `expires_at` as the OAuth callback writes it |
| Empório Horizonte | Tiny | Simples, second of the same user | sealed |
| Indústria Horizonte | Sankhya | normal regime, third; company and products only | sealed |
| Rede Horizonte | TOTVS | never synced: every installation differs | sealed |

A company has notes and titles up to today: those of a later day are there once the fakes are started again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sync_pipelines.sandbox.erp.company import BRASILIA, ErpCompany
from sync_pipelines.sandbox.erp.ledger import add_ledger
from sync_pipelines.sandbox.erp.year import made_up_company

#: Invoices a month of each company, about; an option of the demo.
A_MONTH: Final = 24
_AURORA = UUID("5a1c0000-0000-4000-8000-000000000001")
_ESTRELA = UUID("5a1c0000-0000-4000-8000-000000000002")
_HORIZONTE = UUID("5a1c0000-0000-4000-8000-000000000003")


@dataclass(frozen=True)
class DemoAccount:
    """An account of an ERP and the application's connection to it."""

    name: str
    erp_type: str
    user_id: UUID
    connection_id: UUID
    seed: int
    credentials: Mapping[str, Any] = field(repr=False)
    crt: str = "3"
    alphanumeric: bool = False
    is_sealed: bool = True
    #: The application knows the company by its id, as it does for users with several.
    names_company: bool = True
    #: How many notes and titles the company has for one of the others: Bling gives three a second, and a title of
    #: several categories is a call at Conta Azul.
    share: float = 1.0
    #: What the application's own sync left: in it every automatic run failed.
    status: str = "active"
    status_message: str | None = None
    #: Documents that are odd and can be trusted, by the rest of a note's number divided by 16.
    dirt: Mapping[int, str] = field(default_factory=dict)

    def company(self, a_month: int = A_MONTH, until: date | None = None) -> ErpCompany:
        """Its company, with so many notes and titles a month in the year up to a day, today unless given."""
        until, a_month = until or datetime.now(BRASILIA).date(), round(a_month * self.share)
        company = made_up_company(
            self.seed, crt=self.crt, alphanumeric=self.alphanumeric, a_month=a_month, until=until
        )
        add_ledger(company, self.seed, until=until, erp_type=self.erp_type, a_month=a_month)
        for note in company.select(lambda one: one.key is not None and one.vendor_id % 16 in self.dirt):
            note.dirt = frozenset({self.dirt[note.vendor_id % 16]})
        company.clock = lambda: datetime.now(BRASILIA)
        return company


ACCOUNTS: Final = (
    DemoAccount(
        name="Loja Aurora",
        erp_type="omie",
        user_id=_AURORA,
        connection_id=UUID("1a2b3c4d-0000-4000-8000-000000000011"),
        seed=11,
        alphanumeric=True,
        names_company=False,
        credentials={"app_key": "1560731700011", "app_secret": "5f1d7a84db0000000000000000aurora"},
    ),
    DemoAccount(
        name="Padaria Estrela",
        erp_type="bling",
        user_id=_ESTRELA,
        connection_id=UUID("2b3c4d5e-0000-4000-8000-000000000012"),
        seed=12,
        crt="1",
        share=0.5,
        credentials={
            "access_token": "demo-access-0000000000000000000000000001",
            "refresh_token": "demo-refresh-000000000000000000000000001",
            # 1 January 2026, in milliseconds.
            "expires_at": 1_767_225_600_000,
            "bling_client_id": "demo-client-000000000000000000000000001",
            "bling_client_secret": "demo-client-secret-0000000000000000001",
        },
    ),
    DemoAccount(
        name="Distribuidora Estrela",
        erp_type="omie",
        user_id=_ESTRELA,
        connection_id=UUID("3c4d5e6f-0000-4000-8000-000000000013"),
        seed=13,
        is_sealed=False,
        status="error",
        status_message="erp-sync retornou 401",
        dirt={3: "unknown_tag", 5: "bom", 7: "total_off"},
        credentials={"app_key": "1560731700013", "app_secret": "5f1d7a84db000000000000000estrela"},
    ),
    DemoAccount(
        name="Ateliê Horizonte",
        erp_type="contaazul",
        user_id=_HORIZONTE,
        connection_id=UUID("4d5e6f70-0000-4000-8000-000000000014"),
        seed=14,
        share=0.5,
        credentials={
            "client_id": "demo-contaazul-client-0000000000000000001",
            "client_secret": "demo-contaazul-secret-0000000000000000001",
            "access_token": "demo-contaazul-access-0000000000000000001",
            "refresh_token": "demo-contaazul-refresh-000000000000000001",
            "expires_at": "2026-01-01T00:00:00.000Z",
        },
    ),
    DemoAccount(
        name="Empório Horizonte",
        erp_type="tiny",
        user_id=_HORIZONTE,
        connection_id=UUID("5e6f7081-0000-4000-8000-000000000015"),
        seed=15,
        crt="1",
        share=0.5,
        credentials={"token": "demo-tiny-token-000000000000000000000000000000000001"},
    ),
    DemoAccount(
        name="Indústria Horizonte",
        erp_type="sankhya",
        user_id=_HORIZONTE,
        connection_id=UUID("6f708192-0000-4000-8000-000000000016"),
        seed=16,
        credentials={
            "client_id": "demo-sankhya-client-00000000000000000001",
            "client_secret": "demo-sankhya-secret-00000000000000000001",
            "token": "demo-sankhya-x-token-0000000000000000001",
        },
    ),
    DemoAccount(
        name="Rede Horizonte",
        erp_type="totvs",
        user_id=_HORIZONTE,
        connection_id=UUID("708192a3-0000-4000-8000-000000000017"),
        seed=17,
        credentials={
            "base_url": "https://totvs.example.com",
            "username": "integracao",
            "password": "demo-totvs-password-00000000000000000001",
        },
    ),
)


def accounts_of(erp_type: str) -> list[DemoAccount]:
    """The accounts that one vendor has."""
    return [account for account in ACCOUNTS if account.erp_type == erp_type]
