"""The standing checks over the log table and the control table, at the edges of the requirement's rules."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import dagster as dg
import pytest

from sync_pipelines_tests.sprinthub.defs.dagster_runs import NOW, Dagster

CHECKS = {
    "success_rate_is_95_percent",
    "runs_end_within_10_minutes",
    "no_segment_fails_six_times",
    "every_segment_is_fresh",
}


def logged(dagster: Dagster, segment: int, status: str = "success", **columns: Any) -> None:
    names = ", ".join(["segment_id", "status", *columns])
    marks = ", ".join(["%s"] * (2 + len(columns)))
    dagster.oficialmed.execute(
        f"insert into public.sync_segments_logs ({names}) values ({marks})".encode(),
        [segment, status, *columns.values()],
    )


def verdict(dagster: Dagster, check: str) -> tuple[bool, str]:
    run = dagster.job("sprinthub_checks")
    assert run.success
    found = {
        event.asset_check_evaluation_data.check_name
        for event in run.events(dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    }
    assert found == CHECKS
    return run.verdicts(check)[None]


def test_without_a_segment_every_check_holds(dagster: Dagster) -> None:
    assert verdict(dagster, "every_segment_is_fresh") == (True, "Holds for 0 segments.")


@pytest.mark.parametrize(
    ("rate", "holds"), [("97.8", True), ("95", True), ("94.9", False), ("94.9999", False), (None, True)]
)
def test_the_success_rate_of_the_newest_run_counts(dagster: Dagster, rate: str | None, holds: bool) -> None:
    dagster.segment(7)
    logged(dagster, 7, success_rate="10")
    logged(dagster, 7, success_rate=rate)
    passed, sentence = verdict(dagster, "success_rate_is_95_percent")
    assert passed is holds
    assert holds or sentence.startswith("segment 7: 94.9")


@pytest.mark.parametrize(("seconds", "holds"), [(600, True), (601, False)])
def test_the_run_time_has_its_edge(dagster: Dagster, seconds: int, holds: bool) -> None:
    dagster.segment(7)
    dagster.segment(8)
    logged(dagster, 7, duration_seconds=seconds)
    logged(dagster, 8, duration_seconds=1)
    passed, sentence = verdict(dagster, "runs_end_within_10_minutes")
    assert passed is holds
    assert sentence == ("Holds for 2 segments." if holds else "segment 7: 601 s.")


@pytest.mark.parametrize(("errors", "holds"), [(5, True), (6, False)])
def test_the_sixth_error_in_a_row_is_one_too_many(dagster: Dagster, errors: int, holds: bool) -> None:
    dagster.segment(7)
    for status in ("error", "success", *(["error"] * errors)):
        logged(dagster, 7, status)
    passed, sentence = verdict(dagster, "no_segment_fails_six_times")
    assert passed is holds
    assert holds or sentence == "segment 7: 6 errors in a row."


def test_a_segment_that_people_took_out_of_the_table_is_no_news(dagster: Dagster) -> None:
    logged(dagster, 7, duration_seconds=9999)
    assert verdict(dagster, "runs_end_within_10_minutes")[0]


def test_a_segment_without_a_success_since_its_last_tick_is_named(dagster: Dagster) -> None:
    """The tick of the day is 06:00; two hours later its success is missed."""
    yesterday = NOW - timedelta(days=1)
    for number, status in ((7, "active"), (8, "paused"), (9, "error"), (10, "active")):
        dagster.segment(number, status=status)
        last = NOW if number == 10 else yesterday
        dagster.oficialmed.execute(
            "update public.sync_segments_control set last_execution = %s where segment_id = %s",
            [last, number],
        )
    assert verdict(dagster, "every_segment_is_fresh")[0]
    dagster.clock.advance(hours=1, minutes=31)
    passed, sentence = verdict(dagster, "every_segment_is_fresh")
    assert not passed
    since = "its last success began at 2026-03-09 06:30 UTC"
    assert sentence == f"segment 7: {since}; segment 9: {since}."
    # A run that is at work on it is what there is to wait for.
    logged(dagster, 7, "running", execution_time=NOW)
    logged(dagster, 9, "running", execution_time=NOW - timedelta(hours=30))
    assert verdict(dagster, "every_segment_is_fresh")[1] == f"segment 9: {since}."


def test_a_database_that_is_away_fails_the_run_in_a_sentence(dagster: Dagster) -> None:
    away = "postgresql://x:senha-longa@127.0.0.1:1/oficialmed"
    dagster.settings = dagster.settings.model_copy(update={"oficialmed_database_url": away})
    run = dagster.job("sprinthub_checks")
    assert not run.success
    kept = " ".join(repr(record) for record in dagster.instance.all_logs(run.run_id))
    assert "oficialmed" in kept
    assert "senha-longa" not in kept
