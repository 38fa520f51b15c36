"""The outbox against a whole face: from an edit in Gestão Scouter to TabuladorMax, without a webhook, and no echo."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

import sync_pipelines.scouter
from sync_pipelines.lib.failures import PermanentError, RefusedError, TransientError
from sync_pipelines_tests.scouter.house import FIRST, LeadHouse

DAY, NOON = date(2025, 10, 21), datetime(2025, 10, 21, 15, tzinfo=UTC)
OUTBOX = (Path(sync_pipelines.scouter.__file__).parent / "sql" / "outbox.sql").read_bytes()


@pytest.fixture
def house(lead_house: LeadHouse) -> LeadHouse:
    """Three leads over there, an outbox that has seen nothing, and the way back by it."""
    lead_house.use(scouter_way_back=True, scouter_outbox=True)
    lead_house.leads(range(3), NOON)
    lead_house.export(DAY, DAY)
    lead_house.gestao.execute(OUTBOX)
    lead_house.face.clear()
    return lead_house


def edit(house: LeadHouse, number: int, nome: str) -> None:
    """A change that a person makes there, by the service's role."""
    with house.gestao.transaction():
        house.gestao.execute("set local role service_role")
        house.gestao.execute(
            "update public.leads set nome = %s, sync_source = 'gestao_scouter', updated_at = now() where id = %s",
            [nome, FIRST + number],
        )


def left(house: LeadHouse) -> int:
    row = house.gestao.execute("select count(*) from sync_outbox.lead_changes").fetchone()
    assert row
    return int(row[0])


def name_here(house: LeadHouse, number: int) -> str:
    row = house.tab.execute("select name from public.leads where id = %s", [FIRST + number]).fetchone()
    assert row
    return str(row[0])


def test_an_edit_comes_over_and_is_not_pushed_back(house: LeadHouse) -> None:
    edit(house, 1, "Ana Ção 🙂")
    assert left(house) == 1
    done = house.push.reverse_sync().run("back")
    assert (done.collected, done.drained.read, done.drained.updated, done.waiting) == (1, 1, 1, 0)
    assert (name_here(house, 1), left(house)) == ("Ana Ção 🙂", 0)
    house.face.clear()
    job = house.export(datetime.now(UTC).date(), DAY)
    assert job.status == "completed"
    assert house.posts() == []
    assert left(house) == 0


def test_a_push_leaves_nothing_in_the_outbox(house: LeadHouse) -> None:
    house.lead(1, NOON, name="Do Tabulador")
    house.export(DAY, DAY)
    assert (house.there("nome")[FIRST + 1], left(house)) == ("Do Tabulador", 0)
    assert house.push.reverse_sync().run("back").collected == 0


def test_what_could_not_be_forgotten_there_comes_again_and_harms_nothing(house: LeadHouse) -> None:
    edit(house, 1, "Ana Nova")
    house.face.fail("applied_then_dropped", times=1, after=1)  # read, then forgotten without an answer
    with pytest.raises(TransientError):
        house.push.reverse_sync().collect()
    assert house.push.reverse_sync().run("back").drained.updated == 1
    house.gestao.execute("update public.leads set nome = nome")
    house.face.fail("drop", times=1, after=1)  # read, and not forgotten
    edit(house, 2, "Bia Nova")
    with pytest.raises(TransientError):
        house.push.reverse_sync().collect()
    assert left(house) == 1
    done = house.push.reverse_sync().run("again")
    assert (done.drained.read, done.drained.updated, left(house)) == (2, 1, 0)
    assert (name_here(house, 1), name_here(house, 2)) == ("Ana Nova", "Bia Nova")


def test_more_than_a_page_and_more_than_the_silent_cap(house: LeadHouse) -> None:
    with house.gestao.transaction():
        house.gestao.execute("set local role service_role")
        house.gestao.execute(
            "insert into public.leads (id, nome) select 900000 + n, 'Local ' || n from generate_series(1, 1203) as n"
        )
    assert house.push.reverse_sync().collect() == 1203
    rows = house.ops.execute("select count(*), count(distinct key) from ops.inbox").fetchone()
    assert (rows, left(house)) == ((1203, 1203), 0)


@pytest.mark.parametrize(
    ("fault", "error"),
    [("empty_503", TransientError), ("gateway_401", RefusedError), ("expired_303", RefusedError)],
)
def test_a_project_that_does_not_answer_loses_nothing(
    house: LeadHouse, fault: str, error: type[Exception]
) -> None:
    edit(house, 1, "Ana Nova")
    house.face.fail(fault)
    with pytest.raises(error) as told:
        house.push.reverse_sync().collect()
    assert house.face.service_key not in str(told.value)
    assert left(house) == 1


def test_a_project_without_the_functions_is_told_what_to_run(lead_house: LeadHouse) -> None:
    lead_house.use(scouter_outbox=True)
    with pytest.raises(PermanentError, match=r"Run outbox\.sql in that project"):
        lead_house.push.reverse_sync().collect()
