"""Details of the CRM through validation and merge into the application's own table, held to the fake's truth."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from psycopg import sql

from sync_pipelines.lib import exact_json, postgres
from sync_pipelines.lib.postgres import Connection, KeyMerge, Merged
from sync_pipelines.lib.postgres.catalog import TableColumn
from sync_pipelines.lib.records import open_records
from sync_pipelines.sandbox.sprinthub.dirt import DIRT
from sync_pipelines.sandbox.sprinthub.lead import generated
from sync_pipelines.sandbox.sprinthub.truth import truth_of
from sync_pipelines.sprinthub.leads.columns import LeadColumns
from sync_pipelines.sprinthub.leads.contract_columns import CONTRACT_TYPES, STAMP, TABLE
from sync_pipelines.sprinthub.leads.validate import ValidLead, list_document, validate
from sync_pipelines_tests.sprinthub.leads.live_columns import SAO_PAULO

NOW = datetime(2025, 8, 20, tzinfo=UTC)
#: What the dialler and people wrote.
LOCAL = "enviado_callix = true, callix_id = 'c1', qualificacao_callix = 'quente', id_sprinthub = 5"
Detail = Mapping[str, Any]


def decoded(detail: Detail) -> Any:
    """The detail as it comes out of the API's answer."""
    return exact_json.loads_odd(json.dumps(detail).encode())


@pytest.fixture
def connection(oficialmed_url: str) -> Iterator[Connection]:
    with postgres.connect(oficialmed_url, what="oficialmed") as opened:
        opened.execute("create temporary table detailed (id bigint primary key, doc jsonb not null)")
        yield opened


def validated(connection: Connection, details: Sequence[Detail]) -> list[ValidLead]:
    columns = LeadColumns.read(connection, SAO_PAULO)
    return [validate(decoded(detail), columns) for detail in details]


def load(connection: Connection, leads: Sequence[ValidLead]) -> Merged:
    """Merge and prove, as a run does."""
    merge = KeyMerge.of_table(
        connection,
        source=sql.SQL("pg_temp.detailed"),
        target=TABLE,
        key=["id"],
        columns=LeadColumns.read(connection, SAO_PAULO).written,
        stamped=[STAMP],
    )
    with connection.transaction():
        connection.execute("truncate detailed")
        rows = ((lead.lead_id, lead.json) for lead in leads)
        postgres.copy_rows(connection, "pg_temp.detailed", ["id", "doc"], rows=rows)
        merged = merge.run(connection, {STAMP: NOW})
        postgres.end_writes(connection)
        assert merge.differences(connection) == []
    return merged


def row(connection: Connection, lead_id: int) -> dict[str, Any]:
    with connection.cursor() as cursor:
        found = cursor.execute("select * from api.leads where id = %s", (lead_id,)).fetchone()
        assert found and cursor.description
        return dict(zip([column.name for column in cursor.description], found, strict=True))


def test_the_live_table_has_a_column_for_every_field_of_the_contract(connection: Connection) -> None:
    columns = LeadColumns.read(connection, SAO_PAULO)
    assert set(columns.written) == {*CONTRACT_TYPES, "segmento", "extra"}
    assert len(CONTRACT_TYPES) == 77  # 80 without the key, the stamp and the dialler's
    assert set(columns.detailed) == {*CONTRACT_TYPES, "extra"}
    assert columns.indexed == dict.fromkeys(
        (
            "id",
            "email",
            "phone",
            "whatsapp",
            "mobile",
            "firstname",
            "lastname",
            "create_date",
            STAMP,
            "archived",
        ),
        1,
    )


@pytest.mark.parametrize("dirt", DIRT, ids=lambda dirt: dirt.name)
def test_a_row_is_what_the_truth_says(connection: Connection, dirt: Any) -> None:
    detail = {**generated(7), **dirt.fields}
    truth = truth_of(detail)
    (lead,) = validated(connection, [detail])
    assert {row.locator["field"] for row in lead.rejects} == truth.rejected
    assert load(connection, [lead]).inserted == {(7,)}
    found = row(connection, 7)
    assert {name: found[name] for name in truth.columns} == truth.columns
    assert found["extra"] == truth.extra
    assert load(connection, [lead]).unchanged == {(7,)}


