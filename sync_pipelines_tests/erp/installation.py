"""An installation of the ERP sync: companies on the fakes, the project's functions, and the pipeline as it is built.

Nobody waits: whoever would sleep moves the clock, by which the fakes, the budgets and the pipeline live.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from threading import Lock
from typing import Any, cast
from uuid import UUID, uuid4

import psycopg
from psycopg.types.json import Jsonb

from sync_pipelines.erp.analyses.functions import FunctionsAccess
from sync_pipelines.erp.connections.connection import ErpConnection
from sync_pipelines.erp.connections.control import Control
from sync_pipelines.erp.outcome import SyncOutcome
from sync_pipelines.erp.pipeline import ConnectionSync
from sync_pipelines.erp.vendors.registry import VendorAccess
from sync_pipelines.erp.window import usual_months
from sync_pipelines.lib.http.client import Timeouts
from sync_pipelines.sandbox.erp.bling import BlingFake
from sync_pipelines.sandbox.erp.company import BRASILIA, ErpCompany
from sync_pipelines.sandbox.erp.database import add_company, add_connection
from sync_pipelines.sandbox.erp.functions import FunctionsFake
from sync_pipelines.sandbox.erp.ledger import add_ledger
from sync_pipelines.sandbox.erp.omie import PAGE_CAP, OmieFake
from sync_pipelines.sandbox.erp.omie_api import OmieAccount
from sync_pipelines.sandbox.erp.sealing import sealed
from sync_pipelines.sandbox.erp.truth import Account, differences
from sync_pipelines.sandbox.erp.year import made_up_company
from sync_pipelines.settings import read_as
from sync_pipelines.settings.erp import ErpSettings
from sync_pipelines_tests.erp.vendor_fakes import UnservedAccount, VendorAccount, VendorFakes

SECRET = "um segredo de teste com 32 caracteres ou mais"
#: As a scheduler starts the daily run: 21:00 of the day before in Brasília.
START = datetime(2026, 11, 23, 0, 0, 3, tzinfo=UTC)
#: What a test waits for is an answer, and no longer than this.
_TIMEOUTS = Timeouts(connect=5.0, read=5.0, total=20.0)


@dataclass
class Clock:
    """Time that passes while somebody sleeps; threads may share it."""

    now: datetime = START
    _lock: Lock = field(default_factory=Lock, repr=False)

    def __call__(self) -> datetime:
        return self.now

    def seconds(self) -> float:
        return self.now.timestamp()

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.now += timedelta(seconds=seconds)

    def advance(self, **span: float) -> None:
        self.sleep(timedelta(**span).total_seconds())


@dataclass
class Connected:
    """A connection of the application, and the account behind it."""

    id: UUID
    user_id: UUID
    erp_type: str
    company: ErpCompany
    company_id: UUID
    account: OmieAccount | VendorAccount

    @property
    def key(self) -> str:
        """The partition's key."""
        return f"{self.erp_type}_{self.id.hex[:8]}"

    @property
    def name(self) -> str:
        """By which the fake knows the account."""
        return self.account.name

    @property
    def credentials(self) -> dict[str, object]:
        if isinstance(self.account, OmieAccount):
            return {"app_key": self.account.app_key, "app_secret": self.account.app_secret}
        return dict(self.account.credentials)


