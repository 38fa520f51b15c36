"""Syncs of connections as Dagster runs them: what is materialized, what each check says, and what a failure costs."""

from __future__ import annotations

import dagster as dg
import pytest

from sync_pipelines.erp.defs import descriptions, invoice_descriptions
from sync_pipelines.erp.defs.analysis_descriptions import ANALYSED
from sync_pipelines.erp.defs.descriptions import CATALOGUE_EQUAL, PROFILE_EQUAL, month_key, vendor_key
from sync_pipelines.erp.defs.invoice_descriptions import COMPLETE
from sync_pipelines.erp.defs.keys import CREDITS_KEY, INVOICES_KEY, function_key
from sync_pipelines.erp.outcome import Module
from sync_pipelines.erp.vendors.registry import serving
from sync_pipelines.settings import read_as
from sync_pipelines.settings.erp import ErpSettings
from sync_pipelines_tests.erp.defs.dagster_runs import Dagster
from sync_pipelines_tests.erp.installation import Connected


def month_keys(dagster: Dagster, *ones: Connected) -> set[str]:
    return {str(month_key(one.key, month)) for one in ones for month in dagster.installed.months}


def test_definitions_need_no_network_and_the_lineage_goes_from_the_vendor_to_the_credits() -> None:
    """Nothing listens at these addresses."""
    given = {"erp_database_url": "postgresql://x@127.0.0.1:1/erp", "landing_url": "/tmp/landing"}
    settings = read_as(ErpSettings, None, ops_database_url="postgresql://x@127.0.0.1:1/ops", **given)
    from sync_pipelines.erp.defs.definitions import definitions

    made = definitions(settings)
    graph = made.resolve_asset_graph()
    assert graph.get(INVOICES_KEY).parent_keys == {vendor_key(one) for one in serving(Module.INVOICES)}
    assert not {vendor_key("sankhya"), vendor_key("totvs")} & graph.get(INVOICES_KEY).parent_keys
    assert graph.get(CREDITS_KEY).parent_keys == {INVOICES_KEY, function_key("analyze-credits")}
    dg.Definitions.validate_loadable(made)


def test_a_sync_materializes_its_assets_and_the_months_of_the_invoices(dagster: Dagster) -> None:
    one = dagster.installed.connect("omie")
    run = dagster.launch(one)
    assert run.success
    for asset in ("empresa", "produtos", "credits"):
        made = run.materialized(asset)
        assert set(made) == {one.key}
        assert made[one.key]["proved"] is True
    months = run.materialized("nfe")
    assert {str(key) for key in months} == month_keys(dagster, one)
    assert sum(made["dagster/partition_row_count"] for made in months.values()) > 20
    assert len(run.materialized("connections")) == 1
    for check in (PROFILE_EQUAL, CATALOGUE_EQUAL, ANALYSED):
        assert {passed for passed, _ in run.verdicts(check).values()} == {True}
    for check in invoice_descriptions.CHECKS:
        verdicts = run.verdicts(check)
        assert {str(key) for key in verdicts} == month_keys(dagster, one)
        assert {passed for passed, _ in verdicts.values()} == {True}, check
    counted = dagster.instance.get_status_by_partition(
        INVOICES_KEY, sorted(month_keys(dagster, one)), descriptions.month_grid("America/Sao_Paulo")
    )
    assert counted is not None
    assert len(counted) == len(dagster.installed.months)
    assert dagster.installed.truth(one) == []


def test_a_failed_module_fails_the_run_and_what_is_good_is_materialized(dagster: Dagster) -> None:
    ones = [dagster.installed.connect("omie") for _ in range(3)]
    ones.sort(key=lambda one: one.key)
    middle = ones[1]
    dagster.installed.omie.fail("ListarProdutos_fault", account=middle.name)
    run = dagster.launch(*ones)
    assert not run.success
    assert middle.key in run.failure
    assert "produtos" in run.failure
    assert not any(one.key in run.failure for one in (ones[0], ones[2]))
    good = {ones[0].key, ones[2].key}
    assert set(run.materialized("produtos")) == good
    assert set(run.materialized("empresa")) == good | {middle.key}
    assert set(run.materialized("credits")) == good | {middle.key}
    assert {str(key) for key in run.materialized("nfe")} == month_keys(dagster, *ones)
    failed = run.verdicts(CATALOGUE_EQUAL)
    assert {key for key, (passed, _) in failed.items() if not passed} == {middle.key, None}
    profile = run.verdicts(PROFILE_EQUAL)
    assert profile[middle.key][0]
    assert [dagster.installed.log(one)["status"] for one in ones] == ["success", "error", "success"]


