"""The vendors that are served: how an account is opened, and what says that it cannot be."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sync_pipelines.erp.outcome import Module
from sync_pipelines.erp.vendors.registry import VENDORS, VendorAccess, is_served, is_synced, unserved_because
from sync_pipelines.lib.failures import PermanentError, RefusedError
from sync_pipelines.settings import read_as
from sync_pipelines.settings.erp import ErpSettings
from sync_pipelines_tests.erp.vendors.accounts import VirtualTime, connection, open_account

OPS = "postgresql://nobody@127.0.0.1:1/ops"


def test_a_type_that_is_not_served_says_which_are() -> None:
    assert not is_served("erp-de-teste")
    with (
        pytest.raises(PermanentError, match=r"only of Bling, Conta Azul, Omie, Sankhya, Tiny\."),
        open_account(connection("erp-de-teste", {"token": "t"}), OPS, VirtualTime(), settings={}),
    ):
        pass


def test_a_module_that_is_not_established_says_why() -> None:
    """Trap 40: of TOTVS every installation differs; of Sankhya invoices and titles are not established."""
    assert {module for module in Module if unserved_because("totvs", module)} == set(Module)
    assert {module for module in Module if unserved_because("sankhya", module)} == {
        Module.INVOICES,
        Module.FINANCIALS,
    }
    assert not any(unserved_because("omie", module) for module in Module)
    assert [erp_type for erp_type in VENDORS if not is_synced(erp_type)] == ["totvs"]


@pytest.mark.parametrize("erp_type", VENDORS)
def test_an_account_without_credentials_waits_for_a_person(erp_type: str) -> None:
    assert is_served(erp_type)
    with (
        pytest.raises(RefusedError),
        open_account(connection(erp_type, {}), OPS, VirtualTime(), settings={}),
    ):
        pass


@pytest.mark.parametrize(
    ("given", "base"),
    [
        ("https://omie.example", "https://omie.example/api/v1"),
        ("https://omie.example/", "https://omie.example/api/v1"),
        ("https://omie.example/api/v1", "https://omie.example/api/v1"),
        ("http://127.0.0.1:8080/api/v1/", "http://127.0.0.1:8080/api/v1"),
    ],
)
def test_an_address_is_given_with_or_without_the_version(given: str, base: str) -> None:
    assert VENDORS["omie"].base_url(read_as(ErpSettings, None, OMIE_URL=given)) == base


def test_access_reads_nothing_before_an_account_is_opened() -> None:
    assert VendorAccess(read_as(ErpSettings, None)).options == {}


def test_to_know_the_vendors_costs_no_heavy_library() -> None:
    heavy = ("httpx", "lxml", "cryptography", "tenacity", "dagster")
    script = (
        f"import sys, sync_pipelines.erp.vendors.registry; print([m for m in {heavy} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
