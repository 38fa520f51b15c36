"""The columns of the destination, as its OpenAPI document shows them."""

from __future__ import annotations

from typing import Any

import pytest

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.scouter.schema.columns import DestinationColumn
from sync_pipelines.scouter.schema.openapi import parse_openapi


def test_the_columns_of_a_document() -> None:
    found = parse_openapi(
        {
            "definitions": {
                "leads": {
                    "required": ["id", "estado"],
                    "properties": {
                        "id": {"format": "int64", "type": "integer", "description": "Note:\nA key.<pk/>"},
                        "estado": {"format": "public.estado", "enum": ["a", "b"], "default": "a"},
                        "curto": {"format": "character varying", "maxLength": 9},
                    },
                }
            }
        }
    )
    assert found == {
        "id": DestinationColumn("id", "bigint", required=True, is_key=True),
        "estado": DestinationColumn("estado", "public.estado", True, enum=("a", "b"), has_default=True),
        "curto": DestinationColumn("curto", "character varying", max_length=9),
    }


@pytest.mark.parametrize("document", [None, [], {}, {"definitions": []}, {"swagger": "2.0"}, "<html>"])
def test_what_is_no_document_is_no_empty_schema(document: Any) -> None:
    with pytest.raises(PermanentError, match="no OpenAPI document"):
        parse_openapi(document)


@pytest.mark.parametrize("definitions", [{}, {"fichas": {}}, {"leads": None}])
def test_a_document_without_the_table(definitions: dict[str, Any]) -> None:
    assert parse_openapi({"definitions": definitions}) is None


@pytest.mark.parametrize("properties", [{"properties": {}}, {"properties": None}, {}])
def test_a_table_without_columns_and_without_required(properties: dict[str, Any]) -> None:
    assert parse_openapi({"definitions": {"leads": properties}}) == {}
