"""The NCM analysis: what its function deletes, and what stands again after it (contract, traps 61 and 63)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sync_pipelines.erp.analyses.ncm import READS_ALL, WORDS_STAND
from sync_pipelines.erp.outcome import Analysis, AnalysisOutcome
from sync_pipelines.lib import postgres
from sync_pipelines.lib.interruptions import InterruptedRunError
from sync_pipelines.lib.records import open_records
from sync_pipelines_tests.erp.account import Syncs
from sync_pipelines_tests.erp.analyses.project import USER
from sync_pipelines_tests.erp.analyses.taxpayer import NAMES, Taxpayer, killed_after

FUNCTION = NAMES[Analysis.NCM]
ROWS = (
    "select product_name, ncm_code, status, company_id is not null from public.company_ncm_analysis"
    " order by product_name, ncm_code"
)
#: What the function makes of an invoice with these codes.
ANALYSED = [("Item 08119000", "08119000", "ok", False), ("Item 19022000", "19022000", "ok", False)]


def ncm(taxpayer: Taxpayer) -> AnalysisOutcome:
    return taxpayer.dispatch()[Analysis.NCM]


@pytest.fixture
def catalogue(taxpayer: Taxpayer) -> Taxpayer:
    """An invoice, and products of two companies of the user, each from a connection of its own."""
    other = taxpayer.connect("bling", taxpayer.company())
    taxpayer.product(taxpayer.connection_id, "Produto A", "19022000")
    taxpayer.product(other, "Produto B", "22021000")
    taxpayer.invoice("19022000", "08119000")
    return taxpayer


PRODUCTS = [("Produto A", "19022000", "pendente", True), ("Produto B", "22021000", "pendente", True)]


def test_the_products_of_all_connections_are_put_back(catalogue: Taxpayer) -> None:
    """Trap 63. A user has several connections, and the function deletes the rows of all of them."""
    done = ncm(catalogue)
    assert (done.status, done.calls, done.figures["codes"], done.warnings) == ("success", 1, 2, {})
    assert catalogue.rows(ROWS) == sorted(ANALYSED + PRODUCTS)
    before = catalogue.rows("select id from public.company_ncm_analysis order by id")
    assert ncm(catalogue).calls == 0
    assert catalogue.rows("select id from public.company_ncm_analysis order by id") == before
    # Another invoice is another call, and no product gets lost or comes twice.
    catalogue.invoice("84713012")
    assert ncm(catalogue).figures["codes"] == 3
    assert len(catalogue.rows(ROWS)) == 5


def test_without_an_invoice_nothing_is_called(taxpayer: Taxpayer) -> None:
    taxpayer.product(taxpayer.connection_id, "Produto A", "19022000")
    done = ncm(taxpayer)
    assert (done.status, done.calls, done.message) == ("success", 0, "Nenhuma nota para a análise de NCM.")
    assert taxpayer.rows(ROWS) == []


#: What happens, and whether the analysis has to be made again.
CHANGES = (
    ("delete from public.company_ncm_analysis where ncm_code = '08119000'", 1),
    ("delete from public.company_ncm_analysis", 1),
    ("update public.xml_imports set content_sha256 = 'another'", 1),
    ("delete from public.xml_imports where id = (select min(id::text)::uuid from public.xml_imports)", 1),
    ("update public.company_ncm_analysis set status = 'ok', reason = 'conferido'", 0),
    ("update public.xml_imports set status = 'COMPLETED'", 0),
)


def test_it_is_made_again_where_invoices_changed_or_its_rows_are_gone(catalogue: Taxpayer) -> None:
    catalogue.invoice("19022000", "08119000")
    ncm(catalogue)
    for change, calls in CHANGES:
        catalogue.erp.execute(change.encode())
        assert ncm(catalogue).calls == calls, change
        assert [row[0] for row in catalogue.rows(ROWS)] == [row[0] for row in sorted(ANALYSED + PRODUCTS)], (
            change
        )


def test_what_a_person_said_of_a_row_stands(catalogue: Taxpayer) -> None:
    ncm(catalogue)
    catalogue.erp.execute(
        "update public.company_ncm_analysis set status = 'revisar_tributacao', reason = 'minha nota'"
        " where product_name in ('Produto B', 'Item 08119000')"
    )
    catalogue.erp.execute(
        "insert into public.company_ncm_analysis (user_id, company_id, product_name, ncm_code, reason)"
        " values (%s, %s, 'Digitado', '99999999', 'por uma pessoa')",
        (USER, catalogue.company_id),
    )
    for _ in range(2):
        catalogue.invoice("84713012")
        assert ncm(catalogue).calls == 1
        kept = "select reason from public.company_ncm_analysis where product_name = %s"
        for name, reason in (
            ("Produto B", "minha nota"),
            ("Item 08119000", "minha nota"),
            ("Digitado", "por uma pessoa"),
        ):
            assert catalogue.row(kept, name)["reason"] == reason
    # Where the function says something else of the code, that is news.
    catalogue.erp.execute(
        "create function judge() returns trigger language plpgsql as $$ begin new.status = 'revisar_ncm';"
        " return new; end $$; create trigger judge before insert on public.company_ncm_analysis for each row"
        " when (new.ncm_code = '08119000') execute function judge()"
    )
    catalogue.invoice("84713012")
    assert "1 NCM que uma pessoa tinha alterado: 08119000." in ncm(catalogue).warnings[WORDS_STAND]
    assert (
        catalogue.value("select status from public.company_ncm_analysis where ncm_code = '08119000'")
        == "revisar_ncm"
    )


def test_the_rows_that_the_function_does_not_reach_are_said_with_both_figures(taxpayer: Taxpayer) -> None:
    taxpayer.erp.execute(
        "insert into public.xml_analysis (user_id, xml_type, raw_data) select %s, 'NFe', %s::jsonb"
        " from generate_series(1, 1001)",
        (USER, '{"produtos": [{"ncm": "19022000", "descricao": "x", "valorTotal": 1}]}'),
    )
    for _ in range(2):
        assert "1000 de 1001 notas" in ncm(taxpayer).warnings[READS_ALL]
    assert taxpayer.calls(Analysis.NCM) == 1


@pytest.mark.parametrize("fault", ["half_done", "drop_after"])
def test_a_call_whose_end_is_lost_leaves_the_products_and_is_made_again(
    catalogue: Taxpayer, fault: str
) -> None:
    ncm(catalogue)
    catalogue.erp.execute(
        "update public.company_ncm_analysis set reason = 'minha nota' where ncm_code in ('22021000', '08119000')"
    )
    catalogue.invoice("84713012")
    catalogue.fake.fail(f"{FUNCTION}_{fault}")
    for _ in range(2):
        assert ncm(catalogue).status == "error"
        assert {name for name, *_ in catalogue.rows(ROWS)} >= {"Produto A", "Produto B"}
    catalogue.fake.clear()
    assert (ncm(catalogue).status, ncm(catalogue).calls) == ("success", 0)
    assert (
        catalogue.value("select count(*) from public.company_ncm_analysis where reason = 'minha nota'") == 2
    )
    assert len(catalogue.rows(ROWS)) == 5


def test_a_kill_after_the_call_is_healed_by_the_next_sync(catalogue: Taxpayer) -> None:
    ncm(catalogue)
    catalogue.erp.execute("update public.company_ncm_analysis set reason = 'minha nota'")
    catalogue.invoice("84713012")
    with pytest.raises(InterruptedRunError):
        catalogue.dispatch(fence=killed_after(catalogue, Analysis.NCM))
    assert "Produto A" not in {name for name, *_ in catalogue.rows(ROWS)}
    assert ncm(catalogue).status == "success"
    words = "select count(*) from public.company_ncm_analysis where reason = 'minha nota'"
    assert (len(catalogue.rows(ROWS)), catalogue.value(words)) == (5, 4)


def test_a_company_that_is_removed_after_a_kill_does_not_stop_the_others(catalogue: Taxpayer) -> None:
    """Its rows, which the call deleted, cannot be put back: they went with it."""
    for company in (catalogue.company(), catalogue.company_id):
        catalogue.erp.execute(
            "insert into public.company_ncm_analysis (user_id, company_id, product_name, ncm_code)"
            " values (%s, %s, %s, '99999999')",
            (USER, company, "Digitado" if company == catalogue.company_id else "Da outra"),
        )
    with pytest.raises(InterruptedRunError):
        catalogue.dispatch(fence=killed_after(catalogue, Analysis.NCM))
    catalogue.erp.execute(
        "delete from public.company_profile as p where p.id <> %s"
        " and not exists (select from public.erp_connections as c where c.company_id = p.id)",
        (catalogue.company_id,),
    )
    assert ncm(catalogue).status == "success"
    names = {name for name, *_ in catalogue.rows(ROWS)}
    assert "Digitado" in names and "Da outra" not in names and "Produto A" in names


def test_a_success_without_effect_or_with_a_swallowed_row_is_none(catalogue: Taxpayer) -> None:
    ncm(catalogue)
    catalogue.invoice("84713012")
    catalogue.fake.fail(f"{FUNCTION}_without_effect", times=1)
    done = ncm(catalogue)
    assert done.status == "error" and "3 rows; 2 are stored" in done.message
    catalogue.swallow("public.company_ncm_analysis", "insert")
    assert "3 rows; 0 are stored" in ncm(catalogue).message
    catalogue.erp.execute(
        "create or replace function swallow() returns trigger language plpgsql as $$ begin"
        " return case when new.company_id is null then new end; end $$"
    )
    done = ncm(catalogue)
    assert done.status == "error" and "products without one: 2" in done.message
    catalogue.erp.execute("drop trigger swallow on public.company_ncm_analysis")
    assert ncm(catalogue).status == "success"
    assert len(catalogue.rows(ROWS)) == 5


def test_two_connections_of_a_user_at_once_make_one_call(
    catalogue: Taxpayer, erp_url: str, ops_url: str, tmp_path: Path
) -> None:
    def sync(connection_id: object) -> list[str]:
        with postgres.connect(erp_url, what="the erp database") as erp, open_records(ops_url) as records:
            syncs = Syncs(erp, records, tmp_path / "landing", clock=catalogue.syncs.clock)
            made = catalogue.dispatch(connection_id, syncs=syncs)  # type: ignore[arg-type]
            return [one.status for one in made.values()]

    both = [one for (one,) in catalogue.rows("select id from public.erp_connections order by erp_type")]
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(sync, both)) == [["success"] * 4] * 2
    assert [catalogue.calls(one) for one in (Analysis.NCM, Analysis.SCORE)] == [1, 1]
    # Opportunities are a company's, and each connection has one of its own.
    assert catalogue.calls(Analysis.OPPORTUNITIES) == 2
    assert catalogue.rows(ROWS) == sorted(ANALYSED + PRODUCTS)
