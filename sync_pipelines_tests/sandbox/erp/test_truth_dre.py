"""The truth of titles and income statements: sums that a person can follow, and every change that is made to them.

| title | amount | category | competence | issue | due | |
|---|---|---|---|---|---|---|
| 1 | 100.01 in | Vendas de Mercadorias | Oct 30 | Nov 2 | Dec 2 | |
| 2 | 50.00 in | – | – | Nov 3 | Nov 10 | of a note |
| 3 | 90.00 out | Aluguel 60.00, Regional Sul 30.00 | Nov 5 | Nov 5 | Jan 5, 2027 | |
| 4 | 7.00 out | Linha Azul | – | Nov 6 | Dec 6 | |
| 5 | 1,000.00 out | Transferência entre Contas | Nov 7 | Nov 7 | Nov 7 | |
| 6 | 500.00 out | Aluguel | Nov 8 | Nov 8 | Nov 8 | cancelled |
| 7 | 3.00 out | Aluguel | Sep 1 | Sep 1 | Sep 1 | before the time |
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from sync_pipelines.sandbox.erp.company import ErpCompany
from sync_pipelines.sandbox.erp.database import add_company
from sync_pipelines.sandbox.erp.ledger_categories import TRANSFER_NAMES, made_up_categories, number_of
from sync_pipelines.sandbox.erp.title_manners import MANNERS
from sync_pipelines.sandbox.erp.titles import SandboxTitle, TitleSide, TitleState
from sync_pipelines.sandbox.erp.truth import Account, differences
from sync_pipelines.sandbox.erp.truth_dre import statements_of
from sync_pipelines.sandbox.erp.truth_titles import SIDES, STATES, titles_of
from sync_pipelines.sandbox.erp.year import made_up_company

#: The product's table, as far as the truth looks at it.
_ADDED = """
create schema sync_private;
create table sync_private.titles (connection_id uuid, side text, vendor_id text, month date, competence_month date,
    listed_on date, issued_on date, due_on date, competence date, amount numeric, state text, nfe_key text,
    vanished_at timestamptz);
"""
_OCT, _NOV, _JAN = date(2026, 10, 1), date(2026, 11, 1), date(2027, 1, 1)


@dataclass
class _Given:
    """A row of the table above."""

    number: int
    side: TitleSide
    amount: str
    issue: date
    due: date
    competence: date | None = None
    categories: dict[str, str] = field(default_factory=dict)
    state: TitleState = "open"
    note_key: str | None = None

    def title(self) -> SandboxTitle:
        return SandboxTitle(
            vendor_id=self.number,
            side=self.side,
            amount=Decimal(self.amount),
            issued_on=self.issue,
            due_on=self.due,
            competence=self.competence,
            state=self.state,
            splits=[(number_of(name, self.side), Decimal(part)) for name, part in self.categories.items()],
            note_key=self.note_key,
        )


def _nov(day: int) -> date:
    return date(2026, 11, day)


def _ledger() -> list[SandboxTitle]:
    sales, rent = {"Vendas de Mercadorias": "100.01"}, {"Aluguel": "60.00", "Regional Sul": "30.00"}
    own, cancelled = {"Transferência entre Contas": "1000.00"}, {"Aluguel": "500.00"}
    given = (
        _Given(1, "receivable", "100.01", issue=_nov(2), due=date(2026, 12, 2), categories=sales),
        _Given(2, "receivable", "50.00", issue=_nov(3), due=_nov(10), note_key="3526"),
        _Given(3, "payable", "90.00", issue=_nov(5), due=date(2027, 1, 5), categories=rent),
        _Given(4, "payable", "7.00", issue=_nov(6), due=date(2026, 12, 6), categories={"Linha Azul": "7.00"}),
        _Given(5, "payable", "1000.00", issue=_nov(7), due=_nov(7), categories=own),
        _Given(6, "payable", "500.00", issue=_nov(8), due=_nov(8), categories=cancelled, state="cancelled"),
        _Given(
            7, "payable", "3.00", issue=date(2026, 9, 1), due=date(2026, 9, 1), categories={"Aluguel": "3"}
        ),
    )
    given[0].competence, given[2].competence = date(2026, 10, 30), _nov(5)
    given[4].competence, given[5].competence = _nov(7), _nov(8)
    return [one.title() for one in given]


def _company(erp_type: str) -> ErpCompany:
    company = made_up_company(1, months=1, a_month=8, products=8, lines=1)
    company.categories = made_up_categories(MANNERS[erp_type].chart)
    company.titles = _ledger()
    return company


def _account(erp_type: str, **fields: Any) -> Account:
    return Account(
        _company(erp_type),
        erp_type,
        user_id=uuid4(),
        connection_id=uuid4(),
        first=_OCT,
        last=date(2026, 11, 22),
        **fields,
    )


def _statements(account: Account) -> dict[str, dict[str, str]]:
    return {
        f"{month:%Y-%m}": {line: str(amount) for line, amount in lines.items()}
        for month, lines in statements_of([account]).items()
    }


@pytest.mark.parametrize(
    ("erp_type", "expected"),
    [
        # No competence: the month of the issue. Its lines tell Linha Azul and Regional Sul; transfers are marked.
        (
            "omie",
            {
                "2026-11": {
                    "vendas_produtos": "150.01",
                    "aluguel": "60.00",
                    "impostos_sobre_vendas": "30.00",
                    "devolucoes": "7.00",
                }
            },
        ),
        # One category, no lines, and transfers only by name: here none is named.
        (
            "bling",
            {
                "2026-10": {"vendas_produtos": "100.01"},
                "2026-11": {"outras_receitas": "50.00", "aluguel": "90.00", "outras_despesas": "1007.00"},
            },
        ),
        # No date of issue, and always a competence.
        (
            "contaazul",
            {
                "2026-10": {"vendas_produtos": "100.01"},
                "2026-11": {
                    "outras_receitas": "50.00",
                    "aluguel": "60.00",
                    "impostos_sobre_vendas": "30.00",
                    "devolucoes": "7.00",
                    "outras_despesas": "1000.00",
                },
            },
        ),
    ],
)
def test_the_lines_of_a_month_are_the_sums_of_its_titles(
    erp_type: str, expected: dict[str, dict[str, str]]
) -> None:
    assert _statements(_account(erp_type)) == expected


def test_a_transfer_that_is_named_is_out() -> None:
    named = _statements(_account("tiny", transfer_names=TRANSFER_NAMES))
    assert named["2026-11"]["outras_despesas"] == "7.00"


@pytest.fixture
def database(new_erp: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(new_erp, autocommit=True) as connection:
        connection.execute(_ADDED.encode())
        yield connection


@pytest.fixture
def account(database: psycopg.Connection[Any]) -> Account:
    """The account of an ERP whose titles and statements a plain writer stored; October was a person's before."""
    account = _account("bling", dre_before={_OCT: {"prolabore": Decimal("9.00")}})
    company_id = add_company(database, account.user_id, account.company.profile.cnpj)
    for title in titles_of(account):
        _store(database, account, title)
    for month, lines in statements_of([account]).items():
        given = {**lines, **account.dre_before.get(month, {})}
        columns = ", ".join(f"input_{line}" for line in given)
        values = [account.user_id, company_id, month.year, month.month, *given.values()]
        database.execute(
            f"insert into company_dre (user_id, company_id, period_year, period_month, {columns})"
            f" values ({', '.join(['%s'] * len(values))})".encode(),
            values,
        )
    return account


