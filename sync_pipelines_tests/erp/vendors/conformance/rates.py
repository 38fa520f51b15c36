"""What holds of how often a vendor is called, and of what is written down of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import psycopg
import pytest

from sync_pipelines.lib.failures import SyncError
from sync_pipelines_tests.erp.vendors.conformance.bench import DetailsOf, Lab, Subject, Trouble
from sync_pipelines_tests.erp.vendors.conformance.companies import company, note, notes, products

#: What of the allowed rate must be used.
USED = 0.95
#: How many of its windows the documents of one run fill.
_WINDOWS = 2
#: What a second pass asks for.
PASS: tuple[Subject, ...] = ("login", "company", "products", "invoices")


def the_limits_are_kept_and_used(lab: Lab) -> None:
    """The vendor's limits are kept, and at least 95 % of the allowed rate is used"""
    bench = lab(company([note(1)]))
    limits = bench.arrangement.limits
    _, calls, seconds = limits[0]
    bench.company.notes += notes(calls * _WINDOWS)[1:]
    with bench.open() as vendor:
        listed = bench.invoices(vendor)
        bench.time.sleep(2 * seconds)  # the lists are out of the window
        start, made = bench.time.seconds, vendor.calls
        for one in listed:
            vendor.invoice_xml(one)
        spent, asked = bench.time.seconds - start, vendor.calls - made
    # The calls of the first window need not wait; those of the second follow as it frees them.
    assert asked == calls * _WINDOWS
    assert spent <= seconds * (_WINDOWS - 1) / USED
    for method, most, within in limits:
        assert bench.fake.calls.busiest(within, method) <= most


def threads_share_an_account(lab: Lab) -> None:
    """Threads share an account, with no more calls at once than the vendor takes"""
    bench = lab(company([note(1)]), latency_seconds=0.01)
    _, calls, seconds = bench.arrangement.limits[0]
    # No more than need not wait: several threads that sleep move the clock of all of them.
    bench.company.notes += notes(min(calls, 24))[1:]
    with bench.open() as vendor, ThreadPoolExecutor(8) as pool:
        listed = bench.invoices(vendor)
        bench.time.sleep(2 * seconds)
        documents = list(pool.map(vendor.invoice_xml, listed))
    assert [one.xml for one in documents] == [one.xml() for one in bench.company.notes]
    assert {call.status for call in bench.fake.calls.all} == {200}


def the_same_request_waits(lab: Lab) -> None:
    """The same request is not made again while the vendor calls it redundant"""
    bench = lab(company([note(1)]))
    bench.fail(Trouble.DROPPED, "company", 1)
    for _ in range(2):
        with bench.open() as vendor:
            vendor.company()
    moments = [call.at for call in bench.fake.calls.of(bench.arrangement.methods["company"])]
    gaps = [later - earlier for earlier, later in pairwise(moments)]
    assert len(gaps) == 2
    assert min(gaps) >= 60


def a_second_pass_calls_as_little_as_it_can(lab: Lab) -> None:
    """A second pass over 250 notes and 120 products of which nothing changed makes so many calls"""
    bench = lab(company(notes(250), products(120)))
    with bench.open() as vendor:
        vendor.company()
        known = DetailsOf(bench.products(vendor))
        if bench.arrangement.has_invoices:
            bench.invoices(vendor)
    bench.time.sleep(86_400)
    since = bench.time.clock() if vendor.lists_product_changes else None
    with bench.open() as vendor:
        vendor.company()
        assert len([one for page in vendor.products(since, known) for one in page.items]) in {0, 120}
        if bench.arrangement.has_invoices:
            bench.invoices(vendor)
        assert vendor.calls == sum(bench.arrangement.second_pass.get(subject, 0) for subject in PASS)


def a_detail_in_hand_is_not_read_again(lab: Lab) -> None:
    """The detail of a product is not read again while it is in hand and the list says the same of the product"""
    bench = lab(company(catalogue=products(5)))
    with bench.open() as vendor:
        first = bench.products(vendor)
        has_details = [one.list_digest is not None for one in first]
        beside_the_list = vendor.calls - bench.calls("products")
        again = bench.products(vendor, DetailsOf(first))
        assert [one.is_unchanged for one in again] == has_details
        assert vendor.calls - bench.calls("products") == beside_the_list
        bench.company.alter_product(5003, name="Outro nome")
        anew = [one for one in bench.products(vendor, DetailsOf(first)) if not one.is_unchanged]
    assert [one.ncm for one in anew if one.name == "Outro nome"] == ["0811.90.00"]
    assert len(anew) == (1 if any(has_details) else 5)
    assert vendor.calls - bench.calls("products") == beside_the_list + any(has_details)


def calls_and_waits_are_counted(lab: Lab) -> None:
    """Calls and waits are counted"""
    bench = lab(company(notes(250), products(250)))
    with bench.open() as vendor:
        bench.listed(vendor)
        assert vendor.calls == len(bench.fake.calls.all)
        waited = vendor.waited
        bench.fail(Trouble.THROTTLED, "company", 1)
        vendor.company()
        assert vendor.waited > waited


def no_secret_is_written_down(lab: Lab) -> None:
    """No secret is in a log, an error or the ops database"""
    said: list[str] = []
    secrets: list[str] = []
    for trouble in (Trouble.FAILS, Trouble.CUT, Trouble.NOT_JSON, Trouble.REFUSED, Trouble.BLOCKED):
        bench = lab(company([note(1)], products(1)))
        if trouble not in bench.arrangement.troubles:
            continue
        bench.fail(trouble, bench.listing)
        with bench.open() as vendor:
            with pytest.raises(SyncError) as caught:
                bench.listed(vendor)
            said += [str(caught.value), repr(caught.value), repr(vendor)]
        secrets += bench.secrets
        said.append(_ops(bench.ops_url))
    written = "\n".join([*said, lab.logged()])
    assert secrets
    assert [secret for secret in secrets if len(secret) > 12 and secret in written] == []


def _ops(url: str) -> str:
    """What the ops database holds of calls."""
    with psycopg.connect(url) as database:
        tables = ("budget_calls", "budget_blocks", "budget_parties")
        return "\n".join(
            str(database.execute(f"select * from ops.{name}".encode()).fetchall()) for name in tables
        )


CHECKS = (
    the_limits_are_kept_and_used,
    threads_share_an_account,
    the_same_request_waits,
    a_second_pass_calls_as_little_as_it_can,
    a_detail_in_hand_is_not_read_again,
    calls_and_waits_are_counted,
    no_secret_is_written_down,
)
