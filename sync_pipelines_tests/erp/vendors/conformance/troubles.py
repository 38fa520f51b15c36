"""What holds when a vendor does not answer as it should."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from sync_pipelines.lib.cancellation import Cancellation
from sync_pipelines.lib.failures import RefusedError, SyncError, ThrottledError, TransientError
from sync_pipelines.lib.interruptions import InterruptedRunError
from sync_pipelines.sandbox.erp.company import ErpCompany
from sync_pipelines_tests.erp.vendors.conformance.bench import Bench, Lab, Subject, Trouble
from sync_pipelines_tests.erp.vendors.conformance.companies import NOON, company, note, notes, products

PASSING = (Trouble.FAILS, Trouble.CUT, Trouble.HANGS, Trouble.DROPPED, Trouble.NOT_JSON)
_SUBJECTS: tuple[Subject, ...] = ("invoices", "products", "company")
#: A call with a token that is refused, a new token, the call once more; before them the login, where none is stored.
_MOST_CALLS = 4


def _three_pages(lab: Lab) -> Bench:
    return lab(company(notes(250), products(250)))


def _ends_with(kind: type[SyncError], bench: Bench) -> SyncError:
    with bench.open() as vendor, pytest.raises(kind) as caught:
        bench.listed(vendor)
    return caught.value


def an_error_of_the_first_page_is_an_error(lab: Lab) -> None:
    """An error of the first page is an error, not an empty list"""
    bench = _three_pages(lab)
    bench.fail(Trouble.FAILS, bench.listing, page=1)
    _ends_with(TransientError, bench)


def an_error_of_the_third_page_is_an_error(lab: Lab) -> None:
    """An error of the third page is an error, not the end of the list"""
    bench = _three_pages(lab)
    bench.fail(Trouble.FAILS, bench.listing, page=3)
    _ends_with(TransientError, bench)


def what_passes_is_tried_again(lab: Lab) -> None:
    """A call that fails, hangs or is cut once is made again"""
    for trouble in PASSING:
        bench = _three_pages(lab)
        bench.fail(trouble, bench.listing, 1, page=2)
        with bench.open() as vendor:
            assert bench.listed(vendor) == bench.wanted(), trouble


def an_answer_that_is_always_cut_is_an_error(lab: Lab) -> None:
    """A page that is always cut is an error"""
    bench = _three_pages(lab)
    bench.fail(Trouble.CUT, bench.listing, page=3)
    _ends_with(TransientError, bench)


def a_page_that_lacks_a_row_is_an_error(lab: Lab) -> None:
    """A page that lacks a row is an error"""
    bench = _three_pages(lab)
    bench.fail(Trouble.SHORT, bench.listing, page=2)
    _ends_with(TransientError, bench)


def a_page_without_rows_is_an_error(lab: Lab) -> None:
    """A page in the middle without rows is an error"""
    bench = _three_pages(lab)
    bench.fail(Trouble.LOST, bench.listing, page=2)
    _ends_with(TransientError, bench)


def a_page_that_comes_twice_is_an_error(lab: Lab) -> None:
    """A page that comes twice is an error"""
    bench = _three_pages(lab)
    bench.fail(Trouble.REPEATED, bench.listing, page=2)
    _ends_with(TransientError, bench)


def a_list_that_moves_loses_nothing(lab: Lab) -> None:
    """Nothing is lost of a list that changes while it is read"""
    changes: list[Callable[[ErpCompany], object]] = [
        lambda one: one.cancel(one.notes[0].vendor_id),
        lambda one: one.add_note(note(900, NOON, is_purchase=True)),
    ]
    for change in changes:
        bench = _three_pages(lab)
        before = bench.wanted()
        bench.before(bench.listing, 2, partial(change, bench.company))
        with bench.open() as vendor:
            assert set(before) <= set(bench.listed(vendor))


def fewer_calls_are_made_when_asked_for(lab: Lab) -> None:
    """Who asks for fewer calls is left alone for as long, then the list goes on"""
    bench = _three_pages(lab)
    bench.fail(Trouble.THROTTLED, bench.listing, 1, page=2)
    with bench.open() as vendor:
        assert bench.listed(vendor) == bench.wanted()
        assert vendor.waited > 0


def a_block_ends_all_calls(lab: Lab) -> None:
    """A block ends all calls at once, also those of the next run, until it is over"""
    bench = _three_pages(lab)
    bench.fail(Trouble.BLOCKED, bench.listing, 1)
    for _ in range(2):
        with bench.open() as vendor:
            with pytest.raises(ThrottledError) as caught:
                bench.listed(vendor)
            with pytest.raises(ThrottledError):
                vendor.company()
    assert len(bench.fake.calls.all) == 1
    bench.time.sleep(caught.value.retry_after or 0)
    with bench.open() as vendor:
        assert bench.listed(vendor) == bench.wanted()


def refused_credentials_are_not_tried_again(lab: Lab) -> None:
    """Refused credentials wait for a person, and nothing more is called with them"""
    bench = lab(company([note(1)], products(1)))
    for subject in _SUBJECTS:
        if subject in bench.arrangement.methods:
            bench.fail(Trouble.REFUSED, subject)
    with bench.open() as vendor:
        with pytest.raises(RefusedError):
            bench.listed(vendor)
        made = len(bench.fake.calls.all)
        for _ in range(3):
            with pytest.raises(RefusedError):
                bench.products(vendor)
    assert len(bench.fake.calls.all) == made <= _MOST_CALLS


def an_expired_token_is_renewed_once(lab: Lab) -> None:
    """A token that ends in the middle of a list is renewed once, and the list goes on"""
    bench = _three_pages(lab)
    bench.fail(Trouble.REFUSED, bench.listing, 1, page=2)
    with bench.open() as vendor:
        assert bench.listed(vendor) == bench.wanted()
    assert bench.fake.calls.count("token") == bench.arrangement.logins + 1


def a_cancelled_run_ends_its_waits(lab: Lab) -> None:
    """The end of a run ends its waits and calls"""
    bench = _three_pages(lab)
    bench.fail(Trouble.FAILS, bench.listing)
    run = Cancellation()
    with (
        bench.open(within=run, sleep=lambda _: run.cancel()) as vendor,
        pytest.raises((SyncError, InterruptedRunError)),
    ):
        bench.listed(vendor)
    assert bench.calls(bench.listing) == 1


CHECKS = (
    an_error_of_the_first_page_is_an_error,
    an_error_of_the_third_page_is_an_error,
    what_passes_is_tried_again,
    an_answer_that_is_always_cut_is_an_error,
    a_page_that_lacks_a_row_is_an_error,
    a_page_without_rows_is_an_error,
    a_page_that_comes_twice_is_an_error,
    a_list_that_moves_loses_nothing,
    fewer_calls_are_made_when_asked_for,
    a_block_ends_all_calls,
    refused_credentials_are_not_tried_again,
    an_expired_token_is_renewed_once,
    a_cancelled_run_ends_its_waits,
)
