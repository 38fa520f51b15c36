"""`sync-pipelines sprinthub …` as a person types it."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from sync_pipelines.cli.commands import Commands
from sync_pipelines.sprinthub.command import RUNS, app
from sync_pipelines_tests.sprinthub.segments.conftest import Project, project

__all__ = ["project"]  # the fixture
Typed = Callable[[str], Result]


@pytest.fixture
def typed(project: Project, tmp_path: Path) -> Typed:
    whole = typer.Typer(cls=Commands)
    whole.add_typer(app)
    # A second command, so that the group does not collapse into the first.
    whole.command("other")(lambda: None)
    given = {"OFICIALMED_DATABASE_URL": project.url, "OPS_DATABASE_URL": project.ops}

    def type_command(command: str) -> Result:
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(tmp_path)
            return CliRunner().invoke(whole, shlex.split(f"sprinthub {command}"), env=given)

    return type_command


def test_the_life_of_a_segment(typed: Typed, project: Project) -> None:
    assert typed("list").exit_code == 0
    added = typed("add 7 8 --now")
    assert (added.exit_code, added.output.splitlines()) == (
        0,
        ["Segment 7 is added; it is due at once.", "Segment 8 is added; it is due at once."],
    )
    assert "is there already" in typed("add 7").output
    assert "is paused" in typed("pause 8").output
    refused = typed("run-now 8 7")
    assert refused.exit_code == 1
    assert "Segment 8 has the status paused: reactivate it first" in refused.output
    assert "Segment 7 is due at once." in refused.output
    assert "active again" in typed("reactivate 8").output
    with project.runs.execution(7, run_id="run") as work:
        work.outcome.leads = work.outcome.inserted = 58_788
    typed("pause 8")
    listed = typed("list").output
    (seven,) = [line for line in listed.splitlines() if "58,788" in line]
    assert "success, 100" in seven
    assert "active" in seven
    assert "due now" in seven
    (eight,) = [line for line in listed.splitlines() if "paused" in line]
    assert "no run yet" in eight


def test_a_listing_fits_a_narrow_terminal_and_says_below_what_needs_room(
    typed: Typed, project: Project
) -> None:
    project.put(7, "ACTIVE")
    project.put(2**31 - 1, "error")
    typed("add 8")
    reason = "Falha temporária: o CRM não respondeu. " * 5
    project.connection.execute(
        "insert into sync_segments_logs (segment_id, status, message, success_rate)"
        " values (%s, 'error', %s, 97.7778)",
        (2**31 - 1, reason),
    )
    table, below = typed("list").output.split("└")
    assert all(len(line) <= 80 for line in table.splitlines())
    assert "…" not in table
    assert len(table.splitlines()) == 7  # the title, the heading of three lines, a line a segment
    assert f"Segment {2**31 - 1}: {reason}" in below
    assert "Segment 7 is never due: its status 'ACTIVE' is none that we know" in below
    assert "Segment 8" not in below


def test_what_is_no_segment_is_a_sentence_and_a_status(typed: Typed, project: Project) -> None:
    for command in ("add 0", "add 99999999999", "add seven", "pause 7", "reactivate 7", "run-now 7"):
        result = typed(command)
        assert result.exit_code == 1, command
        assert "egment" in result.output
        assert "Traceback" not in result.output
    assert typed("reactivate").exit_code == 2
    assert project.control.all() == []


def test_those_that_wait_for_a_person_are_reactivated_together(typed: Typed, project: Project) -> None:
    assert typed("reactivate --waiting").output == "No segment waits for a person.\n"
    for segment in (7, 8):
        project.put(segment, "error")
        project.connection.execute(
            "insert into sync_segments_logs (segment_id, status, stats)"
            " values (%s, 'error', '{\"waits_for\": \"person\"}')",
            (segment,),
        )
    assert "waits" in typed("list").output
    assert typed("reactivate --waiting").output.count("is active again; it is due at once.") == 2


def test_the_configuration_goes_to_a_file_and_comes_back(typed: Typed, project: Project) -> None:
    project.put(7, "paused")
    project.put(8, "Active")
    assert typed("export-config segments.json").output == (
        "1 segments and the schedule are in segments.json.\n1 rows are left out: doubled, or no number or status.\n"
    )
    assert typed("import-config segments.json").output == "The control table is as the file says.\n"
    project.connection.execute("truncate sync_segments_control")
    planned = typed("import-config segments.json --plan")
    assert planned.output == "Segment 7: added, paused.\nNothing was changed. Without --plan it is.\n"
    assert project.control.all() == []
    assert typed("import-config segments.json").output == "Segment 7: added, paused.\n"
    assert project.row().status == "paused"
    missing = typed("import-config nothing.json")
    assert (missing.exit_code, missing.output) == (
        1,
        "nothing.json cannot be read: No such file or directory.\n",
    )


def test_the_run_has_its_own_options_and_no_dates() -> None:
    (run,) = RUNS
    assert (run.name, run.has_dates) == ("sprinthub", False)
    assert [(option.name, option.flag) for option in run.options] == [
        ("segments", "segment"),
        ("full", "full"),
    ]
