"""The control plane alone, for tests that write to its tables and send no lead.

| fixture | `gestao_scouter_export_jobs` | `gestao_scouter_config` | leads |
|---|---|---|---|
| `board` | empty | one row, active and switched on | none |
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sync_pipelines.lib.postgres.embedded import PostgresServer
from sync_pipelines_tests.scouter.house import LeadHouse, opened_house


@pytest.fixture(scope="session")
def board_server(
    postgres_server: PostgresServer, push_ops: str, push_templates: dict[str, str]
) -> Iterator[LeadHouse]:
    urls = [
        postgres_server.create_database(f"board_{side}", template=push_templates[side])
        for side in ("tab", "gestao")
    ]
    with opened_house(urls[0], urls[1], push_ops) as house:
        yield house


@pytest.fixture
def board(board_server: LeadHouse) -> LeadHouse:
    """A house without exports, whose integration is switched on; its tables stay when a test ends."""
    board_server.tab.execute("truncate public.gestao_scouter_export_jobs cascade")
    board_server.tab.execute("truncate public.gestao_scouter_config")
    board_server.tab.execute(
        "insert into public.gestao_scouter_config (project_url, anon_key) values ('https://x.example.com', '-')"
    )
    return board_server
