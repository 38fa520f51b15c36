"""A destination that loses what it held: what is called proved was seen there, and what was lost is sent again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from psycopg.types.json import Jsonb
from pydantic import SecretStr

from sync_pipelines.lib.http.postgrest import PostgrestClient
from sync_pipelines.sandbox.postgrest.fake import PostgrestFake
from sync_pipelines.sandbox.scouter.database import drop_column
from sync_pipelines.scouter.push.options import PushOptions
from sync_pipelines_tests.scouter.installation import FIRST, Installation

DAY = date(2025, 10, 21)
BEFORE = DAY - timedelta(days=1)
NOON = datetime(2025, 10, 21, 15, tzinfo=UTC)
HOURLY = PushOptions(compare=False)
COUNT = 40


@pytest.fixture
def pushed(installation: Installation) -> Installation:
    """Forty leads on two days, all of them pushed and proved."""
    installation.use(scouter_batch_size=10)
    for back in range(2):
        at = NOON - timedelta(days=back)
        installation.leads(range(back * 20, back * 20 + 20), at, etapa="Agendado", fonte="Site", criado=at)
    installation.export(DAY, BEFORE)
    installation.postgrest.clear()
    return installation


#: What may happen there, and how many leads it hits.
LOSSES: dict[str, tuple[str, int]] = {
    "all deleted": ("delete from public.leads where id >= 600000", COUNT),
    "one deleted": ("delete from public.leads where id = 600007", 1),
    "truncated": ("truncate public.leads", COUNT),
    "blanked": ("update public.leads set nome = null, etapa = null where id >= 600030", 10),
    "altered": ("update public.leads set etapa = 'Outra' where id in (600001, 600031)", 2),
    "dated anew": ("update public.leads set updated_at = now() where id = 600002", 1),
    "a column made again": (
        "alter table public.leads drop column etapa; alter table public.leads add column etapa text",
        COUNT,
    ),
}


def assert_whole(installation: Installation) -> None:
    held = installation.there("etapa", "nome", "fonte")
    assert list(held) == [FIRST + n for n in range(COUNT)]
    assert set(held.values()) == {("Agendado", f"Pessoa {n} ção 🙂", "Site") for n in range(COUNT)}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("how", ["new", "reset"])
def test_a_push_of_a_person_sends_exactly_what_was_lost(pushed: Installation, loss: str, how: str) -> None:
    statement, hit = LOSSES[loss]
    pushed.gestao.execute(statement.encode())
    if how == "new":
        job = pushed.export(DAY, BEFORE)
    else:
        (old,) = pushed.actions().newest()
        pushed.actions().reset(old.id)
        job = pushed.run(old.id, "after the reset")
    assert_whole(pushed)
    assert sum(pushed.posts()) == hit
    assert pushed.counters(job.id) == ("completed", COUNT, COUNT, 0)
    total = pushed.total()
    assert (total.unchanged_check.seen, total.unchanged_check.believed, total.unchanged_check.differed) == (
        COUNT - hit,
        0,
        hit,
    )
    pushed.postgrest.clear()
    pushed.export(DAY, BEFORE)
    assert (pushed.posts(), pushed.total().unchanged_check.seen) == ([], COUNT)


def test_the_hourly_push_says_what_it_did_not_look_at_and_of_when_that_is(pushed: Installation) -> None:
    pushed.ops.execute(
        "update ops.lead_exchanges set exchanged_at = '2025-10-02 12:00+00' where lead_id = 600004"
    )
    pushed.gestao.execute("truncate public.leads")
    pushed.lead(3, NOON, etapa="Novo", fonte="Site", criado=NOON)
    pushed.export(DAY, DAY, options=HOURLY)
    assert pushed.outcomes[DAY].sentence() == (
        "All 1 leads that were sent are at the destination as they were sent. 19 unchanged leads were not read now:"
        " they rest on earlier readings, the oldest of 2025-10-02."
    )
    assert pushed.total().unchanged_check.seen == 0
    reads = [one for one in pushed.postgrest.requests if one.method == "GET" and "id=in." in one.query]
    assert len(reads) == 2  # of what was sent, and before it whether that number is still ours


def test_what_was_seen_is_a_recent_reading_for_the_hourly_push(pushed: Installation) -> None:
    pushed.ops.execute("update ops.lead_exchanges set exchanged_at = '2025-10-02 12:00+00'")
    pushed.export(DAY, BEFORE)
    pushed.export(DAY, BEFORE, options=HOURLY)
    told = pushed.total().unchanged_check
    assert told.believed == COUNT
    assert told.oldest_day is not None
    assert told.oldest_day > date(2025, 10, 2)


def put_back(installation: Installation, column: str = "fonte") -> None:
    installation.gestao.execute(
        f"alter table public.leads add column {column} text; notify pgrst, 'reload schema'".encode()
    )


def lose(installation: Installation, column: str = "fonte") -> None:
    drop_column(installation.gestao, column)
    installation.gestao.execute("notify pgrst, 'reload schema'")


def test_a_column_that_the_last_report_missed_is_empty_and_the_hourly_push_looks_too(
    pushed: Installation,
) -> None:
    pushed.push.doctor().forget()
    lose(pushed)
    job_id = pushed.create(DAY, BEFORE)
    pushed.paused(job_id, options=HOURLY)
    put_back(pushed)
    job = pushed.resume(job_id, options=HOURLY)
    assert_whole(pushed)
    assert (job.status, sum(pushed.posts())) == ("completed", COUNT)


@pytest.mark.parametrize("change", ["type", "missed under another mapping"])
def test_a_column_of_another_type_or_that_another_mapping_missed_is_doubted(
    pushed: Installation, change: str
) -> None:
    with pushed.push.source() as connection:
        pushed.push.examine(connection, fresh=True)
    if change == "type":
        pushed.gestao.execute(
            "alter table public.leads alter fonte type varchar(2) using left(fonte, 2);"
            "alter table public.leads alter fonte type varchar(40); notify pgrst, 'reload schema'"
        )
    else:
        lose(pushed)
        mapping = {"id": "id", "nome": "name", "updated_at": "updated_at"}
        pushed.tab.execute(
            "insert into public.gestao_scouter_field_mappings (name, mappings, is_default) values ('x', %s, true)",
            [Jsonb(mapping)],
        )
        with pushed.push.source() as connection:
            assert pushed.push.examine(connection, fresh=True).fits
        pushed.tab.execute("delete from public.gestao_scouter_field_mappings")
        put_back(pushed)
    pushed.push.doctor().forget()
    job = pushed.export(DAY, BEFORE, options=HOURLY)
    assert_whole(pushed)
    assert job.status == "completed"


def in_mid_run(installation: Installation, day: date, act: Callable[[], None]) -> None:
    """Do something once, when the job has come to a day."""
    left = [act]

    def hook() -> None:
        (job,) = [one for one in installation.actions().newest() if one.status == "running"]
        if left and job.processing_date == day:
            left.pop()()

    installation.hook(hook)


@pytest.mark.parametrize("options", [PushOptions(), HOURLY], ids=["person", "hourly"])
def test_a_column_that_goes_and_comes_in_mid_run_leaves_no_earlier_day_empty(
    pushed: Installation, options: PushOptions
) -> None:
    pushed.use(scouter_in_flight=1, scouter_batch_size=2)
    pushed.tab.execute("alter table public.leads disable trigger user")
    pushed.tab.execute("update public.leads set etapa = 'Agendado', address = 'x'")
    pushed.ops.execute(
        "delete from ops.lead_exchanges where lead_id >= 600020"
    )  # so that the second day is sent

    ours, reloads = pushed.push.reload, list[int]()

    def reload(client: PostgrestClient, columns: Sequence[str]) -> object:
        reloads.append(1)
        put_back(pushed)
        return ours(client, columns)

    pushed.push = replace(pushed.push, reload=reload)
    in_mid_run(pushed, BEFORE, lambda: drop_column(pushed.gestao, "fonte"))
    job = pushed.export(DAY, BEFORE, options=options)
    assert reloads == [1]
    assert (job.status, pushed.failures) == ("completed", {})
    assert_whole(pushed)
    assert pushed.counters(job.id) == ("completed", COUNT, COUNT, 0)


def test_days_that_an_earlier_run_did_are_looked_at_again_before_a_resumed_job_is_done(
    pushed: Installation,
) -> None:
    job_id = pushed.create(DAY, BEFORE)
    in_mid_run(pushed, BEFORE, lambda: pushed.actions().pause(job_id) and None)
    pushed.paused(job_id)
    pushed.hook(lambda: None)
    pushed.gestao.execute("update public.leads set etapa = null where id = 600003")
    pushed.gestao.execute("delete from public.leads where id = 600004")
    pushed.postgrest.clear()
    pushed.resume(job_id)
    assert_whole(pushed)
    assert sum(pushed.posts()) == 2
    assert pushed.counters(job_id) == ("completed", COUNT, COUNT, 0)


def test_a_destination_that_alters_what_it_takes_again_is_not_called_proved(pushed: Installation) -> None:
    pushed.gestao.execute("update public.leads set etapa = null where id = 600003")
    pushed.gestao.execute(
        "create function public.alters() returns trigger language plpgsql as"
        " $$ begin new.etapa := 'Outra'; return new; end $$;"
        "create trigger alters before insert or update on public.leads for each row execute function alters()"
    )
    job = pushed.export(DAY, BEFORE)
    assert list(pushed.failures) == [DAY]
    assert job.status == "failed"


def test_a_server_that_caps_its_answers_is_asked_until_all_is_there(pushed: Installation) -> None:
    pushed.gestao.execute("delete from public.leads where id = 600011")
    with PostgrestFake(pushed.gestao_url, max_rows=7) as capped:
        pushed.use(gestao_scouter_url=capped.url, gestao_scouter_service_key=SecretStr(capped.service_key))
        # The same project at another address.
        pushed.ops.execute("update ops.lead_exchanges set destination = %s", [pushed.push.destination.label])
        pushed.export(DAY, BEFORE)
        assert sum(one.objects for one in capped.requests if one.method == "POST") == 1
    assert pushed.total().unchanged_check.seen == COUNT - 1


def test_what_a_person_changed_there_waits_for_the_reverse_sync_and_is_not_undone(
    pushed: Installation,
) -> None:
    pushed.use(scouter_way_back=True)
    pushed.gestao.execute("update public.leads set etapa = 'Ligou' where id = 600005")
    pushed.ops.execute(
        "insert into ops.inbox (source, key, payload) values ('gestaoscouter', '600005', '{}')"
    )
    pushed.export(DAY, DAY)
    assert pushed.there("etapa")[FIRST + 5] == "Ligou"
    assert pushed.total().unchanged_check.left == 1
    assert "1 leads were changed there and wait for the reverse sync." in pushed.outcomes[DAY].sentence()
    pushed.use(scouter_way_back=False)  # what waits then waits for nobody
    pushed.export(DAY, DAY)
    assert pushed.there("etapa")[FIRST + 5] == "Agendado"


def test_a_push_that_finds_no_lead_says_so(installation: Installation) -> None:
    installation.export(DAY, DAY)
    assert installation.outcomes[DAY].sentence() == "Nothing to do: no lead in this range."


@pytest.mark.parametrize("max_rows", [None, 7])
def test_what_is_taken_away_after_its_proof_is_not_called_held(
    installation: Installation, max_rows: int | None
) -> None:
    """As by a trigger there that knows each phone once, when the second lead of a phone comes."""
    for back in range(2):
        installation.leads(range(back * 30, back * 30 + 30), NOON - timedelta(days=back))
    with PostgrestFake(installation.gestao_url, max_rows=max_rows) as postgrest:
        installation.use(
            gestao_scouter_url=postgrest.url, gestao_scouter_service_key=SecretStr(postgrest.service_key)
        )
        job_id = installation.create(DAY, BEFORE)
        with installation.push.open("run", job_id=job_id) as run:
            installation.run_day(run, DAY)
            installation.gestao.execute("delete from public.leads where id = 600004")
            # Edited there meanwhile, which is no loss.
            installation.gestao.execute("update public.leads set last_sync_at = now() where id = 600005")
            installation.run_day(run, BEFORE)
            last = run.close()
        assert installation.failures == {}
        job = installation.job(job_id)
        assert job.status == "failed"
        assert "600004" in (job.pause_reason or "")
        assert last.sentence() == "Of 1 leads that were sent 1 are missing (such as 600004)."
        installation.export(DAY, BEFORE, options=HOURLY)  # it is no longer believed
    assert FIRST + 4 in installation.there()


def test_that_all_is_still_there_is_one_question(installation: Installation) -> None:
    installation.leads(range(60), NOON)
    assert installation.export(DAY, DAY).status == "completed"
    asked = [one for one in installation.postgrest.requests if "last_sync_at=gte." in one.query]
    assert len(asked) == 1
