"""An account of the fake Conta Azul, its connection's row, and our adapter on it, all in one virtual time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import psycopg

from sync_pipelines.erp.connections.connection import ErpConnection
from sync_pipelines.erp.connections.credentials import open_stored
from sync_pipelines.erp.vendors.contaazul import ContaAzulVendor
from sync_pipelines.erp.vendors.vendor import Invoice, Title
from sync_pipelines.lib.http.client import Timeouts
from sync_pipelines.lib.sealed import seal
from sync_pipelines.sandbox.erp.company import ErpCompany
from sync_pipelines.sandbox.erp.contaazul import ContaAzulFake
from sync_pipelines_tests.erp.vendors.accounts import VirtualTime, connection, open_account

KEY = "segredo-de-teste-com-mais-de-32-caracteres"
FIRST, LAST = date(2026, 11, 1), date(2026, 11, 30)


@dataclass
class ContaAzulWorld:
    """`company` is the account's; the credentials are stored sealed. `manners` and the like are the fake's."""

    erp_url: str
    ops_url: str
    company: ErpCompany
    time: VirtualTime = field(default_factory=VirtualTime)
    fake_options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.fake = ContaAzulFake(self.company, **{"clock": self.time.timestamp, **self.fake_options})

    def connect(self, **changes: Any) -> ErpConnection:
        """Write the row: the account's credentials with these changes; None takes one away."""
        values = {**self.fake.account.credentials, **changes}
        stored = seal(json.dumps({name: one for name, one in values.items() if one is not None}), KEY)
        one = connection("contaazul", {})
        with psycopg.connect(self.erp_url, autocommit=True) as database:
            database.execute("delete from erp_connections")
            database.execute(
                "insert into erp_connections (id, user_id, erp_type, connection_name, credentials)"
                " values (%s, %s, 'contaazul', %s, %s)",
                (one.id, one.user_id, one.name, json.dumps(stored)),
            )
        return replace(one, credentials=stored)

    def expire(self) -> None:
        """The account's access token ends now."""
        self.fake.oauth.expire(self.fake.account)

    @property
    def stored(self) -> dict[str, Any]:
        """The credentials in the row."""
        with psycopg.connect(self.erp_url, autocommit=True) as database:
            found = database.execute("select credentials from erp_connections").fetchone()
        return dict(open_stored((found or (None,))[0], KEY, what="They").values)

    @contextmanager
    def open(self, one: ErpConnection | None = None, **options: Any) -> Iterator[ContaAzulVendor]:
        """Our adapter."""
        settings = {
            "CONTAAZUL_URL": self.fake.url,
            "CONTAAZUL_AUTH_URL": self.fake.auth_url,
            "ERP_DATABASE_URL": self.erp_url,
            "ERP_CREDENTIALS_KEY": KEY,
        }
        options = {"timeouts": Timeouts(connect=5.0, read=20.0, total=20.0), **options}
        account = open_account(one or self.connect(), self.ops_url, self.time, settings=settings, **options)
        with account as vendor:
            assert isinstance(vendor, ContaAzulVendor)
            yield vendor

    def asked(self, method: str, *names: str) -> list[tuple[Any, ...]]:
        """What the calls of a method asked for, by these parameters."""
        return [tuple(call.parameters.get(name) for name in names) for call in self.fake.calls.of(method)]


def listed(vendor: ContaAzulVendor, first: date = FIRST, last: date = LAST) -> list[Invoice]:
    return [invoice for page in vendor.invoices(first, last) for invoice in page.items]


def titles_of(vendor: ContaAzulVendor, first: date = FIRST, last: date = LAST) -> list[Title]:
    return [title for page in vendor.titles(first, last) for title in page.items]
