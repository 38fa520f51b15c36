"""Limits as data: which windows they become, and what is blocked when a vendor asks for it."""

from __future__ import annotations

import pytest

from sync_pipelines.erp.vendors.limits import CallLimit, ErrorLimit, Limits, Per, digest
from sync_pipelines.erp.vendors.registry import VENDORS
from sync_pipelines.lib.http.budget import Window

LIMITS = Limits(
    "omie",
    calls=(
        CallLimit(960, 60, Per.ADDRESS),
        CallLimit(900, 60, Per.ACCOUNT),
        CallLimit(240, 60, Per.METHOD),
        CallLimit(1, 60, Per.REQUEST, margin=0.5),
    ),
    errors=ErrorLimit(10, 1800),
    in_flight={"ObterNfe": 4},
)
ACCOUNT_ONLY = Limits("bling", calls=(CallLimit(3, 1), CallLimit(120_000, 86_400)))


def test_a_call_needs_room_in_every_window() -> None:
    assert LIMITS.windows("a", "ListarNF", "r") == [
        Window("omie:address", calls=960, seconds=60),
        Window("omie:a", calls=900, seconds=60),
        Window("omie:a:ListarNF", calls=240, seconds=60),
        Window("omie:a:ListarNF:r", calls=1, seconds=60, margin=0.5),
    ]


def test_a_request_that_was_not_seen_may_be_made_again() -> None:
    assert [one.calls for one in LIMITS.windows("a", "ListarNF", "r", unseen=2)] == [960, 900, 240, 3]


@pytest.mark.parametrize(
    ("limits", "method", "scope"),
    [
        (LIMITS, "ListarNF", "omie:a:ListarNF"),
        (LIMITS, None, "omie:a"),
        (ACCOUNT_ONLY, "nfe", "bling:a"),
        (ACCOUNT_ONLY, None, "bling:a"),
    ],
)
def test_a_block_concerns_what_the_vendor_counts_by(limits: Limits, method: str | None, scope: str) -> None:
    assert limits.block("a", method).scope == scope


def test_a_vendor_without_a_limit_per_account_cannot_be_blocked() -> None:
    with pytest.raises(ValueError, match="no limit per account"):
        Limits("tiny", calls=(CallLimit(60, 60, Per.ADDRESS),)).block("a")


def test_a_vendor_that_counts_no_errors_has_no_window_of_them() -> None:
    with pytest.raises(ValueError, match="does not count errors"):
        ACCOUNT_ONLY.error_window("a", "nfe", 9)


def test_one_call_at_a_time_unless_more_are_named() -> None:
    assert (LIMITS.at_once("ObterNfe"), LIMITS.at_once("ListarNF")) == (4, 1)


@pytest.mark.parametrize("erp_type", VENDORS)
def test_every_vendor_can_be_blocked_by_account(erp_type: str) -> None:
    limits = VENDORS[erp_type].limits
    assert limits.block("a").scope == f"{limits.vendor}:a"
    assert limits.vendor == VENDORS[erp_type].erp_type == erp_type


def test_a_digest_says_nothing_of_what_it_is_made_of() -> None:
    made = digest("https://omie.example", "1234567890123")
    assert made != digest("https://omie.example", "1234567890124")
    assert len(made) == 16
    assert "1234567890123" not in made
