"""What holds of titles when a vendor does not answer as it should, and of how often it is called for them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from sync_pipelines.lib.failures import RefusedError, SyncError, ThrottledError, TransientError
from sync_pipelines.sandbox.erp.company import ErpCompany
from sync_pipelines_tests.erp.vendors.conformance import titles
from sync_pipelines_tests.erp.vendors.conformance.bench import Bench, Lab, Subject, Trouble
from sync_pipelines_tests.erp.vendors.conformance.companies import company, payables, receivables, title
from sync_pipelines_tests.erp.vendors.conformance.titles import keys, wanted

#: What is asked for of titles.
PASS: tuple[Subject, ...] = ("receivables", "payables", "categories")


def _ledger(lab: Lab) -> Bench:
    """Three pages of receivables, one of payables."""
    return lab(company(ledger=[*receivables(250), *payables(100)]))


def _ends_with(kind: type[SyncError], bench: Bench) -> SyncError:
    with bench.open() as vendor, pytest.raises(kind) as caught:
        bench.titles(vendor)
    return caught.value


def a_page_of_titles_that_fails_fails_the_list(lab: Lab) -> None:
    """A page of titles that fails or is always cut is an error, whichever it is; it names nobody of the titles"""
    failing: list[tuple[Trouble, Subject, int]] = [
        (Trouble.FAILS, "receivables", 1),
        (Trouble.CUT, "receivables", 3),
        (Trouble.FAILS, "payables", 1),
    ]
    for trouble, of, page in failing:
        bench = _ledger(lab)
        bench.fail(trouble, of, page=page)
        error = _ends_with(TransientError, bench)
        assert bench.company.titles[0].counterparty not in f"{error!r} {lab.logged()}"


def a_failed_list_of_categories_is_an_error(lab: Lab) -> None:
    """A list of categories that fails is an error"""
    bench = _ledger(lab)
    bench.fail(Trouble.FAILS, "categories")
    with bench.open() as vendor, pytest.raises(TransientError):
        list(vendor.categories())


def a_page_of_titles_that_lacks_rows_is_an_error(lab: Lab) -> None:
    """A page of titles that lacks a row, or all of them, is an error"""
    for trouble in (Trouble.SHORT, Trouble.LOST):
        bench = _ledger(lab)
        bench.fail(trouble, "receivables", page=2)
        _ends_with(TransientError, bench)


def a_page_of_titles_that_comes_twice_is_an_error(lab: Lab) -> None:
    """A page of titles that comes twice is an error"""
    bench = _ledger(lab)
    bench.fail(Trouble.REPEATED, "receivables", page=2)
    _ends_with(TransientError, bench)


def titles_that_change_meanwhile_are_not_lost(lab: Lab) -> None:
    """Nothing is lost of the titles that change while they are listed"""
    changes: list[Callable[[ErpCompany], object]] = [
        lambda one: one.alter_title(9001, state="cancelled"),
        lambda one: one.add_title(title(8999)),
    ]
    for change in changes:
        bench = _ledger(lab)
        before = wanted(bench)
        bench.before("receivables", 2, partial(change, bench.company))
        with bench.open() as vendor:
            assert set(before) <= set(keys(bench.titles(vendor)))


def what_throttles_a_list_of_titles_is_waited_for(lab: Lab) -> None:
    """A list of titles that fails once or is throttled goes on; a block or refused credentials end it at once"""
    bench = _ledger(lab)
    bench.fail(Trouble.CUT, "payables", 1)
    bench.fail(Trouble.THROTTLED, "receivables", 1, page=2)
    with bench.open() as vendor:
        assert keys(bench.titles(vendor)) == wanted(bench)
        assert vendor.waited > 0
    lasts = "a_block_ends_all_calls" in lab.arrangement.without  # until a person acts
    ends: list[tuple[Trouble, type[SyncError]]] = [
        (Trouble.REFUSED, RefusedError),
        (Trouble.BLOCKED, RefusedError if lasts else ThrottledError),
    ]
    for trouble, error in ends:
        bench = _ledger(lab)
        bench.fail(trouble, "receivables")
        _ends_with(error, bench)
        assert bench.calls("receivables") <= 2  # a refused token is renewed once
        assert bench.calls("payables") == 0


def what_is_no_amount_or_date_loses_no_title(lab: Lab) -> None:
    """What is no amount or date is None in its title, and every title comes all the same"""
    bench = _ledger(lab)
    bench.fail(Trouble.NO_AMOUNT, "receivables", page=2)
    bench.fail(Trouble.NO_DATE, "payables")
    with bench.open() as vendor:
        found = bench.titles(vendor)
    assert keys(found) == wanted(bench)
    assert [one.side.value for one in found if one.amount is None] == ["receber"]
    assert [one.side.value for one in found if one.listed_on is None] == ["pagar"]
    assert all(one.splits == () for one in found if one.amount is None)


def a_list_of_titles_calls_as_little_as_it_can(lab: Lab) -> None:
    """A list of 250 receivables and 100 payables of a month, and of the categories, makes so many calls"""
    bench = _ledger(lab)
    with bench.open() as vendor:
        bench.titles(vendor)
        assert len([one for page in vendor.categories() for one in page.items]) in {0, 4}
        calls = {
            subject: bench.calls(subject) for subject in PASS if subject in bench.arrangement.second_pass
        }
        assert calls == {subject: bench.arrangement.second_pass[subject] for subject in calls}
        assert vendor.calls == sum(calls.values())


CHECKS = (
    a_page_of_titles_that_fails_fails_the_list,
    a_failed_list_of_categories_is_an_error,
    a_page_of_titles_that_lacks_rows_is_an_error,
    a_page_of_titles_that_comes_twice_is_an_error,
    titles_that_change_meanwhile_are_not_lost,
    what_throttles_a_list_of_titles_is_waited_for,
    what_is_no_amount_or_date_loses_no_title,
    a_list_of_titles_calls_as_little_as_it_can,
)
#: The names of all properties of titles, for a vendor whose titles are not served.
OF_TITLES = tuple(check.__name__ for check in (*titles.CHECKS, *CHECKS))
