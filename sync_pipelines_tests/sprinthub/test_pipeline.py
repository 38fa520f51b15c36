"""A segment from the CRM to proof, over real sockets into real Postgres."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from sync_pipelines.sandbox.sprinthub.fake import SprinthubFake
from sync_pipelines.sprinthub.client import SprinthubAccess
from sync_pipelines.sprinthub.pipeline import SegmentSync
from sync_pipelines.sprinthub.progress import Progress
from sync_pipelines_tests.sprinthub.installation import settings_for, sync_of

Database = psycopg.Connection[Any]


@pytest.fixture
def sync(crm: SprinthubFake, oficialmed_url: str, ops_url: str, tmp_path: Path) -> SegmentSync:
    return sync_of(settings_for(crm, oficialmed_url, ops_url, home=tmp_path))


def test_every_lead_of_a_segment_is_loaded_as_its_detail_says(
    sync: SegmentSync, crm: SprinthubFake, oficialmed: Database
) -> None:
    crm.tenant.add_segment(7, leads=250)
    outcome = sync.sync(7, run_id="first")
    assert (outcome.leads, outcome.inserted, outcome.rejected, outcome.unread) == (250, 250, 0, 0)
    rows = oficialmed.execute("select id from api.leads order by id").fetchall()
    assert [lead for (lead,) in rows] == sorted(crm.tenant.visible(7))


@dataclass
class BudgetTime:
    """The time of a budget, which its waits move."""

    now: datetime = datetime(2026, 3, 10, 6, tzinfo=UTC)

    def clock(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def test_the_estimate_knows_the_budget_before_the_pace_shows_it(
    crm: SprinthubFake, oficialmed_url: str, ops_url: str, tmp_path: Path
) -> None:
    crm.tenant.add_segment(7, leads=250)
    settings = settings_for(crm, oficialmed_url, ops_url, home=tmp_path, sprinthub_rate_per_minute=50)
    time, shown = BudgetTime(), list[Progress]()
    access = SprinthubAccess(settings, budget_options={"clock": time.clock, "sleep": time.sleep})
    replace(sync_of(settings), access=access).sync(7, run_id="first", progress=shown.append)
    details = [one for one in shown if one.stage == "details" and one.estimate is not None]
    took = (time.now - BudgetTime.now).total_seconds()
    assert details[0].done == 1
    assert details[0].estimate == pytest.approx(took, abs=62)
    assert took > 240
    assert details[-1].estimate == 0
