"""A note as a row of `xml_analysis` (contract of the ERPs, sections 2.5 and 3)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_pipelines.erp.invoices.nfe.analysis import LARGEST_PERCENT, Analysis, analyse, estimate
from sync_pipelines.erp.invoices.nfe.calculation import CalculatedReform
from sync_pipelines.erp.invoices.nfe.document import read_document
from sync_pipelines.erp.invoices.nfe.note import Note, ReformTaxes, Totals
from sync_pipelines.lib import exact_json
from sync_pipelines_tests.erp.invoices.nfe.notes import XmlNote

NOTE = XmlNote()
OWN = (
    "<IBSCBSTot><gIBS><gIBSUF><vIBSUF>0.01</vIBSUF></gIBSUF></gIBS><gCBS><vCBS>0.13</vCBS></gCBS></IBSCBSTot>"
)
CALCULATED = CalculatedReform(
    ReformTaxes(Decimal("1.31"), Decimal("1.44"), ibs_mun=Decimal("0.80"), selective=Decimal(0)), {"id": 7}
)


def read_note(xml: XmlNote) -> Note:
    note = read_document(xml.xml)
    assert isinstance(note, Note)
    return note


def test_the_columns_of_a_note() -> None:
    note = read_note(NOTE)
    row = analyse(note)
    assert row == Analysis(
        xml_type="NFe",
        document_number="1042",
        document_series="1",
        issue_date=datetime.fromisoformat("2026-11-03T23:30:00-03:00"),
        issuer_cnpj="11222333000181",
        issuer_name="EMPRESA TESTE",
        recipient_cnpj="12ABC34501DE35",
        recipient_name="CLIENTE TESTE",
        items_count=1,
        document_total=Decimal("17.62"),
        current_tax_total=Decimal("3.91"),
        reform_tax_total=Decimal("3.55"),
        difference_value=Decimal("-0.36"),
        difference_percent=Decimal("-9.21"),
        raw_data=note.raw_data,
        analysis_data={"simulated": True, "source": "estimate"},
        current_taxes={
            "icms": Decimal("1.79"),
            "pis": Decimal("0.25"),
            "cofins": Decimal("1.13"),
            "ipi": Decimal("0.74"),
            "icms_st": Decimal("0.00"),
            "frete": Decimal("2.00"),
            "total": Decimal("3.91"),
        },
        reform_taxes={
            "cbs": Decimal("1.31"),
            "ibsUf": Decimal("1.44"),
            "ibsMun": Decimal("0.80"),
            "is": Decimal(0),
            "total": Decimal("3.55"),
        },
    )


def test_raw_data_has_the_names_and_types_of_the_application() -> None:
    raw = read_note(NOTE).raw_data
    assert exact_json.loads(exact_json.dumps(raw)) == raw
    assert {name: value for name, value in raw.items() if name != "produtos"} == {
        "tipo": "NFe",
        "numero": "1042",
        "serie": "1",
        "chaveNfe": NOTE.access_key,
        "dataEmissao": "2026-11-03T23:30:00-03:00",
        "naturezaOperacao": "VENDA",
        "tipoOperacao": "1",
        "finalidadeNfe": "1",
        "emitenteNome": "EMPRESA TESTE",
        "emitenteCnpj": "11222333000181",
        "emitenteUf": "SP",
        "emitenteMunicipio": "SAO PAULO",
        "destinatarioNome": "CLIENTE TESTE",
        "destinatarioCnpj": "12ABC34501DE35",
        "destinatarioUf": "SP",
        "totalProdutos": Decimal("14.88"),
        "totalIcms": Decimal("1.79"),
        "totalPis": Decimal("0.25"),
        "totalCofins": Decimal("1.13"),
        "totalIpi": Decimal("0.74"),
        "totalIcmsSt": Decimal("0.00"),
        "totalFrete": Decimal("2.00"),
        "totalNota": Decimal("17.62"),
    }


@pytest.mark.parametrize(
    ("xml", "calculated", "total", "data"),
    [
        (NOTE, None, "3.55", {"simulated": True, "source": "estimate"}),
        (NOTE, CALCULATED, "3.55", {"id": 7}),
        (NOTE.but(more_totals=OWN), None, "0.14", {"simulated": False, "source": "nfe"}),
        (NOTE.but(more_totals=OWN), CALCULATED, "0.14", {"simulated": False, "source": "nfe"}),
    ],
)
def test_where_the_taxes_of_the_reform_come_from(
    xml: XmlNote, calculated: CalculatedReform | None, total: str, data: dict[str, Any]
) -> None:
    row = analyse(read_note(xml), calculated)
    assert (row.reform_tax_total, row.analysis_data) == (Decimal(total), data)


def test_without_taxes_today_the_difference_is_nothing_in_percent() -> None:
    free = dict.fromkeys(("vICMS", "vPIS", "vCOFINS", "vIPI"), "0.00")
    row = analyse(read_note(NOTE.but(totals=free)))
    assert (row.current_tax_total, row.difference_value, row.difference_percent) == (
        Decimal(0),
        Decimal("3.55"),
        Decimal(0),
    )


@pytest.mark.parametrize(
    ("icms", "percent"), [("0.35", "914.29"), ("0.33", "975.76"), ("0.32", None), ("0.01", None)]
)
def test_a_percentage_beyond_its_column_is_none_and_says_so(icms: str, percent: str | None) -> None:
    totals = dict.fromkeys(("vPIS", "vCOFINS", "vIPI"), "0.00") | {"vICMS": icms}
    row = analyse(read_note(NOTE.but(totals=totals)))
    assert row.difference_percent == (None if percent is None else Decimal(percent))
    assert row.difference_value == Decimal("3.55") - Decimal(icms)
    marked = {"out_of_range": ["difference_percent"]} if percent is None else {}
    assert row.analysis_data == {"simulated": True, "source": "estimate"} | marked


def test_a_percentage_that_rounding_carries_over_its_limit_is_none() -> None:
    note = read_note(NOTE)
    totals = note.totals._replace(icms=Decimal(1), pis=Decimal(0), cofins=Decimal(0), ipi=Decimal(0))
    for more, expected in (("0.00994", LARGEST_PERCENT), ("0.00995", None)):
        reform = ReformTaxes(
            Decimal("10.99") + Decimal(more), Decimal(0), ibs_mun=Decimal(0), selective=Decimal(0)
        )
        row = analyse(replace(note, totals=totals, reform=reform))
        assert row.difference_percent == expected


numbers = st.decimals("0", "9999999999999.9999999999", places=10)


@given(st.builds(Totals, *[numbers] * 8), st.none() | st.builds(ReformTaxes, *[numbers] * 4))
def test_every_figure_fits_its_column(totals: Totals, reform: ReformTaxes | None) -> None:
    row = analyse(replace(read_note(NOTE), totals=totals, reform=reform))
    names = (
        "document_total",
        "current_tax_total",
        "reform_tax_total",
        "difference_value",
        "difference_percent",
    )
    for name in names:
        value = getattr(row, name)
        limit = Decimal("999.995") if name.endswith("percent") else Decimal("9999999999999.995")
        assert value is None or (abs(value) < limit and value == round(value, 2))
        assert (value is None) == (name in row.analysis_data.get("out_of_range", ()))


def test_a_row_is_stored_as_it_is(erp: psycopg.Connection[Any]) -> None:
    row = analyse(read_note(NOTE))
    names = [name for name in Analysis.__slots__ if not name.endswith(("_data", "_taxes"))]
    columns = ", ".join(names)
    marks = ", ".join(f"%({name})s" for name in names)
    erp.execute(
        f"insert into xml_analysis (user_id, {columns}) values (gen_random_uuid(), {marks})",
        {name: getattr(row, name) for name in names},
    )
    [stored] = erp.execute(f"select {columns} from xml_analysis").fetchall()
    assert stored == tuple(getattr(row, name) for name in names)


def test_the_estimate_is_that_of_the_application() -> None:
    assert estimate(Decimal("1000.00")) == ReformTaxes(
        Decimal("88.00"), Decimal("96.50"), ibs_mun=Decimal("53.50"), selective=Decimal(0)
    )
