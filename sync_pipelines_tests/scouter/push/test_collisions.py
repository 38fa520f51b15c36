"""A lead that the destination made itself under one of our numbers is never overwritten without a word."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from pydantic import SecretStr

from sync_pipelines.sandbox.postgrest.fake import PostgrestFake
from sync_pipelines.scouter.push.options import OVERWRITE, PushOptions
from sync_pipelines.scouter.push.replay import replay
from sync_pipelines_tests.scouter.installation import FIRST, Installation

DAY = date(2025, 10, 21)
NOON = datetime(2025, 10, 21, 15, tzinfo=UTC)
MADE = datetime(2025, 9, 1, 12, tzinfo=UTC)
OVERWRITES = PushOptions(accepted=frozenset({OVERWRITE}))


@pytest.fixture
def collided(installation: Installation) -> Installation:
    """Ten leads of ours, the fourth of which has the number of a local one."""
    installation.leads(range(10), NOON, criado=MADE)
    there(installation, 3, MADE + timedelta(days=9), source="gestao-scouter")
    return installation


def there(installation: Installation, number: int, created: datetime | None, source: str | None) -> None:
    installation.gestao.execute(
        "insert into public.leads (id, nome, criado, sync_source) values (%s, 'Cadastro local', %s, %s)",
        (FIRST + number, created, source),
    )


def test_it_is_held_back_and_reported(collided: Installation) -> None:
    job = collided.export(DAY, DAY)
    assert collided.counters(job.id) == ("completed", 10, 9, 1)
    assert collided.there("nome")[FIRST + 3] == "Cadastro local"
    assert sum(collided.posts()) == 9
    (row,) = collided.errors()
    assert (row["lead_id"], row["response_status"], row["response_body"]) == (FIRST + 3, None, None)
    assert OVERWRITE in row["error_message"]
    assert row["fields_sent"]["nome"] == row["lead_snapshot"]["name"] == "Pessoa 3 ção 🙂"


def test_it_goes_where_a_person_decided_so(collided: Installation) -> None:
    job = collided.export(DAY, DAY, options=OVERWRITES)
    assert collided.counters(job.id) == ("completed", 10, 10, 0)
    assert collided.there("nome", "sync_source")[FIRST + 3] == ("Pessoa 3 ção 🙂", "tabuladormax")
    assert collided.export(DAY, DAY).error_leads == 0  # and is ours from then on


def test_a_replay_holds_it_back_again_until_a_person_decides(collided: Installation) -> None:
    job = collided.export(DAY, DAY)
    done = replay(collided.push, "replay")
    assert (done.accepted, done.rejected) == (0, 1)
    assert collided.there("nome")[FIRST + 3] == "Cadastro local"
    assert len(collided.errors()) == 1
    done = replay(collided.push, "replay", accepted=[OVERWRITE])
    assert (done.accepted, done.rejected) == (1, 0)
    assert collided.there("nome")[FIRST + 3] == "Pessoa 3 ção 🙂"
    assert collided.counters(job.id) == ("completed", 10, 10, 0)


def test_mark_and_hour_of_a_lead_tell_whose_it_is(installation: Installation) -> None:
    found: list[tuple[datetime | None, str | None, bool]] = [
        (MADE, None, False),  # an older export brought it: the hour of the CRM, and no mark
        (MADE, "gestao_scouter", False),  # and somebody edited it there
        (None, None, True),  # nothing tells
        (MADE + timedelta(microseconds=1), None, True),
        (MADE + timedelta(days=1), "manual", True),
        (MADE + timedelta(days=1), "TabuladorMax", False),
        (MADE + timedelta(days=1), "tabuladormax", False),
    ]
    installation.leads(range(len(found)), NOON, criado=MADE)
    for number, (created, source, _) in enumerate(found):
        there(installation, number, created, source=source)
    installation.export(DAY, DAY)
    names = installation.there("nome")
    assert [(*one[:2], names[FIRST + n] == "Cadastro local") for n, one in enumerate(found)] == found
    assert [row["lead_id"] for row in installation.errors()] == [
        FIRST + n for n, one in enumerate(found) if one[2]
    ]


def test_a_lead_of_ours_that_somebody_edits_there_is_no_local_one(installation: Installation) -> None:
    installation.leads(range(3), NOON)
    installation.export(DAY, DAY)
    installation.gestao.execute("update public.leads set sync_source = 'gestao_scouter', criado = now()")
    installation.leads(range(3), NOON, name="Outro nome")
    job = installation.export(DAY, DAY)
    assert (job.exported_leads, job.error_leads) == (3, 0)


def test_many_local_leads_are_found_through_capped_answers(installation: Installation) -> None:
    installation.leads(range(60), NOON, criado=MADE)
    for number in range(0, 60, 2):
        there(installation, number, MADE + timedelta(days=1), source="manual")
    with PostgrestFake(installation.gestao_url, max_rows=7) as postgrest:
        installation.use(
            gestao_scouter_url=postgrest.url, gestao_scouter_service_key=SecretStr(postgrest.service_key)
        )
        job = installation.export(DAY, DAY)
    assert (job.exported_leads, job.error_leads) == (30, 30)
    assert list(installation.there("nome").values()).count("Cadastro local") == 30


@pytest.mark.parametrize("changed", [True, False])
def test_one_that_was_made_where_ours_was_deleted_is_held_back_too(
    collided: Installation, changed: bool
) -> None:
    collided.export(DAY, DAY, options=OVERWRITES)
    collided.gestao.execute("delete from public.leads where id = %s", [FIRST + 3])
    there(collided, 3, MADE + timedelta(days=40), source="gestao-scouter")
    if changed:
        collided.lead(3, NOON, criado=MADE, etapa="Outra")
    collided.postgrest.clear()
    # Options are kept with a job: another one holds back what nobody decided about.
    job = collided.export(DAY, DAY)
    assert collided.counters(job.id) == ("completed", 10, 9, 1)
    assert collided.there("nome")[FIRST + 3] == "Cadastro local"
    assert collided.posts() == []
    assert collided.total().unchanged_check.differed == 0


def test_a_lead_of_ours_that_a_person_edited_there_is_no_local_one(collided: Installation) -> None:
    collided.lead(5, NOON, criado=None)
    collided.export(DAY, DAY, options=OVERWRITES)
    collided.gestao.execute("update public.leads set etapa = 'Lá', sync_source = 'gestao-scouter'")
    collided.lead(4, NOON, criado=MADE, etapa="Aqui")
    job = collided.export(DAY, DAY)
    assert collided.counters(job.id) == ("completed", 10, 10, 0)
    assert set(collided.there("sync_source").values()) == {"tabuladormax"}
