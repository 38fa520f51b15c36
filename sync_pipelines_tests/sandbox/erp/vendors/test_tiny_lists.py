"""What the fake Tiny finds, and how it writes it (contract of the ERPs, section 7.1, traps 33 to 38)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal

import pytest

from sync_pipelines.sandbox.erp.company import ErpCompany
from sync_pipelines.sandbox.erp.titles import SandboxCategory, SandboxTitle
from sync_pipelines_tests.sandbox.erp.vendors.clients import BRASILIA, company, key_of, note, product
from sync_pipelines_tests.sandbox.erp.vendors.tiny_caller import SEARCH, XML, TinyCaller

NewTiny = Callable[..., TinyCaller]


def ledger() -> ErpCompany:
    ours = company()
    ours.categories.append(SandboxCategory(1, "", "Aluguel", side="payable"))
    for number, state in enumerate(("open", "overdue", "partial", "settled", "cancelled", "renegotiated")):
        ours.titles.append(
            SandboxTitle(
                9001 + number,
                "payable",
                Decimal("150.00"),
                issued_on=date(2026, 11, 3),
                due_on=date(2026, 4, 3 + number),
                competence=date(2026, 10, 15),
                state=state,  # type: ignore[arg-type]
                splits=[(1, Decimal("150.00"))],
                number="12/1",
                paid=Decimal("50.00"),
            )
        )
    return ours


def test_an_invoice_has_the_shape_of_the_contract(new_tiny: NewTiny) -> None:
    caller = new_tiny(company(notes=1))
    answered = caller.call(SEARCH, dataInicial="24/08/2026", dataFinal="22/11/2026", pagina="1")
    assert (answered.status_code, answered.headers["x-limit-api"]) == (200, "60")
    assert answered.json() == {
        "retorno": {
            "status_processamento": "3",
            "status": "OK",
            "pagina": "1",
            "numero_paginas": "1",
            "notas_fiscais": [
                {
                    "nota_fiscal": {
                        "id": "7001",
                        "tipo": "S",
                        "serie": "1",
                        "numero": "000001",
                        "data_emissao": "03/11/2026",
                        "nome": "CLIENTE TESTE",
                        "cliente": {
                            "nome": "CLIENTE TESTE",
                            "tipo_pessoa": "J",
                            "cpf_cnpj": "11.222.333/0001-81",
                            "ie": "",
                            "cidade": "São Paulo",
                            "uf": "SP",
                        },
                        "valor": "14.88",
                        "valor_produtos": "14.88",
                        "valor_frete": "0.00",
                        "situacao": "6",
                        "descricao_situacao": "Autorizada",
                        "chave_acesso": key_of(1),
                    }
                }
            ],
        }
    }
    [call] = caller.tiny.calls.of(SEARCH, account="tiny-1", status=200)
    assert call.parameters == {"dataInicial": "24/08/2026", "dataFinal": "22/11/2026", "pagina": "1"}
    assert caller.tiny.account.token not in repr(caller.tiny.calls.all)


def test_numbers_are_texts_or_numbers_and_errors_a_list_or_an_object(new_tiny: NewTiny) -> None:
    caller = new_tiny(company(notes=1))
    first, second = (caller.retorno(SEARCH, tipoNota="S") for _ in range(2))
    assert (first["status_processamento"], second["status_processamento"]) == ("3", 3)
    assert (first["numero_paginas"], second["numero_paginas"]) == ("1", 1)
    third, fourth = (caller.retorno(SEARCH, tipoNota="E") for _ in range(2))
    text = "A consulta não retornou registros"
    assert third == {
        "status_processamento": "2",
        "status": "Erro",
        "codigo_erro": "20",
        "erros": [{"erro": text}],
    }
    assert fourth == {"status_processamento": 2, "status": "Erro", "codigo_erro": 20, "erros": {"erro": text}}


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"dataInicial": "04/11/2026"}, [7002]),
        ({"dataFinal": "03/11/2026"}, [7001, 7003]),
        ({"dataInicial": "03/11/2026", "dataFinal": "04/11/2026"}, [7001, 7002, 7003]),
        ({"tipoNota": "E"}, [7002]),
        ({"situacao": "3"}, [7002]),
        # Trap 37: the month does not come first.
        ({"dataInicial": "11/04/2026", "dataFinal": "11/04/2026"}, 20),
        # Trap 35, and what is no date.
        ({}, 10),
        ({"dataInicial": ""}, 10),
        ({"dataInicial": "2026-11-04"}, 31),
        ({"tipoNota": "X"}, 31),
        ({"tipoNota": "S", "pagina": "x"}, 31),
        ({"tipoNota": "S", "pagina": "2"}, 23),
    ],
)
def test_what_the_filters_do(new_tiny: NewTiny, asked: dict[str, str], found: list[int] | int) -> None:
    ours = company(notes=1)
    later = datetime(2026, 11, 4, 0, 0, tzinfo=BRASILIA)
    ours.add_note(note(7002, issued_at=later, direction=0, state="cancelled"))
    # Trap 34: NFC-e are among them.
    ours.add_note(note(7003, model="65", recipient=None))
    ours.add_note(note(7004, state="voided", key=None, items=[]))
    caller = new_tiny(ours)
    if isinstance(found, int):
        assert caller.code(SEARCH, **asked) == found
    else:
        assert sorted(caller.ids(**asked)) == found


def test_a_page_has_a_hundred_rows_and_the_one_behind_the_last_is_an_error(new_tiny: NewTiny) -> None:
    caller = new_tiny(company(notes=200))
    first = caller.retorno(SEARCH, tipoNota="S")
    assert (len(first["notas_fiscais"]), first["numero_paginas"]) == (100, "2")
    assert caller.ids(tipoNota="S", pagina="2") == list(range(7101, 7201))
    assert caller.code(SEARCH, tipoNota="S", pagina="3") == 23


def test_the_states_of_invoices(new_tiny: NewTiny) -> None:
    ours = company()
    for number, state in enumerate(("authorised", "cancelled", "denied", "unissued", "unissued")):
        ours.add_note(note(7001 + number, state=state))
    ours.add_note(note(7008, direction=0))
    ours.add_note(note(7011, direction=1))
    rows = new_tiny(ours).retorno(SEARCH, dataInicial="01/01/2026")["notas_fiscais"]
    found = {int(row["nota_fiscal"]["id"]): int(row["nota_fiscal"]["situacao"]) for row in rows}
    assert found == {7001: 6, 7002: 3, 7003: 10, 7004: 1, 7005: 4, 7008: 8, 7011: 7}


def test_the_xml_comes_as_xml_and_so_do_its_errors(new_tiny: NewTiny) -> None:
    ours = company(notes=1)
    ours.add_note(note(7002, has_xml=False))
    caller = new_tiny(ours)
    found = caller.call(XML, id="7001")
    assert found.headers["content-type"].startswith("text/xml")
    assert found.text == (
        '<?xml version="1.0" encoding="UTF-8"?><retorno><status_processamento>3</status_processamento>'
        f"<status>OK</status><xml_nfe>{ours.note(7001).xml().decode()}</xml_nfe><xml_cancelamento/></retorno>"
    )
    for number, code in (("7002", 34), ("9", 32), ("x", 31)):
        assert f"<codigo_erro>{code}</codigo_erro>" in caller.call(XML, id=number).text
    assert "<codigo_erro>2</codigo_erro>" in caller.call(XML, id="7001", token="another").text
    ours.cancel(7001)
    assert "<tpEvento>110111</tpEvento>" in caller.call(XML, id="7001").text
    caller.tiny.fail("errors_in_xml")
    assert caller.call(SEARCH).text.startswith("<?xml")


def test_products_and_invoices_in_detail_and_the_account(new_tiny: NewTiny) -> None:
    ours = company(notes=1)
    ours.products += [product(1), product(2, is_active=False, is_service=True, ncm="")]
    caller = new_tiny(ours)
    # Trap 35: the search is mandatory, and may be empty.
    assert caller.code("produtos.pesquisa") == 10
    rows = caller.retorno("produtos.pesquisa", pesquisa="")["produtos"]
    assert [(row["produto"]["nome"], row["produto"]["situacao"]) for row in rows] == [
        ("ITEM 1", "A"),
        ("ITEM 2", "I"),
    ]
    assert "ncm" not in rows[0]["produto"]
    assert len(caller.retorno("produtos.pesquisa", pesquisa="item 2")["produtos"]) == 1
    assert caller.code("produtos.pesquisa", pesquisa="", situacao="E") == 20
    detail = caller.retorno("produto.obter", id="1")["produto"]
    assert (detail["ncm"], detail["tipo"], detail["preco"]) == ("0811.90.00", "P", "2.48")
    assert [caller.code("produto.obter", **asked) for asked in ({"id": "9"}, {})] == [32, 10]
    invoice = caller.retorno("nota.fiscal.obter", id="7001")["nota_fiscal"]
    assert (invoice["tipo_nota"], invoice["itens"][0]["item"]["ncm"]) == ("S", "0811.90.00")
    account = caller.retorno("info")["conta"]
    assert (account["cnpj_cpf"], account["razao_social"]) == ("12.ABC.345/01DE-35", "EMPRESA TESTE LTDA")


def test_titles(new_tiny: NewTiny) -> None:
    caller = new_tiny(ledger())
    service = "contas.pagar.pesquisa"
    rows = caller.retorno(service, data_ini_vencimento="03/04/2026", data_fim_vencimento="30/04/2026")
    words = [row["conta"]["situacao"] for row in rows["contas"]]
    assert words == ["aberto", "aberto", "parcial", "pago", "cancelada", "cancelada"]
    assert rows["contas"][0]["conta"] == {
        "id": "9001",
        "nome_cliente": "Parceiro Sintético Ltda",
        "historico": "",
        "numero_doc": "12/1",
        "data_vencimento": "03/04/2026",
        "data_emissao": "03/11/2026",
        "valor": "150.00",
        "saldo": "100.00",
        "situacao": "aberto",
    }
    detail = caller.retorno("conta.pagar.obter", id="9001")["conta"]
    assert (detail["categoria"], detail["competencia"], detail["vencimento"]) == (
        "Aluguel",
        "10/2026",
        "03/04/2026",
    )
    assert len(caller.retorno(service, data_ini_vencimento="05/04/2026", situacao="cancelada")["contas"]) == 2
    assert [caller.code(service, **asked) for asked in ({}, {"situacao": "vencida"})] == [10, 31]
    assert caller.code(service, data_ini_emissao="04/11/2026") == 20
    # A payable is no receivable.
    assert caller.code("conta.receber.obter", id="9001") == 32
    assert caller.code("contas.receber.pesquisa", situacao="aberto") == 20
