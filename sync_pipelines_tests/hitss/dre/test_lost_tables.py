"""Tables that lost rows: a cut export has more than the rest, and must not pass for that."""

from __future__ import annotations

from typing import LiteralString

import pytest

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines_tests.conftest import House
from sync_pipelines_tests.hitss.conftest import run

TABLES = ("sync_private.dre_lines", "public.dre_hitss", "public.dre_orcado", "public.dre_summary")
ALL: LiteralString = "truncate sync_private.dre_lines, dre_hitss, dre_orcado, dre_summary"

#: One month is more than a tenth of this small export.
SMALLER = ("plausible_row_count",)


def periods(house: House, *left_out: str) -> None:
    house.hitss.serve_rows([row for row in house.hitss.rows if row[-2] not in left_out])


def lose(house: House, month: str) -> None:
    for table in TABLES:
        house.fabricio.execute(f"delete from {table} where competencia = '{month}'")  # type: ignore[call-overload]


def test_emptied_tables_take_no_cut_export(short: House) -> None:
    run(short)
    rows = list(short.hitss.rows)
    short.fabricio.execute(ALL)
    short.hitss.serve_rows(rows[: len(rows) // 2])
    with pytest.raises(PermanentError, match="fewer than 90 %"):
        run(short, "cut")
    short.hitss.serve_rows(rows)
    assert not run(short, "whole").problems
    assert short.value("select count(distinct competencia) from dre_hitss") == 8


@pytest.mark.parametrize("table", TABLES)
def test_a_closed_month_that_was_lost_may_not_vanish_from_the_export_as_well(
    short: House, table: str
) -> None:
    run(short)
    if table == TABLES[0]:
        lose(short, "2025-02-01")
    else:
        short.fabricio.execute(f"delete from {table} where competencia = '2025-02-01'")  # type: ignore[call-overload]
    periods(short, "2/2025")
    blocked = run(short, "vanished", SMALLER).report.validation.review.months
    assert [(month, one.guard) for month, one in blocked.items()] == [("2025-02-01", "closed_months_present")]


def test_a_lost_month_that_a_person_accepts_as_gone_is_not_asked_again(short: House) -> None:
    run(short)
    lose(short, "2025-02-01")
    periods(short, "2/2025")
    assert run(short, "asked", SMALLER).report.validation.review.months
    assert not run(short, "accepted", {"closed_months_present", *SMALLER}).report.validation.review.months
    assert not run(short, "again").report.validation.review.months


def test_a_lost_closed_month_takes_no_other_realizado(short: House) -> None:
    run(short)
    lose(short, "2025-02-01")
    first = next(n for n, row in enumerate(short.hitss.rows) if row[0] == "Realizado" and row[-2] == "2/2025")
    short.hitss.serve_rows([row for n, row in enumerate(short.hitss.rows) if n != first])
    blocked = run(short, "other").report.validation.review.months
    assert [one.guard for one in blocked.values()] == ["closed_months_unchanged"]


def test_months_before_the_first_one_count_no_more(short: House) -> None:
    run(short)
    for month in ("2025-01-01", "2025-02-01", "2025-03-01"):
        lose(short, month)
    later = short.with_settings(hitss_first_month="2025-04")
    periods(later, "1/2025", "2/2025", "3/2025")
    assert not run(later, "later").report.validation.review.months
