"""What need not be sent again, and what has to be although it was."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from psycopg.types.json import Jsonb
from pydantic import SecretStr

from sync_pipelines.sandbox.postgrest.fake import PostgrestFake
from sync_pipelines.scouter.mapping.default_mapping import default_mapping
from sync_pipelines.scouter.push.options import PushOptions
from sync_pipelines_tests.scouter.installation import FIRST, Installation

DAY = date(2025, 10, 21)
NOON = datetime(2025, 10, 21, 15, tzinfo=UTC)


def exported(installation: Installation, count: int = 20) -> Installation:
    installation.leads(range(count), NOON)
    installation.export(DAY, DAY)
    installation.postgrest.clear()
    return installation


def test_only_what_changed_is_sent(installation: Installation) -> None:
    exported(installation)
    installation.leads([2, 11], NOON, etapa="Agendado")
    job = installation.export(DAY, DAY)
    assert installation.posts() == [2]
    outcome = installation.outcomes[DAY]
    assert (outcome.read, outcome.accepted, outcome.unchanged) == (20, 2, 18)
    assert installation.counters(job.id) == ("completed", 20, 20, 0)


def test_what_changed_in_columns_that_nobody_maps_is_not_sent(installation: Installation) -> None:
    exported(installation)
    installation.leads([2], NOON, address="Rua A, 1")
    installation.export(DAY, DAY)
    assert installation.posts() == []


def test_a_lead_that_was_only_dated_anew_takes_its_date_along(installation: Installation) -> None:
    exported(installation)
    installation.leads([2], NOON + timedelta(hours=1))
    installation.export(DAY, DAY)
    assert installation.posts() == [1]
    assert installation.there("updated_at")[FIRST + 2] == NOON + timedelta(hours=1)


def test_all_are_sent_where_somebody_says_so(installation: Installation) -> None:
    exported(installation)
    installation.gestao.execute("update public.leads set nome = 'Mexido'")
    installation.export(DAY, DAY, options=PushOptions(compare=False))
    assert installation.posts() == []
    assert installation.there("nome")[FIRST] == "Mexido"
    job = installation.export(DAY, DAY, options=PushOptions(send_all=True))
    assert installation.posts() == [20]
    assert installation.there("nome")[FIRST] == "Pessoa 0 ção 🙂"
    assert installation.counters(job.id) == ("completed", 20, 20, 0)


def test_another_destination_knows_nothing_of_the_first(installation: Installation) -> None:
    exported(installation)
    with PostgrestFake(installation.gestao_url) as other:
        installation.use(
            gestao_scouter_url=other.url, gestao_scouter_service_key=SecretStr(other.service_key)
        )
        installation.export(DAY, DAY)
        assert [one.objects for one in other.requests if one.method == "POST" and one.objects] == [20]
    hosts = installation.ops.execute(
        "select destination, count(*) from ops.lead_exchanges group by 1"
    ).fetchall()
    assert [count for _, count in hosts] == [20, 20]
    assert all("://" not in host and "@" not in host for host, _ in hosts)


def test_a_field_that_goes_to_another_column_is_sent_anew(installation: Installation) -> None:
    installation.leads(range(5), NOON, etapa="Agendado")
    installation.export(DAY, DAY)
    installation.postgrest.clear()
    source = {name for (name, _, _) in installation.tab.execute("select * from get_leads_table_columns()")}
    mapping = default_mapping(source, ()).document()
    # In the order of destinations the value stays where it was.
    mapping["etapa_a"] = mapping.pop("etapa")
    installation.gestao.execute("alter table public.leads add column etapa_a text")
    installation.gestao.execute("notify pgrst")
    installation.tab.execute(
        "insert into public.gestao_scouter_field_mappings (name, mappings, is_default) values ('novo', %s, true)",
        [Jsonb(mapping)],
    )
    installation.export(DAY, DAY)
    assert installation.posts() == [5]
    assert set(installation.there("etapa_a").values()) == {"Agendado"}


def test_a_lead_that_is_refused_is_not_known(installation: Installation) -> None:
    installation.gestao.execute("alter table public.leads add check (age < 120)")
    installation.leads(range(5), NOON)
    installation.lead(2, NOON, age=1999)
    installation.export(DAY, DAY)
    known = installation.ops.execute("select lead_id from ops.lead_exchanges order by 1").fetchall()
    assert [lead for (lead,) in known] == [FIRST + n for n in (0, 1, 3, 4)]


def test_a_job_that_is_resumed_is_pushed_as_it_was_begun(installation: Installation) -> None:
    installation.leads(range(20), NOON)
    installation.export(DAY, DAY)
    job_id = installation.create(DAY, DAY)
    with installation.push.open("first", job_id=job_id, options=PushOptions(send_all=True)):
        pass
    assert installation.job(job_id).options == {"send_all": True, "accept": [], "compare": True}
    installation.reap()
    installation.postgrest.clear()
    installation.run(job_id, "second")
    assert installation.posts() == [20]
