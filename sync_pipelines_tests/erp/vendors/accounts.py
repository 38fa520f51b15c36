"""An account of a vendor as these tests open it: a virtual time, an ops database, a transport or a fake's address."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any
from uuid import UUID

from sync_pipelines.erp.connections.connection import ErpConnection
from sync_pipelines.erp.vendors.registry import VendorAccess
from sync_pipelines.erp.vendors.vendor import Vendor
from sync_pipelines.lib.cancellation import Cancellation
from sync_pipelines.settings import read_as
from sync_pipelines.settings.erp import ErpSettings

START = datetime(2026, 11, 22, 12, tzinfo=UTC)


@dataclass
class VirtualTime:
    """A clock that sleeping moves; threads may share it."""

    seconds: float = 0.0
    slept: list[float] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def clock(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def timestamp(self) -> float:
        """The moment in seconds, as the fakes count."""
        return self.clock().timestamp()

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.seconds += seconds
            self.slept.append(seconds)


def connection(erp_type: str, credentials: Mapping[str, Any], number: int = 1) -> ErpConnection:
    """A connection of a user of its own."""
    return ErpConnection(
        id=UUID(int=number << 96),
        user_id=UUID(int=number),
        erp_type=erp_type,
        name=f"Conta {number}",
        status="active",
        credentials=dict(credentials),
    )


def open_account(
    one: ErpConnection,
    ops_url: str,
    time: VirtualTime,
    *,
    settings: Mapping[str, Any],
    within: Cancellation | None = None,
    **options: Any,
) -> AbstractContextManager[Vendor]:
    """The account of a connection in a virtual time; `options` are those of JsonClient."""
    read = read_as(ErpSettings, None, OPS_DATABASE_URL=ops_url, **settings)
    jitter: Callable[[], float] = lambda: 0.0  # noqa: E731
    access = VendorAccess(
        read,
        {"sleep": time.sleep, "jitter": jitter, **options},
        {"clock": time.clock, "sleep": time.sleep},
    )
    return access.open(one, within)
