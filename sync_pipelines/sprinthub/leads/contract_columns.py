"""The mapping of a lead's fields to columns of `api.leads`, as data (contract, sections 5.1 and 5.2)."""

from __future__ import annotations

TABLE = "api.leads"
KEY = "id"
#: The moment at which a row was written.
STAMP = "synced_at"
SEGMENT = "segmento"
EXTRA = "extra"

#: System fields are in camelCase; all other fields have the name of their column.
COLUMN_OF_FIELD = {
    "photoUrl": "photo_url",
    "userAccess": "user_access",
    "departmentAccess": "department_access",
    "ignoreSubDepartments": "ignore_sub_departments",
    "createDate": "create_date",
    "updatedDate": "updated_date",
    "lastActive": "last_active",
    "createdBy": "created_by",
    "createdByName": "created_by_name",
    "createdByType": "created_by_type",
    "updatedBy": "updated_by",
    "updatedByName": "updated_by_name",
    "thirdPartyData": "third_party_data",
}
#: Custom fields and the spelling that is read where they say nothing.
SYNONYMS = {
    "categoria": "category",
    "origem": "origin",
    "observacao": "observation",
    "produto": "product",
}
#: System fields that have no column and are no drift.
UNMAPPED = frozenset(
    {
        *("fullname", "utmTags", "tags", "forms", "ips", "channelRestrictions", "customFields", "ownerData"),
        KEY,
    }
)
#: Columns for which null in the API means another value.
VALUE_OF_NULL = {"points": 0}
#: Fields of a list item that are columns; `owner` is a name there, not an id.
LIST_FIELDS = (
    *("photoUrl", "email", "city", "state", "country", "points", "lastActive", "createDate", "archived"),
)

_TYPES = {
    "integer": "points owner updated_by",
    "bigint": "created_by",
    "boolean": "ignore_sub_departments archived",
    "jsonb": "user_access department_access third_party_data",
    "timestamptz": "create_date updated_date last_active",
    "date": "data_recompra data_de_nascimento data_do_contato",
    "text": """
        firstname lastname email phone whatsapp mobile photo_url address city state country zipcode timezone bairro
        complemento numero_entrega rua_entrega company stage preferred_locale created_by_name created_by_type
        updated_by_name capital_de_investimento tipo_de_compra pedidos_shopify categoria classificacao_google
        grau_de_interesse star_score avaliacao_atendente avaliacao_atendimento origem origem_manipulacao
        lista_de_origem criativo plataforma redes_sociais site atendente atendente_atual feedback observacao
        observacoes_do_lead comportamento_da_ia retorno prescritor produto drograria mes_que_entrou cpf rg
        arquivo_receita id_t56 empresa sexo objetivos_do_cliente perfil_do_cliente recebedor whatsapp_remote_lid
        status sh_status
    """,
}
#: The types of the columns that the application has for fields of the CRM.
CONTRACT_TYPES = {name: kind for kind, names in _TYPES.items() for name in names.split()}

_LOCAL = frozenset({KEY, SEGMENT, EXTRA, STAMP, "id_sprinthub"})


def is_local(name: str) -> bool:
    """Whether a column is none that a field of the CRM fills: the dialler's, and those that we fill ourselves."""
    return name in _LOCAL or "callix" in name.casefold()
