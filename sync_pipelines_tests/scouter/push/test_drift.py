"""A destination whose schema changes while leads are sent: nothing is dropped in silence."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from sync_pipelines.lib.http.postgrest import PostgrestClient
from sync_pipelines.sandbox.scouter.database import drift, drop_column
from sync_pipelines.scouter.schema.reload import Patience, reload_schema
from sync_pipelines_tests.scouter.installation import FIRST, Installation

DAY = date(2025, 10, 21)
NOON = datetime(2025, 10, 21, 15, tzinfo=UTC)
COLUMN = "etapa_funil"
PUT_BACK = f"alter table public.leads add column {COLUMN} text"


@pytest.fixture
def drifting(installation: Installation) -> Installation:
    """An installation with forty leads in four batches, whose reload waits by a clock of its own."""
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    def reload(client: PostgrestClient, columns: object) -> object:
        assert isinstance(columns, tuple)
        return reload_schema(client, columns, patience=Patience(5), sleep=sleep, clock=lambda: now[0])

    installation.push = replace(installation.push, reload=reload)
    installation.use(scouter_batch_size=10, scouter_in_flight=1)
    installation.leads(range(40), NOON, etapa_funil="Topo")
    return installation


def once(installation: Installation, *statements: str) -> None:
    """Change the destination before the first commit, with no word to its server unless a statement is one."""
    left = list(statements)

    def change() -> None:
        while left:
            installation.gestao.execute(left.pop(0).encode())

    installation.hook(change)


def test_a_column_that_vanishes_pauses_the_job_with_the_reason_the_sql_and_how_to_go_on(
    drifting: Installation,
) -> None:
    job_id = drifting.create(DAY, DAY)
    once(drifting, f"alter table public.leads drop column {COLUMN}", "notify pgrst, 'reload schema'")
    drifting.leads(range(40, 200), NOON, etapa_funil="Topo")
    pause = drifting.paused(job_id)
    job = drifting.job(job_id)
    assert not pause.by_person
    assert job.status == "paused"
    assert job.pause_reason is not None
    assert COLUMN in job.pause_reason
    sql = (
        f"alter table public.leads add column if not exists \"{COLUMN}\" text; notify pgrst, 'reload schema';"
    )
    assert sql in job.pause_reason
    assert "resume" in job.pause_reason
    assert 0 < job.exported_leads < 200
    assert drifting.errors() == []
    drifting.gestao.execute(PUT_BACK.encode())
    drifting.gestao.execute("notify pgrst")
    drifting.hook(lambda: None)
    drifting.resume(job_id)
    assert drifting.counters(job_id) == ("completed", 200, 200, 0)
    assert list(drifting.there(COLUMN).values()) == ["Topo"] * 200


def test_a_cache_that_is_only_stale_is_reloaded_and_the_push_goes_on(drifting: Installation) -> None:
    job_id = drifting.create(DAY, DAY)
    # The server looked at a moment at which the column was away.
    once(
        drifting,
        f"alter table public.leads rename column {COLUMN} to hidden",
        "notify pgrst",
        "select 1",
    )
    reloads: list[int] = []
    ours = drifting.push.reload

    def reload(client: PostgrestClient, columns: tuple[str, ...]) -> object:
        reloads.append(1)
        drifting.gestao.execute(f"alter table public.leads rename column hidden to {COLUMN}".encode())
        drifting.postgrest.reload_polls = 2
        return ours(client, columns)

    drifting.push = replace(drifting.push, reload=reload)  # type: ignore[arg-type]
    drifting.run(job_id)
    assert reloads == [1]
    assert drifting.counters(job_id) == ("completed", 40, 40, 0)
    assert set(drifting.there(COLUMN).values()) == {"Topo"}


def test_without_the_reload_function_the_pause_shows_it(drifting: Installation) -> None:
    job_id = drifting.create(DAY, DAY)
    once(
        drifting,
        "drop function public.notify_pgrst_reload()",
        f"alter table public.leads drop column {COLUMN}",
        "notify pgrst",
    )
    drifting.paused(job_id)
    reason = str(drifting.job(job_id).pause_reason)
    assert "notify_pgrst_reload" in reason
    assert "create or replace function" in reason.lower()
    assert COLUMN in reason


def test_a_source_column_that_vanishes_pauses_the_job_in_a_sentence(drifting: Installation) -> None:
    job_id = drifting.create(DAY, DAY)
    drop_column(drifting.tab, COLUMN)
    drifting.paused(job_id)
    job = drifting.job(job_id)
    assert job.status == "paused"
    assert COLUMN in str(job.pause_reason)


def test_columns_that_come_to_both_sides_are_sent_from_the_next_push_on(drifting: Installation) -> None:
    drifting.lead(1, NOON, funil_fichas="A")
    drifting.export(DAY, DAY)
    drift(drifting.gestao, 53)
    drifting.gestao.execute("notify pgrst")
    drifting.ops.execute("delete from ops.schema_reports")  # five minutes later
    job = drifting.export(DAY, DAY)
    assert (job.status, job.exported_leads) == ("completed", 40)
    assert drifting.there("funil_fichas")[FIRST + 1] == "A"
