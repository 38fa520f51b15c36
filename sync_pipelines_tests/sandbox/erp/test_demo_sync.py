"""The demo's three connections, synced by the product from the fakes, are what the truth says.

| fixture | what is in it |
|---|---|
| `world` | the demo's project with its accounts, their fakes and functions, and the settings that name them |
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal, cast
from uuid import UUID

import psycopg
import pytest

from sync_pipelines.erp.outcome import SyncOutcome
from sync_pipelines.erp.pipeline import ConnectionSync
from sync_pipelines.migrations import runner
from sync_pipelines.migrations.history import History
from sync_pipelines.sandbox.erp.bling import BlingFake
from sync_pipelines.sandbox.erp.bling_limits import UNLIMITED as BLING_UNLIMITED
from sync_pipelines.sandbox.erp.company import BRASILIA, ErpCompany
from sync_pipelines.sandbox.erp.demo import ACCOUNTS, DemoAccount, add_accounts, add_credentials
from sync_pipelines.sandbox.erp.functions import FunctionsFake
from sync_pipelines.sandbox.erp.omie import OmieFake
from sync_pipelines.sandbox.erp.omie_limits import UNLIMITED as OMIE_UNLIMITED
from sync_pipelines.sandbox.erp.truth import Account, differences
from sync_pipelines.settings.erp import ErpSettings

SECRET = "um segredo de teste com 32 caracteres ou mais"
A_MONTH = 10


@dataclass
class World:
    sync: ConnectionSync
    database: psycopg.Connection[Any]
    companies: dict[UUID, ErpCompany]
    months: list[date]

    def run(self, account: DemoAccount) -> SyncOutcome:
        return self.sync.sync(account.connection_id, run_id="run", months=self.months)

    def account(self, demo: DemoAccount) -> Account:
        row = self.database.execute(
            "select company_id from erp_connections where id = %s", [demo.connection_id]
        ).fetchone()
        assert row is not None
        return Account(
            company=self.companies[demo.connection_id],
            erp_type=cast(Literal["omie", "bling"], demo.erp_type),
            user_id=demo.user_id,
            connection_id=demo.connection_id,
            first=self.months[0],
            last=datetime.now(BRASILIA).date(),
            company_id=row[0],
            profile_before={"nome_fantasia": demo.name, "setor": "comercio"},
        )


def _months(count: int) -> list[date]:
    today = datetime.now(BRASILIA).date()
    number = today.year * 12 + today.month - 1
    return [date(one // 12, one % 12 + 1, 1) for one in range(number - count + 1, number + 1)]


@pytest.fixture
def world(new_erp: str, new_database: Callable[[str | None], str], tmp_path: Path) -> Iterator[World]:
    runner.upgrade(History("erp"), new_erp)
    companies = {account.connection_id: account.company(A_MONTH) for account in ACCOUNTS}
    omie, bling = OmieFake(rules=OMIE_UNLIMITED), BlingFake(rules=BLING_UNLIMITED)
    for account in ACCOUNTS:
        given = account.credentials
        if account.erp_type == "omie":
            omie.add(
                companies[account.connection_id], app_key=given["app_key"], app_secret=given["app_secret"]
            )
        else:
            bling.add(
                companies[account.connection_id],
                client_id=given["bling_client_id"],
                client_secret=given["bling_client_secret"],
                refresh_token=given["refresh_token"],
            )
    with ExitStack() as stack:
        database = stack.enter_context(psycopg.connect(new_erp, autocommit=True))
        add_accounts(database)
        add_credentials(database, SECRET)
        functions = stack.enter_context(FunctionsFake(new_erp))
        stack.enter_context(omie)
        stack.enter_context(bling)
        settings = ErpSettings(
            _env_file=None,
            erp_database_url=new_erp,
            ops_database_url=new_database("ops"),
            landing_url=str(tmp_path),
            erp_credentials_key=SECRET,
            erp_functions_url=functions.url,
            erp_functions_key=functions.service_key,
            erp_functions_jwt_secret=functions.jwt_secret,
            omie_url=omie.url,
            bling_url=bling.url,
            bling_auth_url=bling.auth_url,
        )
        yield World(ConnectionSync.from_settings(settings), database, companies, _months(2))


def test_every_connection_of_the_demo_is_synced_and_true(world: World) -> None:
    outcomes = [world.run(account) for account in ACCOUNTS]
    for one in outcomes:
        for m, o in one.modules.items(): print(m, o.status, o.message, o.error, o.counts, o.warnings)
        print(one.credits)
    accounts = [world.account(account) for account in ACCOUNTS]
    assert differences(world.database, *accounts, with_credits=True, today=datetime.now(UTC).date())[:30] == []
