"""New leads from the webhook's inbox to `api.leads`.

| fixture `arrivals` | what is in it at the start of a test |
|---|---|
| `crm` | segment 60 with 6 leads, on a socket |
| `oficialmed` | migrated, no leads, no control rows |
| `ops` | migrated, an empty inbox |
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest

from sync_pipelines.lib.records.inbox import Arrival, Inbox
from sync_pipelines.sandbox.sprinthub.fake import SprinthubFake
from sync_pipelines.settings import read_as
from sync_pipelines.settings.sprinthub import SprinthubSettings
from sync_pipelines.sprinthub.client import SprinthubAccess
from sync_pipelines.sprinthub.new_leads.inbox import TOPIC
from sync_pipelines.sprinthub.new_leads.load import LeadAccess
from sync_pipelines.sprinthub.new_leads.pipeline import NewLeads, NewLeadsRun

SEGMENT = 60


@dataclass
class Arrivals:
    """The webhook's inbox, the CRM and the destination; no call waits before it is tried again."""

    crm: SprinthubFake
    oficialmed: psycopg.Connection[Any]
    ops: psycopg.Connection[Any]
    urls: dict[str, str] = field(repr=False)
    known: list[int]

    def settings(self, **given: Any) -> SprinthubSettings:
        values = {
            **self.urls,
            "sync_env": "development",
            "sprinthub_base_url": self.crm.url,
            "sprinthub_api_token": self.crm.token,
            "sprinthub_instance": self.crm.instance,
            "sprinthub_rate_per_minute": 0,
            "sprinthub_webhook": True,
            "sprinthub_webhook_secret": "um-segredo-so-do-crm-81c2",
        }
        return read_as(SprinthubSettings, None, **(values | given))

    def new_leads(self, **given: Any) -> NewLeads:
        settings = self.settings(**given)
        crm = SprinthubAccess(settings, options={"sleep": lambda _seconds: None})
        return NewLeads.from_settings(settings, LeadAccess.from_settings(settings, crm))

    def receive(self, *lead_ids: int) -> None:
        for lead_id in lead_ids:
            Inbox(self.ops, TOPIC).add(
                Arrival(str(lead_id), "crm", '{"lead": {"fullname": "Joana Plantada"}}')
            )

    def run(self, **given: Any) -> NewLeadsRun:
        return self.new_leads(**given).run("run-1")

    @property
    def rows(self) -> list[tuple[int, str, str | None]]:
        return self.ops.execute(
            "select key::integer, status, reason from ops.inbox where topic = 'sprinthub/leads' order by id"
        ).fetchall()

    @property
    def leads(self) -> dict[int, tuple[Any, ...]]:
        """First name, segment and telephone of each lead in the destination."""
        found = self.oficialmed.execute("select id, firstname, segmento, whatsapp from api.leads").fetchall()
        return {lead_id: tuple(rest) for lead_id, *rest in found}


@pytest.fixture
def arrivals(
    crm: SprinthubFake,
    oficialmed: psycopg.Connection[Any],
    ops: psycopg.Connection[Any],
    oficialmed_url: str,
    ops_url: str,
) -> Arrivals:
    known = crm.tenant.add_segment(SEGMENT, leads=6)
    urls = {"oficialmed_database_url": oficialmed_url, "ops_database_url": ops_url}
    return Arrivals(crm=crm, oficialmed=oficialmed, ops=ops, urls=urls, known=known)
