"""The Edge Functions of the project, over the migrated database of a test."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from sync_pipelines.sandbox.erp.functions import FunctionsFake
from sync_pipelines_tests.erp.account import Syncs
from sync_pipelines_tests.erp.analyses.project import Project
from sync_pipelines_tests.erp.analyses.taxpayer import Taxpayer

# TEMPORARY until the migration of the financials is there.
LINES = """
create table if not exists sync_private.dre_lines (
    dre_id uuid not null references public.company_dre (id) on delete cascade,
    line text not null,
    company_id uuid not null references public.company_profile (id) on delete cascade,
    month date not null,
    amount numeric not null,
    before numeric,
    written_at timestamptz not null,
    primary key (dre_id, line)
);
"""


@pytest.fixture
def project(erp: psycopg.Connection[Any], erp_url: str, syncs: Syncs) -> Iterator[Project]:
    with FunctionsFake(erp_url, clock=lambda: syncs.clock().timestamp()) as fake:
        yield Project(erp, syncs, fake)


@pytest.fixture
def taxpayer(erp: psycopg.Connection[Any], erp_url: str, syncs: Syncs) -> Iterator[Taxpayer]:
    erp.execute(LINES)
    with FunctionsFake(erp_url, clock=lambda: syncs.clock().timestamp()) as fake:
        yield Taxpayer(erp, syncs, fake)
