from collections.abc import Sequence
from datetime import date

import pytest

from sync_pipelines.hitss.dre.baseline import Baseline
from sync_pipelines.hitss.dre.cells import Problem
from sync_pipelines.hitss.dre.guards import (
    EM_PORTUGUES,
    GUARDS,
    Guard,
    Review,
    Violation,
    closed_before,
    review_months,
    review_rows,
    review_size,
)
from sync_pipelines.hitss.dre.lines import MonthContent, ParsedExport, Reject
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.postgres.digest import Digest

TODAY = date(2025, 8, 20)
CLOSED, OPEN = "2025-05-01", "2025-06-01"


def content(rows: int, high: int = 1) -> MonthContent:
    return MonthContent(
        realizado=Digest(rows, high, 1), orcado=Digest(), full=Digest(rows, high, 1), totals={}
    )


def reject(row: int, guard: str | None = None, column: str = "Lancamento") -> Reject:
    return Reject(
        row=row,
        month=None,
        problems=(Problem(column=column, value="x", rule="rule", reason="the reason", guard=guard),),
        raw=("x",),
    )


def names(found: Sequence[Violation]) -> list[str]:
    return [violation.guard for violation in found]


@pytest.mark.parametrize(
    ("today", "first_open"),
    [
        (date(2025, 8, 20), "2025-06-01"),
        (date(2025, 2, 28), "2024-12-01"),
        (date(2025, 1, 1), "2024-11-01"),
        (date(2025, 12, 31), "2025-10-01"),
    ],
)
def test_a_month_closes_two_months_after_it(today: date, first_open: str) -> None:
    assert closed_before(today) == first_open


