"""What holds of titles: every receivable and payable once, of the days that were asked for, each exact to the cent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from sync_pipelines.erp.vendors.vendor import ListedBy, Side, Title, TitleState, Vendor
from sync_pipelines_tests.erp.vendors.conformance.bench import Bench, Lab
from sync_pipelines_tests.erp.vendors.conformance.companies import company, payables, receivables, title

OCTOBER, NOVEMBER = (date(2026, 10, 1), date(2026, 10, 31)), (date(2026, 11, 1), date(2026, 11, 30))
SIDES = {"receivable": Side.RECEIVABLE, "payable": Side.PAYABLE}
STATES = {
    "open": TitleState.OPEN,
    "overdue": TitleState.OPEN,
    "partial": TitleState.PARTIAL,
    "settled": TitleState.SETTLED,
    "returned": TitleState.RETURNED,
    "lost": TitleState.LOST,
    "cancelled": TitleState.CANCELLED,
    "renegotiated": TitleState.RENEGOTIATED,
}


def keys(found: list[Title]) -> list[tuple[Side, str]]:
    return sorted((one.side, one.vendor_id) for one in found)


def wanted(bench: Bench, *numbers: int) -> list[tuple[Side, str]]:
    """The company's titles, or those of these numbers."""
    write = bench.arrangement.title_id
    titles = [one for one in bench.company.titles if not numbers or one.vendor_id in numbers]
    return sorted((SIDES[one.side], write(one)) for one in titles)


def every_title_comes_once(lab: Lab) -> None:
    """Every receivable and payable comes once, from lists of several pages and one that fills its last page"""
    bench = lab(company(ledger=[*receivables(210), *payables(200)]))
    with bench.open() as vendor:
        listed = [one for page in vendor.titles(*NOVEMBER) for one in page.items]
    assert keys(listed) == wanted(bench)


def a_company_without_titles_has_none(lab: Lab) -> None:
    """A company without titles and categories has none, and that is no error"""
    bench = lab(company())
    with bench.open() as vendor:
        assert bench.titles(vendor) == []
        assert [one for page in vendor.categories() for one in page.items] == []


def a_title_has_the_state_that_the_vendor_says(lab: Lab) -> None:
    """A title has the state that the vendor says, and cancelled ones are listed"""
    said = lab.arrangement.states
    ledger = [title(9001 + number, state=state) for number, state in enumerate(said)]
    ledger += [title(9501 + number, state=state, side="payable") for number, state in enumerate(said)]
    bench = lab(company(ledger=ledger))
    with bench.open() as vendor:
        states = {(one.side, one.vendor_id): one.state for one in bench.titles(vendor)}
    write = bench.arrangement.title_id
    assert states == {(SIDES[one.side], write(one)): STATES[one.state] for one in bench.company.titles}


def only_the_titles_of_the_days_come(lab: Lab) -> None:
    """Only the titles of the days that were asked for come, also where the vendor ignores them"""
    days = [date(2026, 10, 1), date(2026, 10, 31), date(2026, 11, 1), date(2026, 11, 20)]
    ledger = [title(9001 + number, day) for number, day in enumerate(days)]
    ledger += [title(9501 + number, day, side="payable") for number, day in enumerate(days)]
    bench = lab(company(ledger=ledger))
    for is_undated in (False, True):
        with bench.open(is_undated=is_undated) as vendor:
            assert keys(bench.titles(vendor, *OCTOBER)) == wanted(bench, 9001, 9002, 9501, 9502)
            november = bench.titles(vendor, *NOVEMBER)
            assert keys(november) == wanted(bench, 9003, 9004, 9503, 9504)
            assert {one.listed_on for one in november} == set(days[2:])


def titles_of_years_ahead_come(lab: Lab) -> None:
    """Titles of years ahead come with one list, and do not keep others from it"""
    days = [date(2026, 11, 3), date(2027, 11, 30), date(2028, 2, 29), date(2036, 10, 31)]
    ledger = [title(9001 + number, day) for number, day in enumerate(days)]
    ledger += [title(9501 + number, day, side="payable") for number, day in enumerate(days)]
    bench = lab(company(ledger=ledger))
    with bench.open() as vendor:
        assert keys(bench.titles(vendor, NOVEMBER[0], date(2036, 10, 31))) == wanted(bench)


