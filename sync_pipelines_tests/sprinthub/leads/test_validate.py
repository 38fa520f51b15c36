from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_pipelines.lib import exact_json
from sync_pipelines.lib.postgres.catalog import TableColumn
from sync_pipelines.lib.records.rejects import RejectedRow
from sync_pipelines.sprinthub.leads.contract_columns import (
    COLUMN_OF_FIELD,
    CONTRACT_TYPES,
    SYNONYMS,
    is_local,
)
from sync_pipelines.sprinthub.leads.unusable import UnusableError
from sync_pipelines.sprinthub.leads.validate import ValidLead, list_document, list_hash, validate
from sync_pipelines_tests.sprinthub.leads.live_columns import live_columns

COLUMNS = live_columns(
    TableColumn("frete", "numeric(10,2)", not_null=False),
    TableColumn("obrigatorio", "text", not_null=True),
    TableColumn("uid", "uuid", not_null=False),
)


def valid(**fields: Any) -> ValidLead:
    return validate({"id": 7, **fields}, COLUMNS)


def document(**fields: Any) -> dict[str, Any]:
    """What is loaded of a detail without rejects, but for an empty `extra`."""
    found = valid(**fields)
    assert found.rejects == ()
    return {name: value for name, value in found.document.items() if name != "extra" or value is not None}


