"""Which readable mappings are still rejected, and with which sentence."""

from __future__ import annotations

from typing import Any

import pytest

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.scouter.mapping.field_mapping import FieldMapping
from sync_pipelines.scouter.mapping.mapping_rules import validate_mapping

SOURCE = ("id", "name", "updated_at", "age", "celular", "telefone_casa", "photo_url", "tab_real", "criado")

DESTINATION = ("id", "nome", "updated_at", "age", "telefone", "foto", "email", "criado", "sync_source")

WHOLE = {"id": "id", "nome": "name", "updated_at": "updated_at"}


def refusal(document: Any) -> str:
    """Why a mapping cannot be read, or cannot be used between the two sides."""
    with pytest.raises(PermanentError) as refused:
        validate_mapping(FieldMapping.parse(document), SOURCE, DESTINATION)
    return str(refused.value)


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (
            WHOLE | {"phone": "celular", "responsavel": "responsible"},
            ("Gestão Scouter has no column phone, responsavel", "TabuladorMax has no column responsible"),
        ),
        (WHOLE | {"age": "tab_idade"}, ("TabuladorMax has no column tab_idade",)),
        (WHOLE | {"email": "celular"}, ("email of Gestão Scouter belong to its own users",)),
        (
            WHOLE | {"sync_source": "celular"},
            ("sync_source of Gestão Scouter are written by the push itself",),
        ),
        ({"nome": "name", "age": "age"}, ("id, updated_at of TabuladorMax must be mapped",)),
        (WHOLE | {"id": "age"}, ("id of TabuladorMax must be mapped",)),
        ({"nome": "name", "age": "id", "updated_at": "updated_at"}, ("id must go to id as it is",)),
        (
            WHOLE | {"id": {"from": "id", "transform": "text"}},
            ("id must go to id as it is",),
        ),
        (
            {"id": "id", "nome": "name", "criado": "updated_at"},
            ("updated_at must go to updated_at as it is",),
        ),
    ],
)
def test_a_mapping_that_cannot_be_used_is_refused_with_every_reason(
    document: dict[str, Any], told: tuple[str, ...]
) -> None:
    said = refusal(document)
    assert [part for part in told if part not in said] == []


def test_the_prefix_of_some_screens_is_taken_off_but_not_from_a_column_that_is_called_so() -> None:
    document = {"id": "tab_id", "nome": "tab_name", "updated_at": "tab_updated_at", "age": "tab_real"}
    made = validate_mapping(FieldMapping.parse(document), SOURCE, DESTINATION)
    assert made.document() == WHOLE | {"age": "tab_real"}


def test_an_identity_mapping_is_one_like_any_other() -> None:
    names = ("id", "name", "updated_at", "age")
    made = validate_mapping(FieldMapping.parse({name: name for name in names}), names, names)
    assert [field.is_plain for field in made.fields] == [True] * 4
