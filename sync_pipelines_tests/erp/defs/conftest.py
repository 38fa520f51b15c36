"""The definitions of the ERP sync over the fakes, and an instance of Dagster."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import pytest

from sync_pipelines_tests.erp.defs.dagster_runs import Dagster
from sync_pipelines_tests.erp.installation import Installed


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def dagster(installed: Installed, instance: dg.DagsterInstance) -> Dagster:
    return Dagster(installed, instance)