def rejected(**fields: Any) -> dict[str, str]:
    """The rules that fields break, by field; none of them has a column in the document."""
    found = valid(**fields)
    names = {COLUMN_OF_FIELD.get(str(row.locator["field"]), row.locator["field"]) for row in found.rejects}
    assert not names & found.document.keys()
    return {str(row.locator["field"]): row.rule for row in found.rejects}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {}),
        ({"firstname": "Zé 👩‍⚕️", "lastname": None}, {"firstname": "Zé 👩‍⚕️", "lastname": None}),
        # Values that the application took for nothing.
        (
            {"star_score": 0, "bairro": "", "feedback": False},
            {"star_score": "0", "bairro": "", "feedback": "false"},
        ),
        ({"points": 0, "archived": False}, {"points": 0, "archived": False}),
        ({"points": None}, {"points": 0}),
        ({"points": ""}, {"points": 0}),
        ({"owner": None, "createdBy": ""}, {"owner": None, "created_by": None}),
        (
            {"data_recompra": "", "archived": " ", "userAccess": ""},
            {"data_recompra": None, "archived": None, "user_access": None},
        ),
        ({"points": "12", "owner": Decimal("12.7")}, {"points": 12, "owner": 12}),
        ({"email": "um@example.com, dois@example.org"}, {"email": "um@example.com, dois@example.org"}),
        ({"preferred_locale": "pt_BR", "drograria": "x"}, {"preferred_locale": "pt_BR", "drograria": "x"}),
        ({"data_do_contato": "05/03/2024 14:30"}, {"data_do_contato": "2024-03-05"}),
        ({"lastActive": "06/05/2024 07:08"}, {"last_active": "2024-05-06T10:08:00+00:00"}),
        (
            {"thirdPartyData": {"a": [1]}, "userAccess": [1, 2]},
            {"third_party_data": {"a": [1]}, "user_access": [1, 2]},
        ),
        ({"frete": "12.50"}, {"frete": Decimal("12.50")}),
    ],
)
def test_a_document_has_what_the_api_said(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    assert document(**fields) == expected


@pytest.mark.parametrize(("field", "column"), COLUMN_OF_FIELD.items())
def test_a_system_field_fills_its_column_under_its_own_name_alone(field: str, column: str) -> None:
    assert document(**{field: None}) == {column: None}
    custom = valid(**{column: "x"})
    assert custom.document == {"extra": {column: "x"}}
    assert COLUMNS.suggested_sql([column]) == ()


@pytest.mark.parametrize(("own", "other"), SYNONYMS.items())
def test_a_second_spelling_speaks_where_the_first_says_nothing(own: str, other: str) -> None:
    assert document(**{other: "b"}) == {own: "b"}
    assert document(**{other: "b", own: None}) == {own: "b"}
    assert document(**{own: "a", other: "b"}) == {own: "a"}
    assert document(**{own: "", other: "b"}) == {own: ""}
    assert document(**{own: None, other: None}) == {own: None}
    assert document(**{other: None}) == {}
    assert rejected(**{other: ["b"], own: None}) == {other: "text"}
    assert rejected(**{own: ["a"], other: "b"}) == {own: "text"}


@pytest.mark.parametrize(
    ("fields", "rules"),
    [
        ({"observacao": "a\x00b", "feedback": "fica"}, {"observacao": "nul"}),
        ({"thirdPartyData": {"nota": "a\x00b"}}, {"thirdPartyData": "nul"}),
        ({"criativo": "\ud83d"}, {"criativo": "surrogate"}),
        (
            {"owner": {"completName": "Vendas"}, "points": "doze"},
            {"owner": "whole_number", "points": "whole_number"},
        ),
        ({"points": 2**31, "createdBy": 2**63}, {"points": "out_of_range", "createdBy": "out_of_range"}),
        (
            {"data_recompra": "0000-00-00", "updatedDate": "ontem"},
            {"data_recompra": "impossible_date", "updatedDate": "date"},
        ),
        ({"archived": "não"}, {"archived": "boolean"}),
        ({"email": "é" * 1301}, {"email": "too_long"}),
        ({"city": "é" * 651}, {"city": "too_long"}),
        ({"novo": "a\x00b"}, {"novo": "nul"}),
        ({"no\x00vo": 1}, {"no\x00vo": "nul"}),
        ({"novo": [Decimal("1e200000")]}, {"novo": "out_of_range"}),
        ({"obrigatorio": None}, {"obrigatorio": "required"}),
    ],
)
def test_a_field_that_cannot_be_used_is_a_reject_and_the_rest_is_loaded(
    fields: dict[str, Any], rules: dict[str, str]
) -> None:
    assert rejected(**fields) == rules
    kept = valid(firstname="Ana", **fields).document
    assert kept["firstname"] == "Ana"
    assert kept["extra"] is None
    assert kept.get("feedback") == fields.get("feedback")


def test_a_reject_has_the_value_for_us_and_not_in_its_reason() -> None:
    found = validate({"id": 7, "points": "doze", "userAccess": ["\x00"]}, COLUMNS, partition_key="69")
    assert found.rejects == (
        RejectedRow(
            partition_key="69",
            locator={"lead": 7, "field": "points"},
            value="doze",
            rule="whole_number",
            reason="the text is no whole number",
            raw={"points": "doze"},
        ),
        RejectedRow(
            partition_key="69",
            locator={"lead": 7, "field": "userAccess"},
            value='["\\u0000"]',
            rule="nul",
            reason="the text holds the character NUL, which Postgres does not store",
            raw={"userAccess": ["\x00"]},
        ),
    )


def test_texts_that_fit_an_index_are_kept_and_long_ones_without_index_too() -> None:
    long = "é" * 100_000
    assert document(email="é" * 1300, observacoes_do_lead=long) == {
        "email": "é" * 1300,
        "observacoes_do_lead": long,
    }


def test_a_field_without_a_column_is_kept_and_named() -> None:
    found = valid(novo="sim", valor=Decimal("1.50"), vazio=None, uid="not a uuid", fullname="A B", tags=[1])
    assert found.document == {
        "extra": {"novo": "sim", "valor": Decimal("1.50"), "vazio": None, "uid": "not a uuid"}
    }
    assert found.json == '{"extra":{"novo":"sim","valor":1.50,"vazio":null,"uid":"not a uuid"}}'
    assert valid().document == {"extra": None}


def test_what_is_ours_or_the_diallers_is_kept_aside_and_is_no_drift() -> None:
    ours = {
        "qualificacao_callix": "interessado",
        "novo_Callix": 1,
        "segmento": 5,
        "synced_at": "2024-01-01",
        "extra": {"a": 1},
        "id_sprinthub": 9,
    }
    found = valid(**ours)
    assert found.document == {"extra": ours}
    assert found.rejects == ()
    assert [name for name in ours if not is_local(name)] == []


@pytest.mark.parametrize("number", [None, 0, -1, True, "x", Decimal("7.5"), 2**63])
def test_a_lead_without_a_number_is_unusable(number: Any) -> None:
    with pytest.raises(UnusableError):
        validate({"id": number}, COLUMNS)
    with pytest.raises(UnusableError):
        list_document({"id": number}, 69, COLUMNS)


SCALARS = st.none() | st.booleans() | st.integers() | st.text() | st.floats() | st.decimals(allow_nan=False)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
FIELDS = st.sampled_from([*COLUMN_OF_FIELD, *CONTRACT_TYPES, *SYNONYMS.values(), "frete", "tags"]) | st.text()


@pytest.mark.slow
@given(st.dictionaries(FIELDS, VALUES, max_size=8))
def test_no_field_is_lost_and_none_is_guessed(detail: dict[str, Any]) -> None:
    found = validate({**detail, "id": 7}, COLUMNS)
    rejects = {str(row.locator["field"]) for row in found.rejects}
    extra = found.document["extra"] or {}
    for name, value in detail.items():
        field = COLUMNS.fields.get(name)
        places = [name in rejects, name in extra, bool(field and field.column in found.document)]
        if name in {*COLUMNS.ignored, "id"}:
            assert name not in extra
        elif field and value is None:
            assert found.document[field.column] == (0 if name == "points" else None) or name in SYNONYMS
        else:
            assert places.count(True) == 1
    said = {COLUMN_OF_FIELD.get(name, name) for name in detail} | {"extra"}
    said |= {own for own, other in SYNONYMS.items() if other in detail}
    assert found.document.keys() <= said
    assert exact_json.loads(found.json).keys() == found.document.keys()


def test_a_list_item_says_little_and_nothing_of_the_owner() -> None:
    item = {
        "id": 7,
        "fullname": " Maria  Clara dos Testes ",
        "photoUrl": None,
        "email": "a@example.com,b@example.com",
        "points": "12",
        "city": "Belém",
        "lastActive": "2024-05-06T07:08:09.123Z",
        "createDate": None,
        "archived": 0,
        "owner": {"completName": "Vendas"},
        "companyData": {"companyname": "X"},
    }
    assert list_document(item, 69, COLUMNS).document == {
        "firstname": "Maria",
        "lastname": "Clara dos Testes",
        "photo_url": None,
        "email": "a@example.com,b@example.com",
        "points": 12,
        "city": "Belém",
        "last_active": "2024-05-06T07:08:09.123+00:00",
        "create_date": None,
        "archived": False,
        "segmento": 69,
    }


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({}, {}),
        ({"fullname": None}, {}),
        ({"fullname": "  "}, {}),
        ({"fullname": "Maria"}, {"firstname": "Maria"}),
        ({"fullname": ["Maria"]}, {}),
        ({"owner": 12, "phone": "1", "updatedDate": "2024-01-01"}, {}),
        ({"points": None}, {"points": 0}),
    ],
)
def test_a_list_item_that_says_nothing_of_a_column_leaves_it(
    item: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert list_document({"id": 7, **item}, 69, COLUMNS).document == {**expected, "segmento": 69}


def test_a_field_of_a_list_item_may_be_a_reject() -> None:
    found = list_document({"id": 7, "email": "a\x00b", "lastActive": "ontem"}, 69, COLUMNS)
    assert found.document == {"segmento": 69}
    assert [(row.partition_key, row.rule) for row in found.rejects] == [("69", "nul"), ("69", "date")]


def test_a_hash_is_of_what_is_said_and_not_of_its_order() -> None:
    item = {"id": 7, "fullname": "\ud83d", "points": Decimal("1.5"), "owner": {"completName": "A"}}
    assert list_hash(item) == list_hash(dict(reversed(item.items())))
    others = [item | {"points": None}, item | {"owner": None}, {**item, "city": None}, item | {"id": "7"}]
    assert len({list_hash(one) for one in [item, *others]}) == 5


def test_the_suggested_sql_quotes_what_the_crm_named() -> None:
    names = [
        "novo",
        'x"; drop table api.leads; --',
        "Campo Com Espaço",
        "novo",
        "photoUrl",
        "é" * 40,
        "uid",
        "b_callix",
        "",
    ]
    assert COLUMNS.suggested_sql(names) == (
        'alter table "api"."leads" add column "Campo Com Espaço" text;',
        'alter table "api"."leads" add column "novo" text;',
        'alter table "api"."leads" add column "x""; drop table api.leads; --" text;',
    )
    without = live_columns()
    bare = type(without)(without.live[:3], without.indexed, without.zone)
    assert bare.suggested_sql(["photoUrl", "createDate"]) == (
        'alter table "api"."leads" add column "create_date" timestamptz;',
        'alter table "api"."leads" add column "photo_url" text;',
    )
