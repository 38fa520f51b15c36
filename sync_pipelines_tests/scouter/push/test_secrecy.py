"""What a push writes about itself holds no key, no address, and nothing of a person but where that belongs."""

from __future__ import annotations

import logging
import traceback
from datetime import UTC, date, datetime

import psycopg
import pytest
from psycopg import sql
from psycopg.types.json import Jsonb

from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.http.client import Timeouts
from sync_pipelines.sandbox.scouter.database import with_dirt_rules
from sync_pipelines.scouter.push.job_end import PausedError
from sync_pipelines.scouter.push.replay import replay
from sync_pipelines_tests.scouter.installation import FIRST, Installation

DAY = date(2025, 10, 21)
NOON = datetime(2025, 10, 21, 15, tzinfo=UTC)
COUNT = 30
FAULTS = ("drop", "cut_body", "hang", "bad_gateway", "gateway_401", "forbidden", "statement_timeout")
#: Where the content of a lead may lie: the one table of ours that is there for it, behind row security.
KEPT = ("lead_snapshot", "fields_sent", "response_body")


def person(number: int) -> dict[str, str]:
    return {
        "name": f"Zefirina Quintanilha {number:04}",
        "celular": f"(11) 97777-{number:04}",
        "telefone_casa": f"(11) 3777-{number:04}",
        "address": f"Rua das Acácias Fictícias, {number:04}",
        "nome_modelo": f"Modelo Imaginária {number:04}",
        "maxsystem_id_ficha": f"FICHA-{number:04}",
        "photo_url": f"https://fotos.example.com/{number:04}.jpg",
    }


@pytest.fixture
def people(installation: Installation) -> Installation:
    """An installation of thirty persons, every third of whom is refused in one way or another."""
    installation.use(scouter_batch_size=10)
    with_dirt_rules(installation.gestao)
    bad = [{"age": 1999}, {"valor_ficha": 1_234_567}, {"horario_agendamento": "das três às quatro da tarde"}]
    for number in range(COUNT):
        more: dict[str, object] = bad[number // 3 % 3] if number % 3 == 0 else {}
        installation.lead(number, NOON, raw=Jsonb(person(number)), **person(number), **more)
    # A number that is taken: what the server says of it quotes the value.
    installation.gestao.execute(
        "insert into public.leads (id, maxsystem_id_ficha) values (1, %s)", [person(1)["maxsystem_id_ficha"]]
    )
    return installation


def everything(connection: psycopg.Connection[object], *schemas: str) -> str:
    """All that the tables hold, but for the leads themselves and the columns that are there for them."""
    tables = connection.execute(
        "select schemaname, tablename from pg_tables where schemaname = any(%s)"
        " and (schemaname, tablename) not in (('public', 'leads'), ('public', 'gestao_scouter_config'))",
        [list(schemas)],
    ).fetchall()
    found = ""
    for schema, table in tables:  # type: ignore[misc]
        query = sql.SQL("select coalesce(string_agg((to_jsonb(t) - %s::text[])::text, ' '), '') from {} as t")
        row = connection.execute(query.format(sql.Identifier(schema, table)), [list(KEPT)]).fetchone()
        found += str(row)
    return found


def assert_says_nothing(installation: Installation, said: str) -> None:
    said = said.casefold()
    secrets = [
        installation.postgrest.service_key,
        installation.postgrest.url,
        installation.postgrest.url.partition("://")[2] + "/rest",
    ]
    personal = [value for number in range(COUNT) for value in person(number).values()]
    assert [value for value in (*secrets, *personal) if value.casefold() in said] == []


def written(installation: Installation) -> str:
    return everything(installation.tab, "public", "sync_private") + everything(installation.ops, "ops")


def told(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)) + repr(error)


def test_a_run_with_refused_leads_and_its_replay(
    people: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "sync_pipelines")
    people.postgrest.fail("throttled", 2, after=6)
    job = people.export(DAY, DAY)
    assert job.error_leads == 11
    done = replay(people.push, "replay")
    assert done.rejected == 11
    assert "429" in caplog.text
    assert_says_nothing(people, caplog.text + done.sentence() + written(people))
    # And what a server says of a row is kept, for whoever has to mend it.
    kept = {row["lead_id"]: row for row in people.errors()}
    assert person(1)["maxsystem_id_ficha"] in str(kept[FIRST + 1]["response_body"])
    assert kept[FIRST]["lead_snapshot"]["name"] == person(0)["name"]


def test_runs_that_are_paused_by_faults(people: Installation, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "sync_pipelines")
    limits = Timeouts(connect=5, read=0.2, total=0.2)
    people.use_client(timeouts=limits)
    job_id = people.create(DAY, DAY)
    for fault in FAULTS:
        people.postgrest.fail(fault, lead_id=FIRST + 2)
        pause = people.paused(job_id)
        assert people.job(job_id).pause_reason is not None
        assert_says_nothing(people, told(pause) + caplog.text + written(people))
        people.postgrest.clear()
        people.actions().resume(job_id)
    assert people.run(job_id).error_leads == 11


def test_a_destination_that_is_not_there(people: Installation, caplog: pytest.LogCaptureFixture) -> None:
    job_id = people.create(DAY, DAY)
    people.postgrest.fail("drop")
    pause = people.paused(job_id)
    assert_says_nothing(people, told(pause) + caplog.text + written(people))


def test_a_proof_that_fails(people: Installation, caplog: pytest.LogCaptureFixture) -> None:
    people.gestao.execute(
        "create function betray() returns trigger language plpgsql as"
        " $$ begin new.nome := 'Outro'; new.celular := '0'; return new; end $$"
    )
    people.gestao.execute(
        "create trigger betray before insert or update on public.leads for each row execute function betray()"
    )
    job_id = people.create(DAY, DAY)
    with people.push.open("run", job_id=job_id) as run:
        with pytest.raises(SyncError) as raised:
            run.push_day(DAY)
        run.close()
    assert "nome" in str(raised.value)
    assert people.job(job_id).status == "failed"
    assert_says_nothing(people, told(raised.value) + caplog.text + written(people))


def test_a_database_that_refuses_what_the_push_writes_about_itself(
    people: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    # The answer quotes the whole row that was to be kept.
    people.tab.execute("alter table public.gestao_scouter_export_errors add check (response_status <> 400)")
    job_id = people.create(DAY, DAY)
    with pytest.raises(PausedError) as raised:
        people.run(job_id)
    assert "23514" in str(raised.value)
    assert_says_nothing(people, told(raised.value) + caplog.text + written(people))
