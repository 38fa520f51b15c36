"""What a document is: a note, an event, a document that is skipped, or a reject with its rule (traps 41-48)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from sync_pipelines.erp.invoices.nfe.document import read_document
from sync_pipelines.erp.invoices.nfe.note import Event, Note, Party, Skipped, SkipReason
from sync_pipelines.erp.invoices.nfe.rejection import InvoiceRejectedError
from sync_pipelines.erp.vendors.vendor import InvoiceState
from sync_pipelines_tests.erp.invoices.nfe.notes import NAMESPACE, XmlNote

NOTE = XmlNote()


def read_note(xml: XmlNote) -> Note:
    document = read_document(xml.xml)
    assert isinstance(document, Note)
    return document


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("100", InvoiceState.AUTHORISED),
        ("150", InvoiceState.AUTHORISED),
        ("101", InvoiceState.CANCELLED),
        ("302", InvoiceState.DENIED),
    ],
)
def test_a_note_says_what_its_protocol_says(status: str, state: InvoiceState) -> None:
    note = read_note(NOTE.but(status=status))
    assert (note.state, note.status_code) == (state, status)


def test_a_note_belongs_to_the_month_that_it_writes() -> None:
    note = read_note(NOTE.but(issued_at="2026-10-31T23:30:00-03:00"))
    assert (note.issue_date, note.month) == (date(2026, 10, 31), date(2026, 10, 1))
    assert note.issued_at.isoformat() == "2026-10-31T23:30:00-03:00"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"model": "65"}, SkipReason.NFCE),
        ({"model": "65", "protocol": ""}, SkipReason.NFCE),
        ({"environment": "2"}, SkipReason.TEST_ENVIRONMENT),
    ],
)
def test_what_is_no_note_of_ours_is_skipped(changes: dict[str, Any], reason: SkipReason) -> None:
    note = NOTE.but(**changes)
    assert read_document(note.xml) == Skipped(reason, note.access_key)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"protocol": ""}, "no_protocol"),
        ({"status": "204"}, "protocol_status"),
        ({"protocol_key": "35261112ABC34501DE35550010000000771192837464"}, "protocol_key"),
        ({"key": "35261111222333000181550010000010421408172530"}, "check_digit"),
        ({"key": "3526111122233300018155001000001042140817253"}, "access_key"),
        ({"key_issuer": "12ABC34501DE35"}, "key_issuer"),
        ({"key_issuer": "12ABC34501DE35", "series": "890"}, "key_issuer"),
        ({"issuer_tag": "idEstrangeiro", "key_issuer": "00000000000000"}, "key_issuer"),
        ({"model": "57"}, "model"),
        ({"environment": "3"}, "environment"),
        ({"environment": ""}, "environment"),
        ({"issued_at": "2026-11-03 23:30:00"}, "issue_time"),
        ({"issued_at": "2026-11-03T23:30:00"}, "issue_time"),
        ({"issued_at": "2026-11-31T23:30:00-03:00"}, "issue_time"),
        ({"totals": {"vNF": "17,62"}}, "number"),
        ({"totals": {"vNF": None}}, "totals"),
        ({"totals": {"vProd": None}}, "totals"),
        ({"direction": "2"}, "code"),
        ({"purpose": "01"}, "code"),
        ({"items": ()}, "structure"),
    ],
)
def test_what_cannot_be_trusted_is_a_reject(changes: dict[str, Any], rule: str) -> None:
    with pytest.raises(InvoiceRejectedError) as error:
        read_document(NOTE.but(**changes).xml)
    assert error.value.rule == rule


def changed(old: str, new: str) -> bytes:
    """The note with another text in one place."""
    assert old in NOTE.text
    return NOTE.text.replace(old, new, 1).encode()


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (changed("<mod>55</mod>", "<mod>01</mod>"), "model"),
        (changed("<serie>1</serie>", "<serie>2</serie>"), "key_series"),
        (changed("<nNF>1042</nNF>", "<nNF>1043</nNF>"), "key_number"),
        (changed("<nNF>1042</nNF>", "<nNF>9000001042</nNF>"), "key_number"),
        (changed("<dhEmi>2026-11", "<dhEmi>2026-10"), "key_month"),
        (changed("<dhEmi>2026-11", "<dhEmi>2025-11"), "key_month"),
        (changed("<dhEmi>2026-11", "<dhEmi>1926-11"), "key_month"),
        (changed("<cUF>35</cUF>", "<cUF>33</cUF>"), "key_state"),
        (changed("<emit><CNPJ>11222333000181", "<emit><CNPJ>11222333000262"), "key_issuer"),
        (changed('Id="NFe', 'Id="'), "access_key"),
        (changed('Id="NFe', 'id="NFe'), "access_key"),
        (changed("<total>", "<totais>").replace(b"</total>", b"</totais>"), "totals"),
        (changed("ICMSTot", "ICMSTotal").replace(b"</ICMSTot>", b"</ICMSTotal>"), "totals"),
        (changed("<cStat>100</cStat>", ""), "protocol_status"),
        (changed("<emit>", "<emissor>").replace(b"</emit>", b"</emissor>"), "structure"),
        (changed("<emit>", "<emit/><emit>"), "structure"),
        (changed("</infProt>", "</infProt><infProt/>"), "structure"),
        (changed("</protNFe>", "</protNFe><protNFe><infProt/></protNFe>"), "structure"),
        (changed("<protNFe", "<NFe/><protNFe"), "structure"),
    ],
)
def test_what_contradicts_itself_is_a_reject(data: bytes, rule: str) -> None:
    with pytest.raises(InvoiceRejectedError) as error:
        read_document(data)
    assert error.value.rule == rule


def test_a_bare_note_is_not_proved() -> None:
    start, end = NOTE.text.index("<NFe"), NOTE.text.index("</NFe>") + len("</NFe>")
    with pytest.raises(InvoiceRejectedError) as error:
        read_document(NOTE.text[start:end].encode())
    assert error.value.rule == "no_protocol"


def test_a_note_of_the_test_environment_is_known_by_its_protocol_too() -> None:
    assert read_document(changed("<infProt><tpAmb>1", "<infProt><tpAmb>2")) == Skipped(
        SkipReason.TEST_ENVIRONMENT, NOTE.access_key
    )


def test_an_alphanumeric_issuer_end_to_end() -> None:
    note = read_note(NOTE.but(issuer="12ABC34501DE35"))
    assert (note.key.issuer, note.issuer.taxpayer, note.raw_data["emitenteCnpj"]) == ("12ABC34501DE35",) * 3


def test_an_issuer_with_a_cpf() -> None:
    note = read_note(NOTE.but(issuer="52998224725", issuer_tag="CPF", series="920"))
    assert (note.key.issuer, note.raw_data["emitenteCnpj"]) == ("00052998224725", "52998224725")


def test_a_note_that_the_tax_office_issued_has_the_key_of_the_office() -> None:
    office = "<avulsa><CNPJ>12ABC34501DE35</CNPJ><xOrgao>SEFAZ</xOrgao></avulsa>"
    xml = NOTE.but(key_issuer="12ABC34501DE35", series="890", dest=office)
    assert read_note(xml).issuer.taxpayer == "11222333000181"


@pytest.mark.parametrize(
    ("dest", "recipient", "cnpj"),
    [
        ("", None, ""),
        (
            "<dest><CPF>52998224725</CPF><xNome>PESSOA TESTE</xNome></dest>",
            Party("52998224725", "PESSOA TESTE", state="", city=""),
            "52998224725",
        ),
        (
            "<dest><idEstrangeiro>AB123</idEstrangeiro><xNome>ACME</xNome><enderDest><UF>EX</UF></enderDest></dest>",
            Party(None, "ACME", state="EX", city="", foreign_id="AB123"),
            "",
        ),
        ("<dest><idEstrangeiro/></dest>", Party(None, "", state="", city=""), ""),
        ("<dest><CNPJ>123</CNPJ></dest>", Party("123", "", state="", city=""), "123"),
    ],
)
def test_recipients(dest: str, recipient: Party | None, cnpj: str) -> None:
    note = read_note(NOTE.but(dest=dest))
    assert note.recipient == recipient
    assert note.raw_data["destinatarioCnpj"] == cnpj
    assert note.raw_data["destinatarioNome"] == (recipient.name if recipient else "")


def test_a_return_is_an_incoming_note_as_any() -> None:
    note = read_note(NOTE.but(direction="0", purpose="4"))
    assert (note.direction, note.purpose) == (0, 4)
    assert (note.raw_data["tipoOperacao"], note.raw_data["finalidadeNfe"]) == ("0", "4")


def event(kind: str, status: str, *, key: str = NOTE.access_key) -> bytes:
    return (
        f'<procEventoNFe xmlns="{NAMESPACE}" versao="1.00"><evento versao="1.00"><infEvento><chNFe>{key}</chNFe>'
        f"<tpEvento>{kind}</tpEvento></infEvento></evento><retEvento><infEvento><cStat>{status}</cStat>"
        f"<chNFe>{key}</chNFe></infEvento></retEvento></procEventoNFe>"
    ).encode()


@pytest.mark.parametrize(
    ("kind", "status", "cancels"),
    [
        ("110111", "135", True),
        ("110111", "136", True),
        ("110111", "155", True),
        ("110112", "135", True),
        ("110111", "573", False),
        ("110110", "135", False),
    ],
)
def test_an_event_is_no_note(kind: str, status: str, cancels: bool) -> None:
    document = read_document(event(kind, status))
    assert document == Event(key=NOTE.access_key, type=kind, is_registered=status != "573")
    assert document.cancels is cancels


def test_an_event_that_was_only_asked_for_cancels_nothing() -> None:
    asked = (
        f"<evento><infEvento><chNFe>{NOTE.access_key}</chNFe><tpEvento>110111</tpEvento></infEvento></evento>"
    )
    document = read_document(asked.encode())
    assert isinstance(document, Event)
    assert not document.cancels


def test_an_event_of_no_key_that_we_know() -> None:
    document = read_document(event("110111", "135", key="1"))
    assert isinstance(document, Event)
    assert document.key is None


def test_a_cancellation_of_before_there_were_events() -> None:
    old = (
        f'<procCancNFe xmlns="{NAMESPACE}"><cancNFe><infCanc><chNFe>{NOTE.access_key}</chNFe></infCanc></cancNFe>'
        "<retCancNFe><infCanc><cStat>101</cStat></infCanc></retCancNFe></procCancNFe>"
    )
    document = read_document(old.encode())
    assert isinstance(document, Event)
    assert (document.key, document.cancels) == (NOTE.access_key, True)
