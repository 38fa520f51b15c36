"""Documents as ERPs give them, from the list to the tables (contract of the ERPs, section 13, traps 41 to 48)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from sync_pipelines.erp.invoices.nfe_reader import NfeReader
from sync_pipelines.lib.failures import SyncError, TransientError
from sync_pipelines_tests.erp.invoices.account import NOVEMBER, OCTOBER, Account
from sync_pipelines_tests.erp.invoices.book import Book, note
from sync_pipelines_tests.erp.invoices.nfe.notes import NAMESPACE, XmlItem

DAY = date(2026, 11, 3)
EVENT = (
    '<procEventoNFe xmlns="{space}" versao="1.00"><evento><infEvento><chNFe>{key}</chNFe><tpEvento>{type}</tpEvento>'
    "<nSeqEvento>1</nSeqEvento></infEvento></evento><retEvento><infEvento><cStat>135</cStat><chNFe>{key}</chNFe>"
    "<tpEvento>{type}</tpEvento></infEvento></retEvento></procEventoNFe>"
)


def test_an_alphanumeric_issuer_end_to_end(account: Account, book: Book) -> None:
    key = book.add(1, DAY, issuer="12ABC34501DE35")
    assert account.synced().inserted == 1
    assert account.rows(
        "select nfe_key, issuer_cnpj from public.xml_imports as i join public.xml_analysis as a"
        " on a.import_id = i.id"
    ) == [(key, "12ABC34501DE35")]


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"protocol": ""}, "no_protocol"),
        ({"protocol_key": "35" + "0" * 42}, "protocol_key"),
        ({"key_issuer": "99888777000191"}, "key_issuer"),
        ({"items": (XmlItem(value="1.234,56"),)}, "number"),
        ({"totals": {"vNF": None}}, "totals"),
    ],
)
def test_a_document_that_cannot_be_trusted_is_a_reject(
    account: Account, book: Book, change: dict[str, object], rule: str
) -> None:
    book.add(2, DAY)
    book.add(1, DAY, **change)
    counts = account.synced()
    assert (counts.inserted, counts.rejected) == (1, 1)
    assert [one for _, one in account.rejects()] == [rule]
    assert account.value("select reason from sync_private.invoices where decision = 'rejected'") == rule


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"environment": "2"}, "test_environment"), ({"model": "65"}, "nfc_e")],
)
def test_what_only_the_document_says_to_be_no_invoice_is_skipped_and_not_asked_for_again(
    account: Account, book: Book, change: dict[str, str], reason: str
) -> None:
    book.add(1, DAY, listed={"key": None, "model": None, "environment": None}, **change)
    assert account.synced().skipped_because == {reason: 1}
    book.asked.clear()
    assert (account.synced().skipped_because, book.asked) == ({reason: 1}, [])
    assert account.rejects() == []


@pytest.mark.parametrize(("kind", "decision"), [("110110", "skipped"), ("110111", "marked")])
def test_an_event_is_no_invoice(account: Account, book: Book, kind: str, decision: str) -> None:
    key = book.add(1, DAY)
    book.xml["7001"] = EVENT.format(space=NAMESPACE, key=key, type=kind).encode()
    counts = account.synced()
    assert (counts.skipped, counts.skipped_because, account.rejects()) == (1, {"event": 1}, [])
    assert account.value("select decision from sync_private.invoices") == decision


def test_an_invoice_late_on_the_last_day_is_of_that_month(account: Account, book: Book) -> None:
    book.add(1, date(2026, 10, 31), issued_at="2026-10-31T23:30:00-03:00")
    outcomes = account.sync_months(OCTOBER, NOVEMBER)
    assert (outcomes[OCTOBER].counts.inserted, outcomes[NOVEMBER].counts.read) == (1, 0)
    assert account.value("select issue_date from public.xml_imports") == date(2026, 10, 31)
    moment = account.value(
        "select to_char(issue_date at time zone 'UTC', 'YYYY-MM-DD HH24:MI') from public.xml_analysis"
    )
    assert moment == "2026-11-01 02:30"


def test_a_document_of_another_month_than_the_list_stays_in_the_lists(account: Account, book: Book) -> None:
    book.add(1, DAY, issued_at="2026-10-31T23:30:00-03:00")
    outcome = account.sync()
    assert (outcome.counts.inserted, outcome.status) == (1, "success")
    assert "outro mês" in outcome.warnings["xml_agrees_on_the_month"]
    assert "xml_agrees_on_the_month" in account.sync().warnings


def test_items_that_do_not_add_up_are_a_warning_that_stays(account: Account, book: Book) -> None:
    book.add(1, DAY, totals={"vProd": "99.00"})
    book.add(2, DAY, items=(XmlItem(), XmlItem(counts="0")))
    for _ in range(2):
        outcome = account.sync()
        assert outcome.warnings["items_tie_to_the_totals"].startswith("Em 1 nota(s)")
        assert outcome.status == "success"


def test_an_entity_bomb_and_a_document_that_is_too_large_are_rejects(account: Account, book: Book) -> None:
    book.add(1, DAY)
    book.add(2, DAY)
    bomb = b'<!DOCTYPE a [<!ENTITY a "x"><!ENTITY b "&a;&a;">]>'
    book.xml["7001"] = note(1, DAY).xml.replace(b"<nfeProc", bomb + b"<nfeProc", 1)
    book.xml["7002"] = note(2, DAY).xml + b" " * (10 << 20)
    assert account.synced().rejected == 2
    assert sorted(rule for _, rule in account.rejects()) == ["doctype", "too_large"]


def test_iso_8859_1_and_a_byte_order_mark(account: Account, book: Book) -> None:
    book.add(1, DAY, dest="<dest><CPF>11144477735</CPF><xNome>JOSÉ AÇÃO</xNome></dest>")
    book.add(2, DAY)
    text = book.xml["7001"]
    assert text is not None
    book.xml["7001"] = text.decode().replace("UTF-8", "ISO-8859-1").encode("iso-8859-1")
    book.xml["7002"] = b"\xef\xbb\xbf" + (book.xml["7002"] or b"")
    assert account.synced().inserted == 2
    assert (
        account.value("select recipient_name from public.xml_analysis where recipient_cnpj = '11144477735'")
        == "JOSÉ AÇÃO"
    )
    # Kept byte by byte: the digest is that of the document as it came.
    assert account.synced().unchanged == 2


def test_taxes_of_the_reform_come_from_the_function_where_it_is_asked(account: Account, book: Book) -> None:
    bodies: list[object] = []

    def calculate(body: object) -> object:
        bodies.append(body)
        return {"success": True, "data": {"x": 1}, "totals": {"cbs": 1, "ibsUf": 2, "ibsMun": 3, "is": 4}}

    book.add(1, DAY)
    account.reader = NfeReader(calculate)
    account.synced()
    assert account.rows("select reform_tax_total, analysis_data from public.xml_analysis") == [
        (Decimal("10.00"), {"x": 1})
    ]
    account.synced()
    assert len(bodies) == 1


@pytest.mark.parametrize("error", [TransientError("500"), SyncError("no")])
def test_a_function_that_fails_leaves_the_marked_estimate(
    account: Account, book: Book, error: SyncError
) -> None:
    def fail(_body: object) -> object:
        raise error

    book.add(1, DAY)
    account.reader = NfeReader(fail)
    account.synced()
    assert account.value("select analysis_data ->> 'simulated' from public.xml_analysis") == "true"
