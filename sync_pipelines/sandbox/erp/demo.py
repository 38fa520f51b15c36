"""The demo's accounts: two users, three companies, an ERP each.

| connection | ERP | company | credentials |
|---|---|---|---|
| Loja Aurora | Omie | normal regime, letters in its CNPJ | sealed |
| Padaria Estrela | Bling | Simples, first of its user | sealed; its access token has expired: it is renewed first |
| Distribuidora Estrela | Omie | normal regime, second of the same user | a plain object; left in `error` |

A company has notes up to today: those of a later day are there once the fakes are started again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from sync_pipelines.sandbox.erp.company import BRASILIA, ErpCompany
from sync_pipelines.sandbox.erp.database import add_company, add_connection
from sync_pipelines.sandbox.erp.sealing import sealed
from sync_pipelines.sandbox.erp.year import made_up_company

#: Invoices a month of each company, about; an option of the demo.
A_MONTH: Final = 24
_AURORA = UUID("5a1c0000-0000-4000-8000-000000000001")
_ESTRELA = UUID("5a1c0000-0000-4000-8000-000000000002")


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
    #: How many notes the company has for one of the others: Bling gives three a second.
    share: float = 1.0
    #: What the application's own sync left: in it every automatic run failed.
    status: str = "active"
    status_message: str | None = None
    #: Documents that are odd and can be trusted, by the rest of a note's number divided by 16.
    dirt: Mapping[int, str] = field(default_factory=dict)

    def company(self, a_month: int = A_MONTH, until: date | None = None) -> ErpCompany:
        """Its company, with so many notes a month in the year up to a day, today unless given."""
        company = made_up_company(
            self.seed,
            crt=self.crt,
            alphanumeric=self.alphanumeric,
            a_month=round(a_month * self.share),
            until=until or datetime.now(BRASILIA).date(),
        )
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
)


def accounts_of(erp_type: str) -> list[DemoAccount]:
    """The accounts that one vendor has."""
    return [account for account in ACCOUNTS if account.erp_type == erp_type]


def add_accounts(connection: psycopg.Connection[Any]) -> None:
    """The rows that the application's users made, without credentials, which need the key that seals them.

    The application knows the companies in part: what it has is kept, what it lacks is for the sync to fill.
    """
    for account in ACCOUNTS:
        profile = account.company(a_month=1).profile
        cnpj = profile.cnpj
        formatted = f"{cnpj[:2]}.{cnpj[2:5]}.{cnpj[5:8]}/{cnpj[8:12]}-{cnpj[12:]}"
        company_id = add_company(
            connection, account.user_id, formatted, nome_fantasia=account.name, setor="comercio", uf_sede=None
        )
        add_connection(
            connection,
            account.user_id,
            account.erp_type,
            credentials={},
            id=account.connection_id,
            connection_name=account.name,
            company_id=company_id if account.names_company else None,
            status=account.status,
            status_message=account.status_message,
        )
        if account.status == "error":
            _leave_log(connection, account)


def _leave_log(connection: psycopg.Connection[Any], account: DemoAccount) -> None:
    """The row of the application's last try: its end was never written, because `failed` is no status."""
    connection.execute(
        "insert into public.erp_sync_logs (connection_id, user_id, sync_type, status, started_at)"
        " values (%s, %s, 'full', 'running', now() - interval '3 days')",
        [account.connection_id, account.user_id],
    )


def add_credentials(connection: psycopg.Connection[Any], secret: str) -> None:
    """Give the connections that have none their credentials; those that were renewed since stay."""
    for account in ACCOUNTS:
        stored = sealed(account.credentials, secret) if account.is_sealed else dict(account.credentials)
        connection.execute(
            "update public.erp_connections set credentials = %s where id = %s and credentials = '{}'::jsonb",
            [Jsonb(stored), account.connection_id],
        )
