"""The month in the tables: what others did to them is found and repaired, what others own is left alone."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from sync_pipelines.erp.vendors.vendor import InvoiceState
from sync_pipelines_tests.erp.invoices.account import OCTOBER, Account
from sync_pipelines_tests.erp.invoices.book import Book
from sync_pipelines_tests.erp.invoices.test_extract import fill

DAY = date(2026, 11, 3)
#: What somebody may do to a stored invoice, `%s` being its key.
_IMPORT = "select id from public.xml_imports where nfe_key = %s"
HARM = {
    "status": "update public.xml_imports set status = 'ERROR', error_message = 'x' where nfe_key = %s",
    "path": "update public.xml_imports set file_path = 'elsewhere' where nfe_key = %s",
    "size": "update public.xml_imports set file_size = 1 where nfe_key = %s",
    "state": "update public.xml_imports set nfe_status = 'denegada' where nfe_key = %s",
    "date": "update public.xml_imports set issue_date = null where nfe_key = %s",
    "endless": "update public.xml_imports set issue_date = 'infinity' where nfe_key = %s",
    "early": "update public.xml_imports set issue_date = '0044-03-15 BC' where nfe_key = %s",
    "key": "update public.xml_imports set nfe_key = lower(nfe_key) || 'x' where nfe_key = %s",
    "no key": "update public.xml_imports set nfe_key = null where nfe_key = %s",
    "its user": "update public.xml_imports set user_id = gen_random_uuid() where nfe_key = %s",
    "our state": "update sync_private.invoices set state = 'x', import_id = null where nfe_key = %s",
    "our moments": "update sync_private.invoices set read_at = 'infinity', issue_date = '-infinity' where nfe_key = %s",
    "our row": "delete from sync_private.invoices where nfe_key = %s",
    "digest": "update public.xml_imports set content_sha256 = 'x' where nfe_key = %s",
    "company": "update public.xml_imports set company_id = null where nfe_key = %s",
    "owner": "update public.xml_imports set connection_id = null where nfe_key = %s",
    "import": "delete from public.xml_imports where nfe_key = %s",
    "analysis": f"delete from public.xml_analysis where import_id in ({_IMPORT})",
    "total": f"update public.xml_analysis set document_total = 1 where import_id in ({_IMPORT})",
    "null": f"update public.xml_analysis set issuer_name = null where import_id in ({_IMPORT})",
    "raw": f"update public.xml_analysis set raw_data = raw_data - 'produtos' where import_id in ({_IMPORT})",
    "nan": f"update public.xml_analysis set document_total = 'NaN' where import_id in ({_IMPORT})",
    "infinity": f"update public.xml_analysis set issue_date = 'infinity' where import_id in ({_IMPORT})",
    "bc": f"update public.xml_analysis set issue_date = '0044-03-15 BC' where import_id in ({_IMPORT})",
    "user": f"update public.xml_analysis set user_id = gen_random_uuid() where import_id in ({_IMPORT})",
    "twice": "insert into public.xml_analysis (user_id, import_id, xml_type, document_total)"
    f" select user_id, import_id, xml_type, 5 from public.xml_analysis where import_id in ({_IMPORT})",
}
TRUTH = (
    "select i.*, a.* from public.xml_imports as i join public.xml_analysis as a on a.import_id = i.id"
    " order by i.nfe_key"
)


def content(account: Account) -> list[dict[str, Any]]:
    """Every invoice of the application, without the ids and moments that a repair may renew."""
    with account.erp.cursor() as cursor:
        cursor.execute(TRUTH.encode())
        assert cursor.description is not None
        names = [column.name for column in cursor.description]
        left_out = {"id", "import_id", "created_at", "processed_at"}
        return [
            {
                f"{place} {name}": value
                for place, (name, value) in enumerate(zip(names, row, strict=True))
                if name not in left_out
            }
            for row in cursor.fetchall()
        ]


@pytest.mark.parametrize("harm", HARM)
def test_what_was_changed_by_hand_is_found_repaired_and_counted(
    account: Account, book: Book, harm: str
) -> None:
    keys = fill(book, 10)
    account.synced()
    before = content(account)
    assert account.erp.execute(HARM[harm].encode(), [keys[3]]).rowcount == 1
    book.asked.clear()
    counts = account.synced()
    assert content(account) == before
    # What was changed is a row of ours alone, or one of the application.
    repaired = 0 if harm.startswith("our") else 1
    assert (counts.inserted + counts.changed, counts.unchanged) == (repaired, 10 - repaired)
    # Without its digest nobody can say that the stored document is the one that was judged.
    assert book.asked == (["7004"] if harm == "digest" else [])
    assert account.synced().unchanged == 10


@pytest.mark.parametrize(
    "table",
    ["sync_private.invoices", "sync_private.credit_analyses", "public.xml_analysis", "public.xml_imports"],
)
def test_a_table_that_lost_its_rows_is_built_anew_without_a_call(
    account: Account, book: Book, table: str
) -> None:
    fill(book, 10)
    account.synced()
    before = content(account)
    account.erp.execute(f"truncate {table} cascade".encode())
    book.asked.clear()
    account.synced()
    assert content(account) == before
    assert account.value("select count(*) from sync_private.credit_analyses") == 10
    assert account.synced().unchanged == 10
    assert book.asked == []


@pytest.mark.parametrize("state", [InvoiceState.CANCELLED, InvoiceState.DENIED])
def test_a_cancellation_after_the_first_sync_flips_the_state_without_a_call(
    account: Account, book: Book, state: InvoiceState
) -> None:
    fill(book, 5)
    account.synced()
    wanted = dict(account.rows("select import_id, wanted from sync_private.credit_analyses"))
    account.erp.execute("update sync_private.credit_analyses set analysed = wanted")
    book.change(2, state=state)
    book.asked.clear()
    counts = account.synced()
    assert (counts.changed, counts.unchanged, book.asked) == (1, 4, [])
    due = account.rows("select import_id, wanted from sync_private.credit_analyses where analysed <> wanted")
    flipped = account.rows("select id from public.xml_imports where nfe_status = %s", state.value)
    assert [one for one, _ in due] == [one for (one,) in flipped]
    assert due[0][1] != wanted[due[0][0]]


def test_a_repair_of_what_credits_do_not_see_wants_no_new_analysis(account: Account, book: Book) -> None:
    keys = fill(book, 5)
    account.synced()
    account.erp.execute("update sync_private.credit_analyses set analysed = wanted")
    account.erp.execute(HARM["total"].encode(), [keys[0]])
    account.synced()
    assert account.value("select count(*) from sync_private.credit_analyses where analysed <> wanted") == 0


def test_the_same_key_from_two_erps_of_a_user_lands_once(account: Account, book: Book) -> None:
    fill(book, 5)
    other_book = Book()
    fill(other_book, 5)
    other = account.another(other_book)
    assert account.synced().inserted == 5
    before = account.rows(TRUTH)
    counts = other.synced()
    assert (counts.inserted, counts.changed, counts.unchanged, other_book.asked) == (0, 0, 5, [])
    assert account.rows(TRUTH) == before
    assert account.value("select count(distinct import_id) from sync_private.invoices") == 5
    assert account.value("select count(*) from sync_private.invoices") == 10
    assert (account.synced().unchanged, other.synced().unchanged) == (5, 5)


def test_a_cancellation_that_one_of_two_erps_knows_of_stays(account: Account, book: Book) -> None:
    fill(book, 5)
    other_book = Book()
    fill(other_book, 5)
    other = account.another(other_book)
    account.synced()
    other.synced()
    other_book.change(2, state=InvoiceState.CANCELLED)
    assert other.synced().changed == 1
    for one in (account, other, account):
        assert one.synced().unchanged == 5
    assert account.value("select count(*) from public.xml_imports where nfe_status = 'cancelada'") == 1


def test_an_import_whose_connection_is_gone_belongs_to_the_next(account: Account, book: Book) -> None:
    fill(book, 3)
    other = account.another(book)
    account.synced()
    other.synced()
    account.erp.execute("delete from public.erp_connections where id = %s", [account.connection.id])
    assert other.synced().changed == 3
    owners = account.rows("select distinct connection_id, company_id from public.xml_imports")
    assert owners == [(other.connection.id, other.connection.company_id)]


def test_two_companies_of_a_user_never_mix(account: Account, book: Book) -> None:
    fill(book, 5)
    other_book = Book()
    for number in range(1, 6):
        other_book.add(number, DAY, issuer="12ABC34501DE35")
    other = account.another(other_book)
    account.synced()
    assert other.synced().inserted == 5
    companies = account.rows(
        "select i.company_id, a.issuer_cnpj, count(*) from public.xml_imports as i join public.xml_analysis as a"
        " on a.import_id = i.id group by 1, 2 order by 2"
    )
    assert companies == [
        (account.connection.company_id, "11222333000181", 5),
        (other.connection.company_id, "12ABC34501DE35", 5),
    ]
    assert (account.synced().unchanged, other.synced().unchanged) == (5, 5)


def test_two_users_with_the_same_invoice_have_one_each(account: Account, book: Book) -> None:
    fill(book, 3)
    other = account.another(book, "omie", user=account.another_user())
    assert (account.synced().inserted, other.synced().inserted) == (3, 3)
    assert account.value("select count(distinct user_id) from public.xml_imports") == 2


def uploaded(account: Account, *keys: str) -> Any:
    """An upload by hand of these invoices, as the application's screen stores it; returns its id."""
    number = account.value(
        "insert into public.xml_imports (user_id, file_name, file_size, file_path, status, batch_id)"
        " values (%s, 'nota.xml', 10, %s, 'COMPLETED', 'b') returning id",
        account.user,
        f"{account.user}/nota.xml",
    )
    for key in keys:
        account.erp.execute(
            "insert into public.xml_analysis (user_id, import_id, xml_type, raw_data) values (%s, %s, 'NFe', %s)",
            [account.user, number, Jsonb({"chaveNfe": key})],
        )
    return number


