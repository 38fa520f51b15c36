"""A segment from the CRM to proof, over real sockets into real Postgres."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest

from sync_pipelines.lib.failures import SyncError
from sync_pipelines.sandbox.sprinthub.fake import SprinthubFake
from sync_pipelines.sprinthub.pipeline import SegmentSync
from sync_pipelines_tests.sprinthub.installation import Installed, settings_for, sync_of

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


@pytest.mark.parametrize("fault", ["detail_missing", "detail_without_lead", "detail_bad_request"])
def test_a_crm_that_knows_none_of_its_leads_is_no_success(installed: Installed, fault: str) -> None:
    installed.add_control()
    installed.crm.tenant.add_segment(7, leads=15)
    installed.crm.fail(fault)
    assert "15 of 15 leads" in installed.fails(SyncError)
    status, _, stats = installed.log()
    assert (status, stats["errors"]) == ("error", 15)
    assert installed.sync(accept=["mass_rejection"]).rejected == 15
    installed.crm.clear()
    assert installed.sync().changed == 15


@pytest.mark.parametrize(("leads", "rejected"), [(90, 5), (4, 4), (49, 10), (60, 12)])
def test_leads_that_nobody_knows_are_rejects(installed: Installed, leads: int, rejected: int) -> None:
    installed.add_control()
    for lead in installed.crm.tenant.add_segment(7, leads=leads)[:rejected]:
        installed.crm.fail("detail_missing", lead=lead)
    assert installed.sync().rejected == rejected
