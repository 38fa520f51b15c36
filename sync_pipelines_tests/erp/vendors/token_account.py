"""An account of a vendor whose tokens rotate: its fake, its connection's row, our adapter, all in one virtual time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Generic, TypeVar

import psycopg

from sync_pipelines.erp.connections.connection import ErpConnection
from sync_pipelines.erp.connections.credentials import open_stored
from sync_pipelines.erp.vendors.vendor import Vendor
from sync_pipelines.lib.http.client import Timeouts
from sync_pipelines.lib.sealed import seal
from sync_pipelines.sandbox.erp.bling import BlingFake
from sync_pipelines.sandbox.erp.company import ErpCompany
from sync_pipelines.sandbox.erp.contaazul import ContaAzulFake
from sync_pipelines_tests.erp.vendors.accounts import VirtualTime, connection, open_account

KEY = "segredo-de-teste-com-mais-de-32-caracteres"

Fake = TypeVar("Fake", BlingFake, ContaAzulFake)
Adapter = TypeVar("Adapter", bound=Vendor)


class TokenWorld(Generic[Fake, Adapter]):
    """`company` is the account's; the credentials are stored sealed. `fake_options` are those of the vendor's fake."""

    erp_type: str
    fake_class: type[Fake]
    adapter_class: type[Adapter]

    def __init__(self, erp_url: str, ops_url: str, company: ErpCompany, **fake_options: Any) -> None:
        self.erp_url, self.ops_url, self.company = erp_url, ops_url, company
        self.time = VirtualTime()
        self.fake: Fake = self.fake_class(company, **{"clock": self.time.timestamp, **fake_options})

    def connect(self, **changes: Any) -> ErpConnection:
        """Write the row: the account's credentials with these changes; None takes one away."""
        values = {**self.fake.account.credentials, **changes}
        stored = seal(json.dumps({name: one for name, one in values.items() if one is not None}), KEY)
        one = connection(self.erp_type, {})
        with psycopg.connect(self.erp_url, autocommit=True) as database:
            database.execute("delete from erp_connections")
            database.execute(
                "insert into erp_connections (id, user_id, erp_type, connection_name, credentials)"
                " values (%s, %s, %s, %s, %s)",
                (one.id, one.user_id, self.erp_type, one.name, json.dumps(stored)),
            )
        return replace(one, credentials=stored)

    def expire(self) -> None:
        """The account's access token ends now."""
        self.fake.oauth.expire(self.fake.account)

    def revoke(self) -> None:
        """A person takes the permission away."""
        self.fake.oauth.revoke(self.fake.account)

    @property
    def stored(self) -> dict[str, Any]:
        """The credentials in the row."""
        with psycopg.connect(self.erp_url, autocommit=True) as database:
            found = database.execute("select credentials from erp_connections").fetchone()
        return dict(open_stored((found or (None,))[0], KEY, what="They").values)

    @property
    def settings(self) -> dict[str, str]:
        return {
            f"{self.erp_type.upper()}_URL": self.fake.url,
            "ERP_DATABASE_URL": self.erp_url,
            "ERP_CREDENTIALS_KEY": KEY,
        }

    @contextmanager
    def open(self, one: ErpConnection | None = None, **options: Any) -> Iterator[Adapter]:
        """Our adapter."""
        options = {"timeouts": Timeouts(connect=5.0, read=20.0, total=20.0), **options}
        account = open_account(
            one or self.connect(), self.ops_url, self.time, settings=self.settings, **options
        )
        with account as vendor:
            assert isinstance(vendor, self.adapter_class)
            yield vendor

    def asked(self, method: str, *names: str) -> list[tuple[Any, ...]]:
        """What the calls of a method asked for, by these parameters."""
        return [tuple(call.parameters.get(name) for name in names) for call in self.fake.calls.of(method)]
