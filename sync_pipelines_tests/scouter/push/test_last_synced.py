"""What need not be sent again, and what has to be although it was."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from psycopg.types.json import Jsonb
from pydantic import SecretStr

from sync_pipelines.sandbox.postgrest.fake import PostgrestFake
from sync_pipelines.scouter.mapping.default_mapping import default_mapping
from sync_pipelines.scouter.push.options import PushOptions
from sync_pipelines_tests.scouter.house import FIRST, LeadHouse

DAY = date(2025, 10, 21)
NOON = datetime(2025, 10, 21, 15, tzinfo=UTC)


def exported(house: LeadHouse, count: int = 20) -> LeadHouse:
    house.leads(range(count), NOON)
    house.export(DAY, DAY)
    house.face.clear()
    return house


def test_only_what_changed_is_sent(lead_house: LeadHouse) -> None:
    exported(lead_house)
    lead_house.leads([2, 11], NOON, etapa="Agendado")
    job = lead_house.export(DAY, DAY)
    assert lead_house.posts() == [2]
    outcome = lead_house.outcomes[DAY]
    assert (outcome.read, outcome.accepted, outcome.unchanged) == (20, 2, 18)
    assert lead_house.counters(job.id) == ("completed", 20, 20, 0)


def test_what_changed_in_columns_that_nobody_maps_is_not_sent(lead_house: LeadHouse) -> None:
    exported(lead_house)
    lead_house.leads([2], NOON, address="Rua A, 1")
    lead_house.export(DAY, DAY)
    assert lead_house.posts() == []


def test_a_lead_that_was_only_dated_anew_takes_its_date_along(lead_house: LeadHouse) -> None:
    exported(lead_house)
    lead_house.leads([2], NOON + timedelta(hours=1))
    lead_house.export(DAY, DAY)
    assert lead_house.posts() == [1]
    assert lead_house.there("updated_at")[FIRST + 2] == NOON + timedelta(hours=1)


def test_all_are_sent_where_somebody_says_so(lead_house: LeadHouse) -> None:
    exported(lead_house)
    lead_house.gestao.execute("update public.leads set nome = 'Mexido'")
    lead_house.export(DAY, DAY, options=PushOptions(compare=False))
    assert lead_house.posts() == []
    assert lead_house.there("nome")[FIRST] == "Mexido"
    job = lead_house.export(DAY, DAY, options=PushOptions(send_all=True))
    assert lead_house.posts() == [20]
    assert lead_house.there("nome")[FIRST] == "Pessoa 0 ção 🙂"
    assert lead_house.counters(job.id) == ("completed", 20, 20, 0)


def test_another_destination_knows_nothing_of_the_first(lead_house: LeadHouse) -> None:
    exported(lead_house)
    with PostgrestFake(lead_house.gestao_url) as other:
        lead_house.use(gestao_scouter_url=other.url, gestao_scouter_service_key=SecretStr(other.service_key))
        lead_house.export(DAY, DAY)
        assert [one.objects for one in other.requests if one.method == "POST" and one.objects] == [20]
    hosts = lead_house.ops.execute(
        "select destination, count(*) from ops.lead_exchanges group by 1"
    ).fetchall()
    assert [count for _, count in hosts] == [20, 20]
    assert all("://" not in host and "@" not in host for host, _ in hosts)


def test_a_field_that_goes_to_another_column_is_sent_anew(lead_house: LeadHouse) -> None:
    lead_house.leads(range(5), NOON, etapa="Agendado")
    lead_house.export(DAY, DAY)
    lead_house.face.clear()
    source = {name for (name, _, _) in lead_house.tab.execute("select * from get_leads_table_columns()")}
    mapping = default_mapping(source, ()).document()
    # In the order of destinations the value stays where it was.
    mapping["etapa_a"] = mapping.pop("etapa")
    lead_house.gestao.execute("alter table public.leads add column etapa_a text")
    lead_house.gestao.execute("notify pgrst")
    lead_house.tab.execute(
        "insert into public.gestao_scouter_field_mappings (name, mappings, is_default) values ('novo', %s, true)",
        [Jsonb(mapping)],
    )
    lead_house.export(DAY, DAY)
    assert lead_house.posts() == [5]
    assert set(lead_house.there("etapa_a").values()) == {"Agendado"}


def test_a_lead_that_is_refused_is_not_known(lead_house: LeadHouse) -> None:
    lead_house.gestao.execute("alter table public.leads add check (age < 120)")
    lead_house.leads(range(5), NOON)
    lead_house.lead(2, NOON, age=1999)
    lead_house.export(DAY, DAY)
    known = lead_house.ops.execute("select lead_id from ops.lead_exchanges order by 1").fetchall()
    assert [lead for (lead,) in known] == [FIRST + n for n in (0, 1, 3, 4)]


def test_a_job_that_is_resumed_is_pushed_as_it_was_begun(lead_house: LeadHouse) -> None:
    lead_house.leads(range(20), NOON)
    lead_house.export(DAY, DAY)
    job_id = lead_house.create(DAY, DAY)
    with lead_house.push.open("first", job_id=job_id, options=PushOptions(send_all=True)):
        pass
    assert lead_house.job(job_id).options == {"send_all": True, "accept": [], "compare": True}
    lead_house.reap()
    lead_house.face.clear()
    lead_house.run(job_id, "second")
    assert lead_house.posts() == [20]
