"""A stored note as an element of `parsed_xmls` (contract of the ERPs, section 3)."""

from __future__ import annotations

from decimal import Decimal

from sync_pipelines.erp.invoices.nfe.credits_document import credits_document
from sync_pipelines.erp.invoices.nfe.document import read_document
from sync_pipelines.erp.invoices.nfe.note import Note
from sync_pipelines.lib import exact_json
from sync_pipelines_tests.erp.invoices.nfe.notes import XmlItem, XmlNote

SIMPLES = XmlItem(icms="<ICMSSN500><orig>0</orig><CSOSN>500</CSOSN></ICMSSN500>", others="")
NOTE = XmlNote(items=(XmlItem(), SIMPLES))


def test_a_note_is_made_from_what_is_stored() -> None:
    note = read_document(NOTE.xml)
    assert isinstance(note, Note)
    stored = exact_json.loads(exact_json.dumps(note.raw_data))
    first = {
        "ncm": "08119000",
        "cfop": "5102",
        "cst_pis": "01",
        "cst_cofins": "01",
        "cst_icms": "00",
        "valor_pis": Decimal("0.25"),
        "valor_cofins": Decimal("1.13"),
        "valor_icms": Decimal("1.79"),
        "valor_ipi": Decimal("0.74"),
        "valor_icms_st": 0,
        "credito_pis": 0,
        "credito_cofins": 0,
        "credito_icms": 0,
        "valor_item": Decimal("14.88"),
        "descricao": "ITEM 1",
    }
    second = {"cst_icms": "500", "csosn": "500", "valor_icms": 0, "valor_ipi": 0, "descricao": "ITEM 2"}
    assert credits_document(stored) == {
        "chave_nfe": NOTE.access_key,
        "numero": "1042",
        "data_emissao": "2026-11-03T23:30:00-03:00",
        "cnpj_emitente": "11222333000181",
        "nome_emitente": "EMPRESA TESTE",
        "itens": [first, first | second],
    }
