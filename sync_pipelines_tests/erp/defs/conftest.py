"""The definitions of the ERP sync over the fakes, and Dagster's own instance in a folder of the test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg
import pytest

from sync_pipelines_tests.erp.defs.dagster_runs import Dagster
from sync_pipelines_tests.erp.installation import Installed


@pytest.fixture
def instance(server_home: Path) -> Iterator[dg.DagsterInstance]:
    """In a folder, in memory where it can be: a tick that requests partitions opens its instance by reference."""
    with (
        TemporaryDirectory(dir=server_home) as home,
        dg.instance_for_test(temp_dir=home, set_dagster_home=False) as made,
    ):
        yield made


@pytest.fixture
def dagster(installed: Installed, instance: dg.DagsterInstance) -> Dagster:
    return Dagster(installed, instance)
