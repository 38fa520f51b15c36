"""The Edge Functions of the project, over the migrated database of a test."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from sync_pipelines.sandbox.erp.functions import FunctionsFake
from sync_pipelines_tests.erp.account import Syncs
from sync_pipelines_tests.erp.analyses.project import Project


@pytest.fixture
def project(erp: psycopg.Connection[Any], erp_url: str, syncs: Syncs) -> Iterator[Project]:
    with FunctionsFake(erp_url, clock=lambda: syncs.clock().timestamp()) as fake:
        yield Project(erp, syncs, fake)
