"""`sync-pipelines erp …` as a person types it."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import typer
from typer.testing import CliRunner, Result

from sync_pipelines.cli.commands import Commands
from sync_pipelines.erp.command import app
from sync_pipelines.erp.outcome import Counts, Module, ModuleOutcome
from sync_pipelines.lib.failures import RefusedError, TransientError
from sync_pipelines.sandbox.erp.database import add_company
from sync_pipelines_tests.erp.connections.conftest import Project, project

__all__ = ["project"]  # the fixture
Typed = Callable[[str], Result]


@pytest.fixture
def typed(project: Project, tmp_path: Path) -> Typed:
    whole = typer.Typer(cls=Commands)
    whole.add_typer(app)
    # A second command, so that the group does not collapse into the first.
    whole.command("other")(lambda: None)
    given = {"ERP_DATABASE_URL": project.url, "OPS_DATABASE_URL": project.ops}

    def type_command(command: str) -> Result:
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(tmp_path)
            return CliRunner().invoke(whole, shlex.split(f"erp {command}"), env=given)

    return type_command


def test_the_listing_names_company_vendor_times_and_what_became_of_the_last_sync(
    typed: Typed, project: Project
) -> None:
    project.clock.now = datetime.now(UTC)
    user = uuid4()
    company = add_company(project.connection, user, None, nome_fantasia="Doces da Serra")
    good = project.put(user_id=user, company_id=company)
    partly, refused = project.put(), project.put()
    project.connection.execute("alter type public.erp_type add value if not exists 'protheus'")
    project.put("protheus")
    project.put(auto_sync=False)
    with project.runs.execution(good, run_id="run") as work:
        work.outcome.modules[Module.PRODUCTS] = ModuleOutcome(counts=Counts(inserted=1042, rejected=3))
    with project.runs.execution(partly, run_id="run") as work:
        error = TransientError("Omie answered 502.")
        work.outcome.modules[Module.INVOICES] = ModuleOutcome("error", "a lista parou.", error=error)
    project.fail(refused, RefusedError("Bling refused the token.", 401))
    listed = typed("list")
    assert listed.exit_code == 0
    table, _, below = listed.output.partition("└")
    assert all(len(line) <= 80 for line in table.splitlines())
    keys = [one.key for one in project.control.all()]
    blocks = dict(zip(keys, _blocks(table, keys), strict=True))
    first = blocks[project.row(good).key]
    assert all(text in first for text in ("Doces da Serra", "(Omie)", "│on", "│active", "1,042 stored"))
    assert "error: nfe" in blocks[project.row(partly).key]
    third = blocks[project.row(refused).key]
    assert all(text in third for text in ("(Omie)", "│error", "│none"))
    assert "is not synced by itself: it waits for a person since" in below
    assert "is not synced by itself: there is no adapter for protheus" in below
    assert "a lista parou." in below
    assert "│off" in blocks[keys[-1]]


def _blocks(table: str, keys: Sequence[str]) -> list[str]:
    """The lines of each connection."""
    starts = [table.index(key) for key in keys]
    return [table[start:end] for start, end in zip(starts, [*starts[1:], len(table)], strict=True)]


def test_the_life_of_a_connection(typed: Typed, project: Project) -> None:
    one, other = project.put(), project.put()
    off = typed(f"auto-sync off {one} {project.row(other).key}")
    assert off.exit_code == 0
    assert [project.row(number).auto_sync for number in (one, other)] == [False, False]
    assert "is on; its next sync is at" in typed(f"auto-sync on {one}").output
    due = project.row(one).next_sync_at
    assert due is not None
    assert timedelta(hours=23, minutes=50) < due - datetime.now(UTC) <= timedelta(hours=24)
    refused = typed(f"auto-sync on omie_ffffffff {other}")
    assert refused.exit_code == 1
    assert "No connection has the UUID or key" in refused.output
    assert project.row(other).auto_sync
    assert typed("auto-sync sometimes x").exit_code == 2


def test_reviewing_by_name_or_all_that_wait(typed: Typed, project: Project) -> None:
    assert "No connection waits for a person." in typed("reviewed --waiting").output
    ones = [project.put(), project.put("bling")]
    for one in ones:
        project.fail(one, RefusedError("refused.", 401))
    assert typed("reviewed").exit_code == 2
    assert "is due at once" in typed(f"reviewed {ones[0]}").output
    done = typed("reviewed --waiting")
    assert done.output.count("is due at once") == 1
    assert all(project.row(one).metadata == {} for one in ones)
