"""A made-up ledger has every kind of title, the same for the same seed, as the vendor can have it."""

from __future__ import annotations

from collections import Counter
from datetime import date
from decimal import Decimal

import pytest

from sync_pipelines.sandbox.erp.company import ErpCompany
from sync_pipelines.sandbox.erp.ledger import add_ledger, parts
from sync_pipelines.sandbox.erp.ledger_categories import CATEGORIES, REST
from sync_pipelines.sandbox.erp.title_manners import MANNERS
from sync_pipelines.sandbox.erp.titles import SandboxTitle
from sync_pipelines.sandbox.erp.year import made_up_company

TODAY = date(2026, 11, 22)


def _company(erp_type: str = "omie", until: date = TODAY, months: int = 12) -> ErpCompany:
    company = made_up_company(5, until=until, months=months, a_month=12, products=8, lines=1)
    return add_ledger(company, 5, until=until, erp_type=erp_type, months=months)


def _lasting(title: SandboxTitle) -> tuple[object, ...]:
    """What does not depend on the day: what is paid or late does."""
    return title.amount, title.issued_on, title.due_on, title.competence, title.splits, title.note_key


def test_a_month_more_and_a_day_later_change_no_title_that_was_there() -> None:
    today = {one.vendor_id: _lasting(one) for one in _company().titles}
    longer = {one.vendor_id: _lasting(one) for one in _company(months=14).titles}
    later = {one.vendor_id: _lasting(one) for one in _company(until=date(2026, 11, 30)).titles}
    assert today.items() < longer.items()
    assert today.items() < later.items()
    assert {one[1] for number, one in later.items() if number not in today} <= {
        date(2026, 11, day) for day in range(23, 31)
    }


@pytest.mark.parametrize("erp_type", MANNERS)
def test_a_year_has_every_kind_of_title_that_its_vendor_can_have(erp_type: str) -> None:
    company, manner = _company(erp_type), MANNERS[erp_type]
    titles = company.titles
    assert len({one.vendor_id for one in titles}) == len(titles) > 250
    assert {one.state for one in titles} == manner.states
    assert {one.side for one in titles} == {"receivable", "payable"}
    assert {number for one in titles for number, _ in one.splits} == {
        one.number for one in company.categories
    }
    assert Counter(len(one.splits) for one in titles).keys() == {0, 1, 2, 3}
    assert all(sum(amount for _, amount in one.splits) == one.amount for one in titles if one.splits)
    assert all(company.category(number).side == one.side for one in titles for number, _ in one.splits)
    assert any(one.amount % 1 for one in titles)
    # A sale belongs to its note, and most of the notes have their whole amount in titles.
    of_notes = Counter[str]()
    for one in titles:
        if one.note_key:
            of_notes[one.note_key] += int(one.amount * 100)
    assert len(of_notes) > 20
    assert all(company.by_key(key).totals.total * 100 == cents for key, cents in of_notes.items())
    assert any(one.note_key and not one.splits for one in titles)
    assert any(not one.note_key and not one.splits for one in titles)
    # Dates: another competence, none, due next year, of one year and due in the next.
    months = [
        tuple(day.replace(day=1) if day else None for day in (one.competence, one.issued_on, one.due_on))
        for one in titles
    ]
    assert any(competence not in (None, issued, due) for competence, issued, due in months)
    assert any(competence is None for competence, _, _ in months)
    assert any(one.issued_on.year < one.due_on.year for one in titles)
    assert any(one.due_on.year > TODAY.year for one in titles)


def test_categories_tell_their_line_by_name_by_the_vendors_line_or_not_at_all() -> None:
    assert {one.line for one in CATEGORIES} >= {
        "vendas_produtos",
        "prolabore",
        "devolucoes",
        "outras_despesas",
    }
    assert {bool(one.dre_code) for one in _company("omie").categories} == {True, False}
    assert {one.dre_name for one in _company("contaazul").categories} == {None}
    assert {one.dre_code for one in _company("tiny").categories} == {None}
    assert [one.name for one in CATEGORIES if one.line_for("omie") != one.line_for(None)] == [
        "Linha Prata",
        "Linha Azul",
        "Projeto Ipê",
        "Regional Sul",
    ]
    unknown = [one for one in CATEGORIES if one.line_for(None) == REST[one.side] and not one.is_transfer]
    assert {one.side for one in unknown} == {"receivable", "payable"}


def test_an_erp_without_titles_gets_none() -> None:
    assert _company("sankhya").titles == []


def test_parts_add_up_to_the_cent() -> None:
    assert list(parts(Decimal("100.01"), [1, 1, 1])) == [Decimal("33.33"), Decimal("33.33"), Decimal("33.35")]
