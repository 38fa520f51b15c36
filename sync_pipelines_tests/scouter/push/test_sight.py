"""A role that sees but some of the leads: a part is never proved as the whole."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.scouter.push.full_comparison import compare_all
from sync_pipelines.scouter.push.replay import replay
from sync_pipelines_tests.scouter.installation import Installation, another_role

DAY = date(2025, 10, 21)
NOON = datetime(2025, 10, 21, 15, tzinfo=UTC)


@pytest.fixture
def secured(installation: Installation) -> Installation:
    """Six leads, of which our role sees three; it sees everything else."""
    installation.leads(range(6), NOON)
    installation.use(tabuladormax_database_url=another_role(installation, bypasses=False))
    for table in ("export_jobs", "export_errors", "config"):
        installation.tab.execute(
            f"alter table public.gestao_scouter_{table} disable row level security".encode()
        )
    installation.tab.execute("alter table public.sync_events disable row level security")
    installation.tab.execute(
        "create policy a_part on public.leads as restrictive for select to secured using (id < 600003)"
    )
    return installation


def test_nothing_is_pushed(secured: Installation) -> None:
    job_id = secured.create(DAY, DAY)
    assert "hides rows of public.leads" in str(secured.paused(job_id))
    assert secured.there() == {}


def test_nothing_is_compared_or_sent_again(secured: Installation) -> None:
    for act in (compare_all, replay):
        with pytest.raises(PermanentError, match=r"hides rows of public\.leads"):
            act(secured.push, "run")
