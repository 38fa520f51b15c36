"""What holds of rows: states, keys, amounts and codes as the company has them, whatever the vendor's way to write."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from sync_pipelines.erp.vendors.vendor import InvoiceState
from sync_pipelines_tests.erp.vendors.conformance.bench import Lab
from sync_pipelines_tests.erp.vendors.conformance.companies import PROFILE, company, note, products


def a_note_has_the_state_that_the_vendor_says(lab: Lab) -> None:
    """Cancelled and denied notes are listed as such"""
    bench = lab(company([note(1), note(2, state="cancelled"), note(3, state="denied")]))
    with bench.open() as vendor:
        states = {bench.number_of(one): one.state for one in bench.invoices(vendor)}
    assert states == {
        7001: InvoiceState.AUTHORISED,
        7002: InvoiceState.CANCELLED,
        7003: InvoiceState.DENIED,
    }


def what_was_not_issued_is_no_invoice(lab: Lab) -> None:
    """What was not issued, and a number that was given up, is no invoice"""
    bench = lab(company([note(1, state="unissued", has_xml=False), note(2, state="voided", has_xml=False)]))
    with bench.open() as vendor:
        found = bench.invoices(vendor)
    assert all(one.state is InvoiceState.UNISSUED for one in found)
    assert {bench.number_of(one) for one in found if one.is_voided} <= {7002}


def a_consumer_invoice_is_told_apart(lab: Lab) -> None:
    """An NFC-e is told apart by its model, or is not listed"""
    bench = lab(company([note(1), note(2, model="65")]))
    with bench.open() as vendor:
        models = {bench.number_of(one): one.model for one in bench.invoices(vendor)}
    assert models.pop(7001) in {"55", None}
    assert models in ({}, {7002: "65"})


def a_note_of_the_test_environment_is_told_apart(lab: Lab) -> None:
    """A note of the test environment is told apart, or is not listed"""
    bench = lab(company([note(1), note(2, environment="2")]))
    with bench.open() as vendor:
        environments = {bench.number_of(one): one.environment for one in bench.invoices(vendor)}
    assert environments.pop(7001) in {"1", None}
    assert environments in ({}, {7002: "2"})


def an_alphanumeric_key_is_kept(lab: Lab) -> None:
    """The key of an alphanumeric CNPJ is kept letter by letter"""
    bench = lab(company([note(1)]))
    with bench.open() as vendor:
        (found,) = bench.invoices(vendor)
        key = found.key or vendor.invoice_xml(found).key
    assert key == bench.company.notes[0].key
    assert key is not None
    assert PROFILE.cnpj in key


def a_number_is_the_same_as_text_or_number(lab: Lab) -> None:
    """Numbers and amounts are exact, whether they come as text or as numbers"""
    prices = [Decimal("0.10"), Decimal("1234567.89"), Decimal("2.48"), Decimal("19.90")]
    catalogue = [replace(one, price=price) for one, price in zip(products(4), prices, strict=True)]
    bench = lab(company([note(number) for number in range(1, 11)], catalogue))
    with bench.open() as vendor:
        found, listed = bench.invoices(vendor), bench.products(vendor)
    assert [one.price for one in listed] == prices
    assert sorted(int(one.number or 0) for one in found) == list(range(1, 11))
    assert {one.total for one in found} <= {None, Decimal("14.88")}


def the_catalogue_is_whole(lab: Lab) -> None:
    """Inactive products and services are listed, and told apart"""
    first, second, third = products(3)
    bench = lab(company(catalogue=[first, replace(second, is_active=False), replace(third, is_service=True)]))
    with bench.open() as vendor:
        found = {one.name: (one.is_active, one.is_service) for one in bench.products(vendor)}
    assert found == {"Produto 1": (True, False), "Produto 2": (False, False), "Produto 3": (True, True)}


def an_ncm_is_as_the_vendor_writes_it(lab: Lab) -> None:
    """An NCM is as the vendor writes it, with or without dots"""
    codes = ["0811.90.00", "19022000", "00", "1902.20"]
    catalogue = [replace(one, ncm=code) for one, code in zip(products(4), codes, strict=True)]
    bench = lab(company(catalogue=catalogue))
    with bench.open() as vendor:
        assert [one.ncm for one in bench.products(vendor)] == codes


def the_company_is_named(lab: Lab) -> None:
    """The company has its CNPJ and name; what the vendor does not say is None"""
    bench = lab(company())
    with bench.open() as vendor:
        (found,) = vendor.company().items
    assert (found.cnpj or "").translate(str.maketrans("", "", "./-")) == PROFILE.cnpj
    assert found.legal_name == PROFILE.legal_name
    assert found.regime in {"simples", None}
    assert "" not in found


def a_document_is_that_of_its_invoice(lab: Lab) -> None:
    """The XML of an invoice comes byte by byte; where there is none, that is no error"""
    bench = lab(company([note(1), note(2, has_xml=False)]))
    with bench.open() as vendor:
        documents = {bench.number_of(one): vendor.invoice_xml(one) for one in bench.invoices(vendor)}
    first, second = bench.company.notes
    assert (documents[7001].key, documents[7001].xml) == (first.key, first.xml())
    assert (documents[7002].key, documents[7002].xml) == (second.key, None)


CHECKS = (
    a_note_has_the_state_that_the_vendor_says,
    what_was_not_issued_is_no_invoice,
    a_consumer_invoice_is_told_apart,
    a_note_of_the_test_environment_is_told_apart,
    an_alphanumeric_key_is_kept,
    a_number_is_the_same_as_text_or_number,
    the_catalogue_is_whole,
    an_ncm_is_as_the_vendor_writes_it,
    the_company_is_named,
    a_document_is_that_of_its_invoice,
)
