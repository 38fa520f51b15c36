"""Tokens that rotate, whichever vendor gives them: each refresh token is used once, and every new pair is stored."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import date

import pytest

from sync_pipelines.lib.failures import RefusedError
from sync_pipelines_tests.erp.vendors.bling_account import BlingWorld
from sync_pipelines_tests.erp.vendors.contaazul_account import ContaAzulWorld
from sync_pipelines_tests.sandbox.erp.vendors.clients import company, note, product

FIRST, LAST = date(2026, 11, 1), date(2026, 11, 30)
World = BlingWorld | ContaAzulWorld


@pytest.fixture(params=[BlingWorld, ContaAzulWorld], ids=lambda one: one.erp_type)
def world(erp_url: str, ops_url: str, request: pytest.FixtureRequest) -> Iterator[World]:
    world: World = request.param(erp_url, ops_url, company())
    with world.fake:
        yield world


def test_a_token_that_ends_in_the_middle_is_refreshed_once_and_stored(world: World) -> None:
    world.company.notes += [note(7001 + number) for number in range(250)]
    first = world.fake.account.access_token
    with world.open() as vendor:
        pages = vendor.invoices(FIRST, LAST)
        found = [one.vendor_id for one in next(pages).items]
        world.expire()
        found += [one.vendor_id for page in pages for one in page.items]
    assert len(found) == len(set(found)) == 250
    assert [call.status for call in world.fake.calls.of("token")] == [200]
    assert len(world.fake.calls.of("invoices", status=401)) == 1
    account, stored = world.fake.account, world.stored
    assert stored["access_token"] == account.access_token != first
    assert stored["refresh_token"] == account.refresh_token
    assert stored["expires_at"] == int(account.expires_at * 1000)


def test_two_syncs_of_one_connection_refresh_its_token_once(world: World) -> None:
    one = world.connect()
    world.expire()
    errors: list[BaseException] = []

    def sync() -> None:
        try:
            with world.open(one) as vendor:
                vendor.company()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=sync) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert world.fake.calls.count("token") == 1


def test_a_permission_that_was_taken_away_costs_one_token_call(world: World) -> None:
    world.company.products += [product(number) for number in range(1, 31)]
    refused = rf"{world.erp_type}_00000001.*invalid_grant.*Connect the account again"
    with world.open() as vendor:
        world.revoke()
        for _ in range(3):
            with pytest.raises(RefusedError, match=refused):
                vendor.company()
        for pages in (vendor.products(), vendor.invoices(FIRST, LAST), vendor.titles(FIRST, LAST)):
            with pytest.raises(RefusedError, match=refused):
                list(pages)
    assert world.fake.calls.count("token") == 1
    assert world.fake.calls.count("company") == 1
