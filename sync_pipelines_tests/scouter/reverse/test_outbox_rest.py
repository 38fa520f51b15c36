"""The outbox behind a whole PostgREST: from an edit in Gestão Scouter to TabuladorMax, without a webhook or an echo."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

import sync_pipelines.scouter
from sync_pipelines.lib.failures import PermanentError, RefusedError, TransientError
from sync_pipelines_tests.scouter.installation import FIRST, Installation

DAY, NOON = date(2025, 10, 21), datetime(2025, 10, 21, 15, tzinfo=UTC)
OUTBOX = (Path(sync_pipelines.scouter.__file__).parent / "sql" / "outbox.sql").read_bytes()


@pytest.fixture
def with_outbox(installation: Installation) -> Installation:
    """Three leads that were pushed, an empty outbox, and the reverse sync by it."""
    installation.use(scouter_way_back=True, scouter_outbox=True)
    installation.leads(range(3), NOON)
    installation.export(DAY, DAY)
    installation.gestao.execute(OUTBOX)
    installation.postgrest.clear()
    return installation


def edit(installation: Installation, number: int, nome: str) -> None:
    """A change that a person makes there, by the service's role."""
    with installation.gestao.transaction():
        installation.gestao.execute("set local role service_role")
        installation.gestao.execute(
            "update public.leads set nome = %s, sync_source = 'gestao_scouter', updated_at = now() where id = %s",
            [nome, FIRST + number],
        )


def left(installation: Installation) -> int:
    row = installation.gestao.execute("select count(*) from sync_outbox.lead_changes").fetchone()
    assert row
    return int(row[0])


def name_here(installation: Installation, number: int) -> str:
    row = installation.tab.execute("select name from public.leads where id = %s", [FIRST + number]).fetchone()
    assert row
    return str(row[0])


def test_an_edit_comes_over_and_is_not_pushed_back(with_outbox: Installation) -> None:
    edit(with_outbox, 1, "Ana Ção 🙂")
    assert left(with_outbox) == 1
    done = with_outbox.reverse_sync().run("back")
    assert (done.collected, done.drained.read, done.drained.updated, done.waiting) == (1, 1, 1, 0)
    assert (name_here(with_outbox, 1), left(with_outbox)) == ("Ana Ção 🙂", 0)
    with_outbox.postgrest.clear()
    job = with_outbox.export(datetime.now(UTC).date(), DAY)
    assert job.status == "completed"
    assert with_outbox.posts() == []
    assert left(with_outbox) == 0


def test_a_push_leaves_nothing_in_the_outbox(with_outbox: Installation) -> None:
    with_outbox.lead(1, NOON, name="Do Tabulador")
    with_outbox.export(DAY, DAY)
    assert (with_outbox.there("nome")[FIRST + 1], left(with_outbox)) == ("Do Tabulador", 0)
    assert with_outbox.reverse_sync().run("back").collected == 0


def test_what_could_not_be_forgotten_there_comes_again_and_harms_nothing(with_outbox: Installation) -> None:
    edit(with_outbox, 1, "Ana Nova")
    with_outbox.postgrest.fail(
        "applied_then_dropped", times=1, after=1
    )  # read, then forgotten without an answer
    with pytest.raises(TransientError):
        with_outbox.reverse_sync().collect()
    assert with_outbox.reverse_sync().run("back").drained.updated == 1
    with_outbox.gestao.execute("update public.leads set nome = nome")
    with_outbox.postgrest.fail("drop", times=1, after=1)  # read, and not forgotten
    edit(with_outbox, 2, "Bia Nova")
    with pytest.raises(TransientError):
        with_outbox.reverse_sync().collect()
    assert left(with_outbox) == 1
    done = with_outbox.reverse_sync().run("again")
    assert (done.drained.read, done.drained.updated, left(with_outbox)) == (2, 1, 0)
    assert (name_here(with_outbox, 1), name_here(with_outbox, 2)) == ("Ana Nova", "Bia Nova")


def test_more_than_a_page_and_more_than_the_silent_cap(with_outbox: Installation) -> None:
    with with_outbox.gestao.transaction():
        with_outbox.gestao.execute("set local role service_role")
        with_outbox.gestao.execute(
            "insert into public.leads (id, nome) select 900000 + n, 'Local ' || n from generate_series(1, 1203) as n"
        )
    assert with_outbox.reverse_sync().collect() == 1203
    rows = with_outbox.ops.execute("select count(*), count(distinct key) from ops.inbox").fetchone()
    assert (rows, left(with_outbox)) == ((1203, 1203), 0)


@pytest.mark.parametrize(
    ("fault", "error"),
    [("empty_503", TransientError), ("gateway_401", RefusedError), ("expired_303", RefusedError)],
)
def test_a_project_that_does_not_answer_loses_nothing(
    with_outbox: Installation, fault: str, error: type[Exception]
) -> None:
    edit(with_outbox, 1, "Ana Nova")
    with_outbox.postgrest.fail(fault)
    with pytest.raises(error) as told:
        with_outbox.reverse_sync().collect()
    assert with_outbox.postgrest.service_key not in str(told.value)
    assert left(with_outbox) == 1


def test_a_project_without_the_functions_is_told_what_to_run(installation: Installation) -> None:
    installation.use(scouter_outbox=True)
    with pytest.raises(PermanentError, match=r"Run outbox\.sql in that project"):
        installation.reverse_sync().collect()
