"""A CRM that does not know the leads which it lists: an outage may look like that."""

from __future__ import annotations

import pytest

from sync_pipelines.lib.failures import SyncError
from sync_pipelines_tests.sprinthub.installation import Installed


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
