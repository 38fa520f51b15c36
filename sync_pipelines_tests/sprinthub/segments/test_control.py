"""Who is due, and what a person's edits do.

| status | next_execution | newest log row | due |
|---|---|---|---|
| active, error | null or past | anything else | yes |
| error | any | waits for a person | no |
| paused, unknown, null | any | any | no |
"""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest

from sync_pipelines.lib.failures import PermanentError, SyncError
from sync_pipelines.sprinthub.segments.control import read_segments
from sync_pipelines.sprinthub.segments.segment_id import segment_id
from sync_pipelines_tests.sprinthub.segments.conftest import START, TICK, Project

EARLIER, LATER = START - timedelta(seconds=1), START + timedelta(seconds=1)


def log(project: Project, segment: int, status: str, stats: str = "{}") -> None:
    project.connection.execute(
        "insert into sync_segments_logs (segment_id, status, stats) values (%s, %s, %s)",
        (segment, status, stats),
    )


def due(project: Project) -> list[int]:
    """The segments that an automatic run would take."""
    return [row.segment_id for row in project.control.all() if row.is_due(START)]


def test_due_is_what_is_active_or_can_be_tried_again_and_whose_time_has_come(project: Project) -> None:
    project.put(1)
    project.put(2, due=EARLIER)
    project.put(3, due=START)
    project.put(4, due=LATER)
    project.put(5, "error", EARLIER)
    project.put(6, "error", LATER)
    project.put(8, "paused")
    project.put(9, "Active")
    project.put(10, None)
    project.put(-11)
    project.put(12, due="infinity")
    project.put(13, due="-infinity")
    assert due(project) == [1, 2, 3, 5, 13]
    assert [row.segment_id for row in read_segments(project.url)] == [-11, 1, 2, 3, 4, 5, 6, 8, 9, 10, 12, 13]
    reasons = {row.segment_id: row.not_due_because(START) for row in project.control.all()}
    assert reasons[8] == "it is paused"
    assert reasons[9] == "its status 'Active' is none that we know (active, paused, error)"
    assert "None is none" in (reasons[10] or "")
    assert reasons[-11] == "its number is no segment's"
    assert reasons[4] == "its next run is at 2026-03-10 06:00 UTC"


def test_an_error_waits_for_a_person_while_the_newest_finished_run_says_so(project: Project) -> None:
    project.put(7, "error")
    log(project, 7, "error", stats='{"waits_for": "person"}')
    log(project, 7, "running")
    log(project, 8, "error")
    assert due(project) == []
    assert "waits for a person" in (project.row().not_due_because(START) or "")
    log(project, 7, "error", stats='{"waits_for": null}')
    assert due(project) == [7]


def test_a_person_who_makes_it_active_by_hand_is_obeyed(project: Project) -> None:
    project.put(7, "error")
    log(project, 7, "error", stats='{"waits_for": "person"}')
    project.connection.execute("update sync_segments_control set status = 'active'")
    assert due(project) == [7]


def test_a_failed_read_is_no_empty_list(project: Project) -> None:
    project.connection.execute("drop table sync_segments_control")
    with pytest.raises(SyncError, match="the oficialmed database: relation"):
        read_segments(project.url)


def test_a_segment_is_added_for_the_next_tick_and_once(project: Project) -> None:
    assert project.actions.add(7, now=START) == "Segment 7 is added; it is due at 2026-03-11 06:00 UTC."
    assert (project.row().status, project.row().next_execution) == ("active", TICK)
    assert project.actions.add(7, now=START) == "Segment 7 is there already, with status active."
    assert len(project.control.all()) == 1
    assert due(project) == []
    again = project.actions.add(7, now=START, at_once=True)
    assert again == "Segment 7 is there already, with status active. Segment 7 is due at once."
    assert project.actions.add(8, now=START, at_once=True) == "Segment 8 is added; it is due at once."
    assert due(project) == [7, 8]


def test_adding_waits_for_no_other_and_never_doubles(project: Project) -> None:
    with psycopg.connect(project.url) as other:
        other.execute("create unique index on sync_segments_control (segment_id)")
    project.put(7, "paused")
    assert project.actions.add(7, now=START) == "Segment 7 is there already, with status paused."
    with pytest.raises(PermanentError, match="reactivate it first"):
        project.actions.add(7, now=START, at_once=True)
    assert [(row.segment_id, row.status) for row in project.control.all()] == [(7, "paused")]


def test_pause_and_reactivate_keep_the_time_that_the_segment_had(project: Project) -> None:
    project.put(7, due=TICK)
    assert project.actions.pause(7).startswith("Segment 7 is paused.")
    assert project.actions.pause(7) == "Segment 7 is paused already."
    with pytest.raises(PermanentError, match="Segment 7 has the status paused: reactivate it first"):
        project.actions.run_now(7, now=START)
    assert project.actions.reactivate(7, now=START) == (
        "Segment 7 is active again; it is due at 2026-03-11 06:00 UTC."
    )
    assert project.actions.reactivate(7, now=START) == "Segment 7 is active already."
    assert project.actions.run_now(7, now=START) == "Segment 7 is due at once."
    assert project.row().is_due(START)


def test_what_waits_for_a_person_is_found_and_reactivated(project: Project) -> None:
    project.put(7, "error", TICK)
    project.put(8, "error", TICK)
    log(project, 7, "error", stats='{"waits_for": "person"}')
    assert project.actions.waiting() == [7]
    assert project.actions.reactivate(7, now=START) == "Segment 7 is active again; it is due at once."
    assert project.actions.run_now(8, now=START) == "Segment 8 is due at once."
    assert project.actions.waiting() == []
    assert due(project) == [7, 8]


@pytest.mark.parametrize("action", ["pause", "reactivate", "run_now"])
def test_an_action_on_a_segment_that_is_not_there_says_how_to_add_it(project: Project, action: str) -> None:
    moment = {} if action == "pause" else {"now": START}
    with pytest.raises(PermanentError, match=r"Segment 7 is not in the control table: .* add 7"):
        getattr(project.actions, action)(7, **moment)


@pytest.mark.parametrize("value", [0, -1, 2**31, "7.5", "٧", "", "x" * 500, True])
def test_what_is_no_segments_number_is_refused_in_a_sentence(project: Project, value: int | str) -> None:
    with pytest.raises(PermanentError, match="a whole number from 1 to 2147483647") as caught:
        segment_id(value)
    assert len(str(caught.value)) < 150
    with pytest.raises(PermanentError):
        project.actions.add(value, now=START)  # type: ignore[arg-type]
    assert project.control.all() == []


@pytest.mark.parametrize(("value", "number"), [(1, 1), (2**31 - 1, 2**31 - 1), ("58", 58)])
def test_a_partition_key_is_a_segments_number(value: int | str, number: int) -> None:
    assert segment_id(value) == number
