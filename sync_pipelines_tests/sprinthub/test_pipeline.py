"""A segment from the CRM to proof, over real sockets into real Postgres."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest

from sync_pipelines.sandbox.sprinthub.fake import SprinthubFake
from sync_pipelines.sprinthub.pipeline import SegmentSync
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
