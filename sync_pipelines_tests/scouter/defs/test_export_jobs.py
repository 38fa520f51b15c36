"""The actions of the old screen in the launchpad, and the jobs beside them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from sync_pipelines.sandbox.scouter.database import with_dirt_rules
from sync_pipelines.scouter.defs import definitions
from sync_pipelines_tests.scouter.dagster_runs import LaunchedRun, launch
from sync_pipelines_tests.scouter.installation import Installation

DAY = date(2025, 10, 21)
NOON = datetime(2025, 10, 21, 15, tzinfo=UTC)
NOBODY = "00000000-0000-4000-8000-00000000dead"


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def act(installation: Installation, instance: dg.DagsterInstance, action: str, **config: Any) -> LaunchedRun:
    return launch(installation, instance, f"scouter_{action}_export", ops={f"{action}_export": config})


def test_an_export_is_created_paused_resumed_reset_and_deleted(
    control_plane: Installation, instance: dg.DagsterInstance
) -> None:
    made = act(
        control_plane,
        instance,
        "create",
        start_date="2025-10-21",
        end_date="2025-10-01",
        field_mappings={"nome": "name"},
    )
    assert made.result.success
    (job,) = control_plane.actions().newest()
    assert (job.status, job.start_date, job.end_date, job.field_mappings) == (
        *("pending", DAY, date(2025, 10, 1)),
        {"nome": "name"},
    )
    assert any(job.id in message for message in made.messages)
    for action, status in (
        ("pause", "paused"),
        ("resume", "pending"),
        ("reset", "pending"),
        ("pause", "paused"),
    ):
        assert act(control_plane, instance, action, export_job=job.id).result.success
        assert control_plane.job(job.id).status == status
    assert control_plane.job(job.id).pause_reason == "Pausada no Dagster."
    assert act(control_plane, instance, "delete", export_job=job.id).result.success
    assert control_plane.actions().newest() == []


def test_without_an_end_the_export_goes_back_to_the_first_lead(
    control_plane: Installation, instance: dg.DagsterInstance
) -> None:
    assert act(control_plane, instance, "create", start_date="2025-10-21").result.success
    assert control_plane.actions().newest()[0].end_date is None


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"start_date": "21/10/2025"}, "start_date must be a day such as 2025-10-21."),
        ({"start_date": "2025-10-21", "end_date": "ontem"}, "end_date must be a day such as 2025-10-21."),
        ({"start_date": "2025-10-01", "end_date": "2025-10-21"}, "não pode vir antes de endDate"),
        ({"start_date": ""}, "start_date must be a day"),
    ],
)
def test_days_that_are_none_are_refused_in_a_sentence(
    control_plane: Installation, instance: dg.DagsterInstance, config: dict[str, Any], told: str
) -> None:
    done = act(control_plane, instance, "create", **config)
    assert told in done.failure
    assert control_plane.actions().newest() == []


def test_configuration_of_the_wrong_type_is_refused_before_anything_runs(
    control_plane: Installation, instance: dg.DagsterInstance
) -> None:
    for config in ({}, {"start_date": 20251021}, {"start_date": "2025-10-21", "since": "2025-10-21"}):
        with pytest.raises(dg.DagsterInvalidConfigError):
            act(control_plane, instance, "create", **config)
    assert control_plane.actions().newest() == []


@pytest.mark.parametrize("action", ["pause", "resume", "reset", "delete"])
@pytest.mark.parametrize(("job_id", "told"), [(NOBODY, "Não existe a exportação"), ("42", "não é um UUID")])
def test_an_export_that_there_is_not_is_refused(
    control_plane: Installation, instance: dg.DagsterInstance, action: str, job_id: str, told: str
) -> None:
    assert told in act(control_plane, instance, action, export_job=job_id).failure


def test_what_the_state_forbids_is_refused_in_a_sentence(
    control_plane: Installation, instance: dg.DagsterInstance
) -> None:
    job_id = control_plane.create(DAY, DAY)
    assert "Não é possível retomar" in act(control_plane, instance, "resume", export_job=job_id).failure
    assert "Só uma exportação pausada" in act(control_plane, instance, "delete", export_job=job_id).failure
    second = act(control_plane, instance, "create", start_date="2025-10-21")
    assert f"A exportação {job_id} está pendente" in second.failure


def replay(installation: Installation, instance: dg.DagsterInstance, **config: Any) -> LaunchedRun:
    return launch(installation, instance, "scouter_replay_errors", ops={"replay_errors": config})


def test_refused_leads_are_replayed_once_their_cause_is_mended(
    installation: Installation, instance: dg.DagsterInstance
) -> None:
    with_dirt_rules(installation.gestao)
    lead = installation.lead(1, NOON, age=1999)
    job = installation.export(DAY, DAY)
    first = replay(installation, instance, export_job=job.id)
    assert first.result.success
    assert "0 leads were accepted, 1 rejected again, 0 are gone." in first.messages
    installation.edit(lead, age=39)
    done = replay(installation, instance)
    assert any(message.startswith("1 leads were accepted, 0 rejected again") for message in done.messages)
    assert installation.errors() == []
    assert installation.there("age") == {lead: 39}


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"accept": ["tudo"]}, "accept names tudo; what can be decided is overwrite_local_leads."),
        ({"export_job": "42"}, "não é um UUID"),
        ({"export_job": NOBODY}, "Não existe"),
    ],
)
def test_a_replay_that_means_nothing_is_refused(
    control_plane: Installation, instance: dg.DagsterInstance, config: dict[str, Any], told: str
) -> None:
    assert told in replay(control_plane, instance, **config).failure


def test_snapshots_of_leads_go_after_their_time(
    control_plane: Installation, instance: dg.DagsterInstance
) -> None:
    job_id = control_plane.create(DAY, DAY)
    for age in (timedelta(days=91), timedelta(days=89)):
        control_plane.tab.execute(
            "insert into public.gestao_scouter_export_errors (job_id, lead_id, lead_snapshot, fields_sent,"
            " error_message, created_at) values (%s, 1, '{}', '{}', 'Não.', now() - %s)",
            [job_id, age],
        )
    done = launch(control_plane, instance, "scouter_forget_errors")
    assert "1 error rows were older than 90 days." in done.messages
    assert len(control_plane.errors()) == 1


def test_a_database_that_is_away_fails_the_clean_up_in_a_sentence(
    installation: Installation, instance: dg.DagsterInstance
) -> None:
    installation.tab.execute("drop table public.gestao_scouter_export_errors")
    done = launch(installation, instance, "scouter_forget_errors")
    assert "gestao_scouter_export_errors" in done.failure


def test_every_action_has_a_job(control_plane: Installation) -> None:
    jobs = {
        job.name for job in definitions.definitions(control_plane.settings, control_plane.push).jobs or ()
    }
    assert {f"scouter_{name}_export" for name in ("create", "pause", "resume", "reset", "delete")} <= jobs
