"""A vendor's fake and our adapter on it.

| fixture | what is in it at the start of a test |
|---|---|
| `bling` | a fake Bling that listens, with one company without notes and products |
| `tiny` | a fake Tiny that listens, with one company without notes, products and titles |
| `contaazul` | the same of Conta Azul |
| `new_contaazul` | makes one of a company with the manners that are given |
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from sync_pipelines.sandbox.erp.company import ErpCompany
from sync_pipelines_tests.erp.vendors.bling_account import BlingWorld
from sync_pipelines_tests.erp.vendors.contaazul_account import ContaAzulWorld
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


@pytest.fixture
def new_contaazul(erp_url: str, ops_url: str) -> Iterator[Callable[..., ContaAzulWorld]]:
    with ExitStack() as opened:

        def make(of: ErpCompany | None = None, **options: Any) -> ContaAzulWorld:
            world = ContaAzulWorld(erp_url, ops_url, of or company(), **options)
            opened.enter_context(world.fake)
            return world

        yield make


@pytest.fixture
def contaazul(new_contaazul: Callable[..., ContaAzulWorld]) -> ContaAzulWorld:
    return new_contaazul()