def test_an_upload_by_hand_is_adopted_and_not_doubled(account: Account, book: Book) -> None:
    keys = fill(book, 3)
    number = uploaded(account, f"NFe{keys[0].lower()}")
    counts = account.synced()
    assert (counts.inserted, counts.changed) == (2, 1)
    assert account.rows("select nfe_key, connection_id from public.xml_imports where id = %s", number) == [
        (keys[0], account.connection.id)
    ]
    assert account.value("select count(*) from public.xml_analysis") == 3
    assert account.synced().unchanged == 3


def test_an_upload_after_the_sync_is_named_and_left_to_the_user(account: Account, book: Book) -> None:
    keys = fill(book, 3)
    account.synced()
    number = uploaded(account, keys[0])
    outcome = account.sync()
    assert (outcome.status, outcome.counts.unchanged) == ("success", 3)
    assert outcome.warnings["no_upload_repeats_an_invoice"].startswith("1 nota(s)")
    assert account.rows("select nfe_key from public.xml_imports where id = %s", number) == [(None,)]


def test_an_upload_of_several_invoices_or_of_another_user_is_left_alone(account: Account, book: Book) -> None:
    keys = fill(book, 3)
    number = uploaded(account, keys[0], keys[1])
    other = uploaded(account.another(book, "omie", user=account.another_user()), keys[2])
    assert account.synced().inserted == 3
    rows = account.rows("select nfe_key from public.xml_imports where id = any(%s)", [number, other])
    assert rows == [(None,), (None,)]