def amounts_and_dates_are_exact(lab: Lab) -> None:
    """Amounts and dates are exact; what the vendor does not say is None"""
    amounts = [Decimal("0.10"), Decimal("1234567.89"), Decimal("19.90"), Decimal("4.35")]
    due = [date(2026, 11, 30), date(2026, 11, 1), date(2026, 11, 12), date(2026, 11, 3)]
    ledger = [
        title(
            9001 + number,
            date(2026, 11, 4 + number),
            amount=amount,
            due_on=due[number],
            side="payable" if number % 2 else "receivable",
        )
        for number, amount in enumerate(amounts)
    ]
    bench = lab(company(ledger=ledger))
    with bench.open() as vendor:
        listed, whole = bench.titles(vendor), bench.whole_titles(vendor)
        by_due = vendor.titles_by is ListedBy.DUE
    assert len(listed) == len(ledger)
    for one in bench.company.titles:
        found = whole[bench.arrangement.title_id(one)]
        assert (found.amount, found.due_on) == (one.amount, one.due_on)
        assert found.issued_on in {None, one.issued_on}
        assert found.listed_on == (one.due_on if by_due else one.issued_on)
        assert "" not in found


def the_month_of_a_title_is_told(lab: Lab) -> None:
    """A title has the month that it is of, which may be another than that of its dates"""
    months = [date(2026, 10, 1), date(2026, 11, 1), date(2027, 1, 1)]
    bench = lab(company(ledger=[title(9001 + number, competence=one) for number, one in enumerate(months)]))
    with bench.open() as vendor:
        whole = bench.whole_titles(vendor)
    found = [whole[bench.arrangement.title_id(one)].competence for one in bench.company.titles]
    assert [one and one.replace(day=1) for one in found] == months


def parts_by_name(vendor: Vendor, whole: Mapping[str, Title]) -> dict[str, list[tuple[str, Decimal]]]:
    """The parts of titles by the names of their categories."""
    names = {one.vendor_id: one.name for page in vendor.categories() for one in page.items}
    return {
        number: [(names.get(part.category, part.category), part.amount) for part in one.splits]
        for number, one in whole.items()
    }


def wanted_parts(bench: Bench) -> dict[str, list[tuple[str, Decimal]]]:
    return {
        bench.arrangement.title_id(one): [
            (bench.company.category(number).name, amount) for number, amount in one.splits
        ]
        for one in bench.company.titles
    }


def a_title_is_of_its_category(lab: Lab) -> None:
    """A title is of its category with its whole amount, or of none"""
    bench = lab(company(ledger=[title(9001), title(9501, side="payable"), title(9002, splits=[])]))
    with bench.open() as vendor:
        assert parts_by_name(vendor, bench.whole_titles(vendor)) == wanted_parts(bench)


def the_parts_of_a_title_add_up(lab: Lab) -> None:
    """The parts of a title of several categories are exact, and add up to its amount"""
    parts = [(1, Decimal("33.33")), (2, Decimal("33.33")), (3, Decimal("33.34"))]
    bench = lab(company(ledger=[title(9001, amount=Decimal("100.00"), splits=parts)]))
    with bench.open() as vendor:
        whole = bench.whole_titles(vendor)
        assert parts_by_name(vendor, whole) == wanted_parts(bench)
    (found,) = whole.values()
    assert sum(part.amount for part in found.splits) == found.amount == Decimal("100.00")


def a_title_is_asked_for_by_its_number(lab: Lab) -> None:
    """A title is asked for by its number; one that is gone is None, and no error"""
    bench = lab(company(ledger=[title(9001), title(9501, side="payable")]))
    with bench.open() as vendor:
        listed = bench.titles(vendor)
        for one in listed:
            found = vendor.title(one.side, one.vendor_id)
            assert found is not None
            assert (found.side, found.vendor_id, found.amount) == (one.side, one.vendor_id, one.amount)
            assert found.has_detail
        bench.company.remove_title(9001)
        bench.company.remove_title(9501)
        assert [vendor.title(one.side, one.vendor_id) for one in listed] == [None, None]


def the_categories_are_whole(lab: Lab) -> None:
    """Every category comes once with its name and side, and a transfer is told where the vendor can tell"""
    bench = lab(company(ledger=[title(9001)]))
    known = bench.company.categories
    with bench.open() as vendor:
        found = [one for page in vendor.categories() for one in page.items]
    assert sorted(one.name for one in found) == sorted(one.name for one in known)
    assert len({one.vendor_id for one in found}) == len(known)
    sides = {one.name: SIDES[one.side] for one in known}
    assert all(one.side in {None, sides[one.name]} for one in found)
    assert {one.side for one in found} >= set(SIDES.values())
    assert [one.name for one in found if one.is_transfer] in ([], ["Transferência entre contas"])


CHECKS = (
    every_title_comes_once,
    a_company_without_titles_has_none,
    a_title_has_the_state_that_the_vendor_says,
    only_the_titles_of_the_days_come,
    titles_of_years_ahead_come,
    amounts_and_dates_are_exact,
    the_month_of_a_title_is_told,
    a_title_is_of_its_category,
    the_parts_of_a_title_add_up,
    a_title_is_asked_for_by_its_number,
    the_categories_are_whole,
)
