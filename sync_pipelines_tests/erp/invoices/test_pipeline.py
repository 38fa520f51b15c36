"""Months of invoices from the list to proved rows."""

from __future__ import annotations

from datetime import date

from sync_pipelines_tests.erp.invoices.account import NOVEMBER, OCTOBER, Account
from sync_pipelines_tests.erp.invoices.book import Book


def test_invoices_are_stored_analysed_proved_and_wanted_for_credits(account: Account, book: Book) -> None:
    keys = [book.add(number, date(2026, 11, number)) for number in range(1, 21)]
    counts = account.synced()
    assert (counts.read, counts.inserted) == (20, 20)
    imports = account.rows(
        "select nfe_key, file_name, file_path, status, nfe_status, connection_id, company_id, issue_date,"
        " processed_at is not null from public.xml_imports order by nfe_key"
    )
    one = account.connection
    assert imports == [
        (
            *(
                key,
                f"{key}.xml",
                f"{account.user}/{key}.xml",
                "COMPLETED",
                "autorizada",
                one.id,
                one.company_id,
            ),
            *(date(2026, 11, number), True),
        )
        for number, key in enumerate(keys, start=1)
    ]
    assert (
        account.value(
            "select count(*) from public.xml_analysis as a join public.xml_imports as i"
            " on i.id = a.import_id where a.raw_data ->> 'chaveNfe' = i.nfe_key"
        )
        == 20
    )
    assert account.value("select count(*) from sync_private.credit_analyses where analysed is null") == 20
    assert {file.name for file in account.xml_store.names("")} == {
        f"{account.user}/{key}.xml" for key in keys
    }
    proof = account.ops.execute("select partition_key, holds from ops.proofs").fetchall()
    assert proof == [(f"{one.key}|2026-11-01", True)]


def test_a_second_sync_asks_for_the_list_alone_and_writes_nothing(account: Account, book: Book) -> None:
    for number in range(1, 21):
        book.add(number, date(2026, 11, number))
    account.synced()
    before = account.everything()
    book.asked.clear()
    counts = account.synced()
    assert (counts.unchanged, book.asked) == (20, [])
    assert account.everything() == before


def test_one_list_over_contiguous_months_is_cut_by_the_issue_date(account: Account, book: Book) -> None:
    book.add(1, date(2026, 10, 31))
    book.add(2, date(2026, 11, 1))
    outcomes = account.sync_months(OCTOBER, NOVEMBER)
    assert book.lists == [(date(2026, 10, 1), date(2026, 11, 30))]
    assert {month: one.counts.inserted for month, one in outcomes.items()} == {OCTOBER: 1, NOVEMBER: 1}
    assert list(outcomes) == [NOVEMBER, OCTOBER]
