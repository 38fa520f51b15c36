"""What the application's database does to a month while it is stored: nothing wrong is committed or called proved."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import psycopg
import pytest

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError, TransientError
from sync_pipelines_tests.erp.invoices.account import OCTOBER, Account
from sync_pipelines_tests.erp.invoices.book import Book
from sync_pipelines_tests.erp.invoices.test_extract import fill

DAY = date(2026, 11, 3)
#: A trigger of the application on a table; `body` is what it does before its `return`.
TRIGGER = """
create function public.meddle() returns trigger language plpgsql as $$ begin {body} return {returned}; end $$;
create {kind} trigger meddle {moment} on {table} {deferred} for each row execute function public.meddle();
"""


def add_trigger(
    account: Account,
    table: str,
    body: str,
    *,
    moment: str = "before insert or update",
    deferred: bool = False,
) -> None:
    statement = TRIGGER.format(
        body=body,
        table=table,
        moment=moment,
        returned="new",
        kind="constraint" if deferred else "",
        deferred="deferrable initially deferred" if deferred else "",
    )
    account.erp.execute(statement.encode())


def proofs(account: Account) -> list[bool]:
    return [holds for (holds,) in account.ops.execute("select holds from ops.proofs order by id").fetchall()]


@pytest.mark.parametrize(
    ("table", "body"),
    [
        ("public.xml_analysis", "new.document_total = round(new.document_total);"),
        ("public.xml_analysis", "new.raw_data = new.raw_data - 'produtos';"),
        ("public.xml_imports", "new.file_path = 'x/' || new.file_path;"),
        ("public.xml_imports", "new.nfe_status = 'denegada';"),
    ],
)
def test_a_trigger_that_alters_what_is_written_fails_the_month(
    account: Account, book: Book, table: str, body: str
) -> None:
    fill(book, 5)
    add_trigger(account, table, body)
    outcome = account.sync()
    assert isinstance(outcome.error, PermanentError)
    assert "trigger" in str(outcome.error)
    assert account.everything() == []


def test_a_deferred_trigger_that_alters_rows_fails_the_month(account: Account, book: Book) -> None:
    fill(book, 5)
    body = "update public.xml_analysis set document_total = 1 where id = new.id and document_total <> 1;"
    add_trigger(account, "public.xml_analysis", body, moment="after insert", deferred=True)
    assert isinstance(account.sync().error, PermanentError)
    assert account.everything() == []


def test_a_deferred_trigger_that_waits_for_the_commit_fails_the_month(account: Account, book: Book) -> None:
    """It defers itself again, so that it would run after the proof: then the transaction is read-only."""
    fill(book, 5)
    body = (
        "if new.issuer_name <> 'x' then set constraints all deferred; update public.xml_analysis"
        " set issuer_name = issuer_name || '' where id = new.id and pg_trigger_depth() < 2; end if;"
    )
    add_trigger(account, "public.xml_analysis", body, moment="after insert or update", deferred=True)
    outcome = account.sync()
    stored = account.value("select count(*) from public.xml_analysis")
    # Either it changed nothing in the end and the month is proved, or nothing of the month is there.
    assert (outcome.status, stored) in (("success", 5), ("error", 0))


@pytest.mark.parametrize(
    "refusal",
    [
        "alter table public.xml_analysis add check (document_total < 1000)",
        "alter table public.xml_imports add check (file_name not like '%000000003%')",
        "raise",
        "raise deferred",
    ],
)
def test_an_invoice_that_the_database_refuses_is_that_invoices_reject(
    account: Account, book: Book, refusal: str
) -> None:
    keys = fill(book, 20)
    book.add(3, DAY, totals={"vNF": "5000.00"})
    if refusal.startswith("raise"):
        body = "if new.document_total > 1000 then raise exception 'no such amount'; end if;"
        is_deferred = refusal == "raise deferred"
        moment = "after insert or update" if is_deferred else "before insert or update"
        add_trigger(account, "public.xml_analysis", body, moment=moment, deferred=is_deferred)
    else:
        account.erp.execute(refusal.encode())
    counts = account.synced()
    assert (counts.inserted, counts.rejected) == (19, 1)
    (reject,) = account.rejects()
    assert (reject[0][25:34], reject[1]) == (keys[2][25:34], "row_is_taken")
    assert account.value("select count(*) from public.xml_analysis") == 19
    assert account.value("select count(*) from sync_private.invoices where decision = 'rejected'") == 1


def test_an_import_without_its_analysis_at_commit_is_what_a_constraint_may_forbid(
    account: Account, book: Book
) -> None:
    fill(book, 5)
    body = (
        "if not exists (select from public.xml_analysis where import_id = new.id) then"
        " raise exception 'an import without analysis'; end if;"
    )
    add_trigger(account, "public.xml_imports", body, moment="after insert", deferred=True)
    assert account.synced().inserted == 5


def test_a_trigger_that_swallows_rows_fails_the_month(account: Account, book: Book) -> None:
    fill(book, 5)
    account.erp.execute(
        "create function public.swallow() returns trigger language plpgsql as $$ begin return null; end $$;"
        "create trigger swallow before insert on public.xml_analysis for each row execute function public.swallow()"
    )
    assert isinstance(account.sync().error, PermanentError)
    assert account.everything() == []


def beside(account: Account, statement: str, *values: object) -> Callable[[postgres.Connection], None]:
    """A fence that lets somebody write beside the sync, after it has read what is stored."""

    def write(_connection: postgres.Connection) -> None:
        account.erp.execute(statement.encode(), values or None)

    return write


@pytest.mark.parametrize(
    "statement",
    [
        "update public.xml_analysis set document_total = 1",
        "delete from public.xml_analysis where document_number = '1'",
        "delete from public.xml_imports where nfe_key like '%%000000001%%'",
        "update public.xml_imports set content_sha256 = 'x'",
        "update public.xml_imports set nfe_status = 'cancelada'",
    ],
)
def test_a_writer_beside_the_sync_is_not_called_proved(account: Account, book: Book, statement: str) -> None:
    fill(book, 5)
    account.synced()
    account.fence = beside(account, statement)
    outcome = account.sync()
    assert isinstance(outcome.error, TransientError)
    assert proofs(account) == [True, False]
    account.fence = lambda _connection: None
    counts = account.synced()
    assert counts.changed + counts.inserted > 0
    assert account.synced().unchanged == 5


@pytest.mark.parametrize(
    "table",
    ["public.xml_imports", "public.xml_analysis", "sync_private.invoices", "sync_private.credit_analyses"],
)
def test_a_sync_that_dies_between_two_statements_leaves_nothing(
    account: Account, book: Book, table: str
) -> None:
    fill(book, 5)
    account.synced()
    add_trigger(account, table, "perform pg_terminate_backend(pg_backend_pid());")
    book.add(9, DAY)
    before = account.everything()
    outcome = account.sync()
    assert isinstance(outcome.error, TransientError)
    assert account.everything() == before
    account.erp.execute(f"drop trigger meddle on {table}".encode())
    book.asked.clear()
    assert (account.synced().inserted, book.asked) == (1, [])


def test_a_proof_that_cannot_be_recorded_is_no_success_and_made_by_the_next_sync(
    account: Account, book: Book
) -> None:
    fill(book, 5)
    account.ops.execute("alter table ops.proofs rename to elsewhere")
    assert account.sync().status == "error"
    account.ops.execute("alter table ops.elsewhere rename to proofs")
    book.asked.clear()
    assert (account.synced().unchanged, book.asked, proofs(account)) == (5, [], [True])


def test_rejects_that_cannot_be_kept_fail_the_month(account: Account, book: Book) -> None:
    fill(book, 3)
    book.add(9, DAY, protocol="")
    account.ops.execute("alter table ops.rejects rename to elsewhere")
    assert account.sync().status == "error"
    assert account.everything() == []
    account.ops.execute("alter table ops.elsewhere rename to rejects")
    assert account.synced().rejected == 1


def test_a_month_that_fails_does_not_stop_the_others(account: Account, book: Book) -> None:
    fill(book, 5)
    fill(book, 5, OCTOBER, first=40)
    add_trigger(
        account,
        "public.xml_analysis",
        "if new.issue_date > '2026-11-01' then new.document_total = 0; end if;",
    )
    outcomes = account.sync_months(OCTOBER, date(2026, 11, 1))
    assert [one.status for one in outcomes.values()] == ["error", "success"]
    assert account.value("select count(*) from public.xml_imports") == 5


def test_a_row_that_somebody_keeps_locked_fails_the_month_alone(account: Account, book: Book) -> None:
    fill(book, 5)
    account.synced()
    account.erp.execute("update public.xml_imports set status = 'ERROR'")
    account.session = {"lock_timeout": "50ms"}
    with psycopg.connect(account.erp_url) as other:
        other.execute("select from public.xml_imports for update")
        outcome = account.sync()
    assert isinstance(outcome.error, TransientError)
    assert account.synced().changed == 5
