"""The receivables, payables and categories of the fake Omie (contract of the ERPs, section 4)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from sync_pipelines.sandbox.erp.company import ErpCompany
from sync_pipelines.sandbox.erp.titles import SandboxCategory, SandboxTitle
from sync_pipelines_tests.sandbox.erp.vendors.clients import OmieCaller, company

NewOmie = Callable[..., OmieCaller]
DAY = date(2026, 11, 3)


def title(vendor_id: int, **fields: Any) -> SandboxTitle:
    given: dict[str, Any] = {
        "side": "receivable",
        "amount": Decimal("100.00"),
        "issued_on": DAY,
        "due_on": date(2026, 11, 30),
        "competence": DAY,
        "splits": [(1, Decimal("100.00"))],
        **fields,
    }
    return SandboxTitle(vendor_id, **given)


def ledger(*titles: SandboxTitle) -> ErpCompany:
    """A company with these titles and two categories."""
    made = company()
    made.categories += [
        SandboxCategory(1, "1.01.01", "Vendas", side="receivable", dre_code="1.1", dre_name="Receita"),
        SandboxCategory(2, "0.01.02", "Transferência", side="payable", is_transfer=True),
    ]
    for one in titles:
        made.add_title(one)
    return made


def rows(caller: OmieCaller, **asked: Any) -> list[dict[str, Any]]:
    return list(caller.call("ListarContasReceber", **asked).json()["conta_receber_cadastro"])


def test_a_title_has_the_shape_of_the_contract(new_omie: NewOmie) -> None:
    caller = new_omie(ledger(title(4002, note_key="KEY", description="texto"), title(9, side="payable")))
    page = caller.call("ListarContasReceber", pagina=1, registros_por_pagina=500, exibir_obs="S").json()
    assert page.pop("conta_receber_cadastro") == [
        {
            "codigo_lancamento_omie": 4002,
            "codigo_cliente_fornecedor": 902,
            "data_vencimento": "30/11/2026",
            "data_previsao": "30/11/2026",
            "data_emissao": "03/11/2026",
            "data_registro": "03/11/2026",
            "valor_documento": 100.0,
            "codigo_categoria": "1.01.01",
            "categorias": [],
            "numero_parcela": "001/001",
            "chave_nfe": "KEY",
            "observacao": "texto",
            "status_titulo": "EMABERTO",
        }
    ]
    assert page == {"pagina": 1, "total_de_paginas": 1, "registros": 1, "total_de_registros": 1}
    [payable] = caller.call("ListarContasPagar").json()["conta_pagar_cadastro"]
    assert (payable["codigo_lancamento_omie"], payable["data_entrada"]) == (9, "03/11/2026")
    # Its text is for who asks for it.
    assert "observacao" not in payable


def test_what_the_filters_do(new_omie: NewOmie) -> None:
    caller = new_omie(ledger(title(1), title(2, issued_on=date(2026, 12, 1), state="cancelled")))

    def ids(**asked: Any) -> list[int]:
        return [row["codigo_lancamento_omie"] for row in rows(caller, **asked)]

    assert ids(filtrar_por_emissao_de="04/11/2026") == [2]
    assert ids(filtrar_por_emissao_ate="03/11/2026") == [1]
    assert ids(filtrar_por_status="CANCELADO") == [2]
    # Trap 6: neither a due date nor an ISO date filters.
    assert ids(filtrar_por_vencimento_de="01/01/2030") == [1, 2]
    assert ids(filtrar_por_emissao_de="2026-11-04") == [1, 2]
    nothing = caller.call("ListarContasPagar", filtrar_por_emissao_de="01/01/2030").json()
    assert nothing["faultcode"] == "SOAP-ENV:Client-5113"


@pytest.mark.parametrize(
    ("state", "received", "paid"),
    [
        ("open", "AVENCER", "AVENCER"),
        ("overdue", "ATRASADO", "ATRASADO"),
        ("partial", "PAGTO_PARCIAL", "PAGTO_PARCIAL"),
        ("settled", "RECEBIDO", "PAGO"),
        ("cancelled", "CANCELADO", "CANCELADO"),
    ],
)
def test_states(new_omie: NewOmie, state: str, received: str, paid: str) -> None:
    caller = new_omie(ledger(title(1, state=state), title(2, side="payable", state=state)))
    assert [row["status_titulo"] for row in rows(caller)] == [received]
    [payable] = caller.call("ListarContasPagar").json()["conta_pagar_cadastro"]
    assert payable["status_titulo"] == paid


def test_other_words_for_the_same_state(new_omie: NewOmie) -> None:
    today = date(2026, 11, 22)
    caller = new_omie(ledger(title(1, due_on=today), title(3, state="settled"), title(6)))
    assert [row["status_titulo"] for row in rows(caller)] == ["VENCEHOJE", "LIQUIDADO", "EMABERTO"]


def test_parts_are_amounts_or_percentages(new_omie: NewOmie) -> None:
    thirds = [(1, Decimal("33.33")), (2, Decimal("66.67"))]
    odd = [(1, Decimal("33.335")), (2, Decimal("66.665"))]
    caller = new_omie(ledger(title(1, splits=thirds), title(2, splits=thirds), title(3, splits=odd)))
    first, second, third = (row["categorias"] for row in rows(caller))
    assert first == [
        {"codigo_categoria": "1.01.01", "percentual": 33.33},
        {"codigo_categoria": "0.01.02", "percentual": 66.67},
    ]
    assert [one["valor"] for one in second] == [33.33, 66.67]
    # A percentage that does not give the part to the cent does not stand alone.
    assert [one["valor"] for one in third] == [33.335, 66.665]


def test_categories_and_faults_of_titles(new_omie: NewOmie) -> None:
    caller = new_omie(ledger(title(1), title(2)))
    found = caller.call("ListarCategorias").json()["categoria_cadastro"]
    assert found[0] == {
        "codigo": "1.01.01",
        "descricao": "Vendas",
        "conta_receita": "S",
        "conta_despesa": "N",
        "transferencia": "N",
        "codigo_dre": "1.1",
        "dadosDRE": {"codigoDRE": "1.1", "descricaoDRE": "Receita"},
    }
    assert (found[1]["transferencia"], found[1]["dadosDRE"]) == ("S", {})
    caller.omie.fail("ListarContasReceber_bad_amount", 1)
    caller.omie.fail("ListarContasReceber_bad_date", 1)
    first, second = rows(caller)
    assert (first["valor_documento"], first["data_emissao"]) == ("1.234,56", "00/00/0000")
    assert (second["valor_documento"], second["data_emissao"]) == (100.0, "03/11/2026")
