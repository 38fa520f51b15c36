"""Rejected changes are taken again from the launchpad, once their cause is mended."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest

from sync_pipelines.scouter.defs.definitions import definitions as all_definitions
from sync_pipelines.scouter.defs.definitions import reverse_sync_definitions
from sync_pipelines.scouter.defs.replay_jobs import scouter_replay_inbox
from sync_pipelines_tests.scouter.pair import LEAD, Pair, settings_of


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def rejected(pair: Pair) -> list[int]:
    """The rows of two changes that were rejected, between which one was applied."""
    pair.push(LEAD, LEAD + 1, LEAD + 2)
    pair.receive(
        pair.announced(age="quarenta"),
        pair.edit_there(LEAD + 1, nome="Ana Nova"),
        pair.announced(LEAD + 2, age="sessenta"),
    )
    pair.drain()
    assert [status for status, _ in pair.decided] == ["rejected", "applied", "rejected"]
    rows = pair.ops.execute("select id from ops.inbox where status = 'rejected' order by id").fetchall()
    return [number for (number,) in rows]


def definitions(pair: Pair) -> dg.Definitions:
    return reverse_sync_definitions(settings_of(pair), pair.reverse_sync())


def replayed(pair: Pair, instance: dg.DagsterInstance, **config: Any) -> dg.ExecuteInProcessResult:
    job = definitions(pair).resolve_job_def(scouter_replay_inbox.name)
    run_config = {"ops": {"replay_inbox": {"config": config}}}
    return job.execute_in_process(run_config, instance=instance, raise_on_error=False)


def sentence(result: dg.ExecuteInProcessResult) -> str:
    (event,) = [event for event in result.all_events if event.is_step_failure]
    told = event.step_failure_data.user_failure_data
    return str(told.description) if told else ""


def test_a_row_whose_cause_is_mended_is_applied_and_the_other_stays_rejected(
    pair: Pair, instance: dg.DagsterInstance, rejected: list[int]
) -> None:
    pair.ops.execute(
        "update ops.inbox set payload = jsonb_set(payload, '{lead,age}', '40') where id = %s", [rejected[0]]
    )
    assert replayed(pair, instance, ids=rejected[:1]).success
    assert [status for status, _ in pair.decided] == ["waiting", "applied", "rejected"]
    pair.drain()
    assert [status for status, _ in pair.decided] == ["applied", "applied", "rejected"]
    assert pair.here()["age"] == 40


def test_every_rejected_row_may_be_meant(
    pair: Pair, instance: dg.DagsterInstance, rejected: list[int]
) -> None:
    result = replayed(pair, instance, every=True)
    assert result.success
    assert [status for status, _ in pair.decided] == ["waiting", "applied", "waiting"]
    pair.drain()  # nothing was mended
    assert [status for status, _ in pair.decided] == ["rejected", "applied", "rejected"]


def test_a_replayed_change_does_not_undo_a_later_one(
    pair: Pair, instance: dg.DagsterInstance, rejected: list[int]
) -> None:
    pair.receive(pair.edit_there(age=41))
    pair.drain()
    pair.ops.execute(
        "update ops.inbox set payload = jsonb_set(payload, '{lead,age}', '40') where id = %s", [rejected[0]]
    )
    assert replayed(pair, instance, ids=rejected[:1]).success
    pair.drain()
    assert pair.here()["age"] == 41


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({}, "Say which rows"),
        ({"ids": [1], "every": True}, "Say which rows"),
        ({"ids": [999_999_999]}, "nothing was replayed"),
    ],
)
def test_what_names_no_rejected_row_is_a_failure(
    pair: Pair, instance: dg.DagsterInstance, rejected: list[int], config: dict[str, Any], told: str
) -> None:
    result = replayed(pair, instance, **config)
    assert not result.success
    assert told in sentence(result)
    assert [status for status, _ in pair.decided] == ["rejected", "applied", "rejected"]


def test_rows_that_were_not_rejected_are_counted_in_a_warning(
    pair: Pair, instance: dg.DagsterInstance, rejected: list[int]
) -> None:
    result = replayed(pair, instance, ids=[*rejected, rejected[0] + 1])
    assert result.success
    told = [record.message for record in instance.all_logs(result.run_id)]
    assert "1 of the rows are not there, or were not rejected." in told
    assert "2 changes wait in the inbox again." in told


def test_without_the_reverse_sync_there_is_no_such_job(pair: Pair) -> None:
    found = all_definitions(settings_of(pair, scouter_way_back=False))
    assert "scouter_replay_errors" in {job.name for job in found.jobs or ()}
    assert scouter_replay_inbox.name not in {job.name for job in found.jobs or ()}
