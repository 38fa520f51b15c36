"""The definitions of the segments' leads over a fake CRM, and an instance of Dagster."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest

from sync_pipelines.sandbox.sprinthub.fake import SprinthubFake
from sync_pipelines_tests.sprinthub.defs.dagster_runs import Dagster
from sync_pipelines_tests.sprinthub.installation import settings_for, sync_of


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def dagster(
    crm: SprinthubFake,
    oficialmed_url: str,
    oficialmed: psycopg.Connection[Any],
    ops_url: str,
    instance: dg.DagsterInstance,
    tmp_path: Path,
) -> Dagster:
    settings = settings_for(crm, oficialmed_url, ops_url, home=tmp_path)
    return Dagster(settings, sync_of(settings), instance, oficialmed=oficialmed, crm=crm)
