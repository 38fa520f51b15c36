"""New leads read from the CRM and merged into `api.leads`, by the same enrichment as those of a segment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Self
from uuid import UUID
from zoneinfo import ZoneInfo

from sync_pipelines.lib import postgres
from sync_pipelines.lib.postgres.catalog import require_sight
from sync_pipelines.lib.records import open_records
from sync_pipelines.settings.sprinthub import SprinthubSettings
from sync_pipelines.sprinthub.client import SprinthubAccess
from sync_pipelines.sprinthub.leads.columns import LeadColumns
from sync_pipelines.sprinthub.leads.enrich import Enricher
from sync_pipelines.sprinthub.leads.load import TABLE, DetailLoader
from sync_pipelines.sprinthub.leads.work_list import DueLead
from sync_pipelines.sprinthub.new_leads.report import ReadLeads
from sync_pipelines.sprinthub.segments.tables import OFICIALMED

#: The name under which the calls count against the token's budget, beside those of the segments.
PARTY = "new leads"
_DETAILS = "sync_private.lead_details"


@dataclass(frozen=True)
class LeadAccess:
    """How new leads are read and merged. The CRM's address and token are read when a run begins."""

    database_url: str = field(repr=False)
    ops_url: str = field(repr=False)
    crm: SprinthubAccess
    in_flight: int
    zone: ZoneInfo
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    @classmethod
    def from_settings(cls, settings: SprinthubSettings, crm: SprinthubAccess | None = None) -> Self:
        return cls(
            database_url=settings.oficialmed_url,
            ops_url=settings.ops_url,
            crm=crm or SprinthubAccess(settings),
            in_flight=settings.sprinthub_in_flight,
            zone=settings.zone,
        )

    @contextmanager
    def open(self, run_id: str) -> Iterator[LeadReader]:
        """A reader whose connections live as long as the block. Raises SyncError, or SettingsError."""
        with ExitStack() as stack:
            crm = stack.enter_context(self.crm.client(PARTY))
            records = stack.enter_context(open_records(self.ops_url))
            connection = stack.enter_context(postgres.connect(self.database_url, what=OFICIALMED))
            stack.enter_context(postgres.errors_about(OFICIALMED))
            require_sight(connection, (TABLE, _DETAILS), OFICIALMED)
            loader = DetailLoader.open(
                connection,
                LeadColumns.read(connection, zone=self.zone),
                rejects=records.rejects,
                run_id=run_id,
                clock=self.clock,
            )
            yield LeadReader(connection, Enricher(crm, loader, in_flight=self.in_flight))


@dataclass(frozen=True)
class LeadReader:
    """Reads and merges leads by their numbers."""

    connection: postgres.Connection
    enricher: Enricher

    def read(self, lead_ids: Sequence[int]) -> ReadLeads:
        """Raises SyncError for what ends the run, such as throttling; what was merged before stays."""
        hashes = self._hashes(lead_ids)
        done = self.enricher.run(DueLead(lead_id, hashes.get(lead_id)) for lead_id in lead_ids)
        return ReadLeads(
            inserted=done.inserted,
            changed=done.changed,
            unchanged=done.unchanged,
            rejected=done.rejected_leads,
            unread=frozenset(done.unread),
            problem=done.last_problem,
        )

    def _hashes(self, lead_ids: Sequence[int]) -> dict[int, UUID | None]:
        """The list item that each lead was last read for: it stays that one, or its segment would read it again."""
        rows = self.connection.execute(
            "select lead_id, list_hash from sync_private.lead_details where lead_id = any(%s::bigint[])",
            (postgres.array(lead_ids),),
        ).fetchall()
        return dict(rows)
