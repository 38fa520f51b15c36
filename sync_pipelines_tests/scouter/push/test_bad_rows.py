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
from sync_pipelines_tests.scouter.installation import FIRST, Installation

DAY = date(2025, 10, 21)
NOON = datetime(2025, 10, 21, 15, tzinfo=UTC)


@pytest.mark.parametrize("bad", [[], [0], [49], [7, 31], [*range(50)]], ids=len)
def test_so_many_bad_ones_of_fifty(installation: Installation, bad: list[int]) -> None:
    with_dirt_rules(installation.gestao)
    installation.leads(range(50), NOON)
    installation.leads(bad, NOON, age=1999)
    job = installation.export(DAY, DAY)
    assert installation.counters(job.id) == ("completed", 50, 50 - len(bad), len(bad))
    assert list(installation.there()) == [FIRST + n for n in range(50) if n not in bad]
    assert [row["lead_id"] for row in installation.errors()] == [FIRST + n for n in bad]
    assert len(installation.posts()) <= 14 * len(bad) + 1
    told = {(lead, status) for lead, _, status in installation.events()}
    assert told == {(FIRST + n, "error" if n in bad else "success") for n in range(50)}


def test_an_error_row_tells_all_that_a_person_needs(installation: Installation) -> None:
    with_dirt_rules(installation.gestao)
    installation.leads(range(50), NOON)
    installation.lead(8, NOON, age=1999, celular="(11) 90000-0008")
    job_id = installation.create(DAY, DAY)
    installation.run(job_id, "the-run")
    (row,) = installation.errors()
    assert (row["job_id"], row["lead_id"], row["response_status"]) == (job_id, FIRST + 8, 400)
    assert row["response_body"]["code"] == "23514"
    assert row["error_details"] == {"code": "23514", "run_id": "the-run"}
    assert row["error_message"] == f"Lead {FIRST + 8}: recusado com 400 23514."
    source = {name for (name, _, _) in installation.tab.execute("select * from get_leads_table_columns()")}
    assert set(row["lead_snapshot"]) == source
    assert row["lead_snapshot"]["celular"] == "(11) 90000-0008"
    assert set(STAMPS) < set(row["fields_sent"])
    assert (row["fields_sent"]["age"], row["fields_sent"]["telefone"]) == (1999, "(11) 90000-0008")
    assert "address" not in row["fields_sent"]


def test_every_way_in_which_a_destination_refuses_leads(installation: Installation) -> None:
    with_dirt_rules(installation.gestao)
    installation.gestao.execute("insert into public.leads (id, maxsystem_id_ficha) values (1, 'GS-1')")
    installation.leads(range(60), NOON)
    expected = poison(installation.tab, [FIRST + n for n in range(0, 60, 6)])
    assert set(expected.values()) == {one.sqlstate for one in POISONS}
    job = installation.export(DAY, DAY)
    assert {row["lead_id"]: row["response_body"]["code"] for row in installation.errors()} == expected
    assert installation.counters(job.id) == ("completed", 60, 50, 10)
    assert len(installation.there()) == 50


def test_leads_whose_types_tell_go_alone_so_the_good_ones_go_together(installation: Installation) -> None:
    with_dirt_rules(installation.gestao)
    installation.gestao.execute("notify pgrst")
    installation.leads(range(50), NOON)
    installation.leads(range(0, 50, 5), NOON, horario_agendamento="sábado, depois das três da tarde")
    installation.leads(
        [3], NOON, horario_agendamento="sábado às três" + " " * 20
    )  # blanks at the end are cut
    job = installation.export(DAY, DAY)
    assert installation.posts() == [40] + [1] * 10
    assert installation.counters(job.id) == ("completed", 50, 40, 10)
    assert {row["response_body"]["code"] for row in installation.errors()} == {"22001"}


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


