"""The definitions of the ERP sync over the fakes, and Dagster's own instance in a folder of the test."""

from __future__ import annotations

import dagster as dg
import pytest

from sync_pipelines_tests.erp.defs.dagster_runs import Dagster
from sync_pipelines_tests.erp.installation import Installed


@pytest.fixture
def instance(instance_in_folder: dg.DagsterInstance) -> dg.DagsterInstance:
    return instance_in_folder


@pytest.fixture
def dagster(installed: Installed, instance: dg.DagsterInstance) -> Dagster:
    return Dagster(installed, instance)
