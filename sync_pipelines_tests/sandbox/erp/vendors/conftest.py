"""The fakes of the vendors, called with httpx alone; their clock stands still until a test moves it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from sync_pipelines.sandbox.erp.bling import BlingFake
from sync_pipelines.sandbox.erp.company import ErpCompany
from sync_pipelines.sandbox.erp.contaazul import ContaAzulFake
from sync_pipelines.sandbox.erp.omie import OmieFake
from sync_pipelines.sandbox.erp.tiny import TinyFake
from sync_pipelines_tests.sandbox.erp.vendors.clients import BlingCaller, Clock, OmieCaller
from sync_pipelines_tests.sandbox.erp.vendors.contaazul_caller import ContaAzulCaller
from sync_pipelines_tests.sandbox.erp.vendors.tiny_caller import TinyCaller


@pytest.fixture
def new_omie() -> Iterator[Callable[..., OmieCaller]]:
    with ExitStack() as opened:

        def make(*companies: ErpCompany, **options: Any) -> OmieCaller:
            clock = Clock()
            omie = opened.enter_context(OmieFake(*companies, clock=clock, **options))
            http = opened.enter_context(httpx.Client(base_url=omie.url, timeout=httpx.Timeout(10.0)))
            return OmieCaller(omie, http, clock)

        yield make


@pytest.fixture
def new_bling() -> Iterator[Callable[..., BlingCaller]]:
    with ExitStack() as opened:

        def make(*companies: ErpCompany, **options: Any) -> BlingCaller:
            clock = Clock()
            bling = opened.enter_context(BlingFake(*companies, clock=clock, **options))
            http = opened.enter_context(httpx.Client(base_url=bling.url, timeout=httpx.Timeout(10.0)))
            return BlingCaller(bling, http, clock)

        yield make


@pytest.fixture
def new_tiny() -> Iterator[Callable[..., TinyCaller]]:
    with ExitStack() as opened:

        def make(*companies: ErpCompany, **options: Any) -> TinyCaller:
            clock = Clock()
            tiny = opened.enter_context(TinyFake(*companies, clock=clock, **options))
            http = opened.enter_context(httpx.Client(base_url=tiny.url, timeout=httpx.Timeout(10.0)))
            return TinyCaller(tiny, http, clock)

        yield make


@pytest.fixture
def new_contaazul() -> Iterator[Callable[..., ContaAzulCaller]]:
    with ExitStack() as opened:

        def make(*companies: ErpCompany, **options: Any) -> ContaAzulCaller:
            clock = Clock()
            fake = opened.enter_context(ContaAzulFake(*companies, clock=clock, **options))
            http = opened.enter_context(httpx.Client(base_url=fake.url, timeout=httpx.Timeout(10.0)))
            return ContaAzulCaller(fake, http, clock)

        yield make