@dataclass
class Installed:
    """The vendors, the functions, the databases, and a pipeline over them; every sync is a run of its own."""

    fakes: VendorFakes
    functions: FunctionsFake
    erp: psycopg.Connection[Any]
    ops: psycopg.Connection[Any]
    clock: Clock
    #: The settings by their names, but for the addresses of the vendors.
    given: dict[str, Any] = field(repr=False)
    runs: count[int] = field(default_factory=lambda: count(1))

    @property
    def settings(self) -> ErpSettings:
        """With the addresses of the vendors that run."""
        return read_as(ErpSettings, None, **self.given, **self.fakes.settings)

    @property
    def environment(self) -> dict[str, str]:
        """The settings as a process gets them."""
        return {name.upper(): str(value) for name, value in (self.given | self.fakes.settings).items()}

    @property
    def omie(self) -> OmieFake:
        return cast(OmieFake, self.fakes.of("omie"))

    @property
    def bling(self) -> BlingFake:
        return cast(BlingFake, self.fakes.of("bling"))

    def connect_unknown(self, user_id: UUID) -> UUID:
        """A connection of an ERP that the application learned of after us."""
        self.erp.execute("alter type public.erp_type add value if not exists 'protheus'")
        return add_connection(self.erp, user_id, "protheus", credentials={})

    def connect(
        self,
        erp_type: str = "omie",
        *,
        seed: int | None = None,
        user_id: UUID | None = None,
        company: ErpCompany | None = None,
        company_id: UUID | None = None,
        a_month: int = 10,
        months: int = 4,
        titles: int = 0,
        **columns: object,
    ) -> Connected:
        """A company with notes up to now, an account of it, and a user's connection to the account, due at once.

        `titles` are about so many a month beside those of its sales; none of either unless given.
        """
        number = seed or next(self.runs) + 100
        until = self.clock.now.astimezone(BRASILIA).date()
        company = company or made_up_company(
            number, until=until, months=months, a_month=a_month, products=8, lines=2
        )
        if titles:
            add_ledger(company, number, until=until, erp_type=erp_type, months=months, a_month=titles)
        company.clock = lambda: self.clock.now.astimezone(BRASILIA)
        account = UnservedAccount(company) if erp_type == "totvs" else self.fakes.of(erp_type).add(company)
        user = user_id or uuid4()
        made = Connected(
            uuid4(),
            user,
            erp_type,
            company=company,
            company_id=company_id or add_company(self.erp, user, company.profile.cnpj),
            account=account,
        )
        given: dict[str, object] = {"company_id": made.company_id, "status": "active", **columns}
        add_connection(
            self.erp,
            user,
            erp_type,
            credentials=sealed(made.credentials, SECRET),
            id=made.id,
            **given,  # type: ignore[arg-type]
        )
        return made

    def pipeline(self, *, vendor: dict[str, Any] | None = None, **changes: Any) -> ConnectionSync:
        """As production builds it, on the clock; `vendor` are options of the vendors' clients."""
        return replace(sync_of(self.settings, self.clock, **(vendor or {})), **changes)

    def sync(self, one: Connected, pipeline: ConnectionSync | None = None, **options: Any) -> SyncOutcome:
        run_id = f"run-{next(self.runs)}"
        return (pipeline or self.pipeline()).sync(one.id, run_id=run_id, **options)

    def row(self, one: Connected) -> ErpConnection:
        found = Control(self.erp).row(one.id)
        assert found is not None
        return found

    def set(self, one: Connected, **columns: object) -> None:
        """Change columns as the application's screen does."""
        assignments = ", ".join(f"{name} = %({name})s" for name in columns)
        query = f"update public.erp_connections set {assignments} where id = %(id)s"
        self.erp.execute(query.encode(), {**columns, "id": one.id})

    def set_credentials(self, one: Connected, credentials: object) -> None:
        self.set(one, credentials=Jsonb(credentials))

    def logs(self, one: Connected) -> list[dict[str, Any]]:
        """The log rows of a connection, the oldest first."""
        query = (
            "select sync_type::text, status::text, records_synced, records_failed, error_message, details,"
            " completed_at is not null as is_closed from public.erp_sync_logs where connection_id = %s"
            " order by started_at"
        )
        with self.erp.cursor(row_factory=psycopg.rows.dict_row) as cursor:
            return cursor.execute(query.encode(), [one.id]).fetchall()

    def log(self, one: Connected) -> dict[str, Any]:
        """The newest of them."""
        return self.logs(one)[-1]

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        return self.erp.execute(query.encode(), values or None).fetchall()

    def value(self, query: str, *values: object) -> Any:
        return self.rows(query, *values)[0][0]

    def calls(self, one: Connected) -> dict[str, int]:
        """How often each call of the account's vendor was made since the fakes were cleared."""
        found: dict[str, int] = {}
        for call in self.fake(one).calls.of(account=one.name):
            found[call.method] = found.get(call.method, 0) + 1
        return found

    def fake(self, one: Connected) -> Any:
        return self.fakes.of(one.erp_type)

    @property
    def months(self) -> list[date]:
        """What a sync of now reads unless it is told otherwise."""
        return usual_months(self.clock.now, self.settings.zone)

    def account(self, one: Connected) -> Account:
        """What the tables must have of a connection that was synced now."""
        return Account(
            one.company,
            one.erp_type,
            user_id=one.user_id,
            connection_id=one.id,
            first=self.months[0],
            last=self.clock.now.astimezone(BRASILIA).date(),
            company_id=one.company_id,
        )

    def truth(self, *connected: Connected, **options: Any) -> list[str]:
        """What the tables of these connections have that is not as it must be; empty: all is."""
        accounts = [self.account(one) for one in connected]
        given = {"with_credits": True, "today": self.clock.now.date(), **options}
        return differences(self.erp, *accounts, **given)


def sync_of(settings: ErpSettings, clock: Clock, **vendor: Any) -> ConnectionSync:
    """The pipeline on a clock that waiting moves; `vendor` are options of the vendors' clients."""
    made = ConnectionSync.from_settings(settings)
    options = {"sleep": clock.sleep, "jitter": lambda: 0.0, "timeouts": _TIMEOUTS, **vendor}
    return replace(
        made,
        access=VendorAccess(settings, options, {"clock": clock, "sleep": clock.sleep}),
        functions=FunctionsAccess(settings, {"sleep": clock.sleep, "timeouts": _TIMEOUTS}, clock=clock),
        runs=replace(made.runs, clock=clock),
        clock=clock,
    )


@contextmanager
def installation(
    erp_url: str,
    ops_url: str,
    home: Path,
    *,
    clock: Clock | None = None,
    page_cap: int = PAGE_CAP,
    **more: Any,
) -> Iterator[Installed]:
    """Serve the fakes, and be connected to the databases, over the block; `more` are settings.

    `page_cap` is the largest page of Omie.
    """
    time = clock or Clock()
    with ExitStack() as stack:
        functions = stack.enter_context(FunctionsFake(erp_url, clock=time.seconds))
        given: dict[str, Any] = {
            "erp_database_url": erp_url,
            "ops_database_url": ops_url,
            "landing_url": str(home / "landing"),
            "erp_xml_store_url": str(home / "xml"),
            "erp_credentials_key": SECRET,
            "erp_functions_url": functions.url,
            "erp_functions_key": functions.service_key,
            "erp_functions_jwt_secret": functions.jwt_secret,
            **more,
        }
        yield Installed(
            VendorFakes(stack, time.seconds, page_cap),
            functions,
            erp=stack.enter_context(psycopg.connect(erp_url, autocommit=True)),
            ops=stack.enter_context(psycopg.connect(ops_url, autocommit=True)),
            clock=time,
            given=given,
        )
