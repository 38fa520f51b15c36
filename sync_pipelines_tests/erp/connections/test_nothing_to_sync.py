"""A sync of which every module is skipped: no success, no failure, no mail (trap 40)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from sync_pipelines.erp.connections.listing import read_listing, result, sentences_of
from sync_pipelines.erp.connections.log import LogRow, newest_rows
from sync_pipelines.erp.connections.mark import Mark
from sync_pipelines.erp.connections.nightly import read_night
from sync_pipelines.erp.outcome import Module, ModuleOutcome
from sync_pipelines.lib.failures import RefusedError
from sync_pipelines_tests.erp.connections.conftest import MIDNIGHT, START, Project

WHY = "O ERP não é sincronizado."
ALL = dict.fromkeys(Module, WHY)


def sync(project: Project, one: UUID, reasons: dict[Module, str] = ALL, *, is_automatic: bool = True) -> None:
    modules = None if is_automatic else list(reasons)
    with project.runs.execution(one, run_id="run", only_if_due=is_automatic, modules=modules) as work:
        assert work.is_due
        work.outcome.modules |= {module: ModuleOutcome("skipped", why) for module, why in reasons.items()}


def test_the_row_is_cancelled_with_the_reason_and_the_connection_stays_as_it_is(project: Project) -> None:
    one = project.put(status="active", next_sync_at=MIDNIGHT)
    sync(project, one)
    ((status, error, synced, failed, is_closed, details),) = project.logged(
        "status::text, error_message, records_synced, records_failed, completed_at is not null, details"
    )
    assert (status, error) == ("cancelled", f"Nada foi sincronizado. {WHY}")
    assert (synced, failed, is_closed) == (0, 0, True)
    assert {name: (of["status"], of["message"]) for name, of in details["modules"].items()} == {
        module.value: ("skipped", WHY) for module in Module
    }
    row = project.row(one)
    assert (row.status, row.status_message) == ("active", f"Nada foi sincronizado. {WHY}")
    assert (row.last_sync_at, row.next_sync_at) == (None, MIDNIGHT + timedelta(days=1))
    assert row.metadata == {}
    assert project.sent == []


def test_several_reasons_are_told_apart(project: Project) -> None:
    one = project.put()
    sync(project, one, {Module.INVOICES: "Sem XML.", Module.FINANCIALS: "Sem títulos."})
    assert (
        project.row(one).status_message == "Nada foi sincronizado. NF-e: Sem XML. | financeiro: Sem títulos."
    )


def test_a_part_that_is_skipped_leaves_what_the_row_says(project: Project) -> None:
    one = project.put(status="active", status_message="tudo certo", next_sync_at=MIDNIGHT)
    sync(project, one, {Module.FINANCIALS: WHY}, is_automatic=False)
    row = project.row(one)
    assert (row.status, row.status_message, row.next_sync_at) == ("active", "tudo certo", MIDNIGHT)
    assert project.logged() == ["cancelled"]


@pytest.mark.parametrize("status", ["error", "pending"])
def test_the_status_is_left_as_it_is(project: Project, status: str) -> None:
    """The old application left connections in `error`, and those of the thin vendors are never more than `pending`."""
    one = project.put(status=status, status_message="erp-sync retornou 401")
    sync(project, one, is_automatic=status == "error")
    row = project.row(one)
    assert (row.status, row.status_message) == (status, f"Nada foi sincronizado. {WHY}")


def test_a_connection_that_waits_for_a_person_goes_on_waiting(project: Project) -> None:
    one = project.put()
    project.fail(one, RefusedError("Sankhya answered 401.", 401))
    before = project.row(one)
    sync(project, one, is_automatic=False)
    after = project.row(one)
    assert Mark.of(after) == Mark.of(before) is not None
    assert (after.status, after.status_message) == ("error", before.status_message)


def test_whoever_looks_reads_why(project: Project) -> None:
    one = project.put()
    ((since,),) = project.connection.execute("select now()").fetchall()
    sync(project, one)
    key = project.row(one).key
    newest = newest_rows(project.connection)[one]
    assert (newest.is_all_skipped, result(newest)) == (True, "nothing to sync")
    listing = read_listing(project.url, {"omie"})
    assert f"{key}: Nada foi sincronizado. {WHY}" in list(sentences_of(listing, START))
    night = read_night(project.url, since, since + timedelta(hours=1))
    assert (night.processed, night.succeeded, len(night.failed), len(night.skipped)) == (1, 0, 0, 1)
    first, second = night.text.splitlines()
    assert first.startswith(
        "Conexões processadas: 1; com sucesso: 0; com falha: 0; sem nada a sincronizar: 1. Registros"
    )
    assert second == f"{key} (Omie): Nada foi sincronizado. {WHY}"
    assert night.metadata["skipped"] == 1
    assert night.metadata["why"] == {key: f"Nada foi sincronizado. {WHY}"}


def test_a_row_that_a_person_interrupted_is_another_thing() -> None:
    skipped = {"nfe": {"status": "skipped"}}
    row = LogRow(UUID(int=1), UUID(int=2), "auto", status="cancelled", details={"modules": skipped})
    assert row.is_all_skipped
    others: list[dict[str, object]] = [
        {},
        {"modules": {}},
        {"modules": {**skipped, "produtos": {"status": "success"}}},
        {"modules": 7},
    ]
    assert not any(replace(row, details=details).is_all_skipped for details in others)
    assert not replace(row, status="success").is_all_skipped
