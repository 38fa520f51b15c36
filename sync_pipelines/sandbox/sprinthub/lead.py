"""A lead of the CRM as its detail has it, made from its number alone: the same in a small world and in a large one.

Every name is made up. One lead in eleven bears one case of `dirt.DIRT`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sync_pipelines.sandbox.sprinthub.dirt import DIRT

FIRST_NAMES: Final = (
    *("Ana", "José", "Luíza", "João", "Conceição", "Antônio", "Márcia", "Íris", "Ângela", "Cauã", "Zoë"),
    *("Thaís", "Érico", "Nádia", "Ubiratã", "Letícia", "Otávio", "Inês", "Açucena"),
)
LAST_NAMES: Final = (
    *("Exemplo", "da Fonte", "de Assunção", "Caravela", "D'Ávila", "Pedregulho", "Ribeirão", "Montanha"),
    *("Sabiá", "Araçá", "Girassol", "Cachoeira", "Amanhecer"),
)
CITIES: Final = (
    ("São Paulo", "SP"),
    ("Florianópolis", "SC"),
    ("Maceió", "AL"),
    ("Goiânia", "GO"),
    ("Belém", "PA"),
)
SELLERS: Final = ("Vendas Um", "Vendas Dois", "Atendimento Três", "Robô de Testes")
STAGES: Final = ("novo", "em atendimento", "orçamento enviado", "cliente", "perdido")
PRODUCTS: Final = ("cápsulas", "creme manipulado", "solução oral", "kit cabelo", None)
#: A creation every sixteen minutes or so, so that ids and dates have one order.
_BEGINNING: Final = datetime(2022, 6, 1, tzinfo=UTC)
_STEP: Final = 997

#: The custom fields that are mostly empty.
_EMPTY_CUSTOM: Final = dict.fromkeys(
    (
        *("capital_de_investimento", "pedidos_shopify", "classificacao_google", "avaliacao_atendente"),
        *(
            "avaliacao_atendimento",
            "origem_manipulacao",
            "lista_de_origem",
            "criativo",
            "redes_sociais",
            "site",
        ),
        *("atendente", "feedback", "observacoes_do_lead", "comportamento_da_ia", "retorno", "prescritor"),
        *("drograria", "mes_que_entrou", "rg", "arquivo_receita", "empresa", "objetivos_do_cliente"),
        *("perfil_do_cliente", "recebedor", "status", "data_recompra", "data_do_contato"),
    )
)


def created(lead_id: int) -> datetime:
    """When the CRM made the lead; every thirteenth came with the one before, in one import."""
    return _BEGINNING + timedelta(seconds=(lead_id - (lead_id % 13 == 0)) * _STEP, milliseconds=123)


def stamp(moment: datetime) -> str:
    """A moment as the CRM writes it: milliseconds and `Z`."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def generated(lead_id: int) -> dict[str, Any]:
    """The lead's detail as a new dictionary: system fields in camelCase, custom fields in snake_case."""
    lead = _person(lead_id) | _state(lead_id) | _nested(lead_id) | _EMPTY_CUSTOM | _custom(lead_id)
    if lead_id % 11 == 0:
        lead |= DIRT[lead_id // 11 % len(DIRT)].fields
    return lead


def _person(n: int) -> dict[str, Any]:
    first = FIRST_NAMES[n % len(FIRST_NAMES)]
    last = LAST_NAMES[n // 3 % len(LAST_NAMES)]
    city, state = CITIES[n // 7 % len(CITIES)]
    phone = f"+55119{n:08d}"
    return {
        "id": n,
        "firstname": first,
        "lastname": last,
        "fullname": f"{first} {last}",
        "email": f"lead{n}@example.com" if n % 5 else f"lead{n}@example.com,outro{n}@example.org",
        "phone": phone,
        "whatsapp": phone,
        "mobile": None if n % 3 else phone,
        "address": f"Rua do Exemplo, {n % 999}",
        "city": city,
        "state": state,
        "country": "Brasil",
        "zipcode": f"{n % 100_000:05d}-000",
        "timezone": "America/Sao_Paulo",
        "bairro": "Centro" if n % 4 else None,
        "complemento": f"apto {n % 90}" if n % 6 == 0 else "",
        "preferred_locale": "pt_BR",
        "cpf": f"000.{n % 1000:03d}.000-{n % 100:02d}",
        "sexo": ("feminino", "masculino", None)[n % 3],
        "data_de_nascimento": f"{1950 + n % 50}-{1 + n % 12:02d}-{1 + n % 28:02d}" if n % 4 else None,
    }


def _state(n: int) -> dict[str, Any]:
    made = created(n)
    return {
        "owner": 10 + n % 4 if n % 9 else None,
        "points": str(n % 40) if n % 2 else n % 40,
        "stage": STAGES[n % len(STAGES)],
        "archived": False,
        "company": f"Empresa de Exemplo {n % 50}" if n % 8 == 0 else None,
        "photoUrl": f"https://cdn.example.com/foto/{n}.jpg" if n % 10 == 0 else None,
        "createDate": stamp(made),
        "updatedDate": stamp(made + timedelta(days=n % 300, seconds=n % 86_400)),
        "lastActive": stamp(made + timedelta(days=n % 200)) if n % 6 else None,
        "createdBy": 10 + n % 4,
        "createdByName": SELLERS[n % 4],
        "createdByType": "user" if n % 3 else "form",
        "updatedBy": 10 + n % 3,
        "updatedByName": SELLERS[n % 3],
        "ignoreSubDepartments": bool(n % 2) if n % 3 else n % 2,
    }


def _nested(n: int) -> dict[str, Any]:
    return {
        "userAccess": [10 + n % 4, 20],
        "departmentAccess": [] if n % 2 else [3],
        "thirdPartyData": {"shopify": {"orders": n % 5, "note": "pedido à vista"}} if n % 3 == 0 else {},
        "utmTags": [],
        "tags": [{"id": 1, "tag": "verão"}] if n % 5 == 0 else [],
        "forms": [],
        "ips": [],
        "channelRestrictions": [],
        "customFields": None,
        "ownerData": {"id": 10 + n % 4, "completName": SELLERS[n % 4]} if n % 9 else None,
    }


def _custom(n: int) -> dict[str, Any]:
    return {
        "numero_entrega": str(n % 999),
        "rua_entrega": f"Rua da Entrega {n % 300}" if n % 2 else None,
        "tipo_de_compra": ("primeira", "recompra", "")[n % 3],
        "categoria": "manipulados" if n % 4 else None,
        "grau_de_interesse": ("quente 🔥", "morno", "frio ❄️")[n % 3],
        "star_score": str(n % 6) if n % 2 else n % 6,
        "origem": ("site", "indicação", "instagram", None)[n % 4],
        "plataforma": "Meta" if n % 3 else "",
        "atendente_atual": SELLERS[n % 4],
        "observacao": f"Prefere ser chamado à tarde; pedido nº {n}." if n % 5 else None,
        "produto": PRODUCTS[n % len(PRODUCTS)],
        "id_t56": f"T56-{n}",
        "whatsapp_remote_lid": f"{n}@lid" if n % 2 else None,
        "sh_status": "ativo",
        "forma_de_pagamento": ("pix", "cartão", None)[n % 3],
        "numero_do_pedido": f"#{n % 5000}" if n % 4 == 0 else None,
    }
