"""A row of `public.erp_connections` (contract of the ERPs, section 2.2): one ERP account of one company."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sync_pipelines.erp.outcome import Module

#: The values of the enum `erp_connection_status` that we write or read.
ACTIVE, INACTIVE, ERROR, PENDING = "active", "inactive", "error", "pending"
#: Hexadecimal digits of the id in a partition key.
_SHORT = 8
_DEFAULT_HOURS = 24
#: Hours between which an interval is usable: a sync of a large account takes minutes, and a year is a slip.
_SHORTEST, _LONGEST = 0.25, 24 * 366


@dataclass(frozen=True)
class ErpConnection:
    """A connection as its row says. `credentials` is the JSON value as it is stored, sealed or not."""

    id: UUID
    user_id: UUID
    erp_type: str
    name: str
    status: str
    company_id: UUID | None = None
    status_message: str | None = None
    credentials: Any = field(default=None, repr=False)
    last_sync_at: datetime | None = None
    next_sync_at: datetime | None = None
    created_at: datetime | None = None
    sync_config: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    #: What of the row cannot be read, so that no automatic run takes it.
    problem: str | None = None

    @property
    def key(self) -> str:
        """The partition key: a rename of the connection keeps its history."""
        return f"{self.erp_type}_{self.id.hex[:_SHORT]}"

    @property
    def auto_sync(self) -> bool:
        """Whether it syncs by itself: true by default; JSON true, or the text that its filter compares."""
        return str(self.sync_config.get("auto_sync", True)).lower() == "true"

    @property
    def frequency(self) -> timedelta:
        """How often; 24 hours where the row says nothing usable."""
        hours = self.sync_config.get("frequency_hours", _DEFAULT_HOURS)
        try:
            number = float(hours)
        except (TypeError, ValueError, OverflowError):  # a jsonb number may be larger than any float
            number = 0.0
        return timedelta(hours=number if _SHORTEST <= number <= _LONGEST else _DEFAULT_HOURS)

    @property
    def modules(self) -> tuple[Module, ...]:
        """What it syncs, in the order of `Module`; all where the row says nothing usable."""
        named = self.sync_config.get("modules")
        chosen = set(map(str, named)) if isinstance(named, list) else set()
        return tuple(one for one in Module if one in chosen) or tuple(Module)