def test_the_months_that_fail_are_the_only_ones_that_are_not_materialized(dagster: Dagster) -> None:
    one = dagster.installed.connect("bling")
    bad = dagster.installed.months[1]
    notes = [
        note for note in dagster.installed.account(one).stored if note.issued_at.date().month == bad.month
    ]
    for note in notes:
        dagster.installed.bling.fail("xml_server_error", page=note.vendor_id)
    run = dagster.launch(one)
    assert not run.success
    assert f"{bad:%m/%Y}" in run.failure
    failed = str(month_key(one.key, bad))
    assert {str(key) for key in run.materialized("nfe")} == month_keys(dagster, one) - {failed}
    assert run.verdicts(COMPLETE)[failed][0] is False
    assert set(run.materialized("produtos")) == {one.key}
    dagster.installed.bling.clear()
    assert dagster.backfill((one, bad), (one, bad)).success
    assert dagster.installed.truth(one) == []


def test_a_rectangle_of_connections_and_months_is_one_run(dagster: Dagster) -> None:
    ones = [dagster.installed.connect("omie"), dagster.installed.connect("bling")]
    dagster.add(*ones)
    first, last = dagster.installed.months[0], dagster.installed.months[1]
    run = dagster.backfill((ones[0], first), (ones[1], last))
    assert run.success
    wanted = {str(month_key(one.key, month)) for one in ones for month in (first, last)}
    assert {str(key) for key in run.materialized("nfe")} == wanted
    assert run.materialized("produtos") == {}
    # One sync a connection, whatever the number of its months, and the time of the planned one stays.
    assert [len(dagster.installed.logs(one)) for one in ones] == [1, 1]
    assert [dagster.installed.row(one).next_sync_at for one in ones] == [None, None]


def test_a_connection_that_was_removed_meanwhile_fails_alone(dagster: Dagster) -> None:
    ones = [dagster.installed.connect("omie") for _ in range(2)]
    keys = dagster.add(*ones)
    dagster.installed.erp.execute("delete from public.erp_connections where id = %s", [ones[0].id])
    run = dagster.launch(*ones)
    assert not run.success
    assert f"{keys[0]}: " in run.failure
    assert "the connection was removed" in run.failure
    assert set(run.materialized("empresa")) == {keys[1]}
    month = dagster.installed.months[0]
    run = dagster.backfill((ones[0], month), (ones[1], month))
    assert not run.success
    assert {str(key) for key in run.materialized("nfe")} == {str(month_key(keys[1], month))}


def test_an_automatic_run_leaves_alone_what_is_not_due_any_more_or_busy(dagster: Dagster) -> None:
    one = dagster.installed.connect("omie")
    assert dagster.launch(one, only_if_due=True).success
    run = dagster.launch(one, only_if_due=True)
    assert run.success
    assert run.materialized("empresa") == {}
    dagster.installed.set(one, next_sync_at=None)
    with dagster.sync.runs.execution(one.id, run_id="other"):
        assert dagster.launch(one, only_if_due=True).success
        named = dagster.launch(one)
    assert not named.success
    assert "being synced by another run" in named.failure


@pytest.mark.parametrize("asset", ["empresa", "produtos"])
def test_a_person_may_select_one_asset(dagster: Dagster, asset: str) -> None:
    one = dagster.installed.connect("omie")
    (key,) = dagster.add(one)
    run = dagster.run("erp_sync", partition_key=key, asset_selection=[dg.AssetKey(["erp", asset])])
    assert run.success
    assert set(run.materialized(asset)) == {key}
    assert run.materialized("nfe") == {}
    assert list(dagster.installed.log(one)["details"]["modules"]) == [asset]


def test_functions_that_are_down_leave_the_run_green_and_the_check_red(dagster: Dagster) -> None:
    one = dagster.installed.connect("omie")
    dagster.installed.functions.fail("analyze-credits_server_error")
    run = dagster.launch(one)
    assert run.success
    passed, sentence = run.verdicts(ANALYSED)[one.key]
    assert not passed
    assert "análise falhou" in sentence
    assert run.materialized("credits")[one.key]["proved"] is False
