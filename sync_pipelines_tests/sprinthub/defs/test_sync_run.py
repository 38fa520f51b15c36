"""`sync-pipelines run sprinthub`: what it takes, what it prints, and when it is a success."""

from __future__ import annotations

from typing import Any

import dagster as dg

from sync_pipelines.lib.runs import AssetRow, RunReport
from sync_pipelines.sprinthub.defs.descriptions import SEGMENTS
from sync_pipelines.sprinthub.defs.sync_run import run, sync_segments
from sync_pipelines.sprinthub.segment_pool import RunOptions, SegmentPool
from sync_pipelines_tests.sprinthub.defs.dagster_runs import Dagster


def ran(dagster: Dagster, *segments: int, **asked: Any) -> RunReport:
    shown = asked.pop("progress", lambda _sentence, **_figures: None)
    return run(
        dagster.settings, segments=segments, progress=shown, sync=dagster.sync, first=None, last=None, **asked
    )


def proved(report: RunReport) -> dict[str, str]:
    return {row.asset: row.proved for row in report.rows}


def test_every_due_segment_is_synced_whatever_lies_between(dagster: Dagster) -> None:
    dagster.segment(7, leads=4)
    dagster.segment(8, leads=4, status="paused")
    dagster.segment(9, leads=4)
    shown: list[tuple[str, int, int]] = []
    report = ran(dagster, progress=lambda sentence, done, total: shown.append((sentence, done, total)))
    assert report.succeeded
    assert proved(report) == dict.fromkeys(("segment_leads", "segment_membership", "leads"), "2/2")
    leads = report.rows[-1]
    assert isinstance(leads, AssetRow)
    assert (leads.read, leads.loaded, leads.rejected) == (8, 8, 0)
    assert [dagster.control(number)[1] is not None for number in (7, 8, 9)] == [True, False, True]
    assert any("details" in sentence for sentence, _, _ in shown)
    # What is shown of all segments in work is at least what the sentence says of one.
    assert all(done <= total for _, done, total in shown)


def test_nothing_due_is_nothing_to_do(dagster: Dagster) -> None:
    dagster.segment(7, leads=4, due="2999-01-01")
    report = ran(dagster)
    assert report.succeeded
    assert report.nothing_to_do
    assert dagster.crm.calls.count() == 0


def test_a_named_segment_is_synced_whatever_its_time_and_stays_paused(dagster: Dagster) -> None:
    dagster.segment(7, leads=4, status="paused", due="2999-01-01")
    dagster.segment(8, leads=4)
    report = ran(dagster, 7, 7)
    assert report.succeeded
    assert proved(report)["leads"] == "1/1"
    status, last, _ = dagster.control(7)
    assert status == "paused"
    assert last is not None
    assert dagster.control(8)[1] is None


def test_a_segment_that_is_not_in_the_table_runs_when_a_person_names_it(dagster: Dagster) -> None:
    dagster.crm.tenant.add_segment(99, leads=3)
    report = ran(dagster, 99)
    assert report.succeeded
    assert proved(report)["leads"] == "1/1"
    assert any("segment 99. `sync-pipelines sprinthub add 99` adds one" in note for note in report.notes)
    rows = dagster.oficialmed.execute("select count(*) from public.sync_segments_control").fetchall()
    assert rows == [(0,)]


def test_a_failed_segment_fails_the_run_and_the_others_are_done(dagster: Dagster) -> None:
    dagster.segment(7)
    dagster.segment(8, leads=4)
    report = ran(dagster)
    assert not report.succeeded
    assert proved(report)["leads"] == "1/2"
    assert any("7: " in problem for problem in report.problems)


def test_a_second_run_in_full_reads_every_detail_again(dagster: Dagster) -> None:
    dagster.segment(7, leads=4)
    ran(dagster, 7)
    before = dagster.crm.calls.count("detail")
    ran(dagster, 7)
    assert dagster.crm.calls.count("detail") == before
    assert ran(dagster, 7, full=True).succeeded
    assert dagster.crm.calls.count("detail") == 2 * before


def test_rejects_and_unknown_fields_are_said(dagster: Dagster) -> None:
    dagster.segment(7, leads=4)
    first, second, *_ = dagster.crm.tenant.visible(7)
    dagster.crm.fail("detail_missing", lead=first)
    dagster.crm.tenant.change_lead(second, cupom_da_semana="PRIMAVERA")
    report = ran(dagster)
    assert report.succeeded
    notes = " ".join(report.notes)
    assert "Segment 7: 1 leads have no usable detail" in notes
    assert "cupom_da_semana" in notes
    assert "PRIMAVERA" not in notes


def test_a_database_that_is_away_is_a_problem_in_a_sentence(dagster: Dagster) -> None:
    away = "postgresql://x:senha-longa@127.0.0.1:1/oficialmed"
    dagster.settings = dagster.settings.model_copy(update={"oficialmed_database_url": away})
    report = ran(dagster)
    assert not report.succeeded
    assert "oficialmed" in report.problems[0]
    assert "senha-longa" not in str(report)


def test_a_segment_that_another_run_has_is_not_called_proved(dagster: Dagster) -> None:
    dagster.segment(7, leads=4)
    dagster.segment(8, leads=4)
    with dagster.sync.runs.execution(8, run_id="other"):
        report = ran(dagster)
    assert not report.succeeded
    assert proved(report)["leads"] == "1/2"
    assert any("Segment 8 is being synced by another run" in problem for problem in report.problems)


def test_a_partition_that_is_removed_before_its_turn_costs_nothing(dagster: Dagster) -> None:
    for number in (7, 8, 9, 10):
        dagster.segment(number, leads=4)
    dagster.instance.add_dynamic_partitions("segment", ["7", "8", "9", "10"])
    # As the sensor does, when people took the segment out of the table.
    dagster.crm.before_detail(2, lambda: dagster.instance.delete_dynamic_partition(str(SEGMENTS.name), "9"))
    report = RunReport()
    with SegmentPool(dagster.sync, width=1) as pool:
        sync_segments(
            dagster.settings,
            dagster.instance,
            pool,
            wanted=["7", "9", "10"],
            options=RunOptions(),
            report=report,
        )
    assert report.succeeded
    assert proved(report)["leads"] == "3/3"
    assert dagster.instance.get_materialized_partitions(dg.AssetKey(["sprinthub", "leads"])) == {
        "7",
        "9",
        "10",
    }
