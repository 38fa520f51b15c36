"""A whole export: what is there afterwards, what it says of itself, and what the next one has to do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from sync_pipelines.lib.failures import TransientError
from sync_pipelines_tests.scouter.house import FIRST, LeadHouse

DAY = date(2025, 10, 21)
#: In São Paulo the day before begins at three in UTC.
NOON = datetime(2025, 10, 21, 15, tzinfo=UTC)


@pytest.mark.parametrize("count", [0, 1, 49, 50, 51, 100, 101])
def test_a_day_of_so_many_leads_of_one_instant(lead_house: LeadHouse, count: int) -> None:
    ids = lead_house.leads(range(count), NOON)
    job = lead_house.export(DAY, DAY)
    assert (job.status, job.total_leads, job.exported_leads, job.error_leads) == (
        "completed",
        count,
        count,
        0,
    )
    assert job.last_completed_date == DAY
    assert list(lead_house.there()) == ids
    assert sorted(lead_house.posts(), reverse=True) == [50] * (count // 50) + [count % 50] * (count % 50 > 0)
    assert lead_house.outcomes[DAY].proof.equal == count
    assert sorted(lead_house.events()) == [(lead, "create", "success") for lead in ids]


def test_nothing_is_sent_twice(lead_house: LeadHouse) -> None:
    lead_house.leads(range(60), NOON)
    lead_house.export(DAY, DAY)
    lead_house.face.clear()
    job = lead_house.export(DAY, DAY)
    assert (job.status, job.exported_leads, lead_house.posts()) == ("completed", 60, [])
    lead_house.lead(7, NOON, name="Outra")
    lead_house.export(DAY, DAY)
    assert lead_house.posts() == [1]
    assert lead_house.there("nome")[FIRST + 7] == "Outra"


def test_two_pushes_to_one_destination_are_never_at_work_together(lead_house: LeadHouse) -> None:
    lead_house.leads(range(5), NOON)
    first, second = lead_house.create(DAY, DAY), ""
    hasty = replace(lead_house.push, wait_seconds=0.05)
    with lead_house.push.open("first", job_id=first) as run:
        with pytest.raises(TransientError, match="Outro envio"), hasty.open("second", days=(DAY, DAY)):
            second = "began"
        run.push_day(DAY)
        run.close()
    assert second == ""
    assert [job.id for job in lead_house.actions().newest()] == [first]
    assert lead_house.counters(first) == ("completed", 5, 5, 0)


def test_a_jobs_own_mapping_counts_with_the_old_screens_prefix(lead_house: LeadHouse) -> None:
    lead_house.lead(1, NOON, etapa="Agendado", age=20)
    mapping = {"id": "id", "nome": "tab_name", "updated_at": "updated_at", "etapa_funil": "tab_etapa"}
    job_id = lead_house.actions().create(DAY, DAY, field_mappings=mapping).id
    lead_house.run(job_id)
    row = lead_house.there()[FIRST + 1]
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
    lead_house: LeadHouse, mapping: dict[str, object], told: list[str]
) -> None:
    lead_house.lead(1, NOON)
    job_id = lead_house.actions().create(DAY, DAY, field_mappings=mapping).id
    pause = lead_house.paused(job_id)
    assert not pause.by_person
    job = lead_house.job(job_id)
    assert job.status == "paused"
    assert [name for name in told if name not in str(job.pause_reason)] == []
    assert lead_house.posts() == []


def test_fields_that_were_not_selected_are_not_touched(lead_house: LeadHouse) -> None:
    lead_house.lead(1, NOON, etapa="Agendado", age=20, fonte="Rua")
    job_id = lead_house.actions().create(DAY, DAY, fields_selected=["etapa", "tab_age"]).id
    lead_house.run(job_id)
    row = lead_house.there()[FIRST + 1]
    assert (row["etapa"], row["age"], row["fonte"], row["nome"]) == ("Agendado", 20, None, "Pessoa 1 ção 🙂")
    lead_house.export(DAY, DAY)  # which takes the rest along
    assert lead_house.there("fonte")[FIRST + 1] == "Rua"
