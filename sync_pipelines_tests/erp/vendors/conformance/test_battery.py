"""The battery, vendor by vendor."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count

import pytest

from sync_pipelines.erp.vendors.registry import VENDORS, is_synced
from sync_pipelines.sandbox.erp.company import ErpCompany
from sync_pipelines_tests.erp.vendors.accounts import VirtualTime
from sync_pipelines_tests.erp.vendors.conformance.arrangements import ARRANGEMENTS
from sync_pipelines_tests.erp.vendors.conformance.battery import (
    DOCUMENT,
    FAILS,
    PROPERTIES,
    Check,
    sentence,
    table,
    with_table,
)
from sync_pipelines_tests.erp.vendors.conformance.bench import Arrangement, Bench, Lab

CASES = [
    pytest.param(one, check, id=f"{erp_type}-{check.__name__}")
    for check in PROPERTIES
    for erp_type, one in ARRANGEMENTS.items()
    if check.__name__ not in one.without
]
_numbers = count(1)


@pytest.fixture
def open_lab(
    new_database: Callable[[str | None], str], erp_url: str, caplog: pytest.LogCaptureFixture
) -> Iterator[Callable[[Arrangement], Lab]]:
    caplog.set_level(logging.DEBUG, "sync_pipelines")
    with ExitStack() as opened:

        def lab(arrangement: Arrangement) -> Lab:
            def make(company: ErpCompany, latency_seconds: float) -> Bench:
                time = VirtualTime()
                fake = opened.enter_context(
                    arrangement.fake(company, clock=time.timestamp, latency_seconds=latency_seconds)
                )
                ops_url = new_database("ops")
                return Bench(
                    arrangement,
                    company,
                    fake,
                    time=time,
                    ops_url=ops_url,
                    erp_url=erp_url,
                    number=next(_numbers),
                )

            return Lab(arrangement, make, logged=lambda: caplog.text)

        yield lab


@pytest.mark.parametrize(("arrangement", "check"), CASES)
def test_a_vendor_holds_a_property(
    open_lab: Callable[[Arrangement], Lab], arrangement: Arrangement, check: Check
) -> None:
    check(open_lab(arrangement))


def test_every_vendor_that_is_served_is_on_the_bench() -> None:
    assert set(ARRANGEMENTS) == {erp_type for erp_type in VENDORS if is_synced(erp_type)}


def test_the_documentation_has_the_table() -> None:
    document = DOCUMENT.read_text()
    assert document == with_table(document, table({}))


def test_the_table_says_what_failed() -> None:
    failed = table({"omie": {"an_empty_list_is_empty"}})
    assert failed.count(FAILS) == 1
    assert table({}).count(FAILS) == 0


def test_what_a_vendor_cannot_have_is_a_property() -> None:
    names = {check.__name__ for check in PROPERTIES}
    assert len(names) == len(PROPERTIES)
    assert {name for one in ARRANGEMENTS.values() for name in one.without} <= names
    assert all(map(sentence, PROPERTIES))