def test_rows_of_the_application_are_left_alone(account: Account, book: Book) -> None:
    fill(book, 3)
    number = uploaded(account, "35" + "0" * 42)
    before = account.rows("select * from public.xml_imports where id = %s", number)
    account.synced()
    assert account.rows("select * from public.xml_imports where id = %s", number) == before


def test_an_invoice_that_moves_to_another_month_is_in_that_one(account: Account, book: Book) -> None:
    fill(book, 3)
    account.synced()
    book.change(1, issued_on=date(2026, 10, 31))
    outcomes = account.sync_months(OCTOBER, date(2026, 11, 1))
    assert [one.status for one in outcomes.values()] == ["success", "success"]
    assert account.rows("select vendor_id from sync_private.invoices where month = '2026-10-01'") == [
        ("7001",)
    ]
    assert [one.counts.vanished for one in outcomes.values()] == [0, 0]
    assert "xml_agrees_on_the_month" in outcomes[OCTOBER].warnings


def test_amounts_are_exact(account: Account, book: Book) -> None:
    book.add(1, DAY, totals={"vNF": "1234567890.10"})
    account.synced()
    assert account.rows(
        "select document_total, (raw_data -> 'totalNota')::text from public.xml_analysis"
    ) == [(Decimal("1234567890.10"), "1234567890.10")]
