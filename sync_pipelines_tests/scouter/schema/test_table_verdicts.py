"""What is wrong with the destination's table as a whole."""

from __future__ import annotations

import pytest

from sync_pipelines.scouter.mapping.field_mapping import FieldMapping
from sync_pipelines.scouter.schema.columns import DestinationColumn
from sync_pipelines.scouter.schema.table_verdicts import table_verdicts

WHOLE = FieldMapping.parse({"id": "id", "nome": "name", "updated_at": "updated_at"})


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
