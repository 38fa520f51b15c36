"""Whether a run is under way, by its job or by its tags."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import pytest

from sync_pipelines.lib.orchestration.unfinished_runs import UNFINISHED, has_unfinished_run


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@dg.job
def load() -> None:
    pass


def test_without_any_run_none_is_under_way(instance: dg.DagsterInstance) -> None:
    assert not has_unfinished_run(instance, "load")


@pytest.mark.parametrize("status", list(dg.DagsterRunStatus))
def test_a_run_is_under_way_until_it_ended(instance: dg.DagsterInstance, status: dg.DagsterRunStatus) -> None:
    instance.create_run_for_job(load, status=status)
    ended = {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}
    # MANAGED is Dagster's own, for runs that another system conducts.
    assert set(dg.DagsterRunStatus) - ended - {dg.DagsterRunStatus.MANAGED} == set(UNFINISHED)
    assert has_unfinished_run(instance, "load") is (status in UNFINISHED)


def test_only_the_job_and_the_tags_that_are_asked_for_count(instance: dg.DagsterInstance) -> None:
    instance.create_run_for_job(load, status=dg.DagsterRunStatus.QUEUED, tags={"sensor": "a"})
    assert has_unfinished_run(instance, tags={"sensor": "a"})
    assert not has_unfinished_run(instance, tags={"sensor": "b"})
    assert not has_unfinished_run(instance, "another")