def test_rejects_with_any_dirt_are_kept(connection: Connection, ops_url: str) -> None:
    details = [{**generated(7), **dirt.fields, "n\x00vo": ["\x00", {"\ud83d": "\ud83d"}]} for dirt in DIRT]
    rejects = [row for lead in validated(connection, details) for row in lead.rejects]
    assert len(rejects) > len(DIRT)
    with open_records(ops_url) as records:
        records.rejects.record("sprinthub/leads", rejects, run_id="run")
        with postgres.connect(ops_url, what="ops") as ops:
            found = ops.execute(
                "select count(*), count(*) filter (where raw ? 'nvo') from ops.rejects"
            ).fetchone()
    assert found == (len(rejects), len(DIRT))


def test_what_the_api_does_not_say_stays_and_what_it_says_is_null_goes(connection: Connection) -> None:
    load(connection, validated(connection, [generated(7)]))
    connection.execute("update api.leads set feedback = 'à mão', " + LOCAL)
    before = row(connection, 7)
    short = {
        "id": 7,
        "whatsapp": None,
        "points": None,
        "observacao": "a\x00b",
        "status_callix": "x",
        "novo": 1,
    }
    assert load(connection, validated(connection, [short])).changed == {(7,)}
    changed = {"whatsapp": None, "points": 0, "extra": {"status_callix": "x", "novo": 1}, STAMP: NOW}
    assert row(connection, 7) == before | changed


def test_a_list_item_adds_a_lead_and_a_detail_completes_it(connection: Connection) -> None:
    columns = LeadColumns.read(connection, SAO_PAULO)
    item = {"id": 7, "fullname": "Ana Exemplo", "points": "3", "owner": {"completName": "V"}, "archived": 0}
    load(connection, [list_document(decoded(item), 69, columns)])
    found = row(connection, 7)
    assert (found["firstname"], found["points"], found["owner"], found["segmento"]) == ("Ana", 3, None, 69)
    load(connection, validated(connection, [generated(7)]))
    assert row(connection, 7)["segmento"] == 69
    assert row(connection, 7)["owner"] == generated(7)["owner"]


def test_two_addresses_that_are_very_long_stop_at_the_index_alone(connection: Connection) -> None:
    """Texts that do not compress: an entry of the index that is too long would refuse the whole batch."""
    detail = {"id": 7, "email": "".join(map(chr, range(0x4E00, 0x4E00 + 866))), "observacao": "x" * 100_000}
    assert load(connection, validated(connection, [detail])).inserted == {(7,)}
    detail["email"] = "".join(map(chr, range(0x4E00, 0x4E00 + 3000)))
    (lead,) = validated(connection, [detail])
    assert [row.rule for row in lead.rejects] == ["too_long"]
    assert load(connection, [lead]).unchanged == {(7,)}


def test_a_column_that_a_person_adds_is_filled_from_then_on(connection: Connection) -> None:
    detail = {"id": 7, "valor_do_frete": "12.50", "campo_novo": "sim"}
    (lead,) = validated(connection, [detail])
    load(connection, [lead])
    columns = LeadColumns.read(connection, SAO_PAULO)
    for statement in columns.suggested_sql(lead.document["extra"]):
        connection.execute(statement)  # type: ignore[call-overload]
    connection.execute("alter table api.leads alter valor_do_frete type numeric(10, 2) using null")
    (again,) = validated(connection, [detail])
    assert again.document["extra"] is None
    assert load(connection, [again]).changed == {(7,)}
    found = row(connection, 7)
    assert (str(found["valor_do_frete"]), found["campo_novo"], found["extra"]) == ("12.50", "sim", None)


def test_the_widest_index_of_a_column_counts(connection: Connection) -> None:
    connection.execute(
        "create index on api.leads (city, state, country); create index on api.leads (lower(city));"
        " create index on api.leads using hash (bairro)"
    )
    assert (
        LeadColumns.read(connection, SAO_PAULO).indexed.items()
        >= {"city": 3, "state": 3, "country": 3}.items()
    )
    assert "bairro" not in LeadColumns.read(connection, SAO_PAULO).indexed


def test_generated_columns_and_types_that_we_do_not_fill_are_left_alone(connection: Connection) -> None:
    connection.execute(
        "create type estado as enum ('a'); alter table api.leads add column situacao estado,"
        " add column nome text generated always as (firstname || '!') stored"
    )
    (lead,) = validated(connection, [{"id": 7, "firstname": "Ana", "situacao": "b", "nome": "x"}])
    load(connection, [lead])
    found = row(connection, 7)
    assert (found["situacao"], found["nome"], found["extra"]) == (
        None,
        "Ana!",
        {"situacao": "b", "nome": "x"},
    )
    assert TableColumn("situacao", "estado", not_null=False) in LeadColumns.read(connection, SAO_PAULO).live
