"""Conta Azul: the document of an invoice, alone or in a ZIP with events, and what a key that vanished is answered."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sync_pipelines.erp.vendors.vendor import InvoiceState, InvoiceXml
from sync_pipelines.erp.vendors.xml_archive import UntrustedArchiveError
from sync_pipelines.lib.failures import PermanentError, TransientError
from sync_pipelines.sandbox.erp.contaazul_answers import Manners
from sync_pipelines_tests.erp.vendors.conformance.companies import company, note
from sync_pipelines_tests.erp.vendors.contaazul_account import ContaAzulWorld, listed

NewWorld = Callable[..., ContaAzulWorld]


def test_a_correction_letter_comes_in_a_zip_and_cancels_nothing(new_contaazul: NewWorld) -> None:
    world = new_contaazul(company([note(1), note(2, corrected=True)]))
    plain, corrected = world.company.notes
    with world.open() as vendor:
        documents = [vendor.invoice_xml(one) for one in listed(vendor)]
    assert documents == [InvoiceXml(plain.key, plain.xml()), InvoiceXml(corrected.key, corrected.xml())]
    # As text of a list, a document that came alone is the same.
    world.fake.fail("xml_bare")
    with world.open() as vendor:
        assert [vendor.invoice_xml(one).xml for one in listed(vendor)] == [plain.xml(), corrected.xml()]


@pytest.mark.parametrize("cancelled_by_key", ["zip", "missing"])
def test_a_key_that_vanished_says_its_cancellation_or_nothing(
    new_contaazul: NewWorld, cancelled_by_key: str
) -> None:
    world = new_contaazul(
        company([note(1), note(2)]),
        manners=Manners(cancelled_by_key="zip" if cancelled_by_key == "zip" else "missing"),
    )
    with world.open() as vendor:
        before = listed(vendor)
        world.company.cancel(7002)
        assert [one.number for one in listed(vendor)] == ["1"]
        said = vendor.invoice_xml(before[1])
    xml = world.company.notes[1].xml()
    assert said == (
        InvoiceXml(before[1].key, xml, InvoiceState.CANCELLED)
        if cancelled_by_key == "zip"
        else InvoiceXml(before[1].key, None)
    )


def test_a_listed_key_may_have_no_document(new_contaazul: NewWorld) -> None:
    world = new_contaazul(company([note(1, has_xml=False)]))
    with world.open() as vendor:
        [one] = listed(vendor)
        assert vendor.invoice_xml(one) == InvoiceXml(one.key, None)
        assert world.asked("xml", "id") == [(one.key,)]


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        ("bomb", UntrustedArchiveError, "unpacks to more than"),
        ("garbled", UntrustedArchiveError, "cut, garbled"),
        ("huge", PermanentError, "longer than"),
        ("not_found", TransientError, "404"),
        ("not_json", TransientError, "without the data"),
        ("empty", TransientError, "without the data"),
        ("null", TransientError, "without the data"),
        ("error_in_200", TransientError, "error with status 200"),
        ("server_error", TransientError, "500"),
    ],
)
def test_what_is_no_document_is_an_error(
    new_contaazul: NewWorld, fault: str, error: type[Exception], words: str
) -> None:
    world = new_contaazul(company([note(1, corrected=True)]))
    world.fake.fail(f"xml_{fault}")
    with world.open() as vendor:
        [one] = listed(vendor)
        with pytest.raises(error, match=words) as caught:
            vendor.invoice_xml(one)
    assert (one.key or "") not in str(caught.value)
