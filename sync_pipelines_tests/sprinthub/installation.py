"""An installation of the segments' sync against the fake CRM: settings, and the pipeline as production builds it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.http.client import Timeouts
from sync_pipelines.lib.retry import Backoff
from sync_pipelines.sandbox.sprinthub.database import add_control
from sync_pipelines.sandbox.sprinthub.fake import SprinthubFake
from sync_pipelines.settings import read_as
from sync_pipelines.settings.sprinthub import SprinthubSettings
from sync_pipelines.sprinthub.client import SprinthubAccess
from sync_pipelines.sprinthub.outcome import SegmentOutcome
from sync_pipelines.sprinthub.pipeline import SegmentSync

Database = psycopg.Connection[Any]
#: Five attempts without a wait: what a test waits for is not time.
AT_ONCE = Backoff(attempts=5, first=0.0, longest=0.0, patience=300.0, jitter=0.0)


def settings_for(
    crm: SprinthubFake, oficialmed_url: str, ops_url: str, home: Path, **more: Any
) -> SprinthubSettings:
    given: dict[str, Any] = {
        "oficialmed_database_url": oficialmed_url,
        "ops_database_url": ops_url,
        "landing_url": str(home / "landing"),
        "SPRINTHUB_BASE_URL": crm.url,
        "SPRINTHUB_API_TOKEN": crm.token,
        "SPRINTHUB_INSTANCE": crm.instance,
        "sprinthub_rate_per_minute": 0,
        **more,
    }
    return read_as(SprinthubSettings, None, **given)


def sync_of(settings: SprinthubSettings, **access: Any) -> SegmentSync:
    """The pipeline, whose calls are repeated without a wait."""
    options = {"backoff": AT_ONCE, "sleep": lambda _seconds: None, **access}
    return replace(SegmentSync.from_settings(settings), access=SprinthubAccess(settings, options))


def access_to(crm: SprinthubFake) -> SprinthubAccess:
    """The CRM for calls alone, without a destination; repeated without a wait."""
    given = {
        "SPRINTHUB_BASE_URL": crm.url,
        "SPRINTHUB_API_TOKEN": crm.token,
        "SPRINTHUB_INSTANCE": crm.instance,
    }
    settings = read_as(SprinthubSettings, None, **given, sprinthub_rate_per_minute=0)
    return SprinthubAccess(settings, {"backoff": AT_ONCE, "sleep": lambda _seconds: None})


@dataclass
class Installed:
    """An installation: the CRM, the databases, and its pipeline; every sync is a run of its own."""

    crm: SprinthubFake
    oficialmed: Database
    ops: Database
    settings: SprinthubSettings
    runs: count[int] = field(default_factory=lambda: count(1))

    def pipeline(self, *, timeouts: Timeouts | None = None, **changes: Any) -> SegmentSync:
        """As production builds it, whose calls are repeated without a wait; `changes` replace its fields."""
        access = {} if timeouts is None else {"timeouts": timeouts}
        return replace(sync_of(self.settings, **access), **changes)

    def sync(self, segment: int = 7, pipeline: SegmentSync | None = None, **options: Any) -> SegmentOutcome:
        run_id = f"run-{next(self.runs)}"
        return (pipeline or self.pipeline()).sync(segment, run_id=run_id, **options)

    def fails(
        self, error: type[SyncError], segment: int = 7, pipeline: SegmentSync | None = None, **options: Any
    ) -> str:
        """The sentence of a run that has to fail."""
        with pytest.raises(error) as raised:
            self.sync(segment, pipeline, **options)
        return str(raised.value)

    def add_control(self, segment: int = 7, **row: Any) -> None:
        add_control(self.oficialmed, segment, **row)

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of the project's database."""
        return self.oficialmed.execute(query.encode(), values or None).fetchall()

    def value(self, query: str, *values: object) -> Any:
        return self.rows(query, *values)[0][0]

    def log(self, segment: int = 7) -> tuple[Any, ...]:
        """Status, message and stats of the segment's newest log row."""
        return self.rows(
            "select status, message, stats from public.sync_segments_logs where segment_id = %s"
            " order by id desc limit 1",
            segment,
        )[0]

    def listed(self, segment: int = 7) -> set[int]:
        query = "select lead_id from sync_private.segment_leads where segment_id = %s"
        return {lead for (lead,) in self.rows(query, segment)}

    def members(self, segment: int = 7) -> set[int]:
        """Who is in the segment by its open memberships."""
        query = (
            "select lead_id from sync_private.segment_membership where segment_id = %s and left_at is null"
        )
        return {lead for (lead,) in self.rows(query, segment)}

    def truth(self, segment: int = 7) -> set[int]:
        """Who is in the segment by the CRM."""
        return set(self.crm.tenant.visible(segment))

    def everything(self) -> list[tuple[Any, ...]]:
        """Every row of what a run writes, but for its log."""
        tables = ("api.leads", "sync_private.segment_leads", "sync_private.segment_membership")
        return [row for name in tables for row in self.rows(f"select * from {name} order by 1, 2")]

    def rejects(self) -> list[tuple[Any, ...]]:
        """Lead, field and rule of every reject, in the order of its record."""
        return self.ops.execute(
            "select (locator ->> 'lead')::bigint, locator ->> 'field', rule from ops.rejects order by id"
        ).fetchall()


def adds_up(outcome: SegmentOutcome) -> bool:
    """Whether every lead of the segment is accounted for."""
    return outcome.leads == outcome.processed
