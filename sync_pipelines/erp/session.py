"""What the modules of one sync work with: the connection, its vendor, the databases, the stores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from sync_pipelines.erp.connections.connection import ErpConnection
from sync_pipelines.erp.vendors.vendor import Vendor
from sync_pipelines.lib import postgres
from sync_pipelines.lib.records import Records
from sync_pipelines.lib.storage.landing import LandingStore

#: What a person accepts where far more invoices or products than usual are not listed any more.
MASS_VANISHING = "mass_vanishing"


def _silent(_stage: str, *, done: int, total: int | None) -> None:
    return


def _open_fence(_connection: postgres.Connection) -> None:
    return


@dataclass
class SyncSession:
    """One sync of one connection, as its modules see it."""

    connection: ErpConnection
    vendor: Vendor
    #: The application's database.
    database: postgres.Connection
    records: Records
    #: Raw answers of the vendor.
    landing: LandingStore
    #: XML of invoices, at `<user id>/<access key>.xml`.
    xml_store: LandingStore
    run_id: str
    #: In whose calendar a month is a month.
    zone: ZoneInfo
    #: When the sync began.
    started: datetime
    clock: Callable[[], datetime]
    #: Call first in every transaction that writes: it raises once another run has the connection.
    fence: Callable[[postgres.Connection], None] = _open_fence
    #: Shows a person how far it is; also takes the lock again when the server forgot its session.
    report: Callable[..., None] = _silent
    #: Words with which a person accepted what a guard stopped.
    accepted: frozenset[str] = field(default_factory=frozenset)

    @property
    def key(self) -> str:
        """The partition key of the connection."""
        return self.connection.key
