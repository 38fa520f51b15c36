"""What a person may do with an export, from each of its states; and what is refused, in which words."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import date, timedelta
from threading import Barrier
from typing import Any, cast

import psycopg
import pytest
from psycopg import sql
from psycopg.types.json import Jsonb

from sync_pipelines.lib.failures import PermanentError, SyncError, TransientError
from sync_pipelines.scouter.export_jobs.actions import ExportActions
from sync_pipelines.scouter.export_jobs.job import Status, UnknownJobError
from sync_pipelines_tests.scouter.installation import Installation

DAY = date(2025, 10, 21)
NOBODY = "00000000-0000-4000-8000-00000000dead"
STATUSES: tuple[Status, ...] = ("pending", "running", "paused", "completed", "failed")
WORDS = {
    "pending": "pendente",
    "running": "em andamento",
    "paused": "pausada",
    "completed": "concluída",
    "failed": "com falha",
}
#: What becomes of an export by each action; what is not here is refused. None: it is gone.
MOVES: dict[tuple[str, Status], Status | None] = {
    ("pause", "pending"): "paused",
    ("pause", "running"): "paused",
    ("resume", "paused"): "pending",
    **{("reset", status): "pending" for status in STATUSES},
    ("delete", "paused"): None,
}
VERBS = {"pause": "pausar", "resume": "retomar", "delete": "excluída"}
ACTIONS: dict[str, Callable[[ExportActions, str], object]] = {
    "pause": lambda actions, job_id: actions.pause(job_id),
    "resume": lambda actions, job_id: actions.resume(job_id),
    "reset": lambda actions, job_id: actions.reset(job_id),
    "delete": lambda actions, job_id: actions.delete(job_id),
}


def worn(installation: Installation, status: Status) -> str:
    """An export in this state, half way, with a counter of everything and two error rows."""
    job_id = installation.create(DAY, DAY - timedelta(days=5))
    installation.tab.execute(
        "update public.gestao_scouter_export_jobs set status = %s, processing_date = '2025-10-20',"
        " last_completed_date = '2025-10-21', total_leads = 30, exported_leads = 10, error_leads = 2,"
        " pause_reason = 'Um motivo.', paused_at = now(), started_at = now(), completed_at = now()"
        " where id = %s",
        [status, job_id],
    )
    installation.tab.execute(
        "update sync_private.export_progress set attempts = 3, run_ids = '{one}', phase = 'catch_up',"
        " cursor_id = 7, unproved = '{2025-10-21}', watermark = '2025-10-21' where job_id = %s",
        [job_id],
    )
    for lead in (1, 2):
        installation.tab.execute(
            "insert into public.gestao_scouter_export_errors"
            " (job_id, lead_id, lead_snapshot, fields_sent, error_message) values (%s, %s, '{}', '{}', 'Não.')",
            [job_id, lead],
        )
    return job_id


def whole(installation: Installation) -> list[Any]:
    """All that the control plane holds."""
    tables = ("public.gestao_scouter_export_jobs", "sync_private.export_progress")
    return [
        installation.tab.execute(
            sql.SQL("select to_jsonb(t) from {} as t").format(sql.Identifier(*name.split(".")))
        ).fetchall()
        for name in (*tables, "public.gestao_scouter_export_errors")
    ]


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("action", list(ACTIONS))
def test_each_action_moves_an_export_or_is_refused_and_changes_nothing(
    control_plane: Installation, action: str, status: Status
) -> None:
    job_id = worn(control_plane, status)
    before = whole(control_plane)
    if (action, status) in MOVES:
        ACTIONS[action](control_plane.actions(), job_id)
        wanted = MOVES[action, status]
        assert [job.status for job in control_plane.actions().newest()] == ([wanted] if wanted else [])
        return
    with pytest.raises(PermanentError) as refused:
        ACTIONS[action](control_plane.actions(), job_id)
    assert VERBS[action] in str(refused.value)
    assert WORDS[status] in str(refused.value)
    assert whole(control_plane) == before


@pytest.mark.parametrize("status", ["pending", "running"])
def test_a_pause_says_when_and_why_and_keeps_the_place(control_plane: Installation, status: Status) -> None:
    job_id = worn(control_plane, status)
    job = control_plane.actions().pause(job_id, "Almoço.")
    assert (job.pause_reason, job.processing_date, job.exported_leads) == (
        "Almoço.",
        date(2025, 10, 20),
        10,
    )
    when = control_plane.tab.execute(
        "select paused_at = updated_at, paused_at > created_at from public.gestao_scouter_export_jobs"
    ).fetchall()
    assert when == [(True, True)]


def test_a_resume_keeps_place_and_counters_and_counts_deaths_anew(control_plane: Installation) -> None:
    job = control_plane.actions().resume(worn(control_plane, "paused"))
    assert (job.status, job.pause_reason) == ("pending", None)
    assert (job.processing_date, job.last_completed_date) == (date(2025, 10, 20), DAY)
    assert (job.total_leads, job.exported_leads, job.error_leads) == (30, 10, 2)
    now = control_plane.job(job.id)
    assert (now.attempts, now.phase, now.cursor_id, now.run_ids) == (0, "catch_up", 7, ["one"])
    assert len(control_plane.errors()) == 2


@pytest.mark.parametrize("status", STATUSES)
def test_a_reset_leaves_nothing_of_before_but_what_was_asked_for(
    control_plane: Installation, status: Status
) -> None:
    job_id = worn(control_plane, status)
    created = control_plane.job(job_id)
    job = control_plane.actions().reset(job_id)
    assert (job.start_date, job.end_date, job.created_at) == (
        created.start_date,
        created.end_date,
        created.created_at,
    )
    assert (job.processing_date, job.last_completed_date, job.pause_reason) == (None, None, None)
    assert (job.total_leads, job.exported_leads, job.error_leads) == (0, 0, 0)
    assert (job.attempts, job.run_ids, job.phase, job.cursor, job.unproved) == (0, [], "days", None, [])
    assert job.watermark is not None
    assert created.watermark is not None
    assert job.watermark > created.watermark
    times = "select started_at, paused_at, completed_at from public.gestao_scouter_export_jobs"
    assert control_plane.tab.execute(times).fetchall() == [(None, None, None)]
    assert control_plane.errors() == []


def test_a_deleted_export_takes_its_errors_and_its_progress_along(control_plane: Installation) -> None:
    other = worn(control_plane, "completed")
    job_id = worn(control_plane, "paused")
    control_plane.actions().delete(job_id)
    assert {row["job_id"] for row in control_plane.errors()} == {other}
    kept = control_plane.tab.execute("select job_id::text from sync_private.export_progress").fetchall()
    assert kept == [(other,)]


@pytest.mark.parametrize("action", list(ACTIONS))
@pytest.mark.parametrize(
    ("job_id", "told"), [(NOBODY, "Não existe"), ("42", "não é um UUID"), ("'; --", "não é um UUID")]
)
def test_an_export_that_there_is_not_is_told(
    control_plane: Installation, action: str, job_id: str, told: str
) -> None:
    with pytest.raises(UnknownJobError, match=told):
        ACTIONS[action](control_plane.actions(), job_id)


@pytest.mark.parametrize("other", ["pending", "running"])
@pytest.mark.parametrize("action", ["resume", "reset"])
def test_while_one_export_waits_or_runs_no_other_may_begin(
    control_plane: Installation, action: str, other: Status
) -> None:
    job_id = worn(control_plane, "paused")
    first = worn(control_plane, other)
    before = whole(control_plane)
    with pytest.raises(TransientError) as refused:
        ACTIONS[action](control_plane.actions(), job_id)
    assert first in str(refused.value)
    assert WORDS[other] in str(refused.value)
    with pytest.raises(TransientError, match="espere que termine"):
        control_plane.create(DAY, DAY)
    assert whole(control_plane) == before


@pytest.mark.parametrize("status", ["paused", "completed", "failed"])
def test_beside_an_export_that_stands_still_another_may_begin(
    control_plane: Installation, status: Status
) -> None:
    worn(control_plane, status)
    assert control_plane.job(control_plane.create(DAY, None)).status == "pending"


def test_a_new_export_is_as_it_was_asked_for(control_plane: Installation) -> None:
    person = "00000000-0000-4000-8000-000000000001"
    job = control_plane.actions().create(
        DAY,
        None,
        field_mappings={"nome": "tab_name"},
        fields_selected=["nome"],
        created_by=cast("Any", person),
        options={"send_all": True},
    )
    assert (job.status, job.start_date, job.end_date, job.total_leads) == ("pending", DAY, None, 0)
    assert (job.field_mappings, job.fields_selected) == ({"nome": "tab_name"}, ["nome"])
    assert (job.options, job.attempts, job.phase) == ({"send_all": True}, 0, "days")
    by = control_plane.tab.execute(
        "select created_by::text from public.gestao_scouter_export_jobs"
    ).fetchall()
    assert by == [(person,)]


CONFIGURATION = "public.gestao_scouter_config"


@pytest.mark.parametrize(
    ("how", "told"),
    [
        (f"update {CONFIGURATION} set active = false", "inativa"),
        (f"update {CONFIGURATION} set sync_enabled = false", "desligada"),
        (f"delete from {CONFIGURATION}", "Não há configuração"),
    ],
)
def test_what_is_switched_off_makes_no_export(control_plane: Installation, how: str, told: str) -> None:
    control_plane.tab.execute(how.encode())
    with pytest.raises(PermanentError, match=told) as refused:
        control_plane.create(DAY, DAY)
    assert "Config > Integrações" in str(refused.value)
    assert control_plane.actions().newest() == []


def test_an_older_inactive_configuration_does_not_count(control_plane: Installation) -> None:
    control_plane.tab.execute(
        "insert into public.gestao_scouter_config (project_url, anon_key, active, updated_at)"
        " values ('https://old.example.com', '-', false, now() + interval '1 day')"
    )
    assert control_plane.job(control_plane.create(DAY, DAY)).status == "pending"


def test_without_the_applications_table_the_settings_decide(installation: Installation) -> None:
    installation.tab.execute("drop table public.gestao_scouter_config")
    assert installation.job(installation.create(DAY, DAY)).status == "pending"


def at_once(installation: Installation, count: int, act: Callable[[ExportActions], object]) -> list[object]:
    """Do the same over so many connections at one moment; what each got, errors too."""
    start = Barrier(count)

    def one(connection: psycopg.Connection[Any]) -> object:
        start.wait()
        try:
            return act(ExportActions(connection))
        except SyncError as error:
            return error

    url = installation.settings.require("tabuladormax_database_url")
    with ExitStack() as stack:
        connections = [stack.enter_context(psycopg.connect(url, autocommit=True)) for _ in range(count)]
        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(one, connections))


def test_of_exports_that_are_created_at_one_moment_one_is_made(control_plane: Installation) -> None:
    got = at_once(control_plane, 6, lambda actions: actions.create(DAY, DAY))
    refused = [one for one in got if isinstance(one, TransientError)]
    assert len(refused) == 5
    assert len(control_plane.actions().newest()) == 1


def test_of_exports_that_are_resumed_at_one_moment_one_goes_on(control_plane: Installation) -> None:
    job_ids = [worn(control_plane, "paused") for _ in range(4)]
    left = list(job_ids)
    got = at_once(control_plane, 4, lambda actions: actions.resume(left.pop()))
    assert sum(isinstance(one, TransientError) for one in got) == 3
    assert len(control_plane.actions().pending()) == 1


def test_a_mapping_is_kept_as_it_came(control_plane: Installation) -> None:
    given = {"nome": "name", "idade": {"from": "age"}}
    job = control_plane.actions().create(DAY, DAY, field_mappings=given)
    kept = control_plane.tab.execute(
        "select field_mappings = %s from public.gestao_scouter_export_jobs where id = %s",
        [Jsonb(given), job.id],
    ).fetchone()
    assert kept == (True,)
