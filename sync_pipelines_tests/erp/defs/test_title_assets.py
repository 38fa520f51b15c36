"""Titles, income statement and analyses as Dagster shows them: what is materialized, and what each check says."""

from __future__ import annotations

from decimal import Decimal

from sync_pipelines.erp.defs import title_descriptions
from sync_pipelines.erp.defs.analysis_descriptions import (
    DRE_EQUAL,
    DRE_PROCESSED,
    NCM_MADE,
    OPPORTUNITIES_MADE,
    SCORE_MADE,
)
from sync_pipelines.erp.defs.definitions import definitions
from sync_pipelines.erp.defs.keys import DRE_KEY, SCORE_KEY, TITLES_KEY, function_key
from sync_pipelines.erp.financials.dre_report import COMPANY_KNOWN, NFE_AGREES
from sync_pipelines.sandbox.erp.database import add_company
from sync_pipelines.settings import read_as
from sync_pipelines.settings.erp import ErpSettings
from sync_pipelines_tests.erp.defs.dagster_runs import Dagster
from sync_pipelines_tests.erp.defs.test_sync_assets import month_keys


def test_the_lineage_goes_from_the_vendor_over_titles_and_statement_to_the_score() -> None:
    given = {"erp_database_url": "postgresql://x@127.0.0.1:1/erp", "landing_url": "/tmp/landing"}
    settings = read_as(ErpSettings, None, ops_database_url="postgresql://x@127.0.0.1:1/ops", **given)
    graph = definitions(settings).resolve_asset_graph()
    vendors = {key.path[-1] for key in graph.get(TITLES_KEY).parent_keys}
    assert vendors == {"omie", "bling", "contaazul", "tiny"}
    assert graph.get(DRE_KEY).parent_keys == {TITLES_KEY, function_key("process-dre")}
    assert DRE_KEY in graph.get(SCORE_KEY).parent_keys


def test_a_sync_shows_titles_by_month_the_statement_and_every_analysis(dagster: Dagster) -> None:
    one = dagster.installed.connect("omie", titles=12)
    run = dagster.launch(one)
    assert run.success
    months = run.materialized("financeiro")
    assert {str(key) for key in months} == month_keys(dagster, one)
    assert sum(made["dagster/partition_row_count"] for made in months.values()) > 40
    for check in title_descriptions.CHECKS:
        verdicts = run.verdicts(check)
        assert {str(key) for key in verdicts} == month_keys(dagster, one)
        assert {passed for passed, _ in verdicts.values()} == {True}, check
    dre = run.materialized("dre")[one.key]
    assert (dre["proved"], dre["months_not_processed"]) == (True, 0)
    assert dre["process_dre_calls"] == dre["months_processed"] == dre["inserted"] >= 4
    for check in (DRE_EQUAL, DRE_PROCESSED, NCM_MADE, OPPORTUNITIES_MADE, SCORE_MADE):
        assert run.verdicts(check)[one.key][0] is True, check
    # Every seventh sale of the ledger was paid over the counter: both figures are told.
    passed, sentence = run.verdicts(NFE_AGREES)[one.key]
    assert not passed
    assert "títulos R$" in sentence
    assert "notas R$" in sentence
    assert {run.materialized(asset)[one.key]["calls"] for asset in ("ncm_analysis", "tax_score")} == {1}
    assert dagster.installed.truth(one) == []
    # The month of one title alone, read again by its own asset: the statement follows.
    title = next(
        one
        for one in one.company.titles
        if one.issued_on.replace(day=1) == dagster.installed.months[0] and one.counts
    )
    parts = [(number, amount * 2) for number, amount in title.splits]
    one.company.alter_title(title.vendor_id, amount=title.amount * 2, splits=parts)
    key = str(next(key for key in months if str(dagster.installed.months[0]) in str(key)))
    run = dagster.run("erp_titles", partition_key=key)
    assert run.success
    assert {str(key): made["changed"] for key, made in run.materialized("financeiro").items()} == {key: 1}
    assert run.materialized("dre")[one.key]["changed"] == 1
    assert run.materialized("nfe") == {}
    assert dagster.installed.truth(one) == []


def test_a_statement_without_a_company_is_a_warning_and_no_materialization(dagster: Dagster) -> None:
    """The user has two companies, and the connection names none."""
    one = dagster.installed.connect("omie", titles=12, months=1)
    add_company(dagster.installed.erp, one.user_id, "11222333000181", razao_social="Outra empresa")
    dagster.installed.set(one, company_id=None)
    run = dagster.launch(one, modules=["financeiro"])
    assert run.success
    assert run.materialized("dre") == {}
    assert len(run.materialized("financeiro")) == len(dagster.installed.months)
    passed, sentence = run.verdicts(COMPANY_KNOWN)[one.key]
    assert not passed
    assert "A DRE não foi gravada" in sentence


def test_a_function_that_fails_makes_its_check_red_and_leaves_the_sync_a_success(dagster: Dagster) -> None:
    one = dagster.installed.connect("omie", titles=12, months=1)
    dagster.installed.functions.fail("process-dre_server_error")
    dagster.installed.functions.fail("calculate-tax-score_server_error")
    run = dagster.launch(one)
    assert run.success
    assert dagster.installed.log(one)["status"] == "success"
    for check, asset in ((DRE_PROCESSED, "dre"), (SCORE_MADE, "tax_score")):
        assert run.verdicts(check)[one.key][0] is False
        assert run.materialized(asset)[one.key]["proved"] is False
    assert run.verdicts(DRE_EQUAL)[one.key][0] is True
    dagster.installed.functions.clear()
    dagster.installed.clock.advance(days=1)
    run = dagster.launch(one)
    assert {run.verdicts(check)[one.key][0] for check in (DRE_PROCESSED, SCORE_MADE)} == {True}
    [(revenue,)] = dagster.installed.erp.execute(
        "select min(calc_receita_bruta - input_vendas_produtos - input_vendas_servicos - input_outras_receitas)"
        " from public.company_dre"
    ).fetchall()
    assert revenue == Decimal(0)
