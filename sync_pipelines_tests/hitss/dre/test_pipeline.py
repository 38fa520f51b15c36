"""Download to proof over a real socket and a real database, held against a second computation in plain Python."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.sandbox.hitss import mutations
from sync_pipelines.sandbox.hitss.layout import HEADERS, Row
from sync_pipelines_tests.conftest import House
from sync_pipelines_tests.hitss.conftest import MONTHS, load, run

CENT = Decimal("0.01")
RELIEF = "Desoneração da Folha"
PUBLISHED = (
    "select competencia, conta, descricao, valor, tipo, periodo, empresa, ano, mes, natureza, valor_exato,"
    " tipo_comercial, cliente, linha_negocio, codigo_projeto, projeto, filial_faturamento, imposto"
)


def cells(row: Row) -> dict[str, Any]:
    return dict(zip(HEADERS, row, strict=True))


def month_of(period: str) -> date:
    month, _, year = period.partition("/")
    return date(int(year), int(month), 1)


def half_up(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)


def expected_row(row: Row) -> tuple[Any, ...]:
    """What the requirement says one row of the export is published as."""
    of = {name: value or None if isinstance(value, str) else value for name, value in cells(row).items()}
    sign = -1 if of["Relatorio"] == "Orçado" and of["Natureza"] == "CUSTO" else 1
    amount, month = Decimal(repr(of["Lancamento"])), month_of(of["Periodo"])
    described = (of["DenominacaoConta"] or "").strip(" ") or of["ContaResumo"]
    return (
        *(month, of["ContaResumo"], described, half_up(amount) * sign),
        *("RECEITA" if of["Natureza"] == "RECEITA" else "DESPESA", of["Periodo"], "HITSS"),
        *(
            month.year,
            month.month,
            of["Natureza"],
            amount * sign,
            of["Tipo"],
            of["Cliente"],
            of["LinhaNegocio"],
        ),
        *(of["CodigoProjeto"], of["Projeto"], of["FilialFaturamento"], Decimal(repr(of["Imposto"]))),
    )


def expected_totals(rows: Iterable[Row]) -> dict[tuple[date, str, str], tuple[int, Decimal, Decimal]]:
    groups: dict[tuple[date, str, str], list[Decimal]] = {}
    for of in map(cells, rows):
        key = (month_of(of["Periodo"]), of["Relatorio"], of["Natureza"])
        groups.setdefault(key, []).append(Decimal(repr(of["Lancamento"])))
    return {
        key: (len(found), sum(found, Decimal(0)), sum(map(half_up, found), Decimal(0)))
        for key, found in groups.items()
    }


def figures(published: Iterable[tuple[Any, ...]]) -> dict[date, tuple[Any, ...]]:
    """Lines, revenue, cost, relief, margin and its percentage by month, by the application's formula."""
    months: dict[date, dict[str, Decimal]] = {}
    for month, conta, _, valor, tipo, *_ in published:
        sums = months.setdefault(month, Counter())  # type: ignore[arg-type]
        name = "receita" if tipo == "RECEITA" else "desoneracao" if conta == RELIEF else "custo"
        sums[name] += valor
        sums["linhas"] += 1
    found = {}
    for month, sums in months.items():
        income, cost, relief = (Decimal(sums[name]) for name in ("receita", "custo", "desoneracao"))
        margin = income - abs(cost) + relief
        percent = half_up(100 * margin / income) if income else Decimal(0)
        found[month] = (sums["linhas"], income, cost, relief, margin, percent)
    return found


def test_every_row_of_the_export_is_published_as_a_second_computation_says(house: House) -> None:
    ran = run(house)
    rows = house.hitss.rows
    assert ran.touched["dre_lines"] == len(rows) == house.value("select count(*) from sync_private.dre_lines")
    empty = (0, *[Decimal(0)] * 5)
    summary: dict[str, dict[date, tuple[Any, ...]]] = {}
    for report, table in (("Realizado", "public.dre_hitss"), ("Orçado", "public.dre_orcado")):
        expected = Counter(expected_row(row) for row in rows if row[0] == report)
        assert Counter(house.rows(f"{PUBLISHED} from {table}")) == expected
        summary[report] = figures(expected.elements())
    lines = house.rows(
        "select competencia, relatorio, natureza, count(*), sum(lancamento), sum(valor)"
        " from sync_private.dre_lines group by 1, 2, 3"
    )
    assert {line[:3]: line[3:] for line in lines} == expected_totals(rows)
    found = house.rows(
        "select competencia, linhas, receita, custo, desoneracao, margem, margem_percentual, linhas_orcadas,"
        " receita_orcada, custo_orcado, desoneracao_orcada, margem_orcada, margem_percentual_orcada"
        " from public.dre_summary"
    )
    assert {line[0]: line[1:] for line in found} == {
        month: (*summary["Realizado"].get(month, empty), *summary["Orçado"].get(month, empty))
        for month in summary["Realizado"].keys() | summary["Orçado"].keys()
    }
    proofs = house.ops.execute(
        "select asset, count(*), bool_and(holds) from ops.proofs group by 1"
    ).fetchall()
    assert len(proofs) == 4
    assert {proof[1:] for proof in proofs} == {(108, True)}