@pytest.mark.parametrize(
    ("read", "rejected", "before", "sentence"),
    [
        (0, 0, 0, "no usable row (0 were read)"),
        (10, 10, 0, "no usable row (10 were read)"),
        (899, 0, 1000, "899 usable rows, fewer than 90 % of the 1000 published lines"),
        (1000, 101, 1000, "899 usable rows"),
        (900, 0, 1000, None),
        (1, 0, 0, None),
        (5000, 0, 1000, None),
    ],
)
def test_plausible_row_count(read: int, rejected: int, before: int, sentence: str | None) -> None:
    baseline = Baseline({"2025-01-01": before // 2, "2025-02-01": before - before // 2})
    found = review_size(read, rejected, baseline, accepted=())
    assert names(found) == (["plausible_row_count"] if sentence else [])
    assert all(sentence in str(violation) for violation in found if sentence)
    assert not review_size(read, rejected, baseline, accepted={"plausible_row_count"})


@pytest.mark.parametrize(("rejects", "stops"), [(0, False), (5, False), (6, True), (50, True)])
def test_few_rejects(rejects: int, stops: bool) -> None:
    parsed = ParsedExport(100, rejects=[reject(row) for row in range(2, 2 + rejects)])
    found = review_rows(parsed, Baseline(), ())
    assert names(found) == ["few_rejects"] * stops
    if stops:
        assert f"{rejects} of 100 rows" in str(found[0])
        assert "column Lancamento" in str(found[0])
        assert "the reason" in str(found[0])
    assert not review_rows(parsed, Baseline(), {"few_rejects"})


@pytest.mark.parametrize("guard", ["known_values", "natureza_matches_conta", "period_inside_window"])
def test_one_row_against_a_rule_of_the_whole_export_stops_it(guard: str) -> None:
    parsed = ParsedExport(100, rejects=[reject(2), reject(7, guard, "Periodo"), reject(9, guard)])
    found = review_rows(parsed, Baseline(), ())
    assert names(found) == [guard]
    assert "2 rows" in str(found[0])
    assert "row 7, column Periodo: the reason" in str(found[0])
    assert not review_rows(parsed, Baseline(), {guard})
    assert not review_rows(ParsedExport(100, rejects=[reject(2)]), Baseline(), ())


@pytest.mark.parametrize("foreign", [0, 3])
def test_no_foreign_rows(foreign: int) -> None:
    found = review_size(10, 0, Baseline(foreign_rows=foreign), accepted=())
    assert names(found) == ["no_foreign_rows"] * bool(foreign)
    assert all("holds 3 rows" in str(violation) for violation in found)
    assert not review_size(10, 0, Baseline(foreign_rows=foreign), accepted={"no_foreign_rows"})


@pytest.mark.parametrize(("month", "stops"), [(CLOSED, True), (OPEN, False)])
def test_closed_months_present(month: str, stops: bool) -> None:
    baseline = Baseline({month: 12})
    found = review_months({}, baseline, TODAY, accepted=())
    assert {key: violation.guard for key, violation in found.items()} == (
        {month: "closed_months_present"} if stops else {}
    )
    assert all(f"{month[:7]} has 12 published lines" in str(violation) for violation in found.values())
    assert not review_months({}, baseline, TODAY, accepted={"closed_months_present"})
    assert not review_months({month: content(12)}, baseline, TODAY, accepted=())


@pytest.mark.parametrize(("month", "stops"), [(CLOSED, True), (OPEN, False)])
def test_closed_months_unchanged(month: str, stops: bool) -> None:
    baseline = Baseline({month: 12}, {month: content(12)})
    found = review_months({month: content(13, high=2)}, baseline, TODAY, accepted=())
    assert {key: violation.guard for key, violation in found.items()} == (
        {month: "closed_months_unchanged"} if stops else {}
    )
    assert all("(12 lines before, 13 now)" in str(violation) for violation in found.values())
    assert not review_months({month: content(13)}, baseline, TODAY, accepted={"closed_months_unchanged"})
    assert not review_months({month: content(12)}, baseline, TODAY, accepted=())


@pytest.mark.parametrize(
    ("before", "now", "stops"),
    [
        (100, 90, False),
        (100, 89, True),
        (20, 15, False),
        (20, 14, True),
        (3, 0, True),
        (0, 0, False),
        (9, 200, False),
    ],
)
def test_plausible_month_size(before: int, now: int, stops: bool) -> None:
    baseline = Baseline({OPEN: before + 1}, {OPEN: content(before)})
    found = review_months({OPEN: content(now, high=2)}, baseline, TODAY, accepted=())
    assert [violation.guard for violation in found.values()] == ["plausible_month_size"] * stops
    assert all(f"from {before} lines to {now}" in str(violation) for violation in found.values())
    assert not review_months({OPEN: content(now)}, baseline, TODAY, accepted={"plausible_month_size"})


def test_a_month_that_is_new_or_was_empty_is_no_change() -> None:
    contents = {CLOSED: content(5), "2024-01-01": content(5)}
    assert not review_months(contents, Baseline({CLOSED: 0}), TODAY, accepted=())


def test_accepting_one_guard_leaves_the_others_standing() -> None:
    parsed = ParsedExport(10, rejects=[reject(row, "known_values") for row in range(2, 9)])
    baseline = Baseline({CLOSED: 100}, foreign_rows=1)
    every = names(review_rows(parsed, baseline, ()))
    assert sorted(every) == ["few_rejects", "known_values", "no_foreign_rows", "plausible_row_count"]
    for guard in every:
        assert names(review_rows(parsed, baseline, {guard})) == [name for name in every if name != guard]


@pytest.mark.parametrize("guard", GUARDS)
def test_a_violation_says_how_it_is_accepted(guard: str) -> None:
    violation = Violation(guard, "Something is wrong.")  # type: ignore[arg-type]
    assert str(violation).startswith("Something is wrong. ")
    assert f"accept: [{guard}]" in str(violation)


def test_a_review_raises_every_sentence_of_the_file_and_none_of_a_month() -> None:
    file = (Violation("few_rejects", "One."), Violation("known_values", "Two."))
    with pytest.raises(PermanentError, match=r"One\..*few_rejects.*Two\..*known_values"):
        Review(file).stop_if_refused()
    Review(months={CLOSED: Violation("closed_months_present", "Three.")}).stop_if_refused()


@pytest.mark.parametrize("guard", GUARDS)
def test_a_guard_speaks_portuguese_to_the_applications_users(guard: Guard) -> None:
    told = Violation(guard, "2025-03 has 9 published lines and none in the export.").portuguese
    assert EM_PORTUGUES[guard] in told
    assert f"accept: [{guard}]" in told
    assert "2025-03 has 9" in told
