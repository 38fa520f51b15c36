"""Leads that the destination refuses, the rows that tell of them, and values that must arrive as they are."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb

from sync_pipelines.sandbox.scouter.database import POISONS, poison, with_dirt_rules
from sync_pipelines.scouter.lead import Lead, Position
from sync_pipelines.scouter.mapping.contract_columns import STAMPS
from sync_pipelines.scouter.push.batch import Batch
from sync_pipelines.scouter.push.load import Sender
from sync_pipelines_tests.scouter.house import FIRST, LeadHouse

DAY = date(2025, 10, 21)
NOON = datetime(2025, 10, 21, 15, tzinfo=UTC)


@pytest.mark.parametrize("bad", [[], [0], [49], [7, 31], [*range(50)]], ids=len)
def test_so_many_bad_ones_of_fifty(lead_house: LeadHouse, bad: list[int]) -> None:
    with_dirt_rules(lead_house.gestao)
    lead_house.leads(range(50), NOON)
    lead_house.leads(bad, NOON, age=1999)
    job = lead_house.export(DAY, DAY)
    assert lead_house.counters(job.id) == ("completed", 50, 50 - len(bad), len(bad))
    assert list(lead_house.there()) == [FIRST + n for n in range(50) if n not in bad]
    assert [row["lead_id"] for row in lead_house.errors()] == [FIRST + n for n in bad]
    assert len(lead_house.posts()) <= 14 * len(bad) + 1
    told = {(lead, status) for lead, _, status in lead_house.events()}
    assert told == {(FIRST + n, "error" if n in bad else "success") for n in range(50)}


def test_an_error_row_tells_all_that_a_person_needs(lead_house: LeadHouse) -> None:
    with_dirt_rules(lead_house.gestao)
    lead_house.leads(range(50), NOON)
    lead_house.lead(8, NOON, age=1999, celular="(11) 90000-0008")
    job_id = lead_house.create(DAY, DAY)
    lead_house.run(job_id, "the-run")
    (row,) = lead_house.errors()
    assert (row["job_id"], row["lead_id"], row["response_status"]) == (job_id, FIRST + 8, 400)
    assert row["response_body"]["code"] == "23514"
    assert row["error_details"] == {"code": "23514", "run_id": "the-run"}
    assert row["error_message"] == f"Lead {FIRST + 8}: recusado com 400 23514."
    source = {name for (name, _, _) in lead_house.tab.execute("select * from get_leads_table_columns()")}
    assert set(row["lead_snapshot"]) == source
    assert row["lead_snapshot"]["celular"] == "(11) 90000-0008"
    assert set(STAMPS) < set(row["fields_sent"])
    assert (row["fields_sent"]["age"], row["fields_sent"]["telefone"]) == (1999, "(11) 90000-0008")
    assert "address" not in row["fields_sent"]


def test_every_way_in_which_a_destination_refuses_leads(lead_house: LeadHouse) -> None:
    with_dirt_rules(lead_house.gestao)
    lead_house.gestao.execute("insert into public.leads (id, maxsystem_id_ficha) values (1, 'GS-1')")
    lead_house.leads(range(60), NOON)
    expected = poison(lead_house.tab, [FIRST + n for n in range(0, 60, 6)])
    assert set(expected.values()) == {one.sqlstate for one in POISONS}
    job = lead_house.export(DAY, DAY)
    assert {row["lead_id"]: row["response_body"]["code"] for row in lead_house.errors()} == expected
    assert lead_house.counters(job.id) == ("completed", 60, 50, 10)
    assert len(lead_house.there()) == 50


def test_leads_whose_types_tell_go_alone_so_the_good_ones_go_together(lead_house: LeadHouse) -> None:
    with_dirt_rules(lead_house.gestao)
    lead_house.gestao.execute("notify pgrst")
    lead_house.leads(range(50), NOON)
    lead_house.leads(range(0, 50, 5), NOON, horario_agendamento="sábado, depois das três da tarde")
    lead_house.leads([3], NOON, horario_agendamento="sábado às três" + " " * 20)  # blanks at the end are cut
    job = lead_house.export(DAY, DAY)
    assert lead_house.posts() == [40] + [1] * 10
    assert lead_house.counters(job.id) == ("completed", 50, 40, 10)
    assert {row["response_body"]["code"] for row in lead_house.errors()} == {"22001"}


#: What the mapping's types keep from being sent, were it not for a destination that changed its own: by code.
UNREADABLE: tuple[tuple[str, object, str], ...] = (
    ("responsible_user_id", "no uuid", "22P02"),
    ("responsible_user_id", "", "22P02"),
    ("age", 2**31, "22003"),
    ("age", "12.5", "22P02"),
    ("valor_ficha", 123_456_789.5, "22003"),
    ("aprovado", "Sim", "22P02"),
    ("criado", "", "22007"),
    ("criado", "2025-02-30", "22008"),
    ("nome", "a\0b", "22P05"),
    ("raw", {"a": "\0"}, "22P05"),
)


def test_a_value_that_the_destinations_type_does_not_read_is_one_bad_row(lead_house: LeadHouse) -> None:
    found = []
    with lead_house.push.client(lead_house.settings) as client:
        for column, value, _ in UNREADABLE:
            lead_house.gestao.execute("truncate public.leads")
            bodies: list[dict[str, Any]] = [
                {"id": FIRST + n, column: value if n == 20 else None} for n in range(50)
            ]
            leads = [
                Lead(id=body["id"], updated_at=NOON, content_hash=UUID(int=body["id"]), body=json.dumps(body))
                for body in bodies
            ]
            outcome = Sender(client, ("id", column)).send(Batch(Position(NOON, FIRST), clean=leads))
            (one,) = outcome.rejected
            found.append((one.lead.id, one.problem and one.problem.code, len(lead_house.there())))
    assert found == [(FIRST + 20, code, 49) for _, _, code in UNREADABLE]


def test_values_arrive_as_they_are(lead_house: LeadHouse) -> None:
    deep: Any = {"ção": "🙂" * 3, "n": 9_007_199_254_740_993, "zero": 0, "no": False, "empty": ""}
    huge = {"texto": 'á🙂\\"\n' * 100_000, "lista": [deep] * 50}
    lead_house.lead(
        1,
        NOON,
        name='João D\'Ávila \\ "aspas" 👩‍👩‍👧 \u200b',
        age=0,
        valor_ficha=0,
        ficha_confirmada=False,
        presenca_confirmada=False,
        etapa="",
        celular="",
        telefone_trabalho="(11) 90000-0001",
        raw=Jsonb(huge),
        data_criacao_ficha=datetime(2025, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC),
        commercial_project_id=UUID(md5("projeto-1")),
    )
    lead_house.lead(2, NOON, raw=Jsonb(deep))
    job = lead_house.export(DAY, DAY)
    assert lead_house.counters(job.id) == ("completed", 2, 2, 0)
    row = lead_house.there()[FIRST + 1]
    assert row["nome"] == 'João D\'Ávila \\ "aspas" 👩‍👩‍👧 \u200b'
    assert (row["age"], row["valor_ficha"], row["presenca_confirmada"], row["etapa"]) == (0, 0, False, "")
    assert row["ficha_confirmada"] == "false"
    assert (row["celular"], row["telefone"]) == ("", "(11) 90000-0001")
    assert row["commercial_project_id"] == str(UUID(md5("projeto-1")))
    moments = lead_house.there("data_criacao_ficha", "updated_at")[FIRST + 1]
    assert moments == (datetime(2025, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC), NOON)
    assert (row["raw"], lead_house.there("raw")[FIRST + 2]) == (huge, deep)
    assert (row["sync_source"], row["sync_status"]) == ("tabuladormax", "synced")


def test_what_is_cleared_is_cleared_and_what_the_destination_owns_stays(lead_house: LeadHouse) -> None:
    lead_house.lead(1, NOON, etapa="Agendado", age=20, raw=Jsonb({"a": 1}), celular="1")
    lead_house.export(DAY, DAY)
    owned = {
        "aprovado": True,
        "email": "pessoa@example.com",
        "latitude": -23.5,
        "analisado_em": NOON.isoformat(),
        "supervisor": "Equipe 3",
        "deleted": True,
    }
    lead_house.gestao.execute(
        "update public.leads set aprovado = %(aprovado)s, email = %(email)s, latitude = %(latitude)s,"
        " analisado_em = %(analisado_em)s, supervisor = %(supervisor)s, deleted = %(deleted)s",
        owned,
    )
    lead_house.lead(1, NOON, etapa=None, age=None, raw=None, celular=None)
    lead_house.export(DAY, DAY)
    row = lead_house.there()[FIRST + 1]
    assert [row[name] for name in ("etapa", "age", "raw", "celular", "telefone")] == [None] * 5
    assert {name: row[name] for name in owned} == owned
    assert lead_house.events()[-1] == (FIRST + 1, "update", "success")


def test_a_destination_that_refuses_most_of_what_it_gets_stops_the_job(lead_house: LeadHouse) -> None:
    with_dirt_rules(lead_house.gestao)
    lead_house.use(scouter_batch_size=20, scouter_in_flight=1)
    lead_house.leads(range(400), NOON, age=1999)
    job_id = lead_house.create(DAY, DAY)
    pause = lead_house.paused(job_id)
    job = lead_house.job(job_id)
    assert not pause.by_person
    assert (job.status, job.exported_leads) == ("paused", 0)
    assert 100 <= job.error_leads == len(lead_house.errors()) < 400
    assert job.pause_reason is not None
    assert "A maioria dos leads" in job.pause_reason


def md5(text: str) -> str:
    from hashlib import md5 as digest

    return digest(text.encode(), usedforsecurity=False).hexdigest()
