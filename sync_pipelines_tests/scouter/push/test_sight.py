"""A role that sees but some of the leads: a part is never proved as the whole."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.scouter.push.full_comparison import compare_all
from sync_pipelines.scouter.push.replay import replay
from sync_pipelines_tests.scouter.house import LeadHouse, another_role

DAY = date(2025, 10, 21)
NOON = datetime(2025, 10, 21, 15, tzinfo=UTC)


@pytest.fixture
def secured(lead_house: LeadHouse) -> LeadHouse:
    """Six leads, of which our role sees three; it sees everything else."""
    lead_house.leads(range(6), NOON)
    lead_house.use(tabuladormax_database_url=another_role(lead_house, bypasses=False))
    for table in ("export_jobs", "export_errors", "config"):
        lead_house.tab.execute(
            f"alter table public.gestao_scouter_{table} disable row level security".encode()
        )
    lead_house.tab.execute("alter table public.sync_events disable row level security")
    lead_house.tab.execute(
        "create policy a_part on public.leads as restrictive for select to secured using (id < 600003)"
    )
    return lead_house


def test_nothing_is_pushed(secured: LeadHouse) -> None:
    job_id = secured.create(DAY, DAY)
    assert "hides rows of public.leads" in str(secured.paused(job_id))
    assert secured.there() == {}


def test_nothing_is_compared_or_sent_again(secured: LeadHouse) -> None:
    for act in (compare_all, replay):
        with pytest.raises(PermanentError, match=r"hides rows of public\.leads"):
            act(secured.push, "run")