def stored(house: House) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that a person could see, with the system columns that a rewrite would change."""
    return {
        table: house.rows(f"select xmin::text, * from {table} order by competencia, 3, 4")
        for table in ("public.dre_hitss", "public.dre_orcado", "public.dre_summary", "sync_private.dre_lines")
    }


def test_a_rerun_changes_nothing_whatever_bytes_and_order_the_file_has(short: House) -> None:
    first = run(short)
    before = stored(short)
    again = [run(short, f"run {number}") for number in range(3)]
    assert {ran.report.landing.sha256 for ran in again} - {first.report.landing.sha256}
    assert {ran.report.landing.content_digest for ran in again} == {first.report.landing.content_digest}
    for ran in again:
        assert (ran.report.pending.changed, ran.report.pending.refresh) == ((), ())
        load(short, ran, MONTHS)
        assert ran.touched.total() == 0
        assert not ran.problems
    assert stored(short) == before


def test_the_same_sheet_is_recognised_without_reading_its_rows(short: House) -> None:
    first = short.dre.download("one")
    short.dre.download("two")
    third = short.dre.download("three")
    assert third.validation.same_as == first.landing.path
    assert (third.validation.rows, third.pending) == (first.validation.rows, first.pending)


def test_rows_in_another_order_are_the_same_content(short: House) -> None:
    first = run(short)
    short.hitss.serve_rows(list(short.hitss.rows)[::-1])
    assert run(short, "turned").report.landing.content_digest == first.report.landing.content_digest
    assert run(short, "again").touched.total() == 0


def test_identical_rows_survive_up_to_six_fold(short: House) -> None:
    copy = next(row for row in short.hitss.rows if row[17] == "8/2025" and row[0] == "Realizado")
    rows = [row for row in short.hitss.rows if row != copy]
    copies = "select line_hash, array_agg(occurrence order by occurrence) from public.dre_hitss group by 1"
    for times in (6, 2, 4):
        short.hitss.serve_rows([*rows, *[copy] * times])
        run(short, f"{times}")
        assert list(range(1, times + 1)) in [occurrences for _, occurrences in short.rows(copies)]
        assert short.value("select count(*) from sync_private.dre_lines") == sum(
            row[17].endswith("/2025") for row in short.hitss.rows if isinstance(row[17], str)
        )


def test_a_new_month_arrives_when_its_day_has_come(short: House) -> None:
    run(short)
    before = stored(short)
    short.hitss.serve_rows(mutations.new_month(short.hitss.rows))
    assert run(short, "august").report.pending.changed == ()
    september = replace(short, dre=replace(short.dre, clock=lambda: datetime(2025, 9, 20, 12, tzinfo=UTC)))
    ran = run(september, "september")
    assert ran.report.pending.changed == ("2025-09-01",)
    assert ran.touched["dre_lines"] == sum(row[17] == "9/2025" for row in short.hitss.rows) > 0
    after = stored(short)
    assert all(set(rows) <= set(after[table]) for table, rows in before.items())


def test_the_window_of_the_request_ends_in_the_current_month(short: House) -> None:
    short.dre.download("run")
    assert short.hitss.state()["last_window"] == "01-2025..08-2025"


def test_another_company_name_is_published_again(short: House) -> None:
    run(short)
    ids = short.rows("select id, created_at from public.dre_hitss order by 1")
    name = "D'ÁGUA & 100% S.A. {0} %s"
    ran = run(short.with_settings(hitss_empresa=name), "renamed")
    assert ran.report.pending.changed == MONTHS
    assert not ran.problems
    assert short.rows("select distinct empresa from public.dre_hitss") == [(name,)]
    assert short.rows("select id, created_at from public.dre_hitss order by 1") == ids
    assert list(ran.report.validation.restated) == []


def test_without_a_workbook_nothing_can_be_loaded(short: House) -> None:
    with (
        pytest.raises(PermanentError, match="No usable HITSS workbook"),
        short.dre.load("run", MONTHS),
    ):
        pass


def test_a_load_from_a_named_workbook_brings_its_content_back(short: House) -> None:
    first = run(short)
    rows = list(short.hitss.rows)
    short.hitss.serve_rows(mutations.realizado_restated(rows, "8/2025"))
    changed = run(short, "changed")
    assert changed.report.pending.changed == ("2025-08-01",)
    with short.dre.load("back", ["2025-08-01"], workbook=first.report.landing.path) as loading:
        assert loading.load("2025-08-01")["dre_hitss"].proof.holds
    expected = Counter(expected_row(r) for r in rows if r[0] == "Realizado" and r[17] == "8/2025")
    query = f"{PUBLISHED} from public.dre_hitss where competencia = '2025-08-01'"
    assert Counter(short.rows(query)) == expected