def test_a_value_that_the_destinations_type_does_not_read_is_one_bad_row(installation: Installation) -> None:
    found = []
    with installation.push.destination.client() as client:
        for column, value, _ in UNREADABLE:
            installation.gestao.execute("truncate public.leads")
            bodies: list[dict[str, Any]] = [
                {"id": FIRST + n, column: value if n == 20 else None} for n in range(50)
            ]
            leads = [
                Lead(id=body["id"], updated_at=NOON, content_hash=UUID(int=body["id"]), body=json.dumps(body))
                for body in bodies
            ]
            outcome = Sender(client, ("id", column)).send(Batch(Position(NOON, FIRST), clean=leads))
            (one,) = outcome.rejected
            found.append((one.lead.id, one.problem and one.problem.code, len(installation.there())))
    assert found == [(FIRST + 20, code, 49) for _, _, code in UNREADABLE]


def test_values_arrive_as_they_are(installation: Installation) -> None:
    deep: Any = {"ção": "🙂" * 3, "n": 9_007_199_254_740_993, "zero": 0, "no": False, "empty": ""}
    huge = {"texto": 'á🙂\\"\n' * 100_000, "lista": [deep] * 50}
    installation.lead(
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
    installation.lead(2, NOON, raw=Jsonb(deep))
    job = installation.export(DAY, DAY)
    assert installation.counters(job.id) == ("completed", 2, 2, 0)
    row = installation.there()[FIRST + 1]
    assert row["nome"] == 'João D\'Ávila \\ "aspas" 👩‍👩‍👧 \u200b'
    assert (row["age"], row["valor_ficha"], row["presenca_confirmada"], row["etapa"]) == (0, 0, False, "")
    assert row["ficha_confirmada"] == "false"
    assert (row["celular"], row["telefone"]) == ("", "(11) 90000-0001")
    assert row["commercial_project_id"] == str(UUID(md5("projeto-1")))
    moments = installation.there("data_criacao_ficha", "updated_at")[FIRST + 1]
    assert moments == (datetime(2025, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC), NOON)
    assert (row["raw"], installation.there("raw")[FIRST + 2]) == (huge, deep)
    assert (row["sync_source"], row["sync_status"]) == ("tabuladormax", "synced")


def test_what_is_cleared_is_cleared_and_what_the_destination_owns_stays(installation: Installation) -> None:
    installation.lead(1, NOON, etapa="Agendado", age=20, raw=Jsonb({"a": 1}), celular="1")
    installation.export(DAY, DAY)
    owned = {
        "aprovado": True,
        "email": "pessoa@example.com",
        "latitude": -23.5,
        "analisado_em": NOON.isoformat(),
        "supervisor": "Equipe 3",
        "deleted": True,
    }
    installation.gestao.execute(
        "update public.leads set aprovado = %(aprovado)s, email = %(email)s, latitude = %(latitude)s,"
        " analisado_em = %(analisado_em)s, supervisor = %(supervisor)s, deleted = %(deleted)s",
        owned,
    )
    installation.lead(1, NOON, etapa=None, age=None, raw=None, celular=None)
    installation.export(DAY, DAY)
    row = installation.there()[FIRST + 1]
    assert [row[name] for name in ("etapa", "age", "raw", "celular", "telefone")] == [None] * 5
    assert {name: row[name] for name in owned} == owned
    assert installation.events()[-1] == (FIRST + 1, "update", "success")


def test_a_destination_that_refuses_most_of_what_it_gets_stops_the_job(installation: Installation) -> None:
    with_dirt_rules(installation.gestao)
    installation.use(scouter_batch_size=20, scouter_in_flight=1)
    installation.leads(range(400), NOON, age=1999)
    job_id = installation.create(DAY, DAY)
    pause = installation.paused(job_id)
    job = installation.job(job_id)
    assert not pause.by_person
    assert (job.status, job.exported_leads) == ("paused", 0)
    assert 100 <= job.error_leads == len(installation.errors()) < 400
    assert job.pause_reason is not None
    assert "A maioria dos leads" in job.pause_reason


def md5(text: str) -> str:
    from hashlib import md5 as digest

    return digest(text.encode(), usedforsecurity=False).hexdigest()
