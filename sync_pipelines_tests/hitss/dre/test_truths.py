"""What runs and checks say is so: subsets, months without rows, refused files, vanished rows, broken runs."""

from collections.abc import Iterator

import dagster as dg
import pytest

from sync_pipelines.hitss.defs.descriptions import EXPORT_CHECKS, GUARDS_HOLD
from sync_pipelines.sandbox.hitss.mutations import shrunk
from sync_pipelines_tests.conftest import House
from sync_pipelines_tests.hitss.conftest import MONTHS, load, run
from sync_pipelines_tests.hitss.defs.test_dre_assets import Launched, launch

MONTH = "2025-03-01"
ONE_ROW = "ctid = (select min(ctid) from {} where competencia = '2025-03-01')"


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def loaded(short: House) -> House:
    run(short)
    return short


def of_month(house: House, instance: dg.DagsterInstance, *assets: str) -> Launched:
    return launch(house, instance, "hitss_load", months=(MONTH, MONTH), assets=assets)


def told(launched: Launched, check: str) -> list[str]:
    found = [
        event.asset_check_evaluation_data
        for event in launched.events(dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    ]
    return [one.description or "" for one in found if one.check_name == check and not one.passed]


def test_a_summary_is_not_proved_from_rows_that_are_not_what_the_lines_say(
    loaded: House, instance: dg.DagsterInstance
) -> None:
    loaded.fabricio.execute("update dre_hitss set valor = valor + 1 where " + ONE_ROW.format("dre_hitss"))  # type: ignore[call-overload]
    alone = of_month(loaded, instance, "dre_summary")
    assert "dre_hitss of 2025-03 has 1 rows that dre_lines does not derive" in alone.failure
    assert "Load dre_hitss too" in alone.failure
    assert alone.verdicts("summary_equals_the_published_rows")[MONTH] is False
    assert of_month(loaded, instance, "dre_hitss").result.success
    assert (
        loaded.dre.read_live_tables().problems(MONTH, loaded.dre.contents(loaded.dre.newest_landing())[MONTH])
        == {}
    )


def test_a_table_that_a_run_leaves_wrong_does_not_stay_green(
    loaded: House, instance: dg.DagsterInstance
) -> None:
    loaded.fabricio.execute("update dre_hitss set valor = valor + 1 where " + ONE_ROW.format("dre_hitss"))  # type: ignore[call-overload]
    loaded.fabricio.execute(
        "update dre_summary set margem = margem + 1, receita = receita + 1 where competencia = '2025-03-01'"
    )
    alone = of_month(loaded, instance, "dre_hitss")
    assert alone.result.success
    assert alone.verdicts("summary_equals_the_published_rows") == {MONTH: False, None: False}
    assert loaded.dre.download("look").pending.changed == (MONTH,)


def test_a_month_that_the_workbook_lacks_is_a_sentence_and_no_proof(
    loaded: House, instance: dg.DagsterInstance
) -> None:
    both = launch(loaded, instance, "hitss_load", months=("2025-08-01", "2025-09-01"))
    assert "The workbook holds no rows of 2025-09; its newest month is 2025-08" in both.failure
    assert list(both.materialized("dre_lines")) == ["2025-08-01"]
    for check in (
        "lines_equal_the_workbook",
        "realizado_equals_the_lines",
        "summary_equals_the_published_rows",
    ):
        assert both.verdicts(check) == {"2025-08-01": True, "2025-09-01": False, None: False}
    assert loaded.value("select count(*) from dre_summary where competencia = '2025-09-01'") == 0


def test_a_refused_workbook_shows_the_guard_by_its_name(loaded: House, instance: dg.DagsterInstance) -> None:
    loaded.hitss.serve_rows(shrunk(loaded.hitss.rows))
    refused = launch(loaded, instance, "hitss_download")
    assert not refused.result.success
    (sentence,) = told(refused, GUARDS_HOLD)
    assert sentence.startswith("plausible_row_count: The export has")
    loaded.hitss.clear()
    loaded.hitss.fault("extra_column")
    other = launch(loaded, instance, "hitss_download")
    assert told(other, GUARDS_HOLD)[0].startswith("exact_header: The header is not")
    assert told(other, "no_row_was_rejected") == ["Not looked at: refused by exact_header."]
    loaded.hitss.clear()
    loaded.hitss.fault("missing_column")
    lacking = launch(loaded, instance, "hitss_download")
    assert told(lacking, GUARDS_HOLD)[0].startswith("exact_header: The header is not")
    assert told(lacking, "no_row_was_rejected") == ["Not looked at: refused by exact_header."]
    loaded.hitss.clear()
    loaded.hitss.fault("legacy_xls")
    page = launch(loaded, instance, "hitss_download")
    assert "no workbook came" not in told(page, "no_row_was_rejected")[0]
    for run_ in (refused, other, lacking, page):
        assert all(run_.verdicts(check) for check in EXPORT_CHECKS)


def test_budget_rows_that_vanish_are_reported_everywhere(loaded: House, instance: dg.DagsterInstance) -> None:
    """The last part of the sheet is missing: budgets only, and less than a tenth of the file."""
    rows = [row for row in loaded.hitss.rows if str(row[17]).endswith("/2025")]
    gone = [row for row in rows if row[0] == "Orçado" and row[17] == "8/2025"][:4]
    loaded.hitss.serve_rows([row for row in loaded.hitss.rows if row not in gone])
    launched = launch(loaded, instance, "hitss_download")
    assert launched.result.success
    assert launched.verdicts("budgets_keep_their_rows") == {None: False}
    (found,) = launched.materialized("dre_export").values()
    (restated,) = found["restated"]
    assert restated.startswith("Orçado of 2025-08 is restated:")
    assert f"({len(gone)} fewer)" in restated
    (log,) = loaded.rows(
        "select message from system_logs where level = 'WARN' order by created_at desc limit 1"
    )
    assert log[0].startswith("Orçado de 2025-08:")
    assert f"({len(gone)} a menos)" in log[0]
    assert "R$ " in log[0]
    done = launch(loaded, instance, "hitss_load", months=("2025-08-01", "2025-08-01"))
    assert done.materialized("dre_orcado")["2025-08-01"]["rows_deleted"] == len(gone)


def test_an_export_that_ends_months_ago_is_reported(short: House, instance: dg.DagsterInstance) -> None:
    late = ("6/2025", "7/2025", "8/2025")
    short.hitss.serve_rows([row for row in short.hitss.rows if row[17] not in late])
    launched = launch(short, instance, "hitss_download")
    assert told(launched, "export_reaches_an_open_month") == ["The newest month with Realizado is 2025-05."]
    warnings = short.rows("select message from system_logs where level = 'WARN'")
    assert [message for (message,) in warnings] == ["A planilha termina cedo: 2025-05-01."]


def test_the_record_of_a_load_counts_while_it_runs(short: House) -> None:
    report = short.dre.download("count")
    counted = "select records_processed from automation_executions where status = 'running'"
    with short.dre.load("count", MONTHS) as loading:
        for month in MONTHS:
            loading.load(month)
        committed = short.value("select count(*) from sync_private.dre_lines")
        assert short.value(counted) == committed == report.validation.rows
    assert short.value("select max(records_processed) from automation_executions") == report.validation.rows


def test_an_amount_that_no_table_holds_is_its_rows_reject(short: House) -> None:
    rows = list(short.hitss.rows)
    place = next(n for n, row in enumerate(rows) if row[17] == "8/2025")
    rows[place] = (*rows[place][:16], 1e-300, *rows[place][17:])
    short.hitss.serve_rows(rows)
    ran = run(short)
    assert not ran.problems
    assert ran.report.validation.rejected == 1
    assert short.ops.execute("select column_name, rule from ops.rejects").fetchall() == [
        ("Lancamento", "amount")
    ]


def test_the_page_of_a_month_begins_with_its_figures_as_brazilians_write_them(
    loaded: House, instance: dg.DagsterInstance
) -> None:
    loaded.fabricio.execute("delete from dre_summary")
    found = of_month(loaded, instance).materialized("dre_summary")[MONTH]
    assert next(iter(found)) == "DRE do mês"
    table = found["DRE do mês"]
    assert len(table) < 1000
    assert "| Realizado | Orçado | Diferença | Mês anterior | Variação |" in table
    revenue = loaded.value("select to_char(receita, 'FM999,999,999,990.00') from dre_summary where mes = 3")
    assert f"R$ {revenue.translate(str.maketrans(',.', '.,'))}" in table
    assert found["digest"]


def test_the_month_before_stands_beside_the_month(loaded: House, instance: dg.DagsterInstance) -> None:
    found = of_month(loaded, instance).materialized("dre_summary")[MONTH]["DRE do mês"]
    before = loaded.value("select to_char(margem, 'FM999,999,999,990.00') from dre_summary where mes = 2")
    assert before.translate(str.maketrans(",.", ".,")) in found


def test_months_that_are_committed_count_though_our_own_database_is_gone(short: House) -> None:
    short.dre.download("first")
    with short.dre.load("load", MONTHS) as loading:
        loading.report.records.connection.close()
        outcomes = {month: loading.load(month) for month in MONTHS}
    assert len(outcomes) == len(MONTHS)
    assert short.ops.execute("select count(*) from ops.proofs where holds").fetchone() == (4 * len(MONTHS),)
    assert not load(short, run(short, "again"), [MONTH]).problems
