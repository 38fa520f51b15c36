"""The Edge Functions of the project, over the migrated database of a test."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from sync_pipelines.sandbox.erp.functions import HANDLERS, FunctionsFake
from sync_pipelines_tests.erp.account import Syncs
from sync_pipelines_tests.erp.analyses.project import Project
from sync_pipelines_tests.erp.analyses.taxpayer import Taxpayer


@pytest.fixture
def project(erp: psycopg.Connection[Any], erp_url: str, syncs: Syncs) -> Iterator[Project]:
    with FunctionsFake(erp_url, clock=lambda: syncs.clock().timestamp()) as fake:
        yield Project(erp, syncs, fake)


@pytest.fixture
def taxpayer(erp: psycopg.Connection[Any], erp_url: str, syncs: Syncs) -> Iterator[Taxpayer]:
    handlers = dict(HANDLERS)
    with FunctionsFake(erp_url, clock=lambda: syncs.clock().timestamp(), handlers=handlers) as fake:
        yield Taxpayer(erp, syncs, fake, handlers=handlers)
