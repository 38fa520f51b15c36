"""Which field mappings are taken, and what is said of those that are not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.scouter.mapping.contract_columns import REQUIRED
from sync_pipelines.scouter.mapping.default_mapping import default_mapping
from sync_pipelines.scouter.mapping.field import Field
from sync_pipelines.scouter.mapping.field_mapping import FieldMapping

SOURCE = ("id", "name", "updated_at", "age", "celular", "telefone_casa", "photo_url", "tab_real", "criado")
DESTINATION = ("id", "nome", "updated_at", "age", "telefone", "foto", "email", "criado", "sync_source")
WHOLE = {"id": "id", "nome": "name", "updated_at": "updated_at"}


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ("{", "not JSON"),
        ("[]", "not a JSON object"),
        ("null", "not a JSON object"),
        (b"\xff", "not JSON"),
        ('{"nome": "name", "id": "id", "nome": "celular"}', "two sources for nome"),
        ({"nome": ""}, "nome has no source"),
        ({"nome": None}, "nome has no source"),
        ({"nome": 5}, "nome has no source"),
        ({"nome": []}, "nome has no source"),
        ({"nome": ["name", None]}, "nome has no source"),
        ({"nome": {"transform": "text"}}, "nome has no source"),
        ({"nome": {"from": "name", "how": "text"}}, "nome has no source"),
        ({"nome": {"from": "name", "transform": "upper"}}, "nome: there is no transform upper"),
        ({"nome": {"from": "criado", "transform": "date:Mars"}}, "there is no transform date:Mars"),
        ({"nome": {"from": ["name", "celular"], "transform": "digits"}}, "nome has several sources"),
        # The driver would take it for the place of a parameter.
        ({"comissão_%": "age"}, "comissão_%: a column with % in its name"),
        ({"age": "comissão_%s"}, "age: a column with % in its name"),
        ({"nome": "", "age": 1}, "nome has no source; age has no source"),
    ],
)
def test_what_is_no_mapping_is_refused_by_name(document: Any, told: str) -> None:
    with pytest.raises(PermanentError) as refused:
        FieldMapping.parse(document)
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ("celular", Field("telefone", ("celular",))),
        (["celular"], Field("telefone", ("celular",))),
        ({"from": "celular", "transform": "none"}, Field("telefone", ("celular",))),
        (["celular", "telefone_casa"], Field("telefone", ("celular", "telefone_casa"), "first_non_empty")),
        ({"from": "celular", "transform": "digits"}, Field("telefone", ("celular",), "digits")),
        ({"from": "criado", "transform": "date:UTC"}, Field("telefone", ("criado",), "date:UTC")),
    ],
)
def test_the_ways_to_write_a_source(value: Any, field: Field) -> None:
    made = FieldMapping.parse({"telefone": value})
    assert made.fields == (field,)
    assert FieldMapping.parse(json.dumps(made.document())) == made


def test_the_order_of_a_document_is_no_other_mapping_and_a_transform_is() -> None:
    made = FieldMapping.parse(WHOLE)
    assert made == FieldMapping.parse(dict(reversed(WHOLE.items())))
    assert made.fingerprint == FieldMapping.parse(dict(reversed(WHOLE.items()))).fingerprint
    other = FieldMapping.parse(WHOLE | {"nome": {"from": "name", "transform": "lowercase"}})
    assert made.fingerprint != other.fingerprint


def test_selected_fields_and_what_cannot_be_left_out() -> None:
    made = default_mapping(SOURCE, DESTINATION)
    assert made.only(["tab_age"]).destinations == ("age", "id", "nome", "updated_at")
    assert set(made.only(["celular"]).destinations) == {"id", "nome", "updated_at", "celular", "telefone"}
    assert made.only([]).sources == set(REQUIRED)
    with pytest.raises(PermanentError, match="fields_selected names address, idade"):
        made.only(["idade", "age", "address"])


def test_a_change_of_date_alone_is_no_content() -> None:
    made = FieldMapping.parse(WHOLE | {"age": "age"})
    assert [field.destination for field in made.hashed] == ["age", "id", "nome"]
