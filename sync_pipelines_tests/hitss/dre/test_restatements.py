"""What the business changes between two exports: what is loaded, what is stopped, and what may be accepted."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.sandbox.hitss import mutations
from sync_pipelines.sandbox.hitss.layout import Row
from sync_pipelines_tests.conftest import House
from sync_pipelines_tests.hitss.conftest import MONTHS, load, run

IDS = "select id, created_at, xmin::text from public.dre_hitss order by id"


def content(house: House, table: str = "sync_private.dre_lines") -> list[tuple[Any, ...]]:
    return house.rows(f"select * from {table} order by competencia, line_hash, occurrence")


@pytest.mark.parametrize(
    ("fault", "column"), [("area_head_changed", "responsavel_area"), ("employee_renamed", "recurso")]
)
def test_other_people_refresh_the_lines_and_no_money(short: House, fault: str, column: str) -> None:
    run(short)
    ids = short.rows(IDS)
    short.hitss.fault(fault)
    ran = run(short, "people")
    assert ran.report.pending.changed == ()
    assert ran.report.pending.refresh
    assert not ran.report.validation.review.months
    assert ran.touched["dre_lines"] > 0
    assert {ran.touched[name] for name in ("dre_hitss", "dre_orcado", "dre_summary")} == {0}
    assert short.rows(IDS) == ids
    names = {name for (name,) in short.rows(f"select distinct {column} from sync_private.dre_lines")}
    assert names & {"NOVA CHEFIA FICTICIA", "NOME NOVO FICTICIO"}
    assert run(short, "again").touched.total() == 0


def test_a_rewritten_budget_is_loaded_and_reported(short: House) -> None:
    run(short)
    ids = short.rows(IDS)
    short.hitss.fault("orcado_restated", removed=5, added=20)
    ran = run(short, "restated")
    restated = ran.report.validation.restated
    assert {one.report for one in restated} == {"Orçado"}
    assert tuple(one.month for one in restated) == ran.report.pending.changed
    assert min(ran.report.pending.changed) < "2025-06-01"
    assert not ran.report.validation.review.months
    assert not ran.problems
    assert ran.touched["dre_orcado"] > 0
    assert ran.touched["dre_hitss"] == 0
    assert short.rows(IDS) == ids


def test_a_closed_month_of_the_ledger_stops_alone_until_it_is_accepted(short: House) -> None:
    run(short)
    before = content(short)
    rows = mutations.realizado_restated(mutations.realizado_restated(short.hitss.rows, "5/2025"), "8/2025")
    short.hitss.serve_rows(rows)
    ran = run(short, "restated")
    assert ran.report.pending.changed == ("2025-05-01", "2025-08-01")
    assert list(ran.problems) == list(ran.report.validation.review.months) == ["2025-05-01"]
    assert "closed month 2025-05 differs" in ran.problems["2025-05-01"]
    assert "accept: [closed_months_unchanged]" in ran.problems["2025-05-01"]
    assert ran.touched["dre_hitss"] > 0
    assert [row for row in content(short) if str(row[0]) == "2025-05-01"] == [
        row for row in before if str(row[0]) == "2025-05-01"
    ]
    accepted = run(short, "accepted", {"closed_months_unchanged"})
    assert not accepted.problems
    assert list(accepted.outcomes) == ["2025-05-01"]
    # Another amount is another line: five go and five come.
    assert accepted.touched["dre_hitss"] == 10
    assert run(short, "again").touched.total() == 0


def test_what_was_accepted_at_the_download_is_accepted_by_its_load(short: House) -> None:
    run(short)
    short.hitss.serve_rows(mutations.realizado_restated(short.hitss.rows, "5/2025"))
    ran = run(short, "stopped")
    assert ran.problems
    ran.report = short.dre.download("accepted", accepted={"closed_months_unchanged"})
    ran.problems.clear()
    assert not load(short, ran, ["2025-05-01"]).problems


def test_a_month_that_vanished_stays_until_it_is_accepted(short: House) -> None:
    run(short)
    before = content(short)
    short.hitss.fault("month_vanished", month="5/2025")
    short.hitss.fault("month_vanished", month="7/2025")
    seven = run(short, "both", {"plausible_row_count"}).problems["2025-07-01"]
    assert "accept: [plausible_month_size]" in seven
    ran = run(short, "vanished", {"plausible_row_count", "plausible_month_size"})
    assert ran.report.pending.changed == ("2025-05-01", "2025-07-01")
    assert "2025-05 has" in ran.problems["2025-05-01"]
    assert "accept: [closed_months_present]" in ran.problems["2025-05-01"]
    assert {str(row[0]) for row in content(short)} == set(MONTHS) - {"2025-07-01"}
    every = {"plausible_row_count", "closed_months_present", "plausible_month_size"}
    accepted = run(short, "accepted", every)
    assert not accepted.problems
    assert {str(row[0]) for row in content(short)} == set(MONTHS) - {"2025-05-01", "2025-07-01"}
    assert short.rows("select linhas, receita from public.dre_summary where mes = 5") == [(0, 0)]
    short.hitss.clear()
    assert not run(short, "back").problems
    money = [row[:-2] for row in content(short)]
    assert money == [row[:-2] for row in before]


def test_the_ledger_of_a_closed_month_of_budgets_only_does_not_appear_unseen(short: House) -> None:
    rows = list(short.hitss.rows)
    short.hitss.serve_rows([row for row in rows if row[17] != "3/2025" or row[0] == "Orçado"])
    assert any(row[17] == "3/2025" for row in short.hitss.rows)
    run(short)
    short.hitss.serve_rows(rows)
    ran = run(short, "late")
    assert list(ran.problems) == ["2025-03-01"]


def test_a_vanished_project_stops_the_closed_months_that_it_was_in(short: House) -> None:
    run(short)
    code = next(row[8] for row in short.hitss.rows if row[17] == "2/2025" and row[0] == "Realizado")
    short.hitss.serve_rows(mutations.project_vanished(short.hitss.rows, str(code)))
    ran = run(short, "without", {"plausible_row_count", "plausible_month_size"})
    assert "2025-02-01" in ran.problems
    assert set(ran.problems) <= set(MONTHS[:5])
    assert short.value("select count(*) from public.dre_hitss where mes = 2 and codigo_projeto is not null")


def test_doubled_postings_are_real_in_an_open_month_and_stopped_in_a_closed_one(short: House) -> None:
    run(short)
    lines = "select count(*) from public.dre_hitss where competencia = '2025-08-01'"
    before = short.value(lines)
    short.hitss.fault("doubled_postings", month="8/2025")
    short.hitss.fault("doubled_postings", month="4/2025")
    ran = run(short, "doubled")
    assert list(ran.problems) == ["2025-04-01"]
    assert short.value(lines) == 2 * before


FILE_GUARDS = [
    ("shrunk", "fewer than 90 %", "plausible_row_count"),
    ("header_only", "no usable row", "plausible_row_count"),
    ("future_month", "outside the window 2025-01 to 2025-08", "period_inside_window"),
    ("unknown_conta", "the value is none of CLT", "known_values"),
    ("unknown_relatorio", "the value is none of Realizado", "known_values"),
    ("unknown_natureza", "the value is none of RECEITA", "known_values"),
    ("natureza_conta_mismatch", "may not carry this Natureza", "natureza_matches_conta"),
    ("second_sheet", "'Dados', 'Resumo'", "single_sheet"),
    ("renamed_sheet", "'Planilha1'", "single_sheet"),
    ("extra_column", "it adds centrocusto", "exact_header"),
]


def test_a_guard_on_the_file_stops_it_whole_and_says_so(short: House) -> None:
    first = run(short)
    before = content(short)
    for fault, sentence, guard in FILE_GUARDS:
        short.hitss.clear()
        short.hitss.fault(fault)
        with pytest.raises(PermanentError, match=rf"{sentence}.*accept: \[{guard}\]"):
            short.dre.download(fault)
        landed = short.ops.execute(
            "select status, reason from ops.landed_files where run_id = %s", (fault,)
        ).fetchone()
        assert landed
        assert landed[0] == "refused"
        assert guard in landed[1]
        assert short.dre.newest_landing().path == first.report.landing.path
    assert content(short) == before


@pytest.mark.parametrize("fault", ["future_month", "second_sheet"])
def test_a_file_accepted_knowingly_is_usable(short: House, fault: str) -> None:
    guard = next(guard for name, _, guard in FILE_GUARDS if name == fault)
    short.hitss.fault(fault)
    ran = run(short, accept={guard})
    assert ran.report.landing.status == "usable"
    assert not ran.problems
    assert ran.touched["dre_lines"] == ran.report.validation.rows - ran.report.validation.rejected


@pytest.mark.parametrize("change", [mutations.shrunk, mutations.header_only])
def test_a_refused_workbook_is_not_loaded_by_its_name_either(
    short: House, change: Callable[[Sequence[Row]], list[Row]]
) -> None:
    run(short)
    before = content(short)
    short.hitss.serve_rows(change([row for row in short.hitss.rows if str(row[17]).endswith("2025")]))
    with pytest.raises(PermanentError):
        short.dre.download("bad")
    path = short.ops.execute("select path from ops.landed_files where status = 'refused'").fetchone()
    assert path
    with (
        pytest.raises(PermanentError, match="plausible_row_count"),
        short.dre.load("named", ["2025-08-01"], workbook=path[0]) as loading,
    ):
        loading.load("2025-08-01")
    assert content(short) == before


def test_tables_derived_from_older_lines_do_not_pass_for_the_new_workbook(short: House) -> None:
    """Somebody launches the published tables alone while the month still waits to be loaded."""
    run(short)
    short.hitss.fault("realizado_restated", month="8/2025")
    report = short.dre.download("restated")
    assert report.pending.changed == ("2025-08-01",)
    with short.dre.load(
        "alone", ["2025-08-01"], selected=("dre_hitss", "dre_orcado", "dre_summary")
    ) as loading:
        loading.load("2025-08-01")
    ran = run(short, "later")
    assert ran.report.pending.changed == ("2025-08-01",)
    assert ran.touched["dre_hitss"]
    assert run(short, "again").touched.total() == 0
