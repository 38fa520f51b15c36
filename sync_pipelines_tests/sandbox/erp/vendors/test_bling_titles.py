"""The receivables, payables and categories of the fake Bling (contract of the ERPs, section 5)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from sync_pipelines_tests.sandbox.erp.vendors.clients import BlingCaller
from sync_pipelines_tests.sandbox.erp.vendors.test_omie_titles import ledger, title

NewBling = Callable[..., BlingCaller]
#: The fake's clock stands in November 2026.
RECENT, OLD, AHEAD = date(2026, 11, 3), date(2025, 6, 1), date(2027, 3, 1)


def sides() -> tuple[Any, ...]:
    """Titles 1 to 3 by their dates and 4 by its state, 11 to 14 the same as payables."""
    return tuple(
        title(
            first + number,
            side=side,
            issued_on=min(day, RECENT),
            due_on=day,
            state="cancelled" if number == 4 else "open",
        )
        for first, side in ((0, "receivable"), (10, "payable"))
        for number, day in enumerate((RECENT, OLD, AHEAD, RECENT), start=1)
    )


@pytest.mark.parametrize(
    ("path", "asked", "ids"),
    [
        # Issued within the year up to today; and what was cancelled comes only to who asks for it.
        ("receber", {}, [1, 3]),
        ("receber", {"situacoes[]": 5}, [4]),
        ("receber", {"situacoes[]": [1, 5]}, [1, 3, 4]),
        ("receber", {"tipoFiltroData": "V"}, [1]),
        ("receber", {"tipoFiltroData": "V", "dataFinal": "2027-03-01", "dataInicial": "2026-11-04"}, [3]),
        ("receber", {"tipoFiltroData": "V", "dataInicial": "2025-06-01", "dataFinal": "2025-06-01"}, [2]),
        ("receber", {"tipoFiltroData": "R"}, []),
        ("pagar", {}, [11, 12, 13]),
        ("pagar", {"situacao": 5}, [14]),
        ("pagar", {"dataVencimentoInicial": "2026-11-04"}, [13]),
        ("pagar", {"dataVencimentoInicial": "2026-11-03", "dataVencimentoFinal": "2026-11-03"}, [11]),
        ("pagar", {"dataEmissaoFinal": "2025-06-01"}, [12]),
        # Trap 6: what is not a filter of this list does nothing.
        ("pagar", {"dataInicial": "2030-01-01"}, [11, 12, 13]),
    ],
)
def test_what_the_filters_do(new_bling: NewBling, path: str, asked: dict[str, Any], ids: list[int]) -> None:
    assert new_bling(ledger(*sides())).ids(f"/contas/{path}", **asked) == ids


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("receber", {"situacoes[]": 9}),
        ("receber", {"tipoFiltroData": "X"}),
        ("receber", {"dataInicial": "2026-01-01", "dataFinal": "2027-01-02"}),
        ("receber", {"dataInicial": "01/01/2026"}),
        ("pagar", {"situacao": "aberto"}),
        ("pagar", {"dataVencimentoInicial": "2026-01-01", "dataVencimentoFinal": "2027-01-02"}),
    ],
)
def test_what_is_refused(new_bling: NewBling, path: str, asked: dict[str, Any]) -> None:
    refused = new_bling(ledger(*sides())).get(f"/contas/{path}", **asked)
    assert (refused.status_code, refused.json()["error"]["type"]) == (400, "VALIDATION_ERROR")


def test_states_and_what_only_a_detail_says(new_bling: NewBling) -> None:
    words = ("open", "overdue", "partial", "settled", "returned", "returned", "cancelled", "open")
    titles = [title(number, state=state) for number, state in enumerate(words, start=1)]
    titles += [title(10, competence=None, splits=[]), title(11, side="payable")]
    caller = new_bling(ledger(*titles))
    caller.bling.fail("receivables_with_cancelled")
    found = caller.get("/contas/receber").json()["data"]
    situations = {row["id"]: row["situacao"] for row in found}
    assert situations == {1: 1, 2: 1, 3: 3, 4: 2, 5: 6, 6: 4, 7: 5, 8: 1, 10: 7}
    assert found[0].keys().isdisjoint({"categoria", "competencia", "historico"})
    detail = caller.get("/contas/receber/1").json()["data"]
    assert (detail["categoria"], detail["competencia"]) == ({"id": 1}, "2026-11-03")
    bare = caller.get("/contas/receber/10").json()["data"]
    assert (bare["categoria"], bare["competencia"]) == ({"id": 0}, "0000-00-00")
    assert caller.get("/contas/pagar/11").json()["data"]["dataEmissao"] == "2026-11-03"
    assert "dataEmissao" not in caller.get("/contas/pagar").json()["data"][0]
    for missing in ("/contas/receber/11", "/contas/pagar/1", "/contas/pagar/99"):
        assert caller.get(missing).status_code == 404


def test_categories_and_faults_of_titles(new_bling: NewBling) -> None:
    company = ledger(*sides())
    company.categories[1].parent = "Vendas"
    caller = new_bling(company)
    assert caller.get("/categorias/receitas-despesas").json()["data"] == [
        {"id": 1, "idCategoriaPai": 0, "descricao": "Vendas", "tipo": 2},
        {"id": 2, "idCategoriaPai": 1, "descricao": "Transferência", "tipo": 1},
    ]
    assert caller.ids("/categorias/receitas-despesas", tipo=1) == [2]
    assert caller.ids("/categorias/receitas-despesas", situacao=2) == []
    caller.bling.fail("payables_bad_amount", 1)
    caller.bling.fail("payables_bad_date", 1)
    first, second, _ = caller.get("/contas/pagar").json()["data"]
    assert (first["valor"], first["vencimento"]) == ("1.234,56", "0000-00-00")
    assert (second["valor"], second["vencimento"]) == (100.0, "2025-06-01")
    caller.bling.fail("receivable_of_another", 1)
    assert caller.get("/contas/receber/2").json()["data"]["id"] == 1
