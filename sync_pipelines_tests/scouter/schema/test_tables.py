"""How each side describes its table, and what the probe adds to it."""

from __future__ import annotations

from typing import Any

import pytest

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.http.postgrest import Problem
from sync_pipelines.scouter.mapping.field_mapping import FieldMapping
from sync_pipelines.scouter.schema.destination import Probed, probe_verdicts
from sync_pipelines.scouter.schema.tables import (
    DestinationColumn,
    parse_openapi,
    read_source,
    table_verdicts,
)
from sync_pipelines_tests.scouter.house import LeadHouse
from sync_pipelines_tests.scouter.schema.conftest import url_of

WHOLE = FieldMapping.parse({"id": "id", "nome": "name", "updated_at": "updated_at"})


def test_the_columns_of_the_source(lead_house: LeadHouse) -> None:
    lead_house.tab.execute(
        "create type public.estado as enum ('novo', 'velho'); create domain public.valor as numeric(7, 3);"
        " alter table public.leads add estado public.estado not null default 'novo', add valor public.valor,"
        ' add curto varchar(9), add notas numeric(5, 1)[], add "Dois Nomes" timestamptz(3),'
        " add numero bigint generated always as identity; alter table public.leads drop column fonte"
    )
    with postgres.connect(url_of(lead_house.tab), what="TabuladorMax") as connection:
        found = read_source(connection)
    assert {
        name: found[name].type for name in ("valor", "curto", "notas", "Dois Nomes", "id", "valor_ficha")
    } == {
        "valor": "numeric(7,3)",
        "curto": "character varying(9)",
        "notas": "numeric(5,1)[]",
        "Dois Nomes": "timestamp(3) with time zone",
        "id": "bigint",
        "valor_ficha": "numeric(10,2)",
    }
    assert (found["estado"].enum, found["estado"].nullable, found["estado"].has_default) == (
        ("novo", "velho"),
        False,
        True,
    )
    assert (found["numero"].has_default, found["name"].has_default, found["name"].nullable) == (
        True,
        False,
        True,
    )
    assert "fonte" not in found


def test_a_source_without_the_table_is_another_project(lead_house: LeadHouse) -> None:
    with (
        postgres.connect(url_of(lead_house.ops), what="TabuladorMax") as connection,
        pytest.raises(PermanentError, match="TABULADORMAX_DATABASE_URL names another project"),
    ):
        read_source(connection)


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


@pytest.mark.parametrize(
    ("keys", "conflict_works", "rules"),
    [
        (("id",), False, []),
        (("nome",), True, []),
        ((), True, []),
        ((), False, ["key"]),
        (("nome",), False, ["key"]),
        (("id", "nome"), False, ["key"]),
    ],
)
def test_the_key_of_the_destination(keys: tuple[str, ...], conflict_works: bool, rules: list[str]) -> None:
    columns = {name: DestinationColumn(name, "text", is_key=name in keys) for name in ("id", "nome")}
    found = table_verdicts(WHOLE, columns, conflict_works=conflict_works)
    assert [one.rule for one in found] == rules
    assert all("42P10" in one.sentence for one in found)


@pytest.mark.parametrize(
    ("column", "rules"),
    [
        (DestinationColumn("unidade", "text", required=True), ["required_unmapped"]),
        (DestinationColumn("unidade", "text", required=True, has_default=True), []),
        (DestinationColumn("unidade", "text"), []),
        (DestinationColumn("unidade", "bigint", required=True, is_key=True), []),
        (DestinationColumn("nome", "text", required=True), []),
        (DestinationColumn("sync_source", "text", required=True), []),
        (DestinationColumn("sync_source", "character varying", max_length=12), []),
        (DestinationColumn("sync_source", "character varying", max_length=11), ["stamp_type"]),
        (DestinationColumn("last_sync_at", "character varying", max_length=31), ["stamp_type"]),
        (DestinationColumn("last_sync_at", "text"), []),
        (DestinationColumn("last_sync_at", "date"), ["stamp_type"]),
        (DestinationColumn("sync_status", "public.estado", enum=("a",)), ["stamp_type"]),
        (DestinationColumn("sync_status", ""), []),
    ],
)
def test_a_column_that_would_refuse_every_row(column: DestinationColumn, rules: list[str]) -> None:
    assert [one.rule for one in table_verdicts(WHOLE, {column.name: column}, conflict_works=True)] == rules


@pytest.mark.parametrize(
    ("status", "code", "rule", "told"),
    [
        (400, "42P10", "key", "no unique key"),
        (404, "PGRST205", "table", "has no table leads"),
        (404, "42P01", "table", "has no table leads"),
        (404, None, "table", "not the address"),
        (403, "42501", "refused", "service role"),
        (401, "42501", "refused", "service role"),
        (400, "42703", "stale_cache", "reload"),
        (405, "25006", "refused", "405 25006"),
    ],
)
def test_what_a_probe_is_refused_for(status: int, code: str | None, rule: str, told: str) -> None:
    (found,) = probe_verdicts(Probed(problem=Problem(status, code, "fatal")), None)
    assert (found.field, found.level, found.rule) == ("*", "error", rule)
    assert told in found.sentence


def test_a_column_that_the_document_shows_and_a_write_does_not_find_wants_a_reload() -> None:
    shown = {"nome": DestinationColumn("nome", "text")}
    (found,) = probe_verdicts(Probed(("nome", "age")), shown)  # age has its verdict by the document
    assert (found.field, found.rule) == ("nome", "not_in_cache")
    assert [one.field for one in probe_verdicts(Probed(("nome", "age")), None)] == ["nome", "age"]
