"""`world` is a connection whose access token ends in a minute, at a vendor that rotates refresh tokens."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from sync_pipelines_tests.erp.connections.tokens.world import TokenWorld


@pytest.fixture
def world(erp: psycopg.Connection[Any], erp_url: str, ops_url: str) -> TokenWorld:
    world = TokenWorld(erp, erp_url, ops_url)
    world.connect()
    return world
