"""What the destination must hold of a lead, straight from the contract (section 5.2) and by no code of the product.

Slow and plain on purpose: one `if` a rule. What a rule refuses is in `rejected`, and then its column is left alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

_SYSTEM: Final = {
    **dict.fromkeys(
        ("firstname", "lastname", "email", "phone", "whatsapp", "mobile", "address", "city"), "text"
    ),
    **dict.fromkeys(("state", "country", "zipcode", "timezone", "bairro", "complemento", "company"), "text"),
    **dict.fromkeys(("stage", "preferred_locale"), "text"),
    "owner": "int4",
    "points": "int4",
    "archived": "boolean",
}
#: The system fields whose column is spelled otherwise.
_RENAMED: Final = {
    "photoUrl": ("photo_url", "text"),
    "userAccess": ("user_access", "jsonb"),
    "departmentAccess": ("department_access", "jsonb"),
    "ignoreSubDepartments": ("ignore_sub_departments", "boolean"),
    "createDate": ("create_date", "timestamptz"),
    "updatedDate": ("updated_date", "timestamptz"),
    "lastActive": ("last_active", "timestamptz"),
    "createdBy": ("created_by", "int8"),
    "createdByName": ("created_by_name", "text"),
    "createdByType": ("created_by_type", "text"),
    "updatedBy": ("updated_by", "int4"),
    "updatedByName": ("updated_by_name", "text"),
    "thirdPartyData": ("third_party_data", "jsonb"),
}
_CUSTOM: Final = (
    *(
        "numero_entrega",
        "rua_entrega",
        "capital_de_investimento",
        "tipo_de_compra",
        "pedidos_shopify",
        "categoria",
    ),
    *(
        "classificacao_google",
        "grau_de_interesse",
        "star_score",
        "avaliacao_atendente",
        "avaliacao_atendimento",
    ),
    *("origem", "origem_manipulacao", "lista_de_origem", "criativo", "plataforma", "redes_sociais", "site"),
    *("atendente", "atendente_atual", "feedback", "observacao", "observacoes_do_lead", "comportamento_da_ia"),
    *(
        "retorno",
        "prescritor",
        "produto",
        "drograria",
        "mes_que_entrou",
        "cpf",
        "rg",
        "arquivo_receita",
        "id_t56",
    ),
    *(
        "empresa",
        "sexo",
        "objetivos_do_cliente",
        "perfil_do_cliente",
        "recebedor",
        "whatsapp_remote_lid",
        "status",
    ),
    "sh_status",
)
_DATES: Final = ("data_recompra", "data_de_nascimento", "data_do_contato")
#: Field of the CRM → column and type.
COLUMNS: Final[Mapping[str, tuple[str, str]]] = {
    **{name: (name, kind) for name, kind in _SYSTEM.items()},
    **_RENAMED,
    **{name: (name, "text") for name in _CUSTOM},
    **{name: (name, "date") for name in _DATES},
}
#: A second spelling counts where the first says nothing.
SYNONYMS: Final = {
    "category": "categoria",
    "origin": "origem",
    "observation": "observacao",
    "product": "produto",
}
#: System fields for which there is no column.
UNMAPPED: Final = (
    *(
        "id",
        "fullname",
        "utmTags",
        "tags",
        "forms",
        "ips",
        "channelRestrictions",
        "customFields",
        "ownerData",
    ),
)
_LARGEST: Final = {"int4": 2**31 - 1, "int8": 2**63 - 1}
_BRAZILIAN: Final = re.compile(r"(\d\d)/(\d\d)/(\d{4})(?:[ T](\d\d:\d\d(?::\d\d)?))?")
_ISO: Final = re.compile(r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:?\d\d)?)?")


class RefusedValueError(ValueError):
    """A value that has no place in its column."""


@dataclass
class Truth:
    """A lead: what its columns hold as psycopg reads them, what `extra` holds, and the fields that were refused.

    A column that is neither here nor refused was not sent, and keeps what it held.
    """

    columns: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, Any] | None = None
    rejected: set[str] = field(default_factory=set)


def truth_of(detail: Mapping[str, Any], zone: str = "America/Sao_Paulo") -> Truth:
    """Apply the rules to a detail; Brazilian timestamps are in `zone`."""
    truth = Truth()
    fields = {name: value for name, value in detail.items() if name not in UNMAPPED and name not in SYNONYMS}
    for second, first in SYNONYMS.items():
        if second in detail and fields.get(first) is None:
            fields[first] = detail[second]
    extra: dict[str, Any] = {}
    for name, value in fields.items():
        try:
            if name in COLUMNS:
                column, kind = COLUMNS[name]
                truth.columns[column] = _value(kind, value, ZoneInfo(zone))
                if name == "points" and truth.columns[column] is None:
                    truth.columns[column] = 0
            else:
                extra[_clean(name)] = _jsonb(value)
        except RefusedValueError:
            truth.rejected.add(name)
    truth.extra = extra or None
    return truth


def _value(kind: str, value: Any, zone: ZoneInfo) -> Any:
    if value is None:
        return None
    if kind not in {"text", "jsonb"} and isinstance(value, str) and not value.strip():
        return None
    if kind in _LARGEST:
        return _integer(value, _LARGEST[kind])
    rules: dict[str, Callable[[], Any]] = {
        "text": lambda: _text(value),
        "boolean": lambda: _boolean(value),
        "jsonb": lambda: _jsonb(value),
        "date": lambda: _date(value),
        "timestamptz": lambda: _timestamp(value, zone),
    }
    return rules[kind]()


def _text(value: Any) -> str:
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    if isinstance(value, str):
        return _clean(value)
    raise RefusedValueError


def _clean(text: str) -> str:
    """Postgres stores neither NUL nor half a character."""
    if "\0" in text or any("\ud800" <= each <= "\udfff" for each in text):
        raise RefusedValueError
    return text


def _jsonb(value: Any) -> Any:
    if isinstance(value, str):
        return _clean(value)
    if isinstance(value, list):
        return [_jsonb(each) for each in value]
    if isinstance(value, dict):
        return {_clean(name): _jsonb(each) for name, each in value.items()}
    return value


def _integer(value: Any, largest: int) -> int:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise RefusedValueError
    if isinstance(value, str) and not re.fullmatch(r"-?[0-9]+", value):
        raise RefusedValueError
    number = int(value)
    if not -largest - 1 <= number <= largest:
        raise RefusedValueError
    return number


def _boolean(value: Any) -> bool:
    known = {"true": True, "1": True, "false": False, "0": False}
    text = json.dumps(value) if isinstance(value, bool | int) else str(value)
    if text not in known:
        raise RefusedValueError
    return known[text]


def _date(value: Any) -> date:
    try:
        if isinstance(value, str) and (found := _BRAZILIAN.fullmatch(value)):
            return date(int(found[3]), int(found[2]), int(found[1]))
        if isinstance(value, str) and _ISO.fullmatch(value):
            datetime.fromisoformat(value)
            return date.fromisoformat(value[:10])
    except ValueError:
        pass
    raise RefusedValueError


def _timestamp(value: Any, zone: ZoneInfo) -> datetime:
    try:
        if isinstance(value, str) and (found := _BRAZILIAN.fullmatch(value)):
            iso = f"{found[3]}-{found[2]}-{found[1]}T{found[4] or '00:00'}"
            return datetime.fromisoformat(iso).replace(tzinfo=zone).astimezone(UTC)
        if isinstance(value, str) and _ISO.fullmatch(value):
            moment = datetime.fromisoformat(value)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except ValueError:
        pass
    raise RefusedValueError
