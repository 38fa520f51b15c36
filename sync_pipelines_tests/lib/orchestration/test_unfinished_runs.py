"""Whether a run is under way, by its job or by its tags."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import pytest

from sync_pipelines.lib.orchestration.unfinished_runs import UNFINISHED, has_unfinished_run

Status = dg.DagsterRunStatus


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@dg.job
def load() -> None:
    pass


def test_without_any_run_none_is_under_way(instance: dg.DagsterInstance) -> None:
    assert not has_unfinished_run(instance, "load")


@pytest.mark.parametrize("status", [Status.NOT_STARTED, Status.STARTING, Status.STARTED, Status.CANCELING])
def test_a_run_that_has_begun_is_under_way(instance: dg.DagsterInstance, status: Status) -> None:
    instance.create_run_for_job(load, status=status)
    assert has_unfinished_run(instance, "load")


@pytest.mark.parametrize("status", [Status.SUCCESS, Status.FAILURE, Status.CANCELED])
def test_a_run_that_ended_is_not(instance: dg.DagsterInstance, status: Status) -> None:
    instance.create_run_for_job(load, status=status)
    assert not has_unfinished_run(instance, "load")


def test_a_run_in_the_queue_counts() -> None:
    """Only a daemon can put one there."""
    assert Status.QUEUED in UNFINISHED


def test_only_the_job_and_the_tags_that_are_asked_for_count(instance: dg.DagsterInstance) -> None:
    instance.create_run_for_job(load, status=Status.STARTED, tags={"sensor": "a"})
    assert has_unfinished_run(instance, tags={"sensor": "a"})
    assert not has_unfinished_run(instance, tags={"sensor": "b"})
    assert not has_unfinished_run(instance, "another")
