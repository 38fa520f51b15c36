"""A fake Omie, called with httpx alone; its clock stands still until a test moves it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from sync_pipelines.sandbox.erp.company import ErpCompany
from sync_pipelines.sandbox.erp.omie import OmieFake
from sync_pipelines_tests.sandbox.erp.vendors.clients import Clock, OmieCaller


@pytest.fixture
def new_omie() -> Iterator[Callable[..., OmieCaller]]:
    with ExitStack() as opened:

        def make(*companies: ErpCompany, **options: Any) -> OmieCaller:
            clock = Clock()
            omie = opened.enter_context(OmieFake(*companies, clock=clock, **options))
            http = opened.enter_context(httpx.Client(base_url=omie.url, timeout=httpx.Timeout(10.0)))
            return OmieCaller(omie, http, clock)

        yield make
