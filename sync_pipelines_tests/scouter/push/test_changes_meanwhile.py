"""A table that does not stand still: leads are changed, deleted and dated anew while they are exported."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest

from sync_pipelines.sandbox.scouter.database import with_dirt_rules
from sync_pipelines.scouter.export_jobs.actions import ExportActions
from sync_pipelines.scouter.export_jobs.days import Span, day_span
from sync_pipelines.scouter.lead import Position
from sync_pipelines.scouter.push.batch import Stage
from sync_pipelines_tests.scouter.installation import FIRST, Installation, another_role

DAY = date(2025, 10, 21)
NOON = datetime(2025, 10, 21, 15, tzinfo=UTC)


@pytest.fixture
def week(installation: Installation) -> Installation:
    """An installation with ten leads on each of three days."""
    installation.use(scouter_batch_size=5, scouter_in_flight=1)
    for number in range(3):
        installation.leads(range(number * 10, number * 10 + 10), NOON - timedelta(days=number))
    return installation


def first_commit(installation: Installation, *statements: str) -> None:
    left = list(statements)

    def change() -> None:
        while left:
            installation.tab.execute(left.pop(0).encode())

    installation.hook(change)


@pytest.mark.parametrize("lead", [FIRST + 9, FIRST + 25], ids=["of a day that is past", "of a day to come"])
def test_a_lead_that_is_changed_meanwhile_goes_with_the_last_round(week: Installation, lead: int) -> None:
    job_id = week.create(DAY, DAY - timedelta(days=2))
    first_commit(week, f"update public.leads set etapa = 'Mudou' where id = {lead}")
    week.run(job_id)
    assert week.there("etapa")[lead] == "Mudou"
    assert week.counters(job_id) == ("completed", 30, 30, 0)
    last = week.outcomes[None]
    assert (last.accepted, last.proof.equal) == (1, 1)
    (when,) = week.tab.execute("select updated_at from public.leads where id = %s", [lead]).fetchone() or ()
    assert week.there("updated_at")[lead] == when


def test_a_lead_that_is_made_meanwhile_goes_with_the_last_round(week: Installation) -> None:
    job_id = week.create(DAY, DAY)
    first_commit(week, f"insert into public.leads (id, name) values ({FIRST + 99}, 'Pessoa 99')")
    week.run(job_id)
    assert week.there("nome")[FIRST + 99] == "Pessoa 99"
    status, total, exported, errors = week.counters(job_id)
    assert (status, errors) == ("completed", 0)
    assert exported == total


def test_a_mass_update_that_puts_all_on_today_loses_none(week: Installation) -> None:
    job_id = week.create(DAY, DAY - timedelta(days=2))
    first_commit(week, "update public.leads set fonte = 'Importação'")
    week.run(job_id)
    assert set(week.there("fonte").values()) == {"Importação"}
    assert len(week.there()) == 30
    assert week.counters(job_id) == ("completed", 30, 30, 0)


def test_a_mass_update_that_began_before_the_job_and_ends_during_it_loses_none(week: Installation) -> None:
    """Its rows bear the time at which it began, which the push has passed when they can be seen."""
    with psycopg.connect(week.settings.require("tabuladormax_database_url")) as other:
        other.execute("update public.leads set fonte = 'Importação'")
        job_id = week.create(DAY, DAY - timedelta(days=2))
        ended: list[int] = []

        def end() -> None:
            if not ended:
                other.commit()
                ended.append(1)

        week.hook(end)
        week.run(job_id)
    assert set(week.there("fonte").values()) == {"Importação"}
    assert week.counters(job_id) == ("completed", 30, 30, 0)


def test_a_role_that_does_not_see_when_others_began_looks_again_at_the_last_minutes(
    week: Installation,
) -> None:
    owner = week.settings.require("tabuladormax_database_url")
    week.use(tabuladormax_database_url=another_role(week, bypasses=True))
    with psycopg.connect(owner) as other, week.push.source() as source:
        other.execute("insert into public.leads (id, name) values (600099, 'Pessoa 99')")
        job_id = ExportActions(source).create(DAY, DAY - timedelta(days=2)).id

        def end() -> None:
            other.commit()

        week.hook(end)
        week.run(job_id)
    assert FIRST + 99 in week.there()


def test_a_lead_that_was_exported_and_is_refused_in_the_last_round_is_counted_once(
    week: Installation,
) -> None:
    with_dirt_rules(week.gestao)
    job_id = week.create(DAY, DAY - timedelta(days=2))
    first_commit(
        week,
        f"update public.leads set age = 1999 where id in ({FIRST + 9}, {FIRST + 25})",
    )
    week.run(job_id)
    assert week.counters(job_id) == ("completed", 30, 28, 2)
    assert [row["lead_id"] for row in week.errors()] == [FIRST + 9, FIRST + 25]


def test_a_lead_that_was_refused_and_is_mended_meanwhile_has_no_error_row(week: Installation) -> None:
    with_dirt_rules(week.gestao)
    week.lead(8, NOON, age=1999)
    job_id = week.create(DAY, DAY - timedelta(days=2))
    with week.push.open("run", job_id=job_id) as run:
        for day in run.days:
            run.push_day(day)
        assert len(week.errors()) == 1
        week.edit(FIRST + 8, age=19)
        run.close()
    assert week.errors() == []
    assert week.counters(job_id) == ("completed", 30, 30, 0)
    assert week.there("age")[FIRST + 8] == 19


def test_a_lead_that_is_deleted_meanwhile_is_no_failure(week: Installation) -> None:
    job_id = week.create(DAY, DAY - timedelta(days=2))
    with week.push.open("run", job_id=job_id) as run:
        assert week.job(job_id).total_leads == 30
        week.tab.execute("delete from public.leads where id = %s", [FIRST + 25])
        for day in run.days:
            run.push_day(day)
        run.close()
    assert week.counters(job_id) == ("completed", 29, 29, 0)
    assert FIRST + 25 not in week.there()


@pytest.mark.parametrize("was_exchanged", [False, True])
def test_a_lead_deleted_between_its_place_and_its_content_is_gone(
    week: Installation, was_exchanged: bool
) -> None:
    if was_exchanged:
        week.export(DAY, DAY)
    job_id = week.create(DAY, DAY)
    with week.push.open("run", job_id=job_id) as run:
        begin, end = day_span(DAY, week.settings.zone)
        (page,) = run.engine.reader.pages(Span(begin, end))
        week.tab.execute("delete from public.leads where id = %s", [FIRST + 3])
        batches = list(run.engine.batchers[0].batches(page, lambda _: Stage("forward", DAY)))
        assert sum(batch.gone for batch in batches) == 1
        assert sum(batch.unchanged for batch in batches) == (9 if was_exchanged else 0)
        assert sum(len(batch.clean) for batch in batches) == (0 if was_exchanged else 9)


def test_a_place_in_a_later_day_leads_to_no_lead_of_that_day(week: Installation) -> None:
    """As the job's place is, when a day ended unproved and the next was begun."""
    before = DAY - timedelta(days=1)
    with week.push.open("run", job_id=week.create(DAY, before)) as run:
        begin, end = day_span(before, week.settings.zone)
        assert end is not None
        week.lead(90, end)
        for at in (end, NOON):
            (page,) = run.engine.reader.pages(Span(begin, end), Position(at, FIRST + 95))
            assert [position.id for position in page] == [FIRST + number for number in range(19, 9, -1)]
