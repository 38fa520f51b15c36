"""Sankhya, of which some modules are synced, and TOTVS, of which none is, from the row to the report (traps 39, 40)."""

from __future__ import annotations

from typing import Any

import pytest

from sync_pipelines.erp.connections.credentials import CredentialsError
from sync_pipelines.erp.defs.sync_run import run
from sync_pipelines.erp.outcome import Module
from sync_pipelines.erp.vendors import sankhya, totvs
from sync_pipelines_tests.erp.installation import Connected, Installed
from sync_pipelines_tests.erp.vendors.conformance.companies import company, products

NOTHING = f"Nada foi sincronizado. {totvs.UNSERVED}"


def logged(installed: Installed, one: Connected) -> tuple[Any, ...]:
    """Status, message, and what became of each module."""
    row = installed.log(one)
    modules = {name: of["status"] for name, of in row["details"]["modules"].items()}
    return row["status"], row["error_message"], modules


def test_what_is_established_of_sankhya_is_synced_and_the_rest_says_why(installed: Installed) -> None:
    one = installed.connect("sankhya", company=company(catalogue=products(120)))
    outcome = installed.sync(one, only_if_due=True)
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
    said = one.company.profile
    assert installed.rows(profile, one.user_id) == [(said.legal_name, said.cnpj)]
    row = installed.row(one)
    assert (row.status, row.status_message, row.last_sync_at is not None) == ("active", None, True)
    assert logged(installed, one)[:2] == ("success", None)
    assert installed.calls(one) == {"token": 1, "Empresa": 1, "Produto": 3}
    # Of what is not served a part may be asked for: then nothing is called, and nothing is a success.
    installed.fake(one).clear()
    part = installed.sync(one, modules=[Module.INVOICES, Module.FINANCIALS])
    assert part.is_all_skipped
    assert installed.calls(one) == {}
    assert logged(installed, one)[0] == "cancelled"
    assert (installed.row(one).status, installed.row(one).status_message) == ("active", None)


def test_a_refusal_of_sankhya_waits_for_a_person_and_says_what_to_enter(installed: Installed) -> None:
    one = installed.connect("sankhya", company=company())
    installed.set_credentials(
        one, {"app_key": "k-0001-antiga", "sankhya_id": "s-0001", "token": "t-0001-novo"}
    )
    with pytest.raises(CredentialsError, match="lack client_id and client_secret"):
        installed.sync(one)
    row = installed.row(one)
    assert row.status == "error"
    assert "informe o Client ID, o Client Secret e o X-Token do Gateway do Sankhya" in str(row.status_message)
    assert installed.calls(one) == {}


def test_of_totvs_nothing_is_synced_and_no_credentials_are_needed(installed: Installed) -> None:
    one = installed.connect("totvs", company=company())
    installed.set_credentials(one, {})
    assert installed.sync(one, only_if_due=True).is_all_skipped
    assert logged(installed, one) == ("cancelled", NOTHING, dict.fromkeys(map(str, Module), "skipped"))
    row = installed.row(one)
    assert (row.status, row.status_message, row.last_sync_at) == ("active", NOTHING, None)
    assert row.next_sync_at is not None
    assert row.next_sync_at > installed.clock.now
    assert installed.ops.execute("select count(*) from ops.alerts").fetchone() == (0,)
    # The analyses alone, for which no module is asked: of an ERP that serves nothing there is nothing to analyse.
    assert installed.sync(one, modules=[]).is_all_skipped


def test_the_command_proves_what_is_served_and_says_the_rest_in_notes(installed: Installed) -> None:
    ones = [installed.connect(erp_type, company=company()) for erp_type in ("sankhya", "totvs")]
    report = run(
        installed.settings,
        connections=[one.key for one in ones],
        progress=lambda *_, **__: None,
        sync=installed.pipeline(),
    )
    assert report.succeeded, report.problems
    assert {
        row.asset: row.proved for row in report.rows if row.asset in {"empresa", "produtos", "nfe", "credits"}
    } == {
        "empresa": "1/1",
        "produtos": "1/1",
    }
    assert f"Connection {ones[0].id}, nfe: {sankhya.UNSERVED[Module.INVOICES]}" in report.notes
    assert f"Connection {ones[1].id}: {NOTHING}" in report.notes
    assert "2 connections: 1 succeeded, 0 failed, 1 with nothing to sync." in report.notes
