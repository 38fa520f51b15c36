"""Which field mappings are taken, and what is said of those that are not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.scouter.mapping.field_mapping import (
    OWNED,
    REQUIRED,
    STAMPS,
    Field,
    FieldMapping,
    default_mapping,
    validated,
)

SOURCE = ("id", "name", "updated_at", "age", "celular", "telefone_casa", "photo_url", "tab_real", "criado")
DESTINATION = ("id", "nome", "updated_at", "age", "telefone", "foto", "email", "criado", "sync_source")
WHOLE = {"id": "id", "nome": "name", "updated_at": "updated_at"}


def refusal(document: Any) -> str:
    """Why a mapping cannot be read, or cannot be used between the two sides."""
    with pytest.raises(PermanentError) as refused:
        validated(FieldMapping.parse(document), SOURCE, DESTINATION)
    return str(refused.value)


def test_the_pairs_of_the_contract() -> None:
    made = default_mapping(SOURCE, DESTINATION).document()
    assert {name: made[name] for name in ("id", "nome", "foto", "responsible", "age", "date_modify")} == {
        "id": "id",
        "nome": "name",
        "foto": "photo_url",
        "responsible": "responsible",
        "age": "age",
        "date_modify": "date_modify",
    }
    assert made["telefone"] == {
        "from": ["celular", "telefone_trabalho", "telefone_casa"],
        "transform": "first_non_empty",
    }
    assert {"celular", "telefone_trabalho", "telefone_casa"} <= set(made)
    assert not set(made) & (OWNED | set(STAMPS) | {"address", "responsavel", "idade", "modificado"})


def test_a_name_that_both_sides_got_later_goes_over_and_an_owned_one_does_not() -> None:
    further = {"funil_fichas", "needs_enrichment", "email", "sync_source", "only_here"}
    made = default_mapping(
        further, {"funil_fichas", "needs_enrichment", "email", "sync_source", "only_there"}
    )
    assert set(made.destinations) & (further | {"only_there"}) == {"funil_fichas"}


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
        ({"nome": "", "age": 1}, "nome has no source; age has no source"),
    ],
)
def test_what_is_no_mapping_is_refused_by_name(document: Any, told: str) -> None:
    with pytest.raises(PermanentError) as refused:
        FieldMapping.parse(document)
    assert told in str(refused.value)


def test_the_prefix_of_some_screens_is_taken_off_but_not_from_a_column_that_is_called_so() -> None:
    document = {"id": "tab_id", "nome": "tab_name", "updated_at": "tab_updated_at", "age": "tab_real"}
    made = validated(FieldMapping.parse(document), SOURCE, DESTINATION)
    assert made.document() == WHOLE | {"age": "tab_real"}


def test_an_identity_mapping_is_one_like_any_other() -> None:
    names = ("id", "name", "updated_at", "age")
    made = validated(FieldMapping.parse({name: name for name in names}), names, names)
    assert [field.is_plain for field in made.fields] == [True] * 4


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
