"""Sankhya, of which some modules are synced, and TOTVS, of which none is, from the row to the report (traps 39, 40)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from sync_pipelines.erp.connections.connection import ErpConnection
from sync_pipelines.erp.connections.control import Control
from sync_pipelines.erp.defs.sync_run import run
from sync_pipelines.erp.outcome import Module, SyncOutcome
from sync_pipelines.erp.vendors import sankhya, totvs
from sync_pipelines.sandbox.erp.database import add_company, add_connection
from sync_pipelines.sandbox.erp.sankhya import SankhyaFake
from sync_pipelines.sandbox.erp.sealing import sealed
from sync_pipelines_tests.erp.installation import SECRET, Clock, Installed, installation
from sync_pipelines_tests.erp.vendors.conformance.companies import PROFILE, company, products


class Thin:
    """An installation with one of Sankhya behind it, and what its connections say."""

    def __init__(self, installed: Installed, fake: SankhyaFake) -> None:
        self.installed, self.fake = installed, fake

    def put(self, erp_type: str, credentials: object, **columns: Any) -> UUID:
        user = uuid4()
        company_id = add_company(self.installed.erp, user, PROFILE.cnpj)
        given = {"company_id": company_id, "status": "active", **columns}
        return add_connection(self.installed.erp, user, erp_type, credentials=credentials, **given)

    def put_sankhya(self, **columns: Any) -> UUID:
        return self.put("sankhya", sealed(dict(self.fake.account.credentials), SECRET), **columns)

    def sync(self, one: UUID, **options: Any) -> SyncOutcome:
        return self.installed.pipeline().sync(one, run_id=str(uuid4()), **options)

    def row(self, one: UUID) -> ErpConnection:
        found = Control(self.installed.erp).row(one)
        assert found is not None
        return found

    def log(self, one: UUID) -> tuple[Any, ...]:
        """Status, message, and what became of each module."""
        ((status, message, details),) = self.installed.rows(
            "select status::text, error_message, details from public.erp_sync_logs where connection_id = %s"
            " order by started_at desc limit 1",
            one,
        )
        return status, message, {name: of["status"] for name, of in details["modules"].items()}


@pytest.fixture
def thin(erp_url: str, ops_url: str, tmp_path: Path) -> Iterator[Thin]:
    clock = Clock()
    with (
        SankhyaFake(company(catalogue=products(120)), clock=clock.seconds) as fake,
        installation(erp_url, ops_url, tmp_path, clock=clock, sankhya_url=fake.url) as made,
    ):
        yield Thin(made, fake)


def test_what_is_established_of_sankhya_is_synced_and_the_rest_says_why(thin: Thin) -> None:
    one = thin.put_sankhya()
    outcome = thin.sync(one, only_if_due=True)
    assert outcome.failed == {}
    assert {module: done.status for module, done in outcome.modules.items()} == {
        Module.COMPANY: "success",
        Module.PRODUCTS: "success",
        Module.INVOICES: "skipped",
        Module.FINANCIALS: "skipped",
    }
    assert outcome.modules[Module.INVOICES].message == sankhya.UNSERVED[Module.INVOICES]
    assert outcome.credits is None
    counts = outcome.modules[Module.PRODUCTS].counts
    assert (counts.read, counts.inserted) == (120, 120)
    profile = "select razao_social, cnpj_principal from public.company_profile where user_id = %s"
    row = thin.row(one)
    assert thin.installed.rows(profile, row.user_id) == [(PROFILE.legal_name, PROFILE.cnpj)]
    assert (row.status, row.status_message, row.last_sync_at is not None) == ("active", None, True)
    assert thin.log(one)[:2] == ("success", None)
    calls = {name: thin.fake.calls.count(name) for name in ("token", "Empresa", "Produto")}
    assert calls == {"token": 1, "Empresa": 1, "Produto": 3}
    again = thin.sync(one)
    assert (again.failed, again.records_synced) == ({}, 0)
    # Of what is not served a part may be asked for: then nothing is called, and nothing is a success.
    thin.fake.clear()
    part = thin.sync(one, modules=[Module.INVOICES, Module.FINANCIALS])
    assert part.is_all_skipped
    assert thin.fake.calls.all == []
    assert thin.log(one)[0] == "cancelled"
    assert (thin.row(one).status, thin.row(one).status_message) == ("active", None)


def test_a_refusal_of_sankhya_waits_for_a_person_and_says_what_to_enter(thin: Thin) -> None:
    one = thin.put("sankhya", {"app_key": "k-0001-antiga", "sankhya_id": "s-0001", "token": "t-0001-novo"})
    with pytest.raises(Exception, match="lack client_id and client_secret"):
        thin.sync(one)
    row = thin.row(one)
    assert row.status == "error"
    assert "informe o Client ID, o Client Secret e o X-Token do Gateway do Sankhya" in str(row.status_message)
    assert thin.fake.calls.all == []


def test_of_totvs_nothing_is_synced_and_no_credentials_are_needed(thin: Thin) -> None:
    one = thin.put("totvs", {})
    assert thin.sync(one, only_if_due=True).is_all_skipped
    reason = f"Nada foi sincronizado. {totvs.UNSERVED}"
    assert thin.log(one) == ("cancelled", reason, dict.fromkeys(map(str, Module), "skipped"))
    row = thin.row(one)
    assert (row.status, row.status_message, row.last_sync_at) == ("active", reason, None)
    assert row.next_sync_at is not None
    assert row.next_sync_at > thin.installed.clock.now
    assert thin.installed.ops.execute("select count(*) from ops.alerts").fetchone() == (0,)


def test_the_command_proves_what_is_served_and_says_the_rest_in_notes(thin: Thin) -> None:
    ones = [thin.put_sankhya(), thin.put("totvs", {})]
    settings, pipeline = thin.installed.settings, thin.installed.pipeline()
    names = [str(one) for one in ones]
    report = run(settings, connections=names, progress=lambda *_, **__: None, sync=pipeline)
    assert report.succeeded, report.problems
    assert {row.asset: row.proved for row in report.rows} == {"empresa": "1/1", "produtos": "1/1"}
    assert f"Connection {ones[0]}, nfe: {sankhya.UNSERVED[Module.INVOICES]}" in report.notes
    assert f"Connection {ones[1]}: Nada foi sincronizado. {totvs.UNSERVED}" in report.notes
    assert "2 connections: 1 succeeded, 0 failed, 1 with nothing to sync." in report.notes
