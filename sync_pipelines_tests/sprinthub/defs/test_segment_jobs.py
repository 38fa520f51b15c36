"""The launchpad's jobs on segments: what they write in the control table, and what they refuse."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import dagster as dg

from sync_pipelines_tests.sprinthub.defs.dagster_runs import NOW, Dagster


def test_a_segment_is_added_for_the_next_tick_or_at_once(dagster: Dagster) -> None:
    assert dagster.job("sprinthub_add_segment", "add_segment", segment_id=7).success
    assert dagster.job("sprinthub_add_segment", "add_segment", segment_id=8, at_once=True).success
    assert dagster.control(7) == ("active", None, NOW.replace(minute=0) + timedelta(days=1))
    assert dagster.control(8) == ("active", None, NOW)
    assert dagster.job("sprinthub_add_segment", "add_segment", segment_id=7).success
    assert dagster.oficialmed.execute("select count(*) from public.sync_segments_control").fetchone() == (2,)


def test_a_pause_holds_until_the_segment_is_reactivated(dagster: Dagster) -> None:
    dagster.segment(7, due=NOW)
    assert dagster.job("sprinthub_pause_segment", "pause_segment", segment_id=7).success
    assert dagster.control(7)[0] == "paused"
    refused = dagster.job("sprinthub_run_segment_now", "run_now_segment", segment_id=7)
    assert not refused.success
    assert "reactivate it first" in refused.failure
    assert dagster.job("sprinthub_reactivate_segment", "reactivate_segment", segment_id=7).success
    assert dagster.control(7)[0] == "active"


def test_run_now_makes_a_segment_due(dagster: Dagster, instance_in_folder: dg.DagsterInstance) -> None:
    dagster = replace(dagster, instance=instance_in_folder)
    dagster.segment(7, due=NOW + timedelta(days=1))
    assert not dagster.sensor("sprinthub_due").run_requests
    assert dagster.job("sprinthub_run_segment_now", "run_now_segment", segment_id=7).success
    assert [one.partition_key for one in dagster.sensor("sprinthub_due").run_requests or []] == ["7"]


def test_a_segment_that_is_not_in_the_table_is_refused_in_a_sentence(dagster: Dagster) -> None:
    run = dagster.job("sprinthub_pause_segment", "pause_segment", segment_id=7)
    assert not run.success
    assert run.failure.startswith("Segment 7 is not in the control table")
