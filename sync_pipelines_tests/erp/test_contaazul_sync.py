"""Conta Azul from the vendor to proof: what its list cannot say is known all the same (traps 25, 28, 30, 31, 46)."""

from __future__ import annotations

from typing import cast

from sync_pipelines.erp.outcome import Module
from sync_pipelines.sandbox.erp.contaazul import ContaAzulFake
from sync_pipelines_tests.erp.installation import Connected, Installed


def status_of(installed: Installed, key: str | None) -> str:
    return str(installed.value("select nfe_status from xml_imports where nfe_key = %s", key))


def sync_invoices(installed: Installed, one: Connected) -> int:
    """Sync the invoices, which have to succeed; how many rows were inserted or changed."""
    installed.clock.advance(hours=12)
    outcome = installed.sync(one, modules=[Module.INVOICES])
    assert outcome.failed == {}
    return outcome.records_synced


def test_an_invoice_that_vanishes_is_what_its_key_says_and_no_gap(installed: Installed) -> None:
    one = installed.connect("contaazul", months=2, a_month=8)
    fake = cast(ContaAzulFake, installed.fakes.of("contaazul"))
    fake.manners.is_dated = False
    sales = [note for note in installed.account(one).stored if note.state == "authorised"]
    corrected, *_, unknown, cancelled = [note for note in sales if note.direction == 1]
    one.company.alter_note(corrected.vendor_id, corrected=True)
    first = installed.sync(one, modules=[Module.INVOICES])
    assert first.failed == {}
    assert installed.truth(one, modules=("nfe",)) == []
    # A series that the vendor shows a part of has no gaps to report, though the cancelled ones are missing.
    months = first.months[Module.INVOICES].values()
    assert [month.warnings for month in months if "numbering_has_no_gaps" in month.warnings] == []
    assert sync_invoices(installed, one) == 0

    one.company.cancel(cancelled.vendor_id)
    assert sync_invoices(installed, one) == 0
    assert status_of(installed, cancelled.key) == "cancelada"
    assert installed.value("select count(*) from identified_credits where nfe_key = %s", cancelled.key) == 0
    fake.manners.cancelled_by_key = "missing"
    one.company.cancel(unknown.vendor_id)
    assert sync_invoices(installed, one) == 0
    assert status_of(installed, unknown.key) == "autorizada"
    # Each was asked for once, and is not asked for again.
    fake.clear()
    assert sync_invoices(installed, one) == 0
    assert fake.calls.of("xml") == []
    assert status_of(installed, corrected.key) == "autorizada"


def test_a_listed_key_without_a_document_is_a_reject_and_comes_later(installed: Installed) -> None:
    one = installed.connect("contaazul", months=1, a_month=8)
    *_, late = [note for note in installed.account(one).stored if note.direction == 1]
    one.company.alter_note(late.vendor_id, has_xml=False)
    assert installed.sync(one, modules=[Module.INVOICES]).failed == {}
    query = "select rule from ops.rejects where locator ->> 'key' = %s"
    assert installed.ops.execute(query, [late.key]).fetchall() == [("document_is_there",)]
    one.company.alter_note(late.vendor_id, has_xml=True)
    assert sync_invoices(installed, one) == 1
    assert status_of(installed, late.key) == "autorizada"


def test_a_zip_that_is_refused_is_a_reject_with_the_reason(installed: Installed) -> None:
    one = installed.connect("contaazul", months=1, a_month=8)
    sales = [note for note in installed.account(one).stored if note.direction == 1]
    one.company.alter_note(sales[-1].vendor_id, corrected=True)
    installed.fakes.of("contaazul").fail("xml_garbled")
    assert installed.sync(one, modules=[Module.INVOICES]).failed == {}
    rejects = installed.ops.execute("select locator ->> 'key', rule, reason from ops.rejects").fetchall()
    assert {key for key, _, _ in rejects} == {note.key for note in sales if note.corrected}
    assert {rule for _, rule, _ in rejects} == {"document_is_answered"}
    assert all("the ZIP is cut, garbled" in reason for _, _, reason in rejects)
