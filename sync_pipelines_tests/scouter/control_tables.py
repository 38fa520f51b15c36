"""The control plane alone, for tests that write to its tables and send no lead.

| fixture | `gestao_scouter_export_jobs` | `gestao_scouter_config` | leads |
|---|---|---|---|
| `control_plane` | empty | one row, active and switched on | none |
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sync_pipelines.lib.postgres.embedded import PostgresServer
from sync_pipelines_tests.scouter.installation import Installation, open_installation


@pytest.fixture(scope="session")
def control_plane_database(
    postgres_server: PostgresServer, push_ops: str, push_templates: dict[str, str]
) -> Iterator[Installation]:
    urls = [
        postgres_server.create_database(f"control_plane_{side}", template=push_templates[side])
        for side in ("tab", "gestao")
    ]
    with open_installation(urls[0], urls[1], push_ops) as installation:
        yield installation


@pytest.fixture
def control_plane(control_plane_database: Installation) -> Installation:
    """An installation without exports, whose integration is switched on; its tables stay when a test ends."""
    control_plane_database.tab.execute("truncate public.gestao_scouter_export_jobs cascade")
    control_plane_database.tab.execute("truncate public.gestao_scouter_config")
    control_plane_database.tab.execute(
        "insert into public.gestao_scouter_config (project_url, anon_key) values ('https://x.example.com', '-')"
    )
    return control_plane_database