def _store(database: psycopg.Connection[Any], account: Account, title: SandboxTitle) -> None:
    database.execute(
        "insert into sync_private.titles values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            account.connection_id,
            SIDES[title.side],
            str(title.vendor_id),
            min(title.due_on, _NOV).replace(day=1),
            (title.competence or title.issued_on).replace(day=1),
            title.due_on,
            title.issued_on,
            title.due_on,
            title.competence,
            title.amount,
            STATES[title.state],
        ],
    )


def test_what_a_plain_writer_stored_is_the_truth_and_a_change_is_found(
    database: psycopg.Connection[Any], account: Account
) -> None:
    def found() -> list[str]:
        return differences(database, account, modules=["financeiro"])

    assert found() == []
    for statement, sentence in (
        ("delete from sync_private.titles where vendor_id = '1'", "title receber 1 is not stored"),
        ("update sync_private.titles set vanished_at = now() where vendor_id = '1'", "is not stored"),
        (
            "update sync_private.titles set vendor_id = '8' where vendor_id = '1'",
            "8 is stored, and the ERP has",
        ),
        ("update sync_private.titles set amount = 100 where vendor_id = '1'", "amount is Decimal('100')"),
        ("update sync_private.titles set month = due_on where vendor_id = '3'", "month is"),
        (
            "update sync_private.titles set competence_month = due_on where vendor_id = '4'",
            "competence_month",
        ),
        ("update sync_private.titles set state = 'aberto' where vendor_id = '6'", "state is 'aberto'"),
        ("delete from company_dre where period_month = 11", "2026-11 of Aurora 1 has 0 rows"),
        ("update company_dre set input_aluguel = 60 where period_month = 11", "input_aluguel is"),
        # What no title feeds is as it was, nothing where nothing was.
        ("update company_dre set input_prolabore = 0", "input_prolabore is Decimal('0')"),
        ("update company_dre set input_viagens_refeicoes = 1 where period_month = 11", "input_viagens"),
        ("update company_dre set company_id = null", "has 0 rows"),
        ("delete from company_profile", "has no profile"),
    ):
        with database.transaction(force_rollback=True):
            database.execute(statement.encode())
            assert any(sentence in one for one in found()), (statement, found())


def test_a_change_in_the_erp_is_a_difference_of_the_title_and_its_months(
    database: psycopg.Connection[Any], account: Account
) -> None:
    account.company.alter_title(1, competence=date(2027, 1, 3))
    assert [one.partition(" is ")[0] for one in differences(database, account, modules=["financeiro"])] == [
        "title receber 1: competence_month",
        "title receber 1: competence",
        "company_dre of 2026-10 of Aurora 1: input_vendas_produtos",
        "company_dre of 2027-01 of Aurora 1 has 0 rows",
    ]
    assert _JAN in statements_of([account])
