"""The documents that both vendors hand out, with whatever is wrong with them (traps 42, 43, 45 and 48 of the ERPs)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sync_pipelines.sandbox.erp.company import ErpCompany
from sync_pipelines.sandbox.erp.nfe_dirt import DIRT
from sync_pipelines_tests.sandbox.erp.vendors.clients import BlingCaller, OmieCaller


@pytest.mark.parametrize("dirt", sorted(DIRT))
def test_every_document_arrives(new_omie: Callable[..., OmieCaller], company: ErpCompany, dirt: str) -> None:
    note = next(note for note in company.notes if note.has_xml and note.state == "authorised")
    company.alter_note(note.vendor_id, dirt=frozenset([dirt]))
    found = new_omie(company).call("ObterNfe", nIdNfe=note.vendor_id).json()
    assert found["cCodStatus"] == "0"
    encoding = "latin-1" if dirt == "latin1" else "utf-8"
    assert found["cXmlNfe"] == note.xml().decode(encoding)


def test_a_file_is_handed_out_byte_by_byte(
    new_bling: Callable[..., BlingCaller], company: ErpCompany
) -> None:
    note = next(note for note in company.notes if note.has_xml and note.state == "authorised")
    company.alter_note(note.vendor_id, dirt=frozenset(["latin1"]))
    caller = new_bling(company)
    fetched = caller.http.get(caller.detail(note.vendor_id)["xml"])
    assert fetched.content == note.xml()
    assert fetched.headers["Content-Type"].startswith("text/xml")
