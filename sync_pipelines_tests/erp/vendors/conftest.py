"""A vendor's fake and our adapter on it.

| fixture | what is in it at the start of a test |
|---|---|
| `bling` | a fake Bling that listens, with one company without notes and products |
| `tiny` | a fake Tiny that listens, with one company without notes, products and titles |
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sync_pipelines_tests.erp.vendors.bling_account import BlingWorld
from sync_pipelines_tests.erp.vendors.tiny_account import TinyWorld
from sync_pipelines_tests.sandbox.erp.vendors.clients import company


@pytest.fixture
def bling(erp_url: str, ops_url: str) -> Iterator[BlingWorld]:
    world = BlingWorld(erp_url, ops_url, company())
    with world.fake:
        yield world


@pytest.fixture
def tiny(ops_url: str) -> Iterator[TinyWorld]:
    world = TinyWorld(ops_url)
    with world.fake:
        yield world
