"""The dirt of the CRM (contract of SprintHub, section 9, traps 4 and 8): fields as they really arrive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True)
class Dirt:
    """A case: what it shows, and the fields of the detail that it replaces."""

    name: str
    fields: dict[str, Any]


DIRT: Final = (
    Dirt("zero, empty and false are values", {"points": 0, "star_score": 0, "bairro": "", "feedback": False}),
    Dirt("no points", {"points": None}),
    Dirt("points as a numeric text", {"points": "12"}),
    Dirt("points as a float", {"points": 12.7}),
    Dirt("archived as a number", {"archived": 0, "ignoreSubDepartments": 1}),
    Dirt("the text 0 is false", {"ignoreSubDepartments": "0", "archived": "false"}),
    Dirt("two e-mail addresses", {"email": "um@example.com, dois@example.org"}),
    Dirt("emoji and combining accents", {"firstname": "Zé 👩‍⚕️🇧🇷", "lastname": "Conceic\u0327a\u0303o"}),
    Dirt("UTF-8 read as cp1252", {"observacao": "AtenÃ§Ã£o: nÃ£o ligar Ã  noite â€” obrigado"}),
    Dirt("Brazilian dates", {"data_de_nascimento": "31/12/1987", "data_do_contato": "05/03/2024 14:30"}),
    Dirt("dates with a time", {"data_recompra": "2024-02-29T23:30:00.000Z", "data_do_contato": "2024-01-05"}),
    Dirt("the zero date", {"data_recompra": "0000-00-00", "data_do_contato": "0000-00-00 00:00:00"}),
    Dirt("impossible dates", {"data_de_nascimento": "31/02/1990", "data_recompra": "2023-02-30"}),
    Dirt("dates in no known form", {"data_do_contato": "semana que vem", "data_recompra": "12-31-2024"}),
    Dirt("empty dates", {"data_de_nascimento": "", "data_recompra": " ", "data_do_contato": None}),
    Dirt("integer overflow", {"points": 2_147_483_648, "updatedBy": "99999999999"}),
    Dirt("beyond a bigint", {"createdBy": 9_223_372_036_854_775_808}),
    Dirt("an owner that is no number", {"owner": "Vendas Um", "points": "doze"}),
    Dirt("a very long text", {"observacoes_do_lead": "muito longo, com acentuação 🙂 " * 4_000}),
    Dirt("NUL in a text", {"observacao": "antes\u0000depois", "feedback": "fica"}),
    Dirt("NUL in a nested value", {"thirdPartyData": {"nota": "antes\u0000depois"}}),
    Dirt("half of an emoji", {"criativo": "cortado \ud83d", "plataforma": "Meta"}),
    Dirt("lists and objects in text fields", {"redes_sociais": ["@exemplo", "@outro"], "site": {"url": "x"}}),
    Dirt(
        "numbers in text fields", {"cpf": 12345678901, "mes_que_entrou": 7, "capital_de_investimento": 1500.5}
    ),
    Dirt("new custom fields", {"campo_novo_do_crm": "sim", "valor_do_frete": 0, "Campo Com Espaço": "é"}),
    Dirt("NUL in a new custom field", {"campo_novo_do_crm": "a\u0000b", "valor_do_frete": "12,50"}),
    Dirt("the dialler's field", {"qualificacao_callix": "interessado", "status_callix": "atendido"}),
    Dirt(
        "synonyms",
        {"categoria": None, "category": "dermo", "origem": None, "origin": "loja", "product": "kit"},
    ),
    Dirt("timestamps without zone", {"lastActive": "2024-05-06 07:08:09", "updatedDate": "06/05/2024 07:08"}),
    Dirt("unusable timestamps", {"lastActive": "ontem", "updatedDate": "2024-13-01T00:00:00.000Z"}),
    Dirt("jsonb as text", {"userAccess": "[1,2]", "departmentAccess": None, "thirdPartyData": "texto"}),
    Dirt(
        "nothing but nulls",
        dict.fromkeys(("firstname", "lastname", "fullname", "email", "phone", "whatsapp")),
    ),
    Dirt(
        "quotes and tabs", {"observacao": "aspas \" ' \\ \t\r\n; -- drop table", "complemento": "  bordas  "}
    ),
)
