"""One log row a sync, true at its end, and a connection that says the same; lost locks and dead processes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from sync_pipelines.erp.connections.connection import ErpConnection
from sync_pipelines.erp.connections.steward import ConnectionBusyError, UnusableConnectionError
from sync_pipelines.erp.connections.tables import ORPHAN_LOG, SYNC_LOG
from sync_pipelines.erp.connections.token_row import locked_row
from sync_pipelines.erp.outcome import Counts, CreditsOutcome, Module, ModuleOutcome
from sync_pipelines.erp.run_logs import run_logs
from sync_pipelines.lib.failures import RefusedError, SyncError, TransientError
from sync_pipelines.lib.records.orphaned_runs import reap
from sync_pipelines.sandbox.erp.database import add_company
from sync_pipelines.settings import read_as
from sync_pipelines.settings.erp import ErpSettings
from sync_pipelines_tests.erp.connections.conftest import MIDNIGHT, START, Project

DAY = timedelta(days=1)


def test_a_success_is_one_row_with_figures_and_the_next_time(project: Project) -> None:
    user = uuid4()
    one = project.put(user_id=user, status="error", status_message="falhou", next_sync_at=MIDNIGHT)
    with project.runs.execution(one, run_id="run", only_if_due=True, modules=[Module.INVOICES]) as work:
        assert work.is_due
        assert work.started == START
        assert project.logged("status::text, sync_type::text, user_id, connection_id") == [
            ("running", "auto", user, one)
        ]
        counts = Counts(read=12, inserted=7, changed=2, unchanged=2, rejected=1)
        work.outcome.modules[Module.INVOICES] = ModuleOutcome(counts=counts, seconds=1.25)
        work.outcome.modules[Module.FINANCIALS] = ModuleOutcome("skipped", "ainda não")
        work.outcome.credits = CreditsOutcome(analysed=9, credits=3)
        work.outcome.calls = 14
        project.clock.advance(minutes=10)
    ((status, synced, failed, error, is_closed, details),) = project.logged(
        "status::text, records_synced, records_failed, error_message, completed_at is not null, details"
    )
    assert (status, synced, failed, error, is_closed) == ("success", 9, 1, None, True)
    assert details["modules"]["nfe"] == {
        **{"status": "success", "synced": 9, "unchanged": 2, "rejected": 1, "unread": 0, "skipped": 0},
        **{"message": "", "warnings": {}, "duration_ms": 1250},
    }
    assert details["modules"]["financeiro"]["status"] == "skipped"
    assert (details["duration_ms"], details["calls"], details["credits"]["credits"]) == (600_000, 14, 3)
    assert (details["engine"], details["run_id"], details["requested"]) == ("sync_pipelines", "run", ["nfe"])
    row = project.row(one)
    assert (row.status, row.status_message, row.last_sync_at) == ("active", None, START)
    # By the planned start, not the end: the hour of the day does not drift.
    assert row.next_sync_at == MIDNIGHT + DAY
    assert row.metadata == {}
    assert project.sent == []


def test_each_row_bears_the_company_and_user_of_its_connection(project: Project) -> None:
    """Two companies of one user never mix (trap 58)."""
    user = uuid4()
    companies = [add_company(project.connection, user, None) for _ in range(2)]
    ones = [
        project.put(erp_type, user_id=user, company_id=company)
        for erp_type, company in zip(("omie", "bling"), companies, strict=True)
    ]
    for one in ones:
        with project.runs.execution(one, run_id="run"):
            pass
    assert project.logged("connection_id, company_id, user_id") == [
        (one, company, user) for one, company in zip(ones, companies, strict=True)
    ]


def test_a_failed_module_keeps_the_others_counts_and_is_tried_again(project: Project) -> None:
    one = project.put(next_sync_at=MIDNIGHT)
    with project.runs.execution(one, run_id="run", only_if_due=True) as work:
        work.outcome.modules[Module.PRODUCTS] = ModuleOutcome(counts=Counts(inserted=5))
        work.outcome.modules[Module.INVOICES] = ModuleOutcome(
            "error", "a página 3 não veio.", error=TransientError("Omie answered 502.")
        )
    ((status, synced, message, details),) = project.logged(
        "status::text, records_synced, error_message, details"
    )
    assert (status, synced) == ("error", 5)
    assert message == (
        "Não foi sincronizado NF-e: a página 3 não veio. Foi sincronizado e permanece: produtos (5 registros)."
        " Próxima tentativa: 23/11/2026 21:00 (America/Sao_Paulo)."
    )
    assert [details["modules"][name]["status"] for name in ("produtos", "nfe")] == ["success", "error"]
    row = project.row(one)
    assert (row.status, row.last_sync_at, row.next_sync_at) == ("error", None, MIDNIGHT + DAY)
    assert row.status_message == (
        "A última sincronização falhou em parte (NF-e). Foi uma falha temporária."
        " Próxima tentativa: 23/11/2026 21:00 (America/Sao_Paulo)."
    )
    project.clock.now = START + DAY
    with project.runs.execution(one, run_id="run", only_if_due=True) as work:
        assert work.is_due
    assert project.row(one).status == "active"
    assert project.row(one).metadata == {}


def test_refused_credentials_wait_for_a_person_who_renews_them(project: Project) -> None:
    one = project.put(next_sync_at=MIDNIGHT)
    project.fail(one, RefusedError("Omie refused the key.", 401), only_if_due=True)
    row = project.row(one)
    assert (row.status, row.next_sync_at) == ("error", MIDNIGHT + DAY)
    assert row.status_message == (
        "O Omie recusou as credenciais: informe de novo o App Key e o App Secret do Omie. Até lá não há"
        " sincronização automática."
    )
    assert row.metadata["sync_pipelines"]["waits_for"] == "person"
    assert "espera por uma pessoa" in project.logged("error_message")[0]
    project.clock.now = START + 3 * DAY
    with project.runs.execution(one, run_id="run", only_if_due=True) as work:
        assert not work.is_due
    assert "it waits for a person" in (work.outcome.skipped or "")
    assert project.logged() == ["error"]
    project.set(one, credentials='{"app_key": "nova-chave-0002"}')
    with project.runs.execution(one, run_id="run", only_if_due=True) as work:
        assert work.is_due
    assert project.row(one).status == "active"


def test_tokens_that_the_sync_itself_stored_are_no_renewal(project: Project) -> None:
    one = project.put("bling", credentials={"access_token": "um-token-0001", "refresh_token": "outro-0001"})
    with pytest.raises(RefusedError), project.runs.execution(one, run_id="run") as work:
        with locked_row(project.url, one, key=None, what="the test") as row:
            row.store(row.read(), {"access_token": "um-token-0002", "refresh_token": "outro-0002"})
        assert project.row(one).credentials != work.connection.credentials
        raise RefusedError("Bling answered 401.", 401)
    project.clock.now = START + 3 * DAY
    with project.runs.execution(one, run_id="run", only_if_due=True) as work:
        assert not work.is_due


def test_credentials_that_a_person_renews_during_the_sync_are_tried(project: Project) -> None:
    one = project.put()
    with pytest.raises(RefusedError), project.runs.execution(one, run_id="run"):
        project.set(one, credentials='{"app_key": "nova-chave-0002"}')
        raise RefusedError("Omie refused the key.", 401)
    project.clock.now = START + DAY
    with project.runs.execution(one, run_id="run", only_if_due=True) as work:
        assert work.is_due


@pytest.mark.parametrize("interruption", [KeyboardInterrupt(), SystemExit()])
def test_an_interruption_is_a_cancelled_row_without_a_mail_and_leaves_the_connection_due(
    project: Project, interruption: BaseException
) -> None:
    one = project.put(next_sync_at=MIDNIGHT)
    before = project.row(one)
    project.fail(one, interruption, only_if_due=True)
    assert project.logged() == ["cancelled"]
    assert "interrompida antes do fim" in project.logged("error_message")[0]
    assert project.row(one) == before
    assert project.sent == []


def test_a_connection_that_is_deleted_meanwhile_does_not_come_back(project: Project) -> None:
    one = project.put()
    with pytest.raises(ConnectionBusyError, match="was deleted"), project.runs.execution(one, run_id="run"):
        project.connection.execute("delete from erp_connections")
    assert project.logged() == []
    assert project.control.all() == []
    with project.runs.execution(one, run_id="run", only_if_due=True) as work:
        assert work.outcome.skipped == "it is not in the table of connections any more"
    with (
        pytest.raises(UnusableConnectionError, match="not in the table"),
        project.runs.execution(one, run_id="r"),
    ):
        pytest.fail("it must not begin")


def test_a_person_may_sync_what_is_not_due_but_not_what_is_inactive(project: Project) -> None:
    later = START + timedelta(hours=5)
    off = project.put(auto_sync=False, status="pending")
    early = project.put(next_sync_at=later)
    waiting = project.put()
    project.fail(waiting, RefusedError("Omie refused the key.", 401))
    for one in (off, early, waiting):
        with project.runs.execution(one, run_id="run", only_if_due=True) as work:
            assert not work.is_due
        with project.runs.execution(one, run_id="run") as work:
            assert work.is_due
        assert project.row(one).status == "active"
    assert project.row(off).next_sync_at is None
    assert project.row(early).next_sync_at == later
    assert set(project.logged("sync_type::text")) == {"manual"}
    before = project.logged()
    for one, why in (
        (project.put(status="inactive"), "is inactive"),
        (project.put("tiny"), "no adapter for tiny"),
    ):
        with pytest.raises(UnusableConnectionError, match=why), project.runs.execution(one, run_id="run"):
            pytest.fail("it must not begin")
    assert project.logged() == before
    assert len(project.sent) == 1


@pytest.mark.parametrize("ends_well", [True, False])
def test_what_a_person_did_meanwhile_stays(project: Project, ends_well: bool) -> None:
    one, wish = project.put(next_sync_at=MIDNIGHT), START + timedelta(hours=2)

    def edit() -> ErpConnection:
        project.set(one, status="inactive", status_message="férias", next_sync_at=wish)
        return project.row(one)

    if ends_well:
        with project.runs.execution(one, run_id="run"):
            edit()
    else:
        with pytest.raises(TransientError), project.runs.execution(one, run_id="run"):
            edit()
            raise TransientError("Omie answered 502.")
    row = project.row(one)
    assert (row.status, row.status_message, row.next_sync_at) == ("inactive", "férias", wish)
    assert row.last_sync_at == (START if ends_well else None)


@pytest.mark.parametrize("asked", [{"modules": [Module.PRODUCTS]}, {"months": [date(2026, 1, 1)]}])
def test_a_part_that_a_person_asks_for_leaves_the_planned_sync_due(
    project: Project, asked: dict[str, Any]
) -> None:
    one = project.put(next_sync_at=MIDNIGHT, status="pending")
    project.control.request(one, START)
    with project.runs.execution(one, run_id="run", **asked) as work:
        work.outcome.modules[Module.PRODUCTS] = ModuleOutcome()
    row = project.row(one)
    assert (row.status, row.last_sync_at, row.next_sync_at) == ("active", START, MIDNIGHT)
    with project.runs.execution(one, run_id="run", only_if_due=True, **asked) as work:
        assert work.is_due
    assert project.row(one).next_sync_at == MIDNIGHT + DAY
    assert project.row(one).metadata == {}


def test_a_part_cures_no_other_modules_error(project: Project) -> None:
    one = project.put(next_sync_at=START + DAY)

    def sync(
        *, failed: Sequence[Module] = (), done: Sequence[Module] = (), **asked: Any
    ) -> tuple[str, list[str]]:
        with project.runs.execution(one, run_id="run", **asked) as work:
            error = TransientError("Omie answered 502.")
            work.outcome.modules |= {module: ModuleOutcome("error", "502", error=error) for module in failed}
            work.outcome.modules |= {module: ModuleOutcome() for module in done}
        row = project.row(one)
        return row.status, row.metadata.get("sync_pipelines", {}).get("modules", [])

    assert sync(failed=[Module.PRODUCTS, Module.INVOICES]) == ("error", ["nfe", "produtos"])
    assert sync(done=[Module.COMPANY], modules=[Module.COMPANY]) == ("error", ["nfe", "produtos"])
    assert "NF-e" in (project.row(one).status_message or "")
    assert sync(done=[Module.PRODUCTS], modules=[Module.PRODUCTS]) == ("error", ["nfe"])
    # Months of long ago say nothing about those that failed.
    asked: dict[str, Any] = {"modules": [Module.INVOICES], "months": [date(2026, 1, 1)]}
    assert sync(done=[Module.INVOICES], **asked) == ("error", ["nfe"])
    assert sync(failed=[Module.COMPANY], modules=[Module.COMPANY]) == ("error", ["empresa", "nfe"])
    assert sync(done=list(Module)) == ("active", [])


def test_auto_sync_that_is_switched_off_meanwhile_leaves_no_time(project: Project) -> None:
    one = project.put()
    with project.runs.execution(one, run_id="run"):
        project.set(one, sync_config='{"auto_sync": false}')
    assert project.row(one).next_sync_at is None


REFUSALS = {
    "a constraint": "alter table erp_connections add constraint never check (last_sync_at is null)",
    "a trigger": "create trigger never before update on erp_connections for each row execute function refuse()",
    "a deferred trigger": "create constraint trigger never after update on erp_connections"
    " deferrable initially deferred for each row execute function refuse()",
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_row_that_the_database_rejects_is_an_error_with_a_mail_and_leaves_the_log_row_closed(
    project: Project, refusal: str
) -> None:
    one = project.put()
    project.connection.execute(
        "create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$"
    )
    with pytest.raises(SyncError, match="the erp database"), project.runs.execution(one, run_id="run"):
        project.connection.execute(REFUSALS[refusal].encode())
    ((status, message),) = project.logged("status::text, error_message")
    assert status == "error"
    assert message.startswith(
        "O resultado da sincronização não pôde ser gravado na conexão: the erp database"
    )
    row = project.row(one)
    assert (row.status, row.last_sync_at, row.next_sync_at) == ("active", None, None)
    assert len(project.sent) == 1


def test_a_log_that_rejects_its_end_leaves_the_connection_as_it_was(project: Project) -> None:
    one = project.put()
    never = "alter table erp_sync_logs add constraint never check (status = 'running')"
    with pytest.raises(SyncError, match="never"), project.runs.execution(one, run_id="run"):
        project.connection.execute(never.encode())
    assert project.logged() == ["running"]
    assert project.row(one).last_sync_at is None
    project.connection.execute("alter table erp_sync_logs drop constraint never")
    reap(project.connection, ORPHAN_LOG)
    assert project.logged() == ["error"]


def test_a_status_that_the_enum_does_not_know_is_never_swallowed(project: Project) -> None:
    one = project.put()
    with pytest.raises(psycopg.errors.InvalidTextRepresentation):
        project.control.write(
            one,
            status="needs_reconnection",
            status_message=None,
            last_sync_at=None,
            next_sync_at=None,
            mark=None,
        )


def test_nothing_of_an_unforeseen_error_but_its_kind_reaches_the_log(project: Project) -> None:
    one = project.put()
    project.fail(one, KeyError("maria@example.com"))
    assert "Erro imprevisto" in project.logged("error_message")[0]
    assert "maria" not in str(project.logged("error_message, details")) + str(project.row(one))
    assert "maria" not in project.sent[0].text


def test_the_reaper_looks_at_the_log_of_this_project(project: Project) -> None:
    given = {"erp_database_url": project.url, "ops_database_url": project.ops}
    ((system, _what, url, known),) = run_logs(read_as(ErpSettings, None, **given))
    assert (system, url, known) == ("erp", project.url, ORPHAN_LOG)
    assert (SYNC_LOG.interrupted, ORPHAN_LOG.interrupted) == ("cancelled", "error")
    assert run_logs(read_as(ErpSettings, None)) == []
