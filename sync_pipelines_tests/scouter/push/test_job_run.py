"""A whole export: what is there afterwards, what it says of itself, and what the next one has to do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from sync_pipelines.lib.failures import TransientError
from sync_pipelines_tests.scouter.installation import FIRST, Installation

DAY = date(2025, 10, 21)
#: In São Paulo the day before begins at three in UTC.
NOON = datetime(2025, 10, 21, 15, tzinfo=UTC)


@pytest.mark.parametrize("count", [0, 1, 49, 50, 51, 100, 101])
def test_a_day_of_so_many_leads_of_one_instant(installation: Installation, count: int) -> None:
    ids = installation.leads(range(count), NOON)
    job = installation.export(DAY, DAY)
    assert (job.status, job.total_leads, job.exported_leads, job.error_leads) == (
        "completed",
        count,
        count,
        0,
    )
    assert job.last_completed_date == DAY
    assert list(installation.there()) == ids
    assert sorted(installation.posts(), reverse=True) == [50] * (count // 50) + [count % 50] * (
        count % 50 > 0
    )
    assert installation.outcomes[DAY].proof.equal == count
    assert sorted(installation.events()) == [(lead, "create", "success") for lead in ids]


def test_nothing_is_sent_twice(installation: Installation) -> None:
    installation.leads(range(60), NOON)
    installation.export(DAY, DAY)
    installation.postgrest.clear()
    job = installation.export(DAY, DAY)
    assert (job.status, job.exported_leads, installation.posts()) == ("completed", 60, [])
    installation.lead(7, NOON, name="Outra")
    installation.export(DAY, DAY)
    assert installation.posts() == [1]
    assert installation.there("nome")[FIRST + 7] == "Outra"


def test_two_pushes_to_one_destination_are_never_at_work_together(installation: Installation) -> None:
    installation.leads(range(5), NOON)
    first, second = installation.create(DAY, DAY), ""
    hasty = replace(installation.push, wait_seconds=0.05)
    with installation.push.open("first", job_id=first) as run:
        with pytest.raises(TransientError, match="Outro envio"), hasty.open("second", days=(DAY, DAY)):
            second = "began"
        run.push_day(DAY)
        run.close()
    assert second == ""
    assert [job.id for job in installation.actions().newest()] == [first]
    assert installation.counters(first) == ("completed", 5, 5, 0)


def test_a_jobs_own_mapping_counts_with_the_old_screens_prefix(installation: Installation) -> None:
    installation.lead(1, NOON, etapa="Agendado", age=20)
    mapping = {"id": "id", "nome": "tab_name", "updated_at": "updated_at", "etapa_funil": "tab_etapa"}
    job_id = installation.actions().create(DAY, DAY, field_mappings=mapping).id
    installation.run(job_id)
    row = installation.there()[FIRST + 1]
    assert (row["nome"], row["etapa_funil"], row["etapa"], row["age"]) == (
        "Pessoa 1 ção 🙂",
        "Agendado",
        None,
        None,
    )


@pytest.mark.parametrize(
    ("mapping", "told"),
    [
        ({"id": "id", "nome": "name", "updated_at": "updated_at", "phone": "celular"}, ["phone"]),
        ({"id": "id", "nome": "name", "updated_at": "updated_at", "etapa": "responsavel"}, ["responsavel"]),
        ({"id": "id", "nome": "name", "updated_at": "updated_at", "aprovado": "compareceu"}, ["aprovado"]),
        ({"nome": "name"}, ["id", "updated_at"]),
        ({"nome": 5}, ["nome"]),
    ],
)
def test_a_mapping_that_cannot_be_used_pauses_the_job_before_anything_is_sent(
    installation: Installation, mapping: dict[str, object], told: list[str]
) -> None:
    installation.lead(1, NOON)
    job_id = installation.actions().create(DAY, DAY, field_mappings=mapping).id
    pause = installation.paused(job_id)
    assert not pause.by_person
    job = installation.job(job_id)
    assert job.status == "paused"
    assert [name for name in told if name not in str(job.pause_reason)] == []
    assert installation.posts() == []


def test_fields_that_were_not_selected_are_not_touched(installation: Installation) -> None:
    installation.lead(1, NOON, etapa="Agendado", age=20, fonte="Rua")
    job_id = installation.actions().create(DAY, DAY, fields_selected=["etapa", "tab_age"]).id
    installation.run(job_id)
    row = installation.there()[FIRST + 1]
    assert (row["etapa"], row["age"], row["fonte"], row["nome"]) == ("Agendado", 20, None, "Pessoa 1 ção 🙂")
    installation.export(DAY, DAY)  # which takes the rest along
    assert installation.there("fonte")[FIRST + 1] == "Rua"
